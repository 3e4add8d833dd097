"""What the engines of Windows and macOS share: everything pywebview's own portable calls can do. Not run here yet."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from desktop.window.engine import Dress, EngineName, MenuBar, Proxy, Scheme
from desktop.window.placement import Place, Rect, on_screen

log = logging.getLogger(__name__)


class PlainEngine:
    """A worker thread pushes scripts in order; pywebview's `run_js` waits for each."""

    name: EngineName

    def __init__(self) -> None:
        self._dresses: dict[str, Dress] = {}
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def load(self) -> None:
        """The engine is part of the system; pywebview finds it."""

    def launch(self, storage: Path) -> None:
        """pywebview starts them."""

    def bind(self) -> None:
        """Nothing that minds company."""

    def version(self) -> str:
        return ""

    def prepare(self, *, app_id: str, menu: MenuBar, proxy: Proxy | None, reach: Sequence[str]) -> None:
        threading.Thread(target=self._work, name="pusher", daemon=True).start()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception:  # a window that has closed meanwhile must not end the pusher of the others
                log.exception("a script could not be pushed")

    def dress(self, window: Any, dress: Dress) -> None:
        self._dresses[window.uid] = dress
        place = on_screen(dress.place, self.screens(), window.min_size)
        window.initial_width, window.initial_height = place.width, place.height

    def later(self, run: Callable[[], None]) -> None:
        self._jobs.put(run)

    def push(self, window: Any, script: str) -> None:
        window.run_js(script)

    def end_page(self, window: Any) -> None:
        log.info("this engine gives no way to end a page's process")

    def show_plain(self, window: Any, html: str) -> None:
        window.load_html(html)

    def dark(self) -> bool:
        return False

    def set_scheme(self, scheme: Scheme) -> None:
        log.info("this engine follows the system's light or dark by itself; %s is for the chat only", scheme)

    def set_zoom(self, window: Any, factor: float) -> None:
        log.info("zoom %s is left to the engine's own keys", factor)

    def place(self, window: Any) -> Place | None:
        return Place(window.width, window.height, window.x, window.y)

    def screens(self) -> list[Rect]:
        import webview

        return [Rect(s.x, s.y, s.width, s.height) for s in webview.screens]

    def focus(self, window: Any) -> None:
        window.restore()
        window.show()

    def screenshot(self, window: Any, file: Path, done: Callable[[bool], None]) -> None:
        done(False)

    def quit(self) -> None:
        import webview

        for window in list(webview.windows):
            window.destroy()
