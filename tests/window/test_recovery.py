"""What goes wrong with the window itself: its page ends, its screen is gone, the app is killed or told to end."""

from __future__ import annotations

import json
import signal

import psutil
import pytest

from tests.rig.scene import Scene, kill
from tests.standins.api import KEY
from tests.window.hall import Hall

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

END = 30
"""Seconds within which the app has to have ended at all; what it must not wait for lasts ten times as long."""


def hears_the_chat(scene: Scene, text: str) -> None:
    scene.component.do("send", text=text)
    scene.component.wait(lambda s: any(f"You said: {text}" in line["text"] for line in s["transcript"]))


def test_checklist_27_a_page_whose_process_ended_is_shown_again_once_and_then_explained(scene: Scene) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        scene.component.forget()
        since = app.calls_so_far()
        app.ask("crash", "chat")
        scene.wait_chat(app, since=since)
        hears_the_chat(scene, "after the first")

        app.ask("crash", "chat")
        twice = "The part of the app that shows the chat has stopped twice."
        app.wait_text("chat", twice, "Try again", "Copy diagnostics")
        app.until("painted", lambda: scene.screen.picture().colours() > 1)
        assert "renderer_crashes: 2" in app.ask("state")["diagnostics"]

        scene.component.forget()
        since = app.calls_so_far()
        app.click("chat", "#problem-retry")
        scene.wait_chat(app, since=since)
        hears_the_chat(scene, "after another try")


def test_checklist_26_a_component_that_is_never_ready_is_explained_and_retry_gives_the_chat(scene: Scene) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        app.ask("chat_limits", {"ready_ms": 1_000})
        scene.component.fail("never_ready")
        scene.component.forget()
        app.ask("show", "reload")
        app.wait_text("chat", "Try again", "Copy diagnostics")
        assert app.js("chat", "!document.querySelector('#problem').hidden")
        app.until("painted", lambda: scene.screen.picture().colours() > 1)
        scene.component.heal()
        since = app.calls_so_far()
        app.click("chat", "#problem-retry")
        scene.wait_chat(app, since=since)


def test_checklist_43_the_chat_page_asks_for_the_diagnostics_and_a_person_copies_them(scene: Scene) -> None:
    """In the window for settings, where no script of OpenAI's is; the chat page is never given the text."""
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        app.ask("chat_limits", {"ready_ms": 1_000})
        scene.component.fail("never_ready")
        app.ask("show", "reload")
        app.wait_text("chat", "Try again", "Copy diagnostics")
        app.click("chat", "#problem-copy")
        app.wait_window("settings")
        focused = "document.activeElement && document.activeElement.id"
        app.until("the button has the focus", lambda: app.js("settings", focused) == "diagnostics")
        app.click("settings", "#diagnostics")
        app.wait_call("diagnostics.copy")


def test_checklist_26_a_page_that_does_not_load_is_said_by_a_page_of_ours_and_try_again_loads_it(scene: Scene) -> None:
    """An engine's own page of an error is blank or says nothing to a person."""
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        app.ask("serve_pages", False)
        app.ask("show", "settings")
        text = app.wait_text("settings", "could not load its own page")
        assert "Try again" in text
        old = app.ask("url", "settings")
        app.js("settings", "(document.querySelector('a').click(), 1)")
        app.until("tried and said again", lambda: scene.log().count("the page settings could not be loaded") >= 4)
        app.wait_text("settings", "could not load its own page")
        app.ask("serve_pages", True)
        since = app.calls_so_far()
        Hall(scene, app).press_here("settings", "a")
        app.wait_call("settings.start", since=since)
        assert app.ask("url", "settings") == old
        assert app.ask("windows")["settings"]["strays"] == 0


def test_checklist_27_a_window_that_stood_off_all_screens_comes_back(scene: Scene) -> None:
    scene.settle()
    state = scene.state()
    gone = {"x": 9000, "y": 7000, "width": 5000, "height": 4000, "maximized": False}
    state["places"] = {"chat": gone, "settings": gone | {"x": -9000, "width": 700, "height": 600}}
    (scene.profile / "state.json").write_text(json.dumps(state), encoding="utf-8")
    width, height = scene.screen.picture().width, scene.screen.picture().height
    with scene.launch() as app:
        scene.wait_chat(app)
        app.ask("show", "settings")
        app.wait_window("settings")
        for name in ("chat", "settings"):
            place = app.until(f"a place for {name}", lambda name=name: app.ask("place", name))
            assert 0 <= place["x"] <= width - 80, place
            assert 0 <= place["y"] <= height - 80, place
            assert place["width"] <= width, place
            assert place["height"] <= height, place


def test_checklist_27_a_hidden_window_goes_on_and_comes_back(scene: Scene) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        window = app.raise_window(app.ask("windows")["chat"]["title"])
        app.xdotool("windowunmap", "--sync", window)
        hears_the_chat(scene, "nobody looks")
        scene.api.expire()
        hears_the_chat(scene, "still nobody")
        assert len(scene.component.state["secrets"]) == 2, "a new secret came while it was hidden"
        app.xdotool("windowmap", "--sync", window)
        app.until("the title", lambda: app.ask("windows")["chat"]["title"].startswith("nobody looks"))
        app.until("painted", lambda: scene.screen.picture().colours() > 1)


def test_checklist_25_after_a_kill_the_next_start_is_the_one_and_the_chat_is_there(scene: Scene) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        hears_the_chat(scene, "before")
        thread = scene.component.state["thread"]
        app.until("remembered", lambda: thread in scene.state()["last_threads"].values())
        left = (scene.profile / "instance" / "address").read_text(encoding="utf-8")
        kill(app)
    assert (scene.profile / "instance" / "address").read_text(encoding="utf-8") == left, "nothing was tidied up"
    scene.component.forget()
    with scene.launch() as app:
        scene.wait_chat(app)
        scene.component.wait(lambda s: s["thread"] == thread)
        assert list(app.ask("windows")) == ["chat"]


def test_closing_waits_for_no_silent_api(scene: Scene) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        scene.api.fail("slow", seconds=END * 10)
        scene.component.do("expire_secret_now")
        app.until("a mint that nobody answers", lambda: scene.api.requests[-1].get("fault") == "slow")
        app.ask("quit")
        assert app.process.wait(END) == 0
    scene.api.heal()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_app_in_order(scene: Scene, number: signal.Signals) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        below = psutil.Process(app.process.pid).children(recursive=True)
        app.process.send_signal(number)
        assert app.process.wait(END) == 0
        assert not psutil.wait_procs(below, END)[1], "nothing is left behind"
    assert {s["status"] for s in scene.api.snapshot()["sessions"]} == {"cancelled"}
    assert "chat" in scene.state()["places"]
    assert not (scene.profile / "instance" / "address").exists()
    assert scene.stored_key() == KEY


def test_the_app_ends_with_its_last_window(scene: Scene) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        app.ask("show", "settings")
        app.wait_window("settings")
        app.ask("close", "chat")
        assert app.process.wait(END) == 0, "settings alone keep nothing running"


def test_a_window_that_closes_while_its_page_loads_leaves_no_process_behind(scene: Scene) -> None:
    """pywebview's own thread then waits for an answer that never comes."""
    for _ in range(3):
        with scene.launch() as app:
            app.until("a window", lambda: "setup" in app.ask("windows"))
            app.ask("show", "settings")
            app.ask("quit")
            assert app.process.wait(END) == 0
