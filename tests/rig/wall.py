"""A wall around this computer: no connection and no name lookup of this process leaves it.

A name under `.invalid` (RFC 6761) fails as a resolver that knows it would say, so the app's own sentence for it can be
tested without asking any resolver; one under `.home.arpa` (RFC 8375: names of one's own network) leads to this
computer; every other name is an error of the test.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

reached_out: list[str] = []
"""What was tried and refused since somebody last cleared this."""


class ReachedOut(AssertionError):
    """Something tried to talk to another computer."""


def build() -> None:
    """Put the wall up, for as long as the process lives: audit hooks can't be taken away."""
    sys.addaudithook(_on_event)
    known = socket.getaddrinfo

    def lookup(host: Any, *rest: Any, **named: Any) -> Any:
        return known("127.0.0.1" if str(host).endswith(".home.arpa") else host, *rest, **named)

    socket.getaddrinfo = lookup


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
        if name.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if not _is_here(name):
            _refuse(f"{event} {name}")
    elif event in ("socket.connect", "socket.sendto"):
        address = arguments[-1]
        if isinstance(address, tuple) and not _is_here(str(address[0])):
            _refuse(f"{event} {address}")


def _refuse(what: str) -> None:
    reached_out.append(what)
    raise ReachedOut(what)


def _is_here(host: str) -> bool:
    return host.startswith("127.") or host.split("%")[0] in ("localhost", "::1", "", "0.0.0.0", "::")
