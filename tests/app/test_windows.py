"""The windows of the app: one for each page, which of them end together, what a crash leads to; their colours."""

from __future__ import annotations

import argparse
import colorsys
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from desktop.app.context import Context
from desktop.app.windows import COLOURS, MOST_CRASHES, OTHER_COLOURS, Windows
from desktop.common.locations import assets_dir
from desktop.common.page import Page
from desktop.window.shell import Shell, WindowPlan


def css_colours(sheet: str, scheme: str) -> dict[str, str]:
    """Every custom property of base.css whose value is a colour, as #rrggbb, as it is in the scheme (light, dark)."""
    found: dict[str, str] = {}
    for name, both in re.findall(r"(--[\w-]+):\s*([^;]+);", sheet):
        chosen = re.search(rf"var\(--{scheme}, ((?:[^()]|\([^()]*\))*)\)", both)
        value = chosen[1] if chosen else both
        hsl = re.fullmatch(r"hsl\((\d+), (\d+)%, (\d+)%\)", value)
        if hsl:
            hue, saturation, light = (int(part) for part in hsl.groups())
            rgb = colorsys.hls_to_rgb(hue / 360, light / 100, saturation / 100)
            found[name] = "#" + "".join(f"{round(channel * 255):02x}" for channel in rgb)
        elif value.startswith("#"):
            found[name] = value
        elif value.startswith("var("):
            found[name] = found.get(value[4:-1], "")
    return found


def test_a_window_has_the_colour_of_its_page_before_the_page_paints() -> None:
    sheet = (assets_dir() / "pages" / "common" / "base.css").read_text(encoding="utf-8")
    light, dark = css_colours(sheet, "light"), css_colours(sheet, "dark")
    assert COLOURS["chat"] == (light["--surface"], dark["--surface"])
    assert (light["--page"], dark["--page"]) == OTHER_COLOURS
    assert light["--page"] != dark["--page"]


class Opened:
    """A window that notes what is asked of it."""

    def __init__(self, plan: WindowPlan) -> None:
        self.plan = plan
        self.page = plan.page
        self.asked: list[tuple[str, Any]] = []
        self.changed = threading.Condition()

    def _note(self, what: str, value: Any = None) -> None:
        with self.changed:
            self.asked.append((what, value))
            self.changed.notify_all()

    def focus(self) -> None:
        self._note("focus")

    def show(self, page: Page) -> None:
        self.page = page
        self._note("show", page.title)

    def emit(self, event: str, data: Any) -> None:
        self._note("emit", event)

    def close(self) -> None:
        self._note("close")
        self.plan.on_closed()

    def give_up(self, title: str, text: str) -> None:
        assert title
        self._note("give up")

    def wait(self, what: str, value: Any = None) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: (what, value) in self.asked, 60), self.asked


class Opener:
    """In the shell's place."""

    def __init__(self) -> None:
        self.opened: list[Opened] = []

    def open(self, plan: WindowPlan) -> Opened:
        self.opened.append(Opened(plan))
        return self.opened[-1]


def page(name: str, *, crashed: bool = False) -> Page:
    return Page(name=name, html="", files=(), methods={}, title="crashed" if crashed else "")


@pytest.fixture
def opener() -> Opener:
    return Opener()


@pytest.fixture
def crashes() -> list[int]:
    return []


@pytest.fixture
def windows(opener: Opener, crashes: list[int], tmp_path: Path) -> Windows:
    context = Context(argparse.Namespace(data_dir=str(tmp_path)), environ={})
    made = Windows(context, page, lambda: crashes.append(1))
    made.shell = cast(Shell, opener)
    return made


def test_a_page_has_one_window_which_comes_forward_when_it_is_asked_for_again(windows: Windows, opener: Opener) -> None:
    windows.show("settings")
    windows.show("settings")
    assert list(windows) == ["settings"]
    (opened,) = opener.opened
    assert opened.asked == [("focus", None)]


def test_what_belongs_to_a_chat_closes_with_it(windows: Windows) -> None:
    for name in ("chat", "settings", "chats", "token"):
        windows.show(name)
    windows.close("chat")
    assert dict(windows) == {}


def test_beside_a_setup_the_other_windows_stay_open(windows: Windows) -> None:
    for name in ("setup", "chat", "agents"):
        windows.show(name)
    windows.close("chat")
    assert sorted(windows) == ["agents", "setup"]


def test_an_event_reaches_the_window_that_shows_the_page_whatever_it_was_opened_for(
    windows: Windows, opener: Opener
) -> None:
    windows.show("chat")
    opener.opened[0].page = page("builtin")
    windows.emit("builtin", "stream.end", {})
    windows.emit("chat", "chat.new", {})
    windows.emit("settings", "settings.changed", {})
    assert opener.opened[0].asked == [("emit", "stream.end"), ("emit", "chat.new")]


def test_a_page_whose_process_ends_is_shown_again_then_explained_then_given_up(
    windows: Windows, opener: Opener, crashes: list[int]
) -> None:
    windows.show("chat")
    (opened,) = opener.opened
    crash: Callable[[], None] = opened.plan.on_crash
    crash()
    opened.wait("show", "")
    crash()
    opened.wait("show", "crashed")
    for _ in range(MOST_CRASHES - 1):
        crash()
    opened.wait("give up")
    assert len(crashes) == MOST_CRASHES + 1


def test_an_engine_that_is_gone_is_told_once_and_every_window_closes(windows: Windows, opener: Opener) -> None:
    for name in ("chat", "settings"):
        windows.show(name)
    chat, settings = opener.opened
    chat.plan.on_lost()
    chat.wait("give up")
    settings.plan.on_lost()
    settings.wait("close")
    assert [what for what, _ in settings.asked] == ["close"]
