"""A model server with habits: what it answers is said by the test byte for byte, in the pieces it names.

For both protocols, over real HTTP. `chat` and `responses` make the usual events, to be bent by the test. Each habit
comes from a public report; the tests name whose it is where that is known.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
SSE = "text/event-stream"


@dataclass
class Reply:
    """One answer. `body`: the bytes, or the pieces they come in."""

    body: bytes | str | Iterable[bytes] = b""
    status: int = 200
    kind: str | None = SSE
    """The content type; None: none is said."""
    headers: dict[str, str] = field(default_factory=dict)
    reset: bool = False
    """Ends with a reset of the connection."""
    unanswered: bool = False
    """The connection is closed before a byte of an answer."""
    closes_after: bool = False
    """The connection is closed after the answer without saying so beforehand."""


class Habits:
    """The server, in a thread: `answer` scripts what comes next, `always` what comes then."""

    def __init__(self) -> None:
        self.asked: list[Json] = []
        """The bodies of the requests."""
        self.paths: list[str] = []
        self.models = Reply('{"object": "list", "data": [{"id": "m"}]}', kind="application/json")
        """What is answered to whoever asks for the list."""
        self.always: Reply | None = None
        self.refuses: dict[str, Reply] = {}
        """Answers to requests that have a parameter of this name."""
        self._scripts: deque[Reply] = deque()
        habits = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                with contextlib.suppress(ValueError):
                    habits.asked.append(json.loads(raw))
                    habits.paths.append(self.path)
                self._reply(habits.next(habits.asked[-1] if habits.asked else {}))

            def do_GET(self) -> None:
                habits.paths.append(self.path)
                self._reply(habits.models)

            def _reply(self, reply: Reply) -> None:
                if reply.unanswered:
                    self.close_connection = True
                    return
                body = reply.body.encode() if isinstance(reply.body, str) else reply.body
                pieces = [body] if isinstance(body, bytes) else list(body)
                self.send_response(reply.status)
                if reply.kind is not None:
                    self.send_header("Content-Type", reply.kind)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in pieces:
                    if piece:
                        self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                        self.wfile.flush()
                if reply.reset:
                    time.sleep(0.1)  # what was sent is to arrive first
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return
                self.wfile.write(b"0\r\n\r\n")
                self.wfile.flush()
                self.close_connection = reply.closes_after

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: Any) -> None:
                """A reader that hangs up is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Habits:
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, *replies: Reply) -> None:
        """The next requests are answered with these, in order."""
        self._scripts.extend(replies)

    def next(self, asked: Json) -> Reply:
        for name, reply in self.refuses.items():
            if name in json.dumps(asked):
                return reply
        return self._scripts.popleft() if self._scripts else self.always or Reply("", status=500)


def chat(*deltas: Json, finish: str | None = "stop", done: bool = True) -> str:
    """A stream of Chat Completions as OpenAI writes it."""
    events = [chunk(delta) for delta in deltas]
    if finish is not None:
        events.append(chunk({}, finish))
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + ("data: [DONE]\n\n" if done else "")


def chunk(delta: Json, finish: str | None = None) -> Json:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def responses(text: str, *, status: str = "completed", done: bool = True) -> list[Json]:
    """The events of Responses for one message, as OpenAI writes them."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    place: Json = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    made: list[Json] = [
        {"type": "response.created", "response": response("in_progress", [])},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": text, "logprobs": []},
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
    ]
    if done:
        made.append({"type": f"response.{status}", "response": response(status, [item])})
    return [{**event, "sequence_number": number} for number, event in enumerate(made)]


def response(status: str, output: list[Json]) -> Json:
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "m", "output": output,
        "error": None, "incomplete_details": None, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    }  # fmt: skip


def sse(events: Iterable[Json], *, named: bool = False) -> str:
    """Events as OpenAI sends them, without the line that names them unless `named`."""
    return "".join(
        (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events
    )
