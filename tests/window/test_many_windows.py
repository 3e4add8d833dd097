"""Windows that come and go: nothing of a closed one may harm those that stay."""

from __future__ import annotations

import pytest

from tests.rig.scene import Scene

pytestmark = [pytest.mark.window, pytest.mark.secret_service]


def test_closed_windows_are_collected_on_any_thread_without_harm(scene: Scene) -> None:
    app = scene.launch()
    try:
        app.wait_call("setup.start")
        for count in range(1, 7):
            app.ask("show", "settings")
            app.wait_call("settings.start", count)
            app.ask("close", "settings")
            app.wait_no_window("settings")
            # On Qt, a page that belongs to no window.
            app.until("nothing is left of it", lambda: "NavigationHandler" not in app.ask("collect"))
            assert app.ask("windows")["setup"]["shown"]
    finally:
        said = app.stop()
    assert "another thread" not in said, said


def test_a_window_shown_anew_many_times_at_once_is_whole_each_time(scene: Scene) -> None:
    with scene.launch() as app:
        scene.fill_in(app)
        scene.wait_chat(app)
        for count in range(2, 22):
            app.ask("show", "reload")
            app.wait_call("chat.ready", count)
