"""The whole way on a virtual screen, against stand-ins: key typed on the keyboard, checked, session minted, client
secret in the component, windows closed, app opened again, chat without a question. Saves a screenshot of that chat.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.rig.display import Display
from tests.rig.driver import Driver

SETUP_TITLE = "ChatKit Desktop"
GREETING = "Hello from the virtual screen"


def state_of(component_url: str) -> dict[str, Any]:
    """What the component stand-in knows of itself: its secret, its options, its transcript."""
    root = component_url.split("/deployments/", 1)[0]
    with urllib.request.urlopen(f"{root}/__state", timeout=10) as answer:
        return dict(json.load(answer))


def walk(
    display: Display,
    environment: Mapping[str, str],
    arguments: Sequence[str],
    *,
    engine: str,
    key: str,
    workflow: str,
    component_url: str,
    screenshot: Path,
    say: Any = print,
) -> None:
    """Raises AssertionError where a step doesn't come true. `arguments` are the app's own options."""
    with Driver(engine, arguments, environment) as app:
        app.wait_window("setup")
        app.wait_call("setup.start")
        app.until("focus in the key field", lambda: app.js("setup", "document.activeElement?.id") == "key")
        app.type_keys(app.ask("windows")["setup"]["title"], key)
        app.until("key typed", lambda: app.js("setup", "document.querySelector('#key').value") == key)
        app.focus_field("setup", "#workflow")
        app.type_keys(app.ask("windows")["setup"]["title"], workflow)
        say("First launch: key and workflow id typed.")
        app.press(app.ask("windows")["setup"]["title"], "Return")
        app.wait_call("chat.ready")
        first = app.until("a secret in the component", lambda: state_of(component_url).get("secret"))
        app.wait_no_window("setup")
        say("Key checked, session minted, the component has its client secret.")
    with Driver(engine, arguments, environment) as app:
        app.wait_call("chat.ready")
        app.until("another secret", lambda: state_of(component_url).get("secret") not in (None, "", first))
        assert list(app.ask("windows")) == ["chat"], "the second start asks nothing"  # noqa: S101
        app.until("the chat painted", lambda: display.picture().colours() > 1)
        import time

        time.sleep(1)  # the frame paints on its own clock; there is no event for "painted"
        display.screenshot(screenshot)
        say("Opened again: the chat is there, without a question.")
