"""The windows of the app, one for each page at most: where they open, what they show again, what a crash leads to.

It is told how a page is made, and knows no page but by name.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from desktop.common.errors import AppError
from desktop.common.page import Page
from desktop.pages.chat.errors import RendererCrashed
from desktop.pages.chat.options import offers_dictation
from desktop.settings.state import Place as Kept
from desktop.window.errors import EngineLost
from desktop.window.placement import Place
from desktop.window.policy import Policy, origin
from desktop.window.shell import PageWindow, Shell, WindowPlan

if TYPE_CHECKING:
    from desktop.app.context import Context

log = logging.getLogger(__name__)

COLOURS = {"chat": ("#ffffff", "#141924")}
OTHER_COLOURS = ("#f8f9fb", "#141924")
"""Window background before the first paint, light and dark: what assets/pages/common/base.css paints there a moment
later (the chat's `--surface`, elsewhere `--page`)."""
SIZES = {
    "setup": (560, 760),
    "settings": (900, 700),
    "agents": (980, 740),
    "consent": (900, 780),
    "token": (520, 420),
    "approval": (560, 640),
    "chats": (1040, 740),
    "help": (980, 740),
}
"""Width and height at the first opening; the chat's are the brand's."""
BESIDE_CHAT = ("settings", "agents", "consent", "token", "approval", "chats", "help")
"""These belong to a chat or a setup; alone they would keep an app running that nobody sees."""
CRASH_WINDOW = 60.0
"""Seconds within which a second crash of the page is explained instead of recovered."""
MOST_CRASHES = 3
ENDING = 5.0
"""Seconds that a process may take to end."""


class MakePage(Protocol):
    def __call__(self, name: str, *, crashed: bool = False) -> Page:
        """The page of that name, anew; `crashed`: one that says so, where there is one."""


class Windows(Mapping[str, PageWindow]):
    """The open ones, by the name of the page each was opened for. Safe to use from every thread.

    `on_crash` is told of every page process that has ended; True: the app ends for it, nothing is shown again.
    """

    shell: Shell
    """What opens them; there before the first one is shown."""

    def __init__(self, context: Context, make_page: MakePage, on_crash: Callable[[], bool]) -> None:
        self._context = context
        self._make_page = make_page
        self._on_crash = on_crash
        self._open: dict[str, PageWindow] = {}
        self._lately: list[float] = []
        self._replaced: dict[str, threading.Event] = {}
        """Whose process we end ourselves, and what is set once it has ended."""
        self._is_lost = False
        """Whether a person has been told that the engine is gone."""
        self._lock = threading.RLock()

    def __getitem__(self, name: str) -> PageWindow:
        return self._open[name]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._open))

    def __len__(self) -> int:
        return len(self._open)

    # --- what the app does with them ----------------------------------------------------------

    def show(self, name: str) -> None:
        """Brings the window of a page forward; opens it where it isn't there."""
        with self._lock:
            window = self._open.get(name)
            if window is None:
                self._open[name] = self.shell.open(self._plan(name))
                return
        window.focus()

    def renew(self, name: str) -> None:
        """Shows the page anew, where its window is open: what it is made from has changed."""
        window = self._open.get(name)
        if window is not None:
            window.show(self._make_page(name))

    def replace(self, name: str, page: Page) -> None:
        """Shows `page` in place of one whose process hangs: that is ended first, because it would load nothing."""
        window = self._open.get(name)
        if window is None:
            return
        ended = threading.Event()
        self._replaced[name] = ended
        window.end_page()
        if not ended.wait(ENDING):
            log.warning("the page process of %s did not end", name)
        self._replaced.pop(name, None)
        window.show(page)

    def close(self, name: str) -> None:
        with self._lock:
            # No longer there from now on: what is shown while the window goes needs another one.
            window = self._open.pop(name, None) if name in BESIDE_CHAT else self._open.get(name)
        if window is not None:
            window.close()

    def first(self, *names: str) -> PageWindow | None:
        """The first of these that is open."""
        return next((self._open[name] for name in names if name in self._open), None)

    def emit(self, page: str, event: str, data: Any) -> None:
        """To the window of that name, or to the one that shows the page of that name; the chat's has two."""
        window = self._open.get(page)
        if window is None:
            window = next((one for one in tuple(self._open.values()) if one.page.name == page), None)
        if window is not None:
            window.emit(event, data)

    # --- how one opens, closes, crashes -------------------------------------------------------

    def _plan(self, name: str) -> WindowPlan:
        chat = self._context.brand.app.window
        size = SIZES.get(name, (chat.width, chat.height))
        place = self._context.state.place(name)
        plan = WindowPlan(
            page=self._make_page(name),
            place=Place(place.width, place.height, place.x, place.y, place.maximized) if place else Place(*size),
            policy=Policy((origin(self._context.component_url),) if name == "chat" else ()),
            colours=COLOURS.get(name, OTHER_COLOURS),
            menu=name == "chat",
            may_record=lambda: name == "chat" and offers_dictation(self._context.settings),
            on_closing=lambda where: self._remember(name, where),
            on_closed=lambda: self._closed(name, plan),
            on_crash=lambda: self._crashed(name),
            on_lost=lambda: self._lost(name),
        )
        return plan

    def _remember(self, name: str, place: Place | None) -> None:
        if place is not None and place.x is not None and place.y is not None:
            self._context.state.set_place(name, Kept(place.x, place.y, place.width, place.height, place.maximized))

    def _closed(self, name: str, plan: WindowPlan) -> None:
        with self._lock:
            window = self._open.get(name)
            if window is not None and window.plan is plan:
                del self._open[name]
            if name == "chat" and "setup" not in self._open:
                for other in BESIDE_CHAT:
                    self.close(other)
            elif set(self._open) == {"help"}:
                self.close("help")  # read beside the setup, which was all there was

    def _crashed(self, name: str) -> None:
        """The engine's page process ended: shown again once, explained when it happens again within a minute."""
        meant = self._replaced.get(name)
        if meant is not None:
            meant.set()
            return
        now = time.monotonic()
        self._lately = [when for when in self._lately if now - when < CRASH_WINDOW] + [now]
        log.error("the page process of %s ended (%d within a minute)", name, len(self._lately))
        if self._on_crash():
            return
        window = self._open.get(name)
        if window is None:
            return
        if len(self._lately) > MOST_CRASHES:
            self._give_up(window, RendererCrashed())
            return
        page = self._make_page(name, crashed=len(self._lately) > 1)
        # Not inside the engine's own signal, and not on its thread: loading waits for it.
        threading.Thread(target=window.show, args=(page,), name="recover", daemon=True).start()

    def _lost(self, name: str) -> None:
        """The engine has ended, or did not start. It tells that of every window; a person is told once."""
        log.error("the engine of the window %s is lost", name)
        window = self._open.get(name)
        with self._lock:
            is_told, self._is_lost = self._is_lost, True
        if window is not None and is_told:
            threading.Thread(target=window.close, name="lost", daemon=True).start()
        elif window is not None:
            self._give_up(window, EngineLost())

    def _give_up(self, window: PageWindow, error: AppError) -> None:
        """No page of ours can say it any more: the system's own dialog does, then the window closes."""
        told = error.describe(self._context.texts)
        threading.Thread(target=window.give_up, args=(told["message"], told["hint"]), daemon=True).start()
