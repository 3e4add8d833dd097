"""The app's windows, at most one per page: where they open, how they are reloaded, what happens after a crash.

Knows pages by name only; `make_page` makes them.
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
"""A window's background before the first paint, light and dark: the colour that assets/pages/common/base.css paints a
moment later (`--surface` in the chat, `--page` elsewhere)."""
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
"""Width and height the first time a window opens. The brand sets the chat's."""
BESIDE_CHAT = ("settings", "agents", "consent", "token", "approval", "chats", "help")
"""These windows go with a chat or the setup. They close with it, so they don't keep the app running."""
CRASH_WINDOW = 60.0
"""A second crash within these seconds is explained instead of recovered."""
MOST_CRASHES = 3
ENDING = 5.0
"""Seconds a process may take to end."""


class MakePage(Protocol):
    def __call__(self, name: str, *, crashed: bool = False) -> Page:
        """Make a new page of that name. `crashed`: a version that explains the crash, if there is one."""


class Windows(Mapping[str, PageWindow]):
    """The open windows, by the name of the page each was opened for. Thread-safe.

    `on_crash` is called whenever a page's process has ended. If it returns True, the app is about to end, and nothing
    is reloaded.
    """

    shell: Shell
    """Opens the windows. Set before the first one is shown."""

    def __init__(self, context: Context, make_page: MakePage, on_crash: Callable[[], bool]) -> None:
        self._context = context
        self._make_page = make_page
        self._on_crash = on_crash
        self._open: dict[str, PageWindow] = {}
        self._lately: list[float] = []
        self._replaced: dict[str, threading.Event] = {}
        """Pages whose process the app ends itself, each with the event set when it has ended."""
        self._is_lost = False
        """Whether the person has been told that the engine is gone."""
        self._lock = threading.RLock()

    def __getitem__(self, name: str) -> PageWindow:
        return self._open[name]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._open))

    def __len__(self) -> int:
        return len(self._open)

    # --- what the app does with them ----------------------------------------------------------

    def show(self, name: str) -> None:
        """Bring a page's window forward, or open it."""
        with self._lock:
            window = self._open.get(name)
            if window is None:
                self._open[name] = self.shell.open(self._plan(name))
                return
        window.focus()

    def renew(self, name: str) -> None:
        """Reload the page if its window is open: what it shows has changed."""
        window = self._open.get(name)
        if window is not None:
            window.show(self._make_page(name))

    def replace(self, name: str, page: Page) -> None:
        """Show `page` in place of one that hangs. Its process is ended first, because it would load nothing."""
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
            # Forget it at once: if the page is shown again while this window closes, it needs a new one.
            window = self._open.pop(name, None) if name in BESIDE_CHAT else self._open.get(name)
        if window is not None:
            window.close()

    def first(self, *names: str) -> PageWindow | None:
        """The first open window among these."""
        return next((self._open[name] for name in names if name in self._open), None)

    def emit(self, page: str, event: str, data: Any) -> None:
        """Send an event to the window of that name, or to the one that shows that page: the chat window has two
        pages."""
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
                self.close("help")  # it was open beside the setup, the only other window

    def _crashed(self, name: str) -> None:
        """A page's process ended: reload it once; if it happens again within a minute, explain it."""
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
        # Not inside the engine's signal, nor on its thread: loading waits for that thread.
        threading.Thread(target=window.show, args=(page,), name="recover", daemon=True).start()

    def _lost(self, name: str) -> None:
        """The engine has ended or did not start. It reports that for every window; the person is told once."""
        log.error("the engine of the window %s is lost", name)
        window = self._open.get(name)
        with self._lock:
            is_told, self._is_lost = self._is_lost, True
        if window is not None and is_told:
            threading.Thread(target=window.close, name="lost", daemon=True).start()
        elif window is not None:
            self._give_up(window, EngineLost())

    def _give_up(self, window: PageWindow, error: AppError) -> None:
        """No page can explain it any more, so the system's dialog does. Then the window closes."""
        told = error.describe(self._context.texts)
        threading.Thread(target=window.give_up, args=(told["message"], told["hint"]), daemon=True).start()
