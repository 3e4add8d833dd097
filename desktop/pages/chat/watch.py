"""Limits the time ChatKit has to start. The app keeps the time, because if ChatKit's frame shares a process with our
page and hangs, the page's own timers stop too.

Knows no page: its owner decides what happens when the time is up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class StartWatch:
    """Calls `late` once, `seconds` after `begin`, unless `end` comes first. Thread-safe."""

    def __init__(self, seconds: float, late: Callable[[], None]) -> None:
        self._seconds = seconds
        self._late = late
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._held = 0
        self._ended = False

    def begin(self) -> None:
        """Start, or start over."""
        with self._lock:
            self._start()

    def hold(self) -> None:
        """Pause for something that isn't ChatKit's. Call `go_on` once for every call of this."""
        with self._lock:
            self._held += 1
            self._stop()

    def go_on(self) -> None:
        """Resume, with the full time."""
        with self._lock:
            self._held -= 1
            self._start()

    def end(self) -> None:
        """Stop for good."""
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
