"""Holds new connections until their first line asks for a path that only our windows know.

Any program on this computer can connect to a loopback port and send nothing, or half a line. With a thread for each, it
could use up all threads and leave our own windows blank. Here a single thread reads the first lines of all connections.
One that is too slow, or asks for an unknown path, is closed. When all places are taken, a new connection replaces the
one that has waited longest. Knows no page.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

MOST_WAITING = 256
"""Connections that may wait at once. Each needs a descriptor, and a process often has only 1,024."""
LINE_LIMIT = 8 * 1024
"""The longest first line, in bytes."""
PIECE = 16 * 1024
CLOSED = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class _Waiting:
    sock: socket.socket
    until: float
    """When it will be closed, in monotonic seconds."""
    said: bytearray = field(default_factory=bytearray)
    is_refused: bool = False
    """It has its answer. It is still read from until it leaves, because closing at once could lose the answer."""


class ConnectionGate:
    """`knows(line)`: whether the first line of a request, without its line end, names something served. `admit(sock,
    said)`: takes over the connection, blocking again, with the bytes received so far. `seconds`: how long a connection
    may take to send its first line."""

    def __init__(
        self,
        knows: Callable[[bytes], bool],
        admit: Callable[[socket.socket, bytes], object],
        seconds: float,
        most: int = MOST_WAITING,
    ) -> None:
        self._knows, self._admit, self._seconds, self._most = knows, admit, seconds, most
        self._arrived: list[socket.socket] = []
        self._guests: dict[socket.socket, _Waiting] = {}
        """In order of arrival."""
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        with self._lock:
            if self._is_closed or self._thread is not None:
                return
            self._selector = selectors.DefaultSelector()
            self._bell, self._ear = socket.socketpair()
            self._bell.setblocking(False)
            self._ear.setblocking(False)
            self._selector.register(self._ear, selectors.EVENT_READ)
            self._thread = threading.Thread(target=self._run, name="connection gate", daemon=True)
            self._thread.start()

    def enter(self, sock: socket.socket) -> None:
        """Add a new connection. Callable from any thread."""
        with self._lock:
            if not self._is_closed:
                self._arrived.append(sock)
                self._ring()
                return
        sock.close()

    def close(self) -> None:
        """Close all connections. Callable from any thread, more than once."""
        with self._lock:
            self._is_closed = True
            self._ring()
        if self._thread is not None:
            self._thread.join(1)

    def _ring(self) -> None:
        if self._thread is not None:
            with suppress(OSError):  # full: already woken; closed: nobody to wake
                self._bell.send(b"!")

    def _run(self) -> None:
        while True:
            due = min((waiting.until for waiting in self._guests.values()), default=None)
            for key, _ in self._selector.select(None if due is None else max(0.0, due - time.monotonic())):
                if key.fileobj is self._ear:
                    with suppress(OSError):
                        self._ear.recv(PIECE)
                else:
                    self._listen(key.data)
            with self._lock:
                arrived, self._arrived = self._arrived, []
                is_closed = self._is_closed
            for sock in arrived:
                self._seat(sock)
            now = time.monotonic()
            for waiting in [waiting for waiting in self._guests.values() if is_closed or waiting.until <= now]:
                self._part(waiting).close()
            if is_closed:
                self._selector.close()
                self._bell.close()
                self._ear.close()
                return

    def _seat(self, sock: socket.socket) -> None:
        if len(self._guests) >= self._most:
            self._part(next(iter(self._guests.values()))).close()
        waiting = _Waiting(sock, time.monotonic() + self._seconds)
        sock.setblocking(False)
        self._guests[sock] = waiting
        self._selector.register(sock, selectors.EVENT_READ, waiting)
        self._listen(waiting)  # most have already sent their line

    def _listen(self, waiting: _Waiting) -> None:
        try:
            data = waiting.sock.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._part(waiting).close()
            return
        if waiting.is_refused:
            return
        waiting.said += data
        line, end, _ = waiting.said.partition(b"\n")
        if not end and len(waiting.said) < LINE_LIMIT:
            return
        if end and len(line) < LINE_LIMIT and self._knows(bytes(line.rstrip(b"\r"))):
            self._part(waiting).setblocking(True)
            self._admit(waiting.sock, bytes(waiting.said))
            return
        waiting.is_refused = True
        waiting.said.clear()
        with suppress(OSError):
            waiting.sock.send(CLOSED)
            waiting.sock.shutdown(socket.SHUT_WR)

    def _part(self, waiting: _Waiting) -> socket.socket:
        """Remove a connection and return it, to be closed or admitted."""
        del self._guests[waiting.sock]
        with suppress(KeyError, ValueError):
            self._selector.unregister(waiting.sock)
        return waiting.sock


class Wire(socket.SocketIO):
    """The input of a request: first the bytes received at the gate, then the connection, with a deadline for the whole
    request. `idle`: seconds until the next request begins. `whole`: seconds it may take from then on."""

    def __init__(self, sock: socket.socket, said: bytes, *, whole: float, idle: float) -> None:
        super().__init__(sock, "r")
        self._wire, self._said = sock, said
        self._whole, self._idle = whole, idle
        self._until = time.monotonic() + whole
        self._is_idle = False

    def await_next(self) -> None:
        """The previous request has been answered."""
        self._until = time.monotonic() + self._idle
        self._is_idle = True

    def readinto(self, buffer: Any) -> int | None:
        if self._is_idle and self._said:
            self._begin()
        if self._said:
            count = min(len(buffer), len(self._said))
            buffer[:count] = self._said[:count]
            self._said = self._said[count:]
            return count
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request took too long")
        self._wire.settimeout(left)
        count = self._wire.recv_into(buffer)
        if self._is_idle and count:
            self._begin()
        return count

    def _begin(self) -> None:
        self._is_idle = False
        self._until = time.monotonic() + self._whole
