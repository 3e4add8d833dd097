"""A server whose every answer is said by the test: status, headers and the bytes themselves, be they without end.

For attacks on whoever reads. It knows no protocol but HTTP/1.1, closes after each answer, and counts what got through.
"""

from __future__ import annotations

import gzip
import itertools
import ssl
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = Callable[[], Iterable[bytes]]


class RawServer:
    """`headers` may hold a name more than once; `body` makes the bytes of one answer."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.status = 200
        self.headers: list[tuple[str, str]] = []
        self.body: Body = lambda: [b"{}"]
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        """Method, path, headers by their names in small letters."""
        self.sent = 0
        """Bytes of bodies that the reader's side has taken."""
        raw = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                self.rfile.read(length)
                named = {name.lower(): value for name, value in self.headers.items()}
                raw.asked.append((self.command, self.path, named))
                self.send_response(raw.status)
                for name, value in raw.headers:
                    self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                for piece in raw.body():
                    self.wfile.write(piece)
                    raw.sent += len(piece)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass  # the reader has had enough

        self._server = Quiet(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.base = f"{'https://localhost' if tls else 'http://127.0.0.1'}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005})

    def says(self, kind: str, body: bytes | Body, coding: str | tuple[str, ...] = ()) -> None:
        """From now on. `coding`: one Content-Encoding header each."""
        codings = (coding,) if isinstance(coding, str) else coding
        self.headers = [("Content-Type", kind), *(("Content-Encoding", one) for one in codings)]
        self.body = body if callable(body) else lambda: [body]

    def __enter__(self) -> RawServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def bomb(size: int, fill: bytes = b" ", head: bytes = b"") -> bytes:
    """A gzip of `head` and at least `size` bytes of `fill`, a thousandth as long; made without writing them all."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    begin = squeeze.compress(head) + squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(fill * (1 << 20)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    # Every block after a full flush stands for itself. The end's checksum is wrong; nobody should get so far.
    return begin + block * (size // (1 << 20) + 1) + squeeze.flush()


def stacked(size: int, layers: int) -> bytes:
    """A bomb packed again, and again: some hundred bytes."""
    data = bomb(size)
    for _ in range(layers - 1):
        data = gzip.compress(data, 9)
    return data


def endless(first: bytes, piece: bytes) -> Callable[[], Iterator[bytes]]:
    """A body without end, until the reader hangs up."""
    return lambda: itertools.chain([first], itertools.repeat(piece))
