"""What is made before pywebview asks for it: who gets it, and that everything else is WebKit's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop.window.gtk_early_view import FOLDERS, EarlyView
from tests.window.conftest import Scene

STORAGE = Path("/profile/web")


class Made:
    def __init__(self, **parts: Any) -> None:
        self.parts = parts
        self.scripts: list[str] = []

    def evaluate_javascript(self, script: str, *_: Any) -> None:
        self.scripts.append(script)


class WebKit:
    """As much of it as is asked for."""

    WebsiteDataManager = UserContentManager = WebView = Made
    LoadEvent = "of WebKit"

    class WebContext:
        get_default = "of WebKit"

        @staticmethod
        def new_with_website_data_manager(data: Any) -> Made:
            return Made(data=data)


def folders(storage: Path = STORAGE) -> dict[str, str]:
    return {"base_data_directory": str(storage)} | {name: str(storage / folder) for name, folder in FOLDERS.items()}


def asked_for(ahead: EarlyView, storage: Path = STORAGE) -> Any:
    """A view, made the way pywebview makes one."""
    context = ahead.WebContext.new_with_website_data_manager(ahead.WebsiteDataManager(**folders(storage)))
    return ahead.WebView(user_content_manager=ahead.UserContentManager(), web_context=context)


def test_the_first_window_gets_the_view_that_is_ready_and_each_further_one_its_own() -> None:
    ahead = EarlyView(WebKit(), STORAGE)
    first = asked_for(ahead)
    assert first.scripts  # its processes are on their way
    assert ahead.taken
    second = asked_for(ahead)
    assert not second.scripts
    assert second.parts["web_context"] is not first.parts["web_context"]
    assert second.parts["user_content_manager"] is not first.parts["user_content_manager"]


def test_a_view_with_another_storage_is_made_as_it_would_have_been() -> None:
    ahead = EarlyView(WebKit(), STORAGE)
    found = asked_for(ahead, Path("/elsewhere"))
    assert not found.scripts
    assert found.parts["web_context"].parts["data"].parts == folders(Path("/elsewhere"))
    assert not ahead.taken


def test_everything_else_is_webkit_s() -> None:
    ahead = EarlyView(WebKit(), STORAGE)
    assert ahead.LoadEvent == "of WebKit"
    assert ahead.WebContext.get_default == "of WebKit"


@pytest.mark.window
def test_pywebview_takes_what_is_ready(scene: Scene) -> None:
    """Else it asks in another way than this version: every start would make two of everything."""
    if scene.engine != "gtk":
        pytest.skip("Qt starts its processes with the first page")
    with scene.launch() as app:
        app.wait_call("setup.start")
        assert app.ask("takes_early_view") is True
