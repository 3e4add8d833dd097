"""The app's keys, on a real keyboard: every window of ours obeys them, with a menu bar above its page or without."""

from __future__ import annotations

import pytest

from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.window.test_builtin import settle

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

OPENS = {"ctrl+comma": "settings", "ctrl+shift+a": "agents", "ctrl+shift+f": "chats", "F1": "help"}
"""Keys, and the window that they open."""


def press(app: Driver, window: str, *keys: str) -> None:
    app.press(app.ask("windows")[window]["title"], *keys)


def opened(app: Driver, window: str) -> None:
    app.wait_window(window)
    app.wait_call(f"{window}.start")


@pytest.mark.parametrize("window", ["settings", "agents", "chats"])
def test_every_window_obeys_the_app_s_keys(scene: Scene, window: str) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        app.ask("show", window)
        opened(app, window)
        for keys, other in OPENS.items():
            if other == window:
                continue
            press(app, window, keys)
            opened(app, other)
            app.ask("close", other)
            app.wait_no_window(other)
        press(app, window, "ctrl+minus")
        app.until("smaller, and saved", lambda: scene.settings().get("zoom", 1.0) < 1.0)
        press(app, window, "ctrl+0")
        app.until("as before", lambda: scene.settings().get("zoom", 1.0) == 1.0)


def test_a_field_that_is_being_written_in_keeps_none_of_them(scene: Scene) -> None:
    """Qt's fields take Ctrl+Shift+A for "select nothing" when it is struck for the first time."""
    settle(scene)
    with scene.launch() as app:
        app.wait_window("chat")
        app.until("a composer", lambda: app.js("chat", "document.activeElement?.id") == "text")
        press(app, "chat", "x", "ctrl+shift+a")
        opened(app, "agents")
        press(app, "chat", "ctrl+a", "y")
        app.until("what was written", lambda: app.js("chat", "document.activeElement.value") == "y")


def test_a_key_does_once_what_it_does_with_two_windows_open(scene: Scene) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        for window in ("settings", "agents"):
            app.ask("show", window)
            opened(app, window)
        for window in ("settings", "agents", "chat"):
            press(app, window, "ctrl+plus")
            app.until("larger, and saved", lambda: scene.settings().get("zoom", 1.0) > 1.0)
            assert scene.settings()["zoom"] == 1.1
            press(app, window, "ctrl+0")
            app.until("as before", lambda: scene.settings().get("zoom", 1.0) == 1.0)


@pytest.mark.parametrize("window", ["chat", "settings", "agents"])
def test_the_key_that_quits_ends_all_windows_without_a_word(scene: Scene, window: str) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        for other in ("settings", "agents"):
            app.ask("show", other)
            opened(app, other)
        press(app, window, "ctrl+q")
        said = app.ended()
        assert app.process.returncode == 0
        assert "Traceback" not in said
        assert "Error" not in said


def test_the_chat_takes_the_windows_beside_it_along_and_one_is_closed_once(scene: Scene) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        for other in ("settings", "agents"):
            app.ask("show", other)
            opened(app, other)
        app.ask("close", "settings")
        app.ask("close", "settings")
        app.wait_no_window("settings")
        app.ask("close", "chat")
        said = app.ended()
        assert app.process.returncode == 0
        assert "Traceback" not in said
        assert "Error" not in said


def test_a_first_launch_quits_by_its_key_too(scene: Scene) -> None:
    with scene.launch() as app:
        opened(app, "setup")
        press(app, "setup", "ctrl+q")
        said = app.ended()
        assert app.process.returncode == 0
        assert "Traceback" not in said
