"""Serves the pages being shown, and the files they list, to the app's windows over loopback. Nothing else.

It has no API: a program that finds the port learns nothing. It holds the same port on 127.0.0.1 and on ::1: otherwise
an engine that resolves `localhost` to the other address would load another process's page with our bridge (reproduced
on Qt and GTK). Knows no window.
"""

from __future__ import annotations

import errno
import html
import io
import logging
import mimetypes
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from desktop.common.errors import InternalError
from desktop.common.page import Page, Sources
from desktop.window.connection_gate import ConnectionGate, Wire
from desktop.window.page_parts import with_parts
from desktop.window.showing import Showing

log = logging.getLogger(__name__)

PORT_TRIES = 50
HEADER_SECONDS = 10
"""Seconds a whole request may take to arrive, and an answer to be read."""
KEPT_SECONDS = 1
"""Seconds a connection is kept for the next request. Each GTK window keeps six, even after it has closed. Kept any
longer, they would soon use up the limit, and the next page would find no free connection."""
MOST_CONNECTIONS = 64
"""Connections that have asked for a served path. All others wait at the gate and don't count."""
BREATH = 0.1
"""Seconds between two attempts to accept when the system has no free descriptor or thread."""
# Set here because some Windows machines have a registry entry that says text/plain for scripts.
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


def content_security_policy(sources: Sources) -> str:
    """The CSP header of a page. Everything not listed is refused; never `unsafe-eval`."""
    style = ["'self'", "'unsafe-inline'"] if sources.inline_style else ["'self'"]
    rules = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *sources.script],
        "style-src": style,
        "img-src": ["'self'", "data:", *sources.img],
        "font-src": ["'self'"],
        "connect-src": ["'self'", *sources.connect],
        "frame-src": list(sources.frame) or ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(values)}" for name, values in rules.items())


def bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    """A socket that listens on `address` exclusively; port 0 means any free one. Raises OSError."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # No SO_REUSEADDR: on Windows it would let another process share the port, so the opposite is set there.
        if sys.platform == "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(32)
    except OSError:
        sock.close()
        raise
    return sock


def hold_both_addresses(
    tries: int = PORT_TRIES, bind: Callable[[socket.AddressFamily, str, int], socket.socket] = bound
) -> tuple[int, list[socket.socket]]:
    """Bind one port exclusively on 127.0.0.1 and ::1. If either is taken, try another port.

    Without IPv6 nobody can hold ::1, so 127.0.0.1 alone is enough. Raises InternalError if no port can be bound.
    """
    for _ in range(tries):
        v4 = bind(socket.AF_INET, "127.0.0.1", 0)
        port: int = v4.getsockname()[1]
        try:
            return port, [v4, bind(socket.AF_INET6, "::1", port)]
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                return port, [v4]
            v4.close()
    raise InternalError(f"no port is free on both loopback addresses after {tries} tries")


class PageServer:
    """Serves showings at `http://localhost:<port>/<path>/<file>`. Binds when made; answers once `start` is called.

    `own`: files that replace an asset (name of the asset -> path). `silence`: seconds a whole request may take. `kept`:
    seconds until the next request on a connection begins.
    """

    def __init__(
        self,
        assets: Path,
        language: str,
        own: Mapping[str, Path] = {},
        *,
        silence: float = HEADER_SECONDS,
        kept: float = KEPT_SECONDS,
    ) -> None:
        self.port, self._sockets = hold_both_addresses()
        self._assets = assets.resolve()
        self._own = own
        self._language = language
        self.silence, self.kept = silence, kept
        self._showings: dict[str, Showing] = {}
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._closed = False
        self._gate = ConnectionGate(self._knows, self._admit, silence)

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        self._gate.start()
        for sock in self._sockets:
            threading.Thread(target=self._accept, args=(sock,), name="page-server", daemon=True).start()

    def close(self) -> None:
        self._closed = True
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)  # wakes the blocked accept; nothing polls
            except OSError:
                pass  # some systems say "not connected"; the close below is what counts
            sock.close()
        self._gate.close()

    def show(self, page: Page) -> Showing:
        """Make a new showing of `page`. Its address is `url(showing)`."""
        showing = Showing(page)
        with self._lock:
            self._showings[showing.path] = showing
        return showing

    def url(self, showing: Showing) -> str:
        return f"{self.origin}/{showing.path}/{showing.page.html}"

    def end(self, showing: Showing) -> None:
        """From now on, the showing's path answers 404."""
        showing.revoke()
        with self._lock:
            self._showings.pop(showing.path, None)

    def find(self, path: str) -> tuple[Showing, str] | None:
        """The showing and the asset (relative to assets) that a request path names, or None."""
        parts = path.split("?", 1)[0].split("/", 2)
        if len(parts) != 3 or parts[0]:
            return None
        with self._lock:
            showing = self._showings.get(parts[1])
        if showing is None or not showing.alive:
            return None
        if parts[2] == showing.page.html:
            return showing, f"pages/{parts[2]}"
        for file in showing.page.files:
            if parts[2] == file.removeprefix("pages/"):
                return showing, file
        return None

    def body(self, showing: Showing, asset: str) -> bytes | None:
        """The bytes of a listed asset; a page's HTML is put together and filled in. None if it is outside the assets
        folder. Raises InternalError if a part of the page is invalid."""
        file = self._own.get(asset) or (self._assets / asset).resolve()
        if not (asset in self._own or file.is_relative_to(self._assets)) or not file.is_file():
            return None
        data = file.read_bytes()
        if asset == f"pages/{showing.page.html}":
            filled = {
                "__PAGE_KEY__": showing.key,
                "__LANG__": self._language,
                "__TITLE__": html.escape(showing.page.title),
            }
            text = with_parts(data.decode("utf-8"), self._part)
            for name, value in filled.items():
                text = text.replace(name, value)
            data = text.encode("utf-8")
        return data

    def _part(self, name: str) -> str:
        return (self._assets / "pages" / "common" / "parts" / f"{name}.html").read_text(encoding="utf-8")

    def _accept(self, sock: socket.socket) -> None:
        while not self._closed:
            try:
                connection, _ = sock.accept()
            except OSError:
                # The server was closed, the client went away, or no descriptor is free. Only the first ends the server.
                if not self._closed:
                    time.sleep(BREATH)
                continue
            self._gate.enter(connection)

    def _knows(self, line: bytes) -> bool:
        """Whether the first line of a request asks for something being shown."""
        words = line.decode("latin-1").split()
        return len(words) == 3 and self.find(words[1]) is not None

    def _admit(self, connection: socket.socket, said: bytes) -> None:
        """Answer the requests of a connection that knows a path, on its own thread."""
        if not self._slots.acquire(blocking=False):
            connection.close()
            return
        try:
            threading.Thread(target=self._serve, args=(connection, said), name="page", daemon=True).start()
        except RuntimeError:  # the system gives no more threads
            connection.close()
            self._slots.release()

    def _serve(self, connection: socket.socket, said: bytes) -> None:
        try:
            _Handler(connection, said, self)
        except InternalError as error:
            log.error("a page can't be put together: %s", error)
        except OSError as error:
            log.debug("a page connection ended early: %s", error)
        finally:
            connection.close()
            self._slots.release()


class _Handler(BaseHTTPRequestHandler):
    """One connection. Its `server` is the PageServer itself."""

    protocol_version = "HTTP/1.1"
    server_version = "page"
    sys_version = ""
    disable_nagle_algorithm = True
    server: PageServer  # type: ignore[assignment]

    def __init__(self, connection: socket.socket, said: bytes, server: PageServer) -> None:
        self.wire = Wire(connection, said, whole=server.silence, idle=server.kept)
        super().__init__(connection, ("", 0), server)  # type: ignore[arg-type]  # needs no socketserver

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(self.wire)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        if self.request_version == "HTTP/0.9":  # no browser uses it: answers have no headers, so no CSP
            self.request_version = ""  # as in the base class, so that the answer has a status line
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        hosts = self.headers.get_all("Host") or []
        # The path as it was sent: http.server collapses leading slashes.
        path = self.requestline.split()[1]
        found = self.server.find(path) if hosts == [f"localhost:{self.server.port}"] else None
        data = self.server.body(*found) if found else None
        if found is None or data is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        showing, asset = found
        suffix = Path(asset).suffix
        kind = TYPES.get(suffix) or mimetypes.guess_type(asset)[0] or "application/octet-stream"
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith(("text/", "image/svg")) else kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", content_security_policy(showing.page.sources))
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.connection.settimeout(self.server.silence)  # for the answer as a whole
        self.end_headers()
        if with_body:
            self.wfile.write(data)
        self.wire.await_next()

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        # The base class repeats method and path. A refusal here says nothing.
        self._refuse(HTTPStatus(code) if code in {int(s) for s in HTTPStatus} else HTTPStatus.BAD_REQUEST)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it
        # Paths are secret and never reach the log.
        return
