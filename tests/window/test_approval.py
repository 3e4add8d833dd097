"""A tool's yes under attack: what a script in the chat page can do, and what only a person can, in its window."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.common.texts import Catalogue
from tests import standins
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.models_api import Answer, Call, ModelsApi
from tests.window.test_agents import begin

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SAYS = Catalogue("en").get
STANDIN = Path(standins.__file__).with_name("mcp_server.py")
LONG = "x" * 70_000 + " the end of it"


@pytest.fixture
def models() -> Iterator[ModelsApi]:
    with ModelsApi() as api:
        yield api


def settle(scene: Scene, models: ModelsApi, **more: Any) -> None:
    """Somebody whose assistant has tools."""
    server = {"id": "tools", "name": "Tools", "transport": "stdio", "command": sys.executable, "args": [str(STANDIN)]}
    writer = {"kind": "assistant", "id": "writer", "name": "Writer", "endpoint": "local", "mcp_servers": ["tools"]}
    writer["view"] = "chatkit"
    endpoint = {"id": "local", "base_url": models.base, "api": "responses"}
    begin(scene, agents=[writer], endpoints=[endpoint], mcp_servers=[server], assistant={"titles": False}, **more)


def tried(app: Driver, method: str, **params: object) -> str:
    """What becomes of a call that a script in the chat page makes: the error's code, or "done"."""
    app.js(
        "chat",
        "(window.tried = '', import(new URL('../common/bridge.js', location.href).href).then(({call}) => "
        f"call({json.dumps(method)}, {json.dumps(params)})).then(() => 'done', (error) => error.code)"
        ".then((found) => (window.tried = found)), true)",
    )
    return str(app.until("an answer", lambda: app.js("chat", "window.tried")))


def shown(app: Driver, words: str) -> None:
    app.wait_window("approval")
    app.wait_text("approval", words)


def test_checklist_39_a_script_in_the_chat_page_can_ask_and_can_not_answer(scene: Scene, models: ModelsApi) -> None:
    settle(scene, models)
    with scene.launch() as app:
        app.wait_call("chat.ready")
        scene.component.wait(lambda s: s["ready"] and s["requests"])
        models.answer(Answer(calls=(Call("echo", {"text": "stolen"}),)), Answer("Then not."))
        scene.component.do("send", text="use it")
        shown(app, '"text": "stolen"')
        state = scene.component.wait(
            lambda s: any("approval.open" in json.dumps(line.get("buttons", [])) for line in s["transcript"])
        )
        card = next(line for line in reversed(state["transcript"]) if line.get("buttons"))
        assert SAYS("approval.apart") in card["words"]
        number = card["buttons"][0]["action"]["payload"]["id"]
        for action in ("mcp.always", "mcp.once", "mcp.chat", "approval.open"):
            body = {
                "type": "threads.custom_action",
                "params": {
                    "thread_id": state["thread"],
                    "item_id": card["id"],
                    "action": {"type": action, "payload": {"id": number}},
                },
            }
            assert tried(app, "chatkit.request", body=json.dumps(body)) == "done"
        for method in ("approval.answer", "approval.start", "approval.close"):
            assert tried(app, method, number=number, choice="always") == "unknown_method"
        assert len(models.asked) == 1, "nothing has run"
        assert not scene.settings()["mcp_servers"][0].get("always")
        app.click("approval", "[data-choice=rejected]")
        app.wait_no_window("approval")
        scene.component.wait(lambda s: not s["busy"] and "Then not." in json.dumps(s["transcript"]))
        said = scene.component.state["transcript"]
        assert SAYS("mcp.rejected") in json.dumps(said, ensure_ascii=False)


def test_checklist_39_the_window_guards_its_buttons_shows_all_and_follows_the_run(
    scene: Scene, models: ModelsApi
) -> None:
    settle(scene, models)
    with scene.launch() as app:
        app.wait_call("chat.ready")
        scene.component.wait(lambda s: s["ready"] and s["requests"])
        models.answer(Answer(calls=(Call("echo", {"text": LONG}),)))
        scene.component.do("send", text="use it")
        shown(app, "xxxxxxxx")
        # A press right after showing, or after the window is brought forward, is not for this question.
        pressed = (
            "(document.dispatchEvent(new Event('visibilitychange')), "
            "[...document.querySelectorAll('[data-choice]')].every((one) => (one.click(), one.disabled)))"
        )
        assert app.js("approval", pressed) is True
        assert len(models.asked) == 1
        app.click("approval", "#more")
        app.wait_text("approval", "the end of it")
        # Closed without an answer: the run waits, and its card asks again.
        app.ask("close", "approval")
        app.wait_no_window("approval")
        scene.component.wait(lambda s: not s["busy"])
        assert len(models.asked) == 1
        scene.component.do("press", label=SAYS("approval.open"))
        shown(app, "xxxxxxxx")
        # Stopped in the chat: it asks no more.
        scene.component.do("stop")
        app.wait_no_window("approval")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_window_is_usable_when_narrow_by_keyboard_and_in_french(
    scene: Scene, models: ModelsApi, language: str
) -> None:
    settle(scene, models, language=language)
    with scene.launch() as app:
        app.wait_call("chat.ready")
        scene.component.wait(lambda s: s["ready"] and s["requests"])
        models.answer(Answer(calls=(Call("add", {"a": 2, "b": 3}),)), Answer("It is 5."))
        scene.component.do("send", text="use it")
        shown(app, Catalogue(language).get("approval.heading_tool", agent="Writer"))
        app.wait_text("approval", Catalogue(language).get("mcp.always"))
        app.until("the guard is over", lambda: app.js("approval", "!document.querySelector('[data-choice]').disabled"))
        narrow = (
            "(document.body.style.width = '360px', document.documentElement.scrollWidth <= Math.max(360, innerWidth))"
        )
        assert app.js("approval", narrow) is True
        assert app.js("approval", "document.activeElement.id") == "heading"
        app.click("approval", "[data-choice=chat]")
        app.wait_no_window("approval")
        scene.component.wait(lambda s: not s["busy"] and "It is 5." in json.dumps(s["transcript"]))
        assert app.ask("state")["reached_out"] == []
