"""The whole way on a virtual screen, against stand-ins: key typed on the keyboard, checked, session minted, client
secret in the component, windows closed, app opened again, chat without a question. Saves a screenshot of that chat.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.rig.display import Display
from tests.rig.driver import Driver

if TYPE_CHECKING:
    from tests.rig.run import Stage


def state_of(component_url: str) -> dict[str, Any]:
    """What the component stand-in knows of itself: its secret, its options, its transcript."""
    root = component_url.split("/deployments/", 1)[0]
    with urllib.request.urlopen(f"{root}/__state", timeout=10) as answer:
        return dict(json.load(answer))


def main(stage: Stage) -> int:
    """Walk on the stage's virtual screen; 0, or 1 with what went wrong."""
    assert stage.display is not None, "a person's own screen is not walked on"
    try:
        walk(stage, stage.display)
    except (AssertionError, RuntimeError, OSError) as problem:
        print(f"The walk stopped: {problem}", file=sys.stderr)
        return 1
    print(f"Screenshot: {os.path.relpath(stage.screenshot)}")
    return 0


def walk(stage: Stage, display: Display) -> None:
    """Raises AssertionError where a step doesn't come true."""

    def app() -> Driver:
        return Driver(None, stage.options, stage.environ)

    with app() as first_start:
        first_secret = enter(first_start, stage)
        first_start.wait_no_window("setup")
        print("First launch: key and workflow typed and checked, a session minted, its secret is in the chat.")
    with app() as second_start:
        second_start.wait_call("chat.ready")
        second_start.until(
            "another secret in the component",
            lambda: state_of(stage.component).get("secret") not in (None, "", first_secret),
        )
        if list(second_start.ask("windows")) != ["chat"]:
            raise AssertionError("the second start asked something")
        second_start.wait_painted("chat", display, stage.screenshot)
        print("Opened again: the chat is there, without a question.")


def enter(app: Driver, stage: Stage) -> str:
    """Go through first launch on the keyboard; the client secret that the component then holds."""
    app.wait_window("setup")
    app.wait_call("setup.start")
    app.click("setup", "#way-workflow")
    title = app.ask("windows")["setup"]["title"]
    for field, text in (("key", stage.key), ("workflow", stage.workflow)):
        app.focus_field("setup", f"#{field}")
        app.type_keys(title, text)
        app.wait_value("setup", f"#{field}", text)
    app.press(title, "Return")
    app.wait_call("chat.ready")
    return str(app.until("a secret in the component", lambda: state_of(stage.component).get("secret")))
