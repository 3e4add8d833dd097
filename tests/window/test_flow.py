"""The main flows in a real window, with a real keyring: from a first launch to a chat, and to every launch after it."""

from __future__ import annotations

import pytest

from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.api import KEY, WORKFLOW

pytestmark = [pytest.mark.window, pytest.mark.secret_service]


def test_from_first_launch_to_a_chat_to_a_start_without_a_question(scene: Scene) -> None:
    with scene.launch() as app:
        app.wait_call("setup.start")
        app.click("setup", "#way-workflow")
        app.until("focus in the key field", lambda: app.js("setup", "document.activeElement?.id") == "key")
        title = app.ask("windows")["setup"]["title"]
        app.type_keys(title, KEY)
        app.until("the key typed", lambda: app.js("setup", "document.querySelector('#key').value") == KEY)
        assert app.js("setup", "document.querySelector('#key').type") == "password"
        app.focus_field("setup", "#workflow")
        app.type_keys(title, WORKFLOW)
        app.until("the id typed", lambda: app.js("setup", "document.querySelector('#workflow').value") == WORKFLOW)
        app.press(title, "Return")
        state = scene.wait_chat(app)
        app.wait_no_window("setup")
        first = state["secret"]
        sessions = {s["client_secret"]: s for s in scene.api.snapshot()["sessions"]}
        assert sessions[first]["status"] == "active"
        assert len(sessions) == 1, "the session of the check is the chat's first"

        scene.component.do("send", text="Hello")
        scene.component.wait(lambda s: any("You said: Hello" in line["text"] for line in s["transcript"]))
        thread = scene.component.state["thread"]
        app.until("the title follows", lambda: app.ask("windows")["chat"]["title"].startswith("Hello"))

        scene.api.expire()
        scene.component.do("send", text="Again")
        state = scene.component.wait(lambda s: any("You said: Again" in line["text"] for line in s["transcript"]))
        assert state["secret"] != first
        assert len(set(state["secrets"])) == len(state["secrets"]), "no secret is handed out twice"

    assert {s["status"] for s in scene.api.snapshot()["sessions"]} <= {"cancelled", "expired"}
    scene.component.forget()
    with scene.launch() as app:
        state = scene.wait_chat(app)
        assert list(app.ask("windows")) == ["chat"], "no question was asked"
        state = scene.component.wait(lambda s: s["thread"] == thread)
        app.until("the title again", lambda: app.ask("windows")["chat"]["title"].startswith("Hello"))

        app.ask("show", "settings")
        app.wait_window("settings")
        app.wait_call("settings.start")
        since = app.calls_so_far()
        remove_key(app)
        app.wait_call("key.remove", since=since)
        app.wait_window("setup")
        assert scene.stored_key() == ""
        app.until(
            "no session lives",
            lambda: all(s["status"] != "active" for s in scene.api.snapshot()["sessions"]),
        )
    with scene.launch() as app:
        app.wait_window("setup")
        assert "chat" not in app.ask("windows")


def remove_key(app: Driver) -> None:
    app.click("settings", '[data-section="key"]')
    app.click("settings", "#key-remove")
    app.click("settings", "#question-yes")
