"""Checks that 127.0.0.1 can be reached. The windows' pages are served from there."""

from __future__ import annotations

import socket

from desktop.openai_api.errors import LoopbackDown

LIMIT = 2.0
"""Seconds for a connection that normally takes microseconds. A firewall that drops it is noticed by this."""


def require_loopback() -> None:
    """Raises LoopbackDown at once, instead of opening a window that waits for its page."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            socket.create_connection(listener.getsockname()[:2], timeout=LIMIT).close()
    except OSError as error:
        raise LoopbackDown(repr(error), problem=error.strerror or str(error) or type(error).__name__) from None
