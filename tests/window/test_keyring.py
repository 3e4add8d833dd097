"""Keyrings that are not as they should be: absent, insecure, locked, silent. Nothing reaches the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rig import secret_service
from tests.rig.driver import Driver
from tests.rig.locked_service import SECRET, locked_service
from tests.rig.scene import Scene
from tests.standins.api import KEY

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

Open = Callable[[dict[str, str]], Scene]


def on_disk(folder: Path, secret: str) -> list[Path]:
    """The files below `folder` that hold the secret, raw or as base64 begins it."""
    from base64 import b64encode

    needles = [secret.encode(), b64encode(secret.encode())[:20], secret[3:11].encode()]
    return [
        file for file in folder.rglob("*") if file.is_file() and any(needle in file.read_bytes() for needle in needles)
    ]


def keeps_the_key_for_this_session(scene: Scene, app: Driver) -> None:
    """A chat without a keyring, and nothing of the key on disk after it."""
    scene.wait_chat(app)
    scene.component.do("send", text="Hello")
    scene.component.wait(lambda s: any("You said" in line["text"] for line in s["transcript"]))
    app.stop()
    assert on_disk(scene.folder, KEY) == []
    (scene.folder / "planted").write_text(KEY, encoding="utf-8")
    assert len(on_disk(scene.folder, KEY)) == 1, "the control"


def test_checklist_06_without_a_keyring_the_key_is_kept_for_the_session_alone(open_scene: Open) -> None:
    with secret_service.session_bus() as nobody:
        scene = open_scene(nobody)
        with scene.launch() as app:
            app.wait_call("setup.key_status")
            scene.choose_way(app)
            app.wait_text("setup", "This computer has no keyring", "Use the key for this session only")
            app.wait_text("setup", "your key is kept for this session only")
            scene.fill_in(app)
            scene.wait_chat(app)
            app.ask("show", "settings")
            app.wait_window("settings")
            keeps_the_key_for_this_session(scene, app)
        with scene.launch() as app:
            app.wait_window("setup")
            assert "chat" not in app.ask("windows"), "the next start asks again"


def test_checklist_06_without_a_keyring_a_key_that_is_to_be_kept_is_refused_and_the_session_offered(
    open_scene: Open,
) -> None:
    with secret_service.session_bus() as nobody:
        scene = open_scene(nobody)
        with scene.launch() as app:
            app.wait_window("setup")
            app.wait_call("setup.key_status")
            scene.choose_way(app)
            app.until("ticked", lambda: app.js("setup", "document.querySelector('#session-only').checked"))
            app.click("setup", "#session-only")
            scene.fill_in(app)
            app.wait_call("setup.check")
            app.until("offered", lambda: app.js("setup", "!document.querySelector('#setup-session').hidden"))
            assert not (scene.profile / "settings.json").exists() or "wf_" not in str(scene.settings())
            app.click("setup", "#setup-session")
            keeps_the_key_for_this_session(scene, app)


@pytest.mark.parametrize("backend", ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring"])
def test_checklist_05_a_planted_backend_keeps_no_key(scene: Scene, backend: str) -> None:
    with scene.launch(environ={"PYTHON_KEYRING_BACKEND": backend}) as app:
        app.wait_window("setup")
        app.wait_call("setup.key_status")
        app.until("said", lambda: app.js("setup", "!document.querySelector('#keyring').hidden"))
        scene.fill_in(app)
        keeps_the_key_for_this_session(scene, app)
    assert scene.stored_key() == "", "nor did the real keyring get it behind the person's back"


def test_checklist_05_a_packaged_app_ignores_a_planted_backend(scene: Scene) -> None:
    arguments = ["--data-dir", str(scene.data), "--api-base", scene.api.base]
    planted = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "RIG_FROZEN": "1"}
    with Driver(scene.engine, arguments, scene.environ | planted) as app:
        app.wait_call("setup.key_status")
        scene.choose_way(app)
        app.wait_text("setup", "Your key is kept in")
        assert app.js("setup", "document.querySelector('#keyring').hidden")


def test_checklist_04_a_locked_keyring_that_the_person_opens_gives_the_chat(open_scene: Open) -> None:
    with locked_service("after:1.0") as environ:
        scene = open_scene(environ)
        scene.settle(key="")
        with scene.launch() as app:
            scene.wait_chat(app)
            assert list(app.ask("windows")) == ["chat"]
        assert scene.api.requests[0]["headers"]["authorization"] == f"Bearer {SECRET}"
        assert on_disk(scene.folder, SECRET) == []


def test_checklist_04_a_keyring_that_stays_locked_is_explained(open_scene: Open) -> None:
    with locked_service("dismiss") as environ:
        scene = open_scene(environ)
        scene.settle(key="")
        with scene.launch() as app:
            app.wait_text("chat", "The keyring", "Try again")
            assert app.js("chat", "!document.querySelector('#problem').hidden")
            alive(app)
        assert scene.api.requests == []


def test_checklist_04_a_silent_keyring_costs_a_sentence_and_no_window(open_scene: Open) -> None:
    with locked_service("silent") as environ:
        scene = open_scene(environ)
        scene.settle(key="")
        with scene.launch() as app:
            app.wait_text("chat", "The keyring did not answer within 3 s.", "Try again")
            alive(app)
            app.ask("show", "setup")
            app.wait_text("setup", "The keyring did not answer within 3 s.")
            scene.fill_in(app)
            app.until(
                "the session is offered",
                lambda: app.js("setup", "!document.querySelector('#setup-session').hidden"),
            )
            app.click("setup", "#setup-session")
            keeps_the_key_for_this_session(scene, app)
        assert app.process.returncode == 0, "a keyring that hangs doesn't hold up the end"


def alive(app: Driver) -> None:
    """The window answers: its page runs, and another opens and closes."""
    app.ask("show", "settings")
    app.wait_window("settings")
    app.wait_call("settings.start")
    app.ask("close", "settings")
    app.wait_no_window("settings")
