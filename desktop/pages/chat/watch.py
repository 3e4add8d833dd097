"""The time that ChatKit has to begin, kept in the app: where its frame shares a process with our page, a frame that
hangs stops the page's own clock as well.

Knows no page: what is to be done when the time is over, its owner says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class StartWatch:
    """Runs out once, `seconds` after `begin`, unless `end` comes first. Safe to use from every thread."""

    def __init__(self, seconds: float, late: Callable[[], None]) -> None:
        self._seconds = seconds
        self._late = late
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._held = 0
        self._ended = False

    def begin(self) -> None:
        """Anew, where it has begun already."""
        with self._lock:
            self._start()

    def hold(self) -> None:
        """Something that is not ChatKit's takes its time; `go_on` as often as this."""
        with self._lock:
            self._held += 1
            self._stop()

    def go_on(self) -> None:
        """With the whole time again."""
        with self._lock:
            self._held -= 1
            self._start()

    def end(self) -> None:
        """For good."""
        with self._lock:
            self._ended = True
            self._stop()

    def _start(self) -> None:
        self._stop()
        if self._ended or self._held:
            return
        self._timer = threading.Timer(self._seconds, self._over)
        self._timer.daemon = True
        self._timer.name = "chat start"
        self._timer.start()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _over(self) -> None:
        with self._lock:
            if self._ended or self._timer is not threading.current_thread():
                return
            self._ended = True
        self._late()
