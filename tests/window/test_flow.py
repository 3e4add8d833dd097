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
        app.until("the app's icon", lambda: app.js("setup", "document.getElementById('ways-icon').naturalWidth") > 0)
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


def test_place_size_and_zoom_are_remembered(scene: Scene) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        title = app.ask("windows")["chat"]["title"]
        before = app.ask("place", "chat")
        window = app.raise_window(title)
        app.xdotool("windowsize", window, "840", "620")
        app.xdotool("windowmove", window, "210", "130")
        wanted = app.until("moved", lambda: moved(app, before))
        width = app.until("laid out", lambda: app.js("chat", "innerWidth === 840 && innerWidth"))
        app.press(title, "ctrl+plus")
        app.until("larger", lambda: app.js("chat", "innerWidth") < width * 0.95)
        app.until("saved", lambda: scene.settings().get("zoom") == 1.1)
    with scene.launch() as app:
        scene.wait_chat(app)
        assert app.until("placed", lambda: near(app.ask("place", "chat"), wanted)), wanted
        app.until("larger", lambda: app.js("chat", "innerWidth") < width * 0.95)
        app.press(app.ask("windows")["chat"]["title"], "ctrl+0")
        app.until("as before", lambda: app.js("chat", "innerWidth") > width * 0.95)


def moved(app: Driver, before: dict[str, int]) -> dict[str, int]:
    place: dict[str, int] = app.ask("place", "chat")
    gone = all(place[name] != before[name] for name in ("x", "y", "width", "height"))
    return place if gone else {}


def near(place: dict[str, int], wanted: dict[str, int]) -> bool:
    return all(abs(place[name] - wanted[name]) <= 2 for name in ("x", "y", "width", "height"))


def test_settings_that_are_saved_reach_the_open_chat(scene: Scene) -> None:
    scene.settle()
    with scene.launch() as app:
        first = scene.wait_chat(app)
        app.press(app.ask("windows")["chat"]["title"], "ctrl+comma")
        app.wait_window("settings")
        app.wait_call("settings.start")
        app.click("settings", '[data-section="chat"]')
        label = "[...document.querySelectorAll('#chat-fields label')].find((l) => l.textContent.trim() === 'Greeting')"
        field = app.until("the greeting's field", lambda: app.js("settings", f"{label}?.htmlFor"))
        app.fill("settings", f'[id="{field}"]', "Good day, Ada")
        app.wait_call("settings.save")
        scene.component.wait(lambda s: s["options"]["startScreen"]["greeting"] == "Good day, Ada")
        assert scene.settings()["chat"]["greeting"] == "Good day, Ada"
        assert scene.component.state["secrets"] == first["secrets"], "a greeting needs no new session"

        app.ask("show", "chats")
        app.wait_window("chats")
        app.wait_call("chats.list")
        laid_out = "Math.abs(innerWidth - %d) <= 2 && innerWidth"
        width = app.until("laid out", lambda: app.js("chats", laid_out % app.ask("place", "chats")["width"]))
        app.ask("update", {"chat.theme.scheme": "dark"})
        scene.component.wait(lambda s: s["theme"] == "dark")
        in_dark = "document.documentElement.dataset.scheme === 'dark'"
        app.until("dark windows", lambda: all(app.js(name, in_dark) for name in ("chat", "settings", "chats")))
        app.ask("update", {"zoom": 1.25})
        app.until("larger words in every window", lambda: app.js("chats", "innerWidth") < width * 0.9)
    scene.component.forget()
    with scene.launch() as app:
        state = scene.wait_chat(app)
        assert state["options"]["startScreen"]["greeting"] == "Good day, Ada"
        assert state["theme"] == "dark"


def test_checklist_25_a_second_launch_brings_the_first_forward_and_hands_over_a_prompt_and_nothing_else(
    scene: Scene,
) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        app.ask("show", "settings")
        app.wait_window("settings")
        title = app.ask("windows")["chat"]["title"]
        app.xdotool("windowraise", app.raise_window("Settings"))
        app.until("the settings in front", lambda: in_front(app) == "Settings")
        settings, requests = scene.settings(), len(scene.api.requests)

        done = scene.command()
        assert done.returncode == 0, done.stderr
        app.until("the chat in front", lambda: in_front(app) == title)

        prompt = 'Räume auf: <b>\u2028 und "so" 🔑'
        done = scene.command("--prompt", prompt, "--api-base", "http://127.0.0.1:9", "--log-level", "INFO")
        assert done.returncode == 0, done.stderr
        scene.component.wait(lambda s: s["composer"] == prompt)
        assert scene.component.state["transcript"] == [], "nothing was sent"
        assert scene.settings() == settings
        assert len(scene.api.requests) == requests
        assert sorted(app.ask("windows")) == ["chat", "settings"]

        done = scene.command("--prompt", "x" * 8001)
        assert done.returncode == 2
        assert scene.component.state["composer"] == prompt
    scene.component.forget()
    with scene.launch("--prompt", "From the first launch") as app:
        scene.wait_chat(app)
        scene.component.wait(lambda s: s["composer"] == "From the first launch")


def in_front(app: Driver) -> str:
    """The title of the topmost window: xdotool finds them in the screen's own order, the lowest first."""
    return app.xdotool("getwindowname", app.xdotool("search", "--onlyvisible", "--name", ".").split()[-1])


def remove_key(app: Driver) -> None:
    app.click("settings", '[data-section="key"]')
    app.click("settings", "#key-remove")
    app.click("settings", "#question-yes")
