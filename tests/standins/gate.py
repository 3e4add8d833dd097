"""A door before a stand-in, on a port that stays: closed, open to one server or another, or held open in silence.

So that a fault of the network comes and goes while the address that was asked for remains the same.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading


class Gate:
    """Loopback TCP. Closed at first; every change ends the connections that are open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        # Never listens, so it refuses, and is never closed, so no other program is given the port in between.
        self._holder = self._bind(0)
        self.port: int = self._holder.getsockname()[1]

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._holder.close()

    def close(self) -> None:
        """Refuses connections; the port stays ours, so that nobody else answers on it."""
        self._end()

    def open(self, port: int) -> None:
        """Passes everything on to `port` of this computer."""
        self._listen(port)

    def hold(self) -> None:
        """Takes connections and never says a word."""
        self._listen(None)

    # --- inside -----------------------------------------------------------------------------------

    @staticmethod
    def _bind(port: int) -> socket.socket:
        made = socket.socket()
        # Two sockets on one port, one of which listens: Linux takes it with SO_REUSEADDR, macOS with SO_REUSEPORT.
        shared = socket.SO_REUSEPORT if sys.platform == "darwin" else socket.SO_REUSEADDR
        made.setsockopt(socket.SOL_SOCKET, shared, 1)
        made.bind(("127.0.0.1", port))
        return made

    def _listen(self, port: int | None) -> None:
        self._end()
        listener = self._bind(self.port)
        listener.listen(32)
        with self._lock:
            self._listener = listener
        threading.Thread(target=self._accept, args=(listener, port), name="gate", daemon=True).start()

    def _end(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
            connections, self._connections = self._connections, set()
        for connection in [*([listener] if listener is not None else []), *connections]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it
            connection.close()

    def _accept(self, listener: socket.socket, port: int | None) -> None:
        while True:
            try:
                inner, _ = listener.accept()
            except OSError:
                return
            if not self._keep(listener, inner):
                return
            if port is None:
                continue
            try:
                outer = socket.create_connection(("127.0.0.1", port))
            except OSError:
                inner.close()
                continue
            if not self._keep(listener, outer):
                return
            for ends in ((inner, outer), (outer, inner)):
                threading.Thread(target=_pump, args=ends, name="gate", daemon=True).start()

    def _keep(self, listener: socket.socket, connection: socket.socket) -> bool:
        """Remember a connection; False (and closed) where the gate has changed meanwhile."""
        with self._lock:
            if self._listener is listener:
                self._connections.add(connection)
                return True
        connection.close()
        return False


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes, its end too: an abrupt one stays abrupt."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        with contextlib.suppress(OSError):
            target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            target.shutdown(socket.SHUT_RD)  # wakes the other direction, which would hold the reset back
        target.close()
        return
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
