"""Whether this computer reaches itself: the windows are served from 127.0.0.1, and show nothing where it does not."""

from __future__ import annotations

import socket

from desktop.openai_api.errors import LoopbackDown

LIMIT = 2.0
"""Seconds for a connection that takes microseconds; a firewall that swallows it shows by this."""


def require_loopback() -> None:
    """Raises LoopbackDown, which is known at once, in the place of a window that waits for its page."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            socket.create_connection(listener.getsockname()[:2], timeout=LIMIT).close()
    except OSError as error:
        raise LoopbackDown(repr(error), problem=error.strerror or str(error) or type(error).__name__) from None
