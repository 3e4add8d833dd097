"""Applies the read timeout to an answer's header section as a whole, counted from the first wait for it.

The libraries (httpcore 1.0, httpcore2 2.16: `_receive_event`) restart it with every byte, so a server that sends one
from time to time could hold a request for hours. Works with both; imports neither. Knows nothing about the requests.
"""

from __future__ import annotations

import re
import time
from typing import Any, TypeVar

T = TypeVar("T")

SHORTEST = 0.001
"""Seconds that a read is given at the end of the limit: 0 would mean something else to a socket."""
_END = re.compile(rb"\n\r?\n")
_INTERIM = re.compile(rb"\s*HTTP/\d\.\d 1(?!01)")
"""A head that another one follows (100 Continue, 103 Early Hints); not that of a change of protocol."""


def limited(transport: T) -> T:
    """`transport` of httpx or httpx2, fresh and with a pool of connections, with the limit on every head.

    The pool takes a network backend (httpcore documents it), which the transports give no way to hand in.
    """
    pool: Any = transport._pool  # type: ignore[attr-defined]
    kind = _AsyncBackend if hasattr(transport, "handle_async_request") else _Backend
    pool._network_backend = kind(pool._network_backend)
    return transport


class Head:
    """How far the answer on a connection has come. A write begins the next one."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Something was sent: what comes next is a head."""
        self._over = False
        self._ends: float | None = None
        self._seen = bytearray()

    def limit(self, timeout: float | None) -> float | None:
        """Seconds that the next read may take, of `timeout` for each."""
        if self._over or timeout is None:
            return timeout
        now = time.monotonic()
        if self._ends is None:
            self._ends = now + timeout
        return max(self._ends - now, SHORTEST)

    def took(self, data: bytes) -> bytes:
        """`data`, which was read."""
        if not self._over:
            self._seen += data
            while end := _END.search(self._seen):
                if not _INTERIM.match(self._seen):
                    self._over = True
                    self._seen.clear()
                    break
                del self._seen[: end.end()]
        return data


class _Wrapped:
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Backend(_Wrapped):
    def connect_tcp(self, *args: Any, **rest: Any) -> _Stream:
        return _Stream(self._inner.connect_tcp(*args, **rest))


class _Stream(_Wrapped):
    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._head = Head()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._head.took(self._inner.read(max_bytes, timeout=self._head.limit(timeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._head.begin()
        self._inner.write(buffer, timeout=timeout)

    def start_tls(self, *args: Any, **rest: Any) -> _Stream:
        return _Stream(self._inner.start_tls(*args, **rest))


class _AsyncBackend(_Wrapped):
    async def connect_tcp(self, *args: Any, **rest: Any) -> _AsyncStream:
        return _AsyncStream(await self._inner.connect_tcp(*args, **rest))


class _AsyncStream(_Wrapped):
    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._head = Head()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._head.took(await self._inner.read(max_bytes, timeout=self._head.limit(timeout)))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._head.begin()
        await self._inner.write(buffer, timeout=timeout)

    async def start_tls(self, *args: Any, **rest: Any) -> _AsyncStream:
        return _AsyncStream(await self._inner.start_tls(*args, **rest))
