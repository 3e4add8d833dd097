"""Server-sent events over a plain socket file: what the model stand-in streams with. Knows no API."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, BinaryIO

Json = dict[str, Any]


class Gone(Exception):
    """The reader hung up."""


class Events:
    """One chunked HTTP answer of the type text/event-stream. The headers have been sent by who makes it."""

    def __init__(self, out: BinaryIO, connection: socket.socket) -> None:
        self._out = out
        self._connection = connection
        self.sent = 0
        """Events that were sent."""

    def send(self, data: Json | str, event: str = "") -> None:
        """One event. `event` is its name; JSON goes on one line, as OpenAI sends it."""
        text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        name = f"event: {event}\n" if event else ""
        self.raw(f"{name}data: {text}\n\n".encode())
        self.sent += 1

    def comment(self, text: str = "keep-alive") -> None:
        """A line that readers skip."""
        self.raw(f": {text}\n\n".encode())

    def raw(self, data: bytes) -> None:
        """Bytes as they are, in a chunk of their own."""
        try:
            self._out.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self._out.flush()
        except (ConnectionError, ValueError) as error:
            raise Gone from error

    def end(self) -> None:
        """The chunk that ends the answer."""
        try:
            self._out.write(b"0\r\n\r\n")
            self._out.flush()
        except (ConnectionError, ValueError) as error:
            raise Gone from error

    def drop(self, *, reset: bool) -> None:
        """Hangs up in the middle: with a reset, or as if all were said (which chunking shows to be untrue)."""
        if reset:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
