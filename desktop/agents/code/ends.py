"""Detects that the other end of a pipe has gone, without reading from it, since another process reads there.

On Linux, `poll` always reports it. macOS does not, so there a thread waits with kqueue. That was written from Apple's
reference and not run on macOS by this project.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any


def watch_end(poll: Any, handle: int, wait: Callable[[int], None] | None = None) -> int:
    """Register the end of `handle` with `poll` (a `select.poll`). Returns the descriptor `poll` will report.

    `wait` blocks until the end; None for the system's own method.
    """
    import select

    if wait is None:
        if sys.platform != "darwin":
            poll.register(handle, 0)  # no event requested: an end is reported anyway
            return handle
        wait = _wait
    told, tells = os.pipe()

    def run() -> None:
        try:
            wait(handle)
        finally:
            os.close(tells)

    threading.Thread(target=run, name="end of a pipe", daemon=True).start()
    poll.register(told, select.POLLIN)
    return told


def _wait(handle: int, select: Any = None) -> None:
    if select is None:
        import select
    queue = select.kqueue()
    # With CLEAR, it only reports new data, not data that is still unread.
    wanted = [select.kevent(handle, select.KQ_FILTER_READ, select.KQ_EV_ADD | select.KQ_EV_CLEAR)]
    while True:
        for event in queue.control(wanted, 1):
            if event.flags & select.KQ_EV_EOF:
                return
        wanted = []
