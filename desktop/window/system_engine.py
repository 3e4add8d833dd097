"""What the adapters for Windows and macOS share: the rules for a window, whatever its toolkit calls them. Run on Linux
by `tests/window/test_engine_contract.py`, with recorded stand-ins for both systems' objects.

An adapter knows how its toolkit does something. This module decides whether and when.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from desktop.window.engine import Dress, EngineName, MenuBar, Proxy, Scheme, Unmade
from desktop.window.placement import Place, Rect, on_screen
from desktop.window.user_activation import Claim

log = logging.getLogger(__name__)


class SystemEngine:
    """An adapter implements `_view` and everything that raises NotImplementedError."""

    name: EngineName
    takes_proxy = True

    def __init__(self) -> None:
        self.ending: Callable[[], None] = lambda: None
        self.unmade: Unmade = lambda _window, _error: None
        self._dresses: dict[str, Dress] = {}
        self._claims: dict[str, Claim] = {}
        self._plain: set[str] = set()
        """Windows about to show our own text instead of their page."""
        self._scheme: Scheme = "system"
        self._menu: MenuBar = ()
        self._proxy: Proxy | None = None
        self._lock = threading.Lock()
        self._early: list[Callable[[], None]] | None = []
        """Calls that wait for the first window: before it, the window thread doesn't exist."""

    def version(self) -> str:
        return ""

    # --- before the first window --------------------------------------------------------------

    def load(self) -> None:
        """Nothing to do: the engine is part of the system, and pywebview finds it."""

    def launch(self, storage: Path) -> None:
        """Nothing to do: pywebview starts the processes."""

    def bind(self) -> None:
        """Nothing to do: everything can be imported at any time."""

    def prepare(self, *, app_id: str, menu: MenuBar, proxy: Proxy | None, reach: Sequence[str]) -> None:
        self._menu, self._proxy = menu, proxy

    # --- one window ---------------------------------------------------------------------------

    def dress(self, window: Any, dress: Dress) -> None:
        self._dresses[window.uid] = dress
        self._claims[window.uid] = Claim()
        view = self._view(window)
        self._fit(view, on_screen(dress.place, self.screens(), window.min_size))
        self._furnish(view, dress)
        self._zoom(view, dress.zoom)
        self._colour(view, dress)
        with self._lock:
            early, self._early = self._early, None
        for run in early or ():
            self._post(_guarded(run))

    def _view(self, window: Any) -> Any:
        """pywebview's object for a window; None if the window has gone."""
        raise NotImplementedError

    def _views(self) -> list[Any]:
        """The objects of all windows."""
        raise NotImplementedError

    def _fit(self, view: Any, place: Place) -> None:
        """Set size and position before it is shown."""
        raise NotImplementedError

    def _furnish(self, view: Any, dress: Dress) -> None:
        """Add menu and shortcuts."""
        raise NotImplementedError

    def _zoom(self, view: Any, factor: float) -> None:
        raise NotImplementedError

    def _colour(self, view: Any, dress: Dress) -> None:
        """Set background and theme."""
        raise NotImplementedError

    def _post(self, run: Callable[[], None]) -> None:
        """Run it on the window thread soon. The thread exists by now."""
        raise NotImplementedError

    # --- what a window may do -----------------------------------------------------------------

    def _may_show(self, uid: str, url: str) -> bool:
        """Whether a window's top frame may go there."""
        dress = self._dresses.get(uid)
        if dress is None:
            return False
        if dress.policy.may_show(url, dress.own_url()):
            self._plain.discard(uid)
            return True
        return uid in self._plain and url.startswith(("data:text/html", "about:blank"))

    def _leave(self, uid: str, url: str, claimed: bool) -> None:
        """Open an address outside the app if the engine says that a person wants it, no more often than a person
        acts."""
        dress = self._dresses.get(uid)
        if dress is not None and self._takes(uid, claimed):
            dress.open_outside(url)

    def _takes(self, uid: str, claimed: bool) -> bool:
        claim = self._claims.get(uid)
        return claim is not None and claim.take(claimed)

    def _seen(self, uid: str, url: str) -> None:
        """The top frame now shows this."""
        dress = self._dresses.get(uid)
        if dress is not None and url != "about:blank" and not self._may_show(uid, url):
            dress.strayed()

    # --- at any time --------------------------------------------------------------------------

    def later(self, run: Callable[[], None]) -> None:
        with self._lock:
            if self._early is not None:
                self._early.append(run)
                return
        self._post(_guarded(run))

    def end_page(self, window: Any) -> None:
        log.info("this engine gives no way to end a page's process")

    def set_scheme(self, scheme: Scheme) -> None:
        self._scheme = scheme
        for view in self._views():
            dress = self._dresses.get(view.pywebview_window.uid)
            if dress is not None:
                self._colour(view, dress)

    def dark(self) -> bool:
        return self._scheme == "dark" if self._scheme != "system" else self._system_dark()

    def _system_dark(self) -> bool:
        raise NotImplementedError

    def set_zoom(self, window: Any, factor: float) -> None:
        view = self._view(window)
        if view is not None:
            self._zoom(view, factor)

    def screens(self) -> list[Rect]:
        raise NotImplementedError

    def screenshot(self, window: Any, file: Path, done: Callable[[bool], None]) -> None:
        done(False)


def _guarded(run: Callable[[], None]) -> Callable[[], None]:
    """Log exceptions: in a foreign event loop, one would end the process or open a dialog."""

    def guarded() -> None:
        try:
            run()
        except Exception:
            log.exception("something asked of the window's thread failed")

    return guarded
