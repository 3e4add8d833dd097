"""Whether the other side of a pipe has gone, told without reading from it: another process reads there.

Linux says it to `poll` unasked. macOS does not, so there a thread waits for it with kqueue; that was written from
Apple's reference and not run on macOS by this project.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any


def watch_end(poll: Any, handle: int, wait: Callable[[int], None] | None = None) -> int:
    """Registers with `poll` (a `select.poll`) what tells of the end of `handle`, and returns what `poll` then names.

    `wait` blocks until the end has come; None: the system's own way.
    """
    import select

    if wait is None:
        if sys.platform != "darwin":
            poll.register(handle, 0)  # no event is asked for: of an end it tells all the same
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
    # With CLEAR it tells of what has come since, and not of what lies there unread.
    wanted = [select.kevent(handle, select.KQ_FILTER_READ, select.KQ_EV_ADD | select.KQ_EV_CLEAR)]
    while True:
        for event in queue.control(wanted, 1):
            if event.flags & select.KQ_EV_EOF:
                return
        wanted = []
