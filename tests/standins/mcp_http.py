"""An MCP server at an address, written by hand, so that it can do what real ones do and the SDK's would not.

Speaks streamable HTTP (`style` json or events) or the older HTTP with SSE (`style` legacy). Tools are plain functions.
"""

from __future__ import annotations

import json
import queue
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
Tool = Callable[[Json], Json]
Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


def text(words: str, **more: Any) -> Json:
    """A result of a tool."""
    return {"content": [{"type": "text", "text": words}], **more}


class RpcError(Exception):
    """What a tool raises to be answered with an error of JSON-RPC."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Asked:
    """One HTTP request. `body`: of a message; empty for others."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json


@dataclass
class McpHttp:
    """Use it as a context manager; `url` is the server's address."""

    style: str = "json"
    tools: dict[str, Tool] = field(default_factory=lambda: {"echo": lambda given: text(f"echo: {given.get('text')}")})
    page: int = 1000
    """Tools on a page of the list."""
    sessions: bool = True
    guard: Callable[[Asked], Answer | None] = lambda _asked: None
    """What is answered in place of everything else."""
    endpoint: str = "/messages?session={}"
    """The older style's address for messages."""
    cut: int = 0
    """So many answers to calls are cut off in their stream and told when it is taken up again."""
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._known: set[str] = set()
        self._streams: list[queue.Queue[str | None]] = []
        self._kept: dict[str, str] = {}
        house = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                house._post(self)

            def do_GET(self) -> None:
                house._get(self)

            def do_DELETE(self) -> None:
                house._answer(self, (200, {}, b""))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.origin}/{'sse' if self.style == 'legacy' else 'mcp'}"

    def __enter__(self) -> McpHttp:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # --- what a test does with it ---------------------------------------------------------------

    def notify(self, method: str) -> None:
        """To all who listen."""
        self._tell(json.dumps({"jsonrpc": "2.0", "method": method}))

    def forget(self) -> None:
        """Its sessions, as after a restart."""
        self._known.clear()

    def hang_up(self) -> None:
        """Ends all streams."""
        for one in self._streams:
            one.put(None)
        self._streams.clear()

    def called(self, method: str) -> list[Asked]:
        """The requests with messages of that method."""
        return [one for one in self.asked if one.body.get("method") == method]

    # --- HTTP -------------------------------------------------------------------------------------

    def _read(self, handler: BaseHTTPRequestHandler) -> Asked:
        size = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(size) if size else b""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = {}
        asked = Asked(handler.command, handler.path, headers, body if isinstance(body, dict) else {})
        self.asked.append(asked)
        return asked

    @staticmethod
    def _answer(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        status, headers, body = answer
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        asked = self._read(handler)
        refused = self.guard(asked)
        if refused is not None:
            self._answer(handler, refused)
        elif self.style == "legacy":
            if not asked.path.startswith("/messages"):
                self._answer(handler, (405, {}, b"Method Not Allowed"))
                return
            self._answer(handler, (202, {}, b"Accepted"))
            if "id" in asked.body and "method" in asked.body:
                self._tell(json.dumps(self._said(asked.body)))
        else:
            self._streamable(handler, asked)

    def _streamable(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        message = asked.body
        headers: dict[str, str] = {}
        if message.get("method") == "initialize" and self.sessions:
            session = secrets.token_hex(8)
            self._known.add(session)
            headers["Mcp-Session-Id"] = session
        elif (
            self.sessions
            and message.get("method") != "server/discover"
            and asked.headers.get("mcp-session-id") not in self._known
        ):
            self._answer(handler, (404, {"Content-Type": "text/plain"}, b"Session not found"))
            return
        if "id" not in message:
            self._answer(handler, (202, {}, b""))
            return
        said = json.dumps(self._said(message))
        if self.style == "json":
            self._answer(handler, (200, {"Content-Type": "application/json", **headers}, said.encode()))
            return
        handler.close_connection = True
        event = f"event: message\nid: 1\ndata: {said}\n\n"
        if message.get("method") == "tools/call" and self.cut:
            self.cut -= 1
            mark = secrets.token_hex(4)
            self._kept[mark] = event
            event = f"id: {mark}\nretry: 10\ndata:\n\n"
        handler.send_response(200)
        for name, value in {"Content-Type": "text/event-stream", "Connection": "close", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(event.encode())

    def _get(self, handler: BaseHTTPRequestHandler) -> None:
        asked = self._read(handler)
        refused = self.guard(asked)
        if refused is not None:
            self._answer(handler, refused)
            return
        handler.close_connection = True
        if "text/event-stream" not in asked.headers.get("accept", ""):
            self._answer(handler, (404, {}, b"nothing here"))
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        kept = self._kept.pop(asked.headers.get("last-event-id", ""), None)
        if kept is not None:
            handler.wfile.write(kept.encode())
            return
        told: queue.Queue[str | None] = queue.Queue()
        self._streams.append(told)
        try:
            if self.style == "legacy":
                handler.wfile.write(f"event: endpoint\ndata: {self.endpoint.format(secrets.token_hex(4))}\n\n".encode())
            while (line := told.get()) is not None:
                handler.wfile.write(f"event: message\ndata: {line}\n\n".encode())
        except OSError:
            pass

    def _tell(self, line: str) -> None:
        for one in list(self._streams):
            one.put(line)

    # --- MCP --------------------------------------------------------------------------------------

    def _said(self, message: Json) -> Json:
        base = {"jsonrpc": "2.0", "id": message.get("id")}
        try:
            return {**base, "result": self._result(str(message.get("method")), message.get("params") or {})}
        except RpcError as error:
            return {**base, "error": {"code": error.code, "message": str(error)}}

    def _result(self, method: str, params: Json) -> Json:
        if method == "initialize":
            return {
                "protocolVersion": params.get("protocolVersion", "2025-06-18"),
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "by hand", "version": "1"},
            }
        if method == "tools/list":
            begin = int(params.get("cursor") or 0)
            names = list(self.tools)[begin : begin + self.page]
            more = begin + self.page < len(self.tools)
            tools = [{"name": name, "inputSchema": {"type": "object", "properties": {}}} for name in names]
            return {"tools": tools, **({"nextCursor": str(begin + self.page)} if more else {})}
        if method == "tools/call":
            return self.tools[params["name"]](params.get("arguments") or {})
        raise RpcError(-32601, "Method not found")
