"""A forward proxy over real sockets: CONNECT and plain requests, Basic auth when asked for, and broken on demand."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.standins.api import Json, Server

Broken = Literal["", "refuses", "closes", "hangs"]


class ProxyStandIn:
    """`url` is the proxy's address without user and password.

    `user` and `password`: what it asks for (407 without). `routes` sends a host name that does not exist
    (`"api.test:443"`) to a loopback port. `broken`: answers 502, closes without a word, or says nothing.
    """

    def __init__(
        self, *, user: str = "", password: str = "", routes: Mapping[str, int] | None = None, broken: Broken = ""
    ) -> None:
        self.user, self.password = user, password
        self.routes = dict(routes or {})
        self.broken: Broken = broken
        self.requests: list[Json] = []
        self.stopping = threading.Event()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> ProxyStandIn:
        def handler(*args: Any) -> Handler:
            return Handler(self, *args)

        made: Callable[..., BaseHTTPRequestHandler] = handler
        self._server = Server(0, made, None)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.005}, name="proxy-standin", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.close_all()
            self._thread.join(5)

    @property
    def port(self) -> int:
        assert self._server is not None
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def wanted(self) -> str:
        """The header it asks for; empty: none."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode() if self.user else ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def __init__(self, proxy: ProxyStandIn, *args: Any) -> None:
        self.proxy = proxy
        super().__init__(*args)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_CONNECT(self) -> None:
        if not self.admitted():
            return
        upstream = self.dial(self.path)
        if upstream is None:
            return
        with upstream:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.tunnel(upstream)
        self.close_connection = True

    def do_GET(self) -> None:
        if not self.admitted():
            return
        parts = urlsplit(self.path)
        upstream = self.dial(parts.netloc if ":" in parts.netloc else f"{parts.netloc}:80")
        if upstream is None:
            return
        kept = [
            f"{name}: {value}"
            for name, value in self.headers.items()
            if name.lower() not in ("connection", "proxy-authorization", "proxy-connection")
        ]
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        head = "\r\n".join([f"{self.command} {target} HTTP/1.1", *kept, "Connection: close", "", ""])
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        with upstream:
            upstream.sendall(head.encode() + body)
            while data := upstream.recv(65536):
                self.wfile.write(data)
        self.close_connection = True

    def do_POST(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def admitted(self) -> bool:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.proxy.requests.append({"method": self.command, "path": self.path, "headers": headers})
        if self.proxy.broken == "hangs":
            self.proxy.stopping.wait(60)
        if self.proxy.broken in ("hangs", "closes"):
            self.close_connection = True
            return False
        if self.proxy.broken == "refuses":
            self.refuse(502)
            return False
        if self.proxy.wanted and headers.get("proxy-authorization") != self.proxy.wanted:
            self.refuse(407)
            return False
        return True

    def refuse(self, status: int) -> None:
        self.send_response(status)
        if status == 407:
            self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def dial(self, authority: str) -> socket.socket | None:
        """Only what `routes` knows, and loopback: a test never reaches the network."""
        host, _, port = authority.rpartition(":")
        if authority in self.proxy.routes:
            host, port = "127.0.0.1", str(self.proxy.routes[authority])
        if host in ("127.0.0.1", "localhost"):
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", int(port)), timeout=10)
        self.refuse(502)
        return None

    def tunnel(self, upstream: socket.socket) -> None:
        ends = {self.connection: upstream, upstream: self.connection}
        while not self.proxy.stopping.is_set():
            readable, _, _ = select.select(list(ends), [], [], 0.5)
            for sock in readable:
                try:
                    data = sock.recv(65536)
                    if not data:
                        return
                    ends[sock].sendall(data)
                except OSError:
                    return
