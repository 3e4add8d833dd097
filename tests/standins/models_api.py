"""A stand-in for an OpenAI-compatible model API, over real HTTP with real SSE.

Responses and Chat Completions, streaming and not; models; transcriptions; searches that find one file. In a test:
`with ModelsApi() as api: api.answer(Answer("…")); … api.base`. For other processes:
`python -m tests.standins.models_api --port N`, driven over `GET`/`POST /__control`. Without a script it repeats what it
was told. Shapes are those of the `openai` package's types, which its tests check.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from tests.standins.sse import Events, Gone

Json = dict[str, Any]
KEY = "sk-Qz7vXw2bLk9mRt4cNy8pHs3dGf6jUa1e"
MODELS = ("gpt-5.6-luna", "gpt-5.4-mini", "gpt-4.1", "local-model")
HTML = "<!doctype html><html><head><title>Welcome</title></head><body>An ordinary web site</body></html>"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclass
class Tool:
    """A tool that the API runs itself: web_search, file_search, code_interpreter or image_generation."""

    kind: str
    query: str = ""
    sources: tuple[str, ...] = ()
    """Addresses (web) or file names (files)."""
    code: str = ""
    output: str = ""
    failed: bool = False


@dataclass
class Call:
    """A call of a function that the caller has."""

    name: str
    arguments: Json = field(default_factory=dict)


@dataclass
class Answer:
    """One scripted answer, for streaming and not.

    `pieces`: the deltas; else `text` is cut into words. The numbers of `…_after` count deltas that were sent before.
    """

    text: str = ""
    pieces: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    """Reasoning summaries; of Chat Completions, `reasoning_content`."""
    tools: tuple[Tool, ...] = ()
    calls: tuple[Call, ...] = ()
    citations: tuple[Json, ...] = ()
    """Annotations as Responses sends them."""
    refusal: str = ""
    status: int = 200
    """Another status is answered with `error` as its body."""
    error: Json = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    """With a status of 200: this text in place of an answer; `headers` give its type."""
    wait: float = 0.0
    """Seconds before the first byte."""
    pause: float = 0.0
    """Seconds between two deltas."""
    hold_after: int | None = None
    """Stops there until `ModelsApi.release()`, or the reader hangs up."""
    drop_after: int | None = None
    reset: bool = False
    """`drop_after` with a reset of the connection."""
    malformed_after: int | None = None
    fail_after: int | None = None
    """Reports `error` in the middle: of Responses, as `response.failed`, or as an `error` event with `error_event`."""
    error_event: bool = False
    incomplete: str = ""
    """Ends with `response.incomplete` for this reason."""

    def deltas(self) -> list[str]:
        return list(self.pieces) or re.findall(r"\S+\s*|\s+", self.text)

    @property
    def whole(self) -> str:
        return "".join(self.pieces) or self.text


def error(message: str, code: str | None = None, kind: str = "invalid_request_error", param: str | None = None) -> Json:
    """An error in OpenAI's shape."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass
class Asked:
    """A request as it came. `body` is the parsed JSON, or {} where it is none."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json
    raw: bytes = b""
    target: str = ""
    """The path and query as they were asked for."""


class ModelsApi:
    """The server, in a thread. Scripts, what was asked, and the way to let a held stream go on."""

    def __init__(
        self, port: int = 0, *, models: tuple[str, ...] = MODELS, key: str | None = None, tag: str = "1"
    ) -> None:
        self.models = list(models)
        self.ends: dict[str, str] = {}
        """What the list says of models whose end is announced: {model: its `shutdown_date`}."""
        self.key = key
        """The one accepted; None: whatever begins with `sk-`, or nothing at all."""
        self.tag = tag
        self.root = "/v1"
        """Where the API is; another place may be set while it runs."""
        self.asked: list[Asked] = []
        self.hung_up = threading.Event()
        """Set when a reader hangs up before the end."""
        self.holding = threading.Event()
        """Set while a stream is held."""
        self._released = threading.Event()
        self._scripts: deque[Answer] = deque()
        self._always: Answer | None = None
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self.port = self._server.server_address[1]
        self.base = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> ModelsApi:
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, *answers: Answer) -> None:
        """The next model calls are answered with these, in order."""
        with self._lock:
            self._scripts.extend(answers)

    def always(self, answer: Answer | None) -> None:
        """What is answered when no script is left; None: what was said comes back."""
        self._always = answer

    def release(self) -> None:
        """Lets held streams go on."""
        self._released.set()

    def calls(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    @property
    def last(self) -> Asked:
        """The last call for an answer. The list of models is asked for beside answers, and may come after them."""
        return [asked for asked in self.asked if asked.method == "POST"][-1]

    # --- of the handler -----------------------------------------------------------------------

    def next_answer(self, said: str) -> Answer:
        with self._lock:
            if self._scripts:
                return self._scripts.popleft()
        return self._always or Answer(f"You said: {said}")

    def number(self) -> int:
        return next(self._numbers)

    def hold(self, events: Events) -> None:
        self.holding.set()
        while not self._released.wait(0.02):
            events.comment()
        self.holding.clear()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    api: ModelsApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        asked = self._asked()
        if asked.path == "/__control":
            self._json(200, {"asked": [{"method": a.method, "path": a.path, "body": a.body} for a in self.api.asked]})
        elif self._allowed(asked) and asked.path == "/v1/models":
            entries = [
                {"id": m, "object": "model", "created": n, "owned_by": "standin", "shutdown_date": self.api.ends.get(m)}
                for n, m in enumerate(self.api.models, 1)
            ]
            self._json(200, {"object": "list", "data": entries})
        elif asked.path != "/v1/models":
            self._json(404, error(f"Unknown request URL: GET {asked.path}.", "unknown_url"))

    def do_POST(self) -> None:
        asked = self._asked()
        if asked.path == "/__control":
            self._control(asked.body)
        elif not self._allowed(asked):
            pass
        elif asked.path == "/v1/responses":
            self._model(asked, _Responses(self.api, asked.body))
        elif asked.path == "/v1/chat/completions":
            self._model(asked, _Completions(self.api, asked.body))
        elif asked.path == "/v1/traces/ingest":
            self._json(200, {})
        elif re.fullmatch(r"/v1/vector_stores/[^/]+/search", asked.path):
            found = {"attributes": {}, "content": [], "file_id": "file-1", "filename": "tea.md", "score": 0.5}
            self._json(200, {"object": "list", "search_query": [asked.body.get("query")], "data": [found]})
        elif asked.path == "/v1/audio/transcriptions":
            answer = self.api.next_answer("")
            self._json(200, {"text": answer.text})
        else:
            self._json(404, error(f"Unknown request URL: POST {asked.path}.", "unknown_url"))

    # --- parts --------------------------------------------------------------------------------

    def _asked(self) -> Asked:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = {}
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = self.path.split("?")[0]
        if self.api.root != "/v1" and path != "/__control":
            path = f"/v1{path.removeprefix(self.api.root)}" if path.startswith(f"{self.api.root}/") else f"/-{path}"
        asked = Asked(self.command, path, headers, body if isinstance(body, dict) else {}, raw, self.path)
        if asked.path != "/__control":
            self.api.asked.append(asked)
        return asked

    def _allowed(self, asked: Asked) -> bool:
        key = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if (self.api.key is not None and key != self.api.key) or "wrong" in key:
            shown = f"{key[:8]}{'*' * 12}{key[-4:]}"
            self._json(401, error(f"Incorrect API key provided: {shown}.", "invalid_api_key"))
            return False
        return True

    def _control(self, body: Json) -> None:
        if "answers" in body:
            made = [
                Answer(
                    **{
                        **a,
                        "tools": tuple(Tool(**t) for t in a.get("tools", ())),
                        "calls": tuple(Call(**c) for c in a.get("calls", ())),
                    }
                )
                for a in body["answers"]
            ]
            self.api.answer(*made)
        if body.get("release"):
            self.api.release()
        self._json(200, {})

    def _json(self, status: int, body: Json | str, headers: dict[str, str] | None = None) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        given = {"Content-Type": "application/json", "x-request-id": f"req_{self.api.number()}", **(headers or {})}
        for name, value in given.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _model(self, asked: Asked, protocol: _Protocol) -> None:
        model = str(asked.body.get("model", ""))
        if model not in self.api.models:
            text = f"The model `{model}` does not exist or you do not have access to it."
            self._json(404, error(text, "model_not_found"))
            return
        answer = self.api.next_answer(protocol.said())
        if answer.wait:
            time.sleep(answer.wait)
        if answer.status != 200:
            self._json(answer.status, answer.error, answer.headers)
        elif answer.body:
            self._json(200, answer.body, {"Content-Type": "application/json", **answer.headers})
        elif not asked.body.get("stream"):
            self._json(200, protocol.whole(answer))
        else:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            events = Events(cast(Any, self.wfile), self.connection)
            try:
                with contextlib.suppress(_Failed):
                    protocol.stream(answer, events)
            except Gone:
                self.api.hung_up.set()
                self.close_connection = True
            except _Dropped:
                self.close_connection = True
            else:
                with contextlib.suppress(Gone):
                    events.end()


class _Dropped(Exception):
    """The script hung up."""


class _Failed(Exception):
    """The script reported a failure, and that was all."""


class _Protocol:
    """What the two protocols have in common: reading what was said, and the faults in the middle of the text."""

    def __init__(self, api: ModelsApi, body: Json) -> None:
        self.api = api
        self.body = body
        self.number = api.number()

    def said(self) -> str:
        raise NotImplementedError

    def whole(self, answer: Answer) -> Json:
        raise NotImplementedError

    def stream(self, answer: Answer, events: Events) -> None:
        raise NotImplementedError

    def failed(self, answer: Answer, events: Events) -> None:
        raise NotImplementedError

    def deltas(self, answer: Answer, events: Events) -> Iterator[str]:
        """The deltas, with pauses and faults. Raises _Dropped where the script ends the connection."""
        pieces = answer.deltas()
        for count in range(len(pieces) + 1):
            if count == answer.hold_after:
                self.api.hold(events)
            if count == answer.drop_after:
                events.drop(reset=answer.reset)
                raise _Dropped
            if count == answer.malformed_after:
                events.raw(b'data: {"type": "response.output_text.delta", "delta": "cut o\n\n')
            if count == answer.fail_after:
                self.failed(answer, events)
                raise _Failed
            if count < len(pieces):
                if count and answer.pause:
                    time.sleep(answer.pause)
                yield pieces[count]


class _Responses(_Protocol):
    """POST /v1/responses."""

    def said(self) -> str:
        given = self.body.get("input", "")
        if isinstance(given, str):
            return given
        for item in reversed(given):
            if item.get("role") == "user":
                content = item.get("content", "")
                if isinstance(content, str):
                    return content
                return "".join(part.get("text", "") for part in content)
        return ""

    def whole(self, answer: Answer) -> Json:
        return self._response("completed", [made for made, _ in self._output(answer)])

    def stream(self, answer: Answer, events: Events) -> None:
        self._sequence = itertools.count()
        self._send(events, "response.created", response=self._response("in_progress", []))
        self._send(events, "response.in_progress", response=self._response("in_progress", []))
        output: list[Json] = []
        for index, (item, kind) in enumerate(self._output(answer)):
            getattr(self, f"_stream_{kind}")(answer, events, index, item)
            output.append(item)
        if answer.incomplete:
            response = self._response("incomplete", output)
            response["incomplete_details"] = {"reason": answer.incomplete}
            self._send(events, "response.incomplete", response=response)
            return
        self._send(events, "response.completed", response=self._response("completed", output))

    def failed(self, answer: Answer, events: Events) -> None:
        told = answer.error.get("error", {})
        if answer.error_event:
            self._send(events, "error", code=told.get("code"), message=told.get("message", ""), param=None)
            return
        response = self._response("failed", [])
        response["error"] = {"code": told.get("code") or "server_error", "message": told.get("message", "")}
        self._send(events, "response.failed", response=response)

    # --- items --------------------------------------------------------------------------------

    def _output(self, answer: Answer) -> Iterator[tuple[Json, str]]:
        if answer.reasoning:
            summary = [{"type": "summary_text", "text": text} for text in answer.reasoning]
            yield {"id": self._id("rs"), "type": "reasoning", "summary": summary}, "reasoning"
        for tool in answer.tools:
            yield self._tool(tool), "tool"
        if answer.refusal:
            content: list[Json] = [{"type": "refusal", "refusal": answer.refusal}]
            yield self._message(content), "refusal"
        elif answer.whole or not (answer.tools or answer.reasoning or answer.calls):
            content = [
                {"type": "output_text", "text": answer.whole, "annotations": list(answer.citations), "logprobs": []}
            ]
            yield self._message(content if answer.whole else []), "message"
        for call in answer.calls:
            yield self._called(call), "call"

    def _called(self, call: Call) -> Json:
        return {
            "id": self._id("fc"), "type": "function_call", "status": "completed", "call_id": self._id("call"),
            "name": call.name, "arguments": json.dumps(call.arguments),
        }  # fmt: skip

    def _message(self, content: list[Json]) -> Json:
        return {
            "id": self._id("msg"), "type": "message", "status": "completed", "role": "assistant", "content": content
        }  # fmt: skip

    def _tool(self, tool: Tool) -> Json:
        status = "failed" if tool.failed else "completed"
        base: Json = {"id": self._id("ws"), "status": status}
        if tool.kind == "web_search":
            sources = [{"type": "url", "url": url} for url in tool.sources]
            action = {"type": "search", "query": tool.query, "queries": [tool.query], "sources": sources}
            return {**base, "type": "web_search_call", "action": action}
        if tool.kind == "file_search":
            results = [
                {"file_id": f"file-{n}", "filename": name, "score": 0.9, "text": "…", "attributes": {}}
                for n, name in enumerate(tool.sources)
            ]
            return {**base, "type": "file_search_call", "queries": [tool.query], "results": results}
        if tool.kind == "code_interpreter":
            outputs = [{"type": "logs", "logs": tool.output}] if tool.output else []
            return {
                **base, "type": "code_interpreter_call", "container_id": "cntr_1", "code": tool.code, "outputs": outputs
            }  # fmt: skip
        return {**base, "type": "image_generation_call", "result": PIXEL}

    def _stream_reasoning(self, answer: Answer, events: Events, index: int, item: Json) -> None:
        where = {"item_id": item["id"], "output_index": index}
        self._send(events, "response.output_item.added", output_index=index, item={**item, "summary": []})
        for number, text in enumerate(answer.reasoning):
            place = {**where, "summary_index": number}
            part = {"type": "summary_text", "text": ""}
            self._send(events, "response.reasoning_summary_part.added", **place, part=part)
            for piece in re.findall(r"\S+\s*", text):
                self._send(events, "response.reasoning_summary_text.delta", **place, delta=piece)
            self._send(events, "response.reasoning_summary_text.done", **place, text=text)
            self._send(events, "response.reasoning_summary_part.done", **place, part={**part, "text": text})
        self._send(events, "response.output_item.done", output_index=index, item=item)

    def _stream_tool(self, answer: Answer, events: Events, index: int, item: Json) -> None:
        where = {"item_id": item["id"], "output_index": index}
        kind = item["type"]
        begun = {key: value for key, value in item.items() if key not in ("action", "results", "outputs", "result")}
        begun["status"] = "in_progress"
        if kind == "web_search_call":
            begun["action"] = {"type": "search", "query": ""}
        if kind == "code_interpreter_call":
            begun.update(code="", outputs=None)
        if kind == "image_generation_call":
            begun["result"] = None
        self._send(events, "response.output_item.added", output_index=index, item=begun)
        self._send(events, f"response.{kind}.in_progress", **where)
        if kind in ("web_search_call", "file_search_call"):
            self._send(events, f"response.{kind}.searching", **where)
        elif kind == "code_interpreter_call":
            for piece in re.findall(r"\S+\s*|\s+", item["code"]):
                self._send(events, "response.code_interpreter_call_code.delta", **where, delta=piece)
            self._send(events, "response.code_interpreter_call_code.done", **where, code=item["code"])
            self._send(events, "response.code_interpreter_call.interpreting", **where)
        else:
            self._send(events, "response.image_generation_call.generating", **where)
            self._send(
                events, "response.image_generation_call.partial_image", **where,
                partial_image_index=0, partial_image_b64=PIXEL,
            )  # fmt: skip
        if answer.pause:
            time.sleep(answer.pause)
        self._send(events, f"response.{kind}.completed", **where)
        self._send(events, "response.output_item.done", output_index=index, item=item)

    def _stream_call(self, answer: Answer, events: Events, index: int, item: Json) -> None:
        where = {"item_id": item["id"], "output_index": index}
        begun = {**item, "status": "in_progress", "arguments": ""}
        self._send(events, "response.output_item.added", output_index=index, item=begun)
        for piece in re.findall(r"\S+\s*", item["arguments"]):
            self._send(events, "response.function_call_arguments.delta", **where, delta=piece)
        self._send(
            events, "response.function_call_arguments.done", **where, arguments=item["arguments"], name=item["name"]
        )
        self._send(events, "response.output_item.done", output_index=index, item=item)

    def _stream_message(self, answer: Answer, events: Events, index: int, item: Json) -> None:
        where = {"item_id": item["id"], "output_index": index, "content_index": 0}
        begun = {**item, "status": "in_progress", "content": []}
        self._send(events, "response.output_item.added", output_index=index, item=begun)
        if item["content"]:
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            self._send(events, "response.content_part.added", **where, part=part)
        for piece in self.deltas(answer, events):
            self._send(events, "response.output_text.delta", **where, delta=piece, logprobs=[])
        if item["content"]:
            for number, citation in enumerate(answer.citations):
                self._send(
                    events, "response.output_text.annotation.added", **where,
                    annotation_index=number, annotation=citation,
                )  # fmt: skip
            self._send(events, "response.output_text.done", **where, text=answer.whole, logprobs=[])
            self._send(events, "response.content_part.done", **where, part=item["content"][0])
        self._send(events, "response.output_item.done", output_index=index, item=item)

    def _stream_refusal(self, answer: Answer, events: Events, index: int, item: Json) -> None:
        where = {"item_id": item["id"], "output_index": index, "content_index": 0}
        begun = {**item, "status": "in_progress", "content": []}
        self._send(events, "response.output_item.added", output_index=index, item=begun)
        self._send(events, "response.content_part.added", **where, part={"type": "refusal", "refusal": ""})
        for piece in re.findall(r"\S+\s*", answer.refusal):
            self._send(events, "response.refusal.delta", **where, delta=piece)
        self._send(events, "response.refusal.done", **where, refusal=answer.refusal)
        self._send(events, "response.content_part.done", **where, part=item["content"][0])
        self._send(events, "response.output_item.done", output_index=index, item=item)

    # --- shapes -------------------------------------------------------------------------------

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self.api.tag}{self.number:04d}{self.api.number():04d}"

    def _send(self, events: Events, kind: str, **data: Any) -> None:
        events.send({"type": kind, "sequence_number": next(self._sequence), **data}, kind)

    def _response(self, status: str, output: list[Json]) -> Json:
        done = status == "completed"
        details = {"input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                   "output_tokens_details": {"reasoning_tokens": 0}}  # fmt: skip
        return {
            "id": f"resp_{self.number:06d}", "object": "response", "created_at": 1_700_000_000, "status": status,
            "error": None, "incomplete_details": None, "instructions": self.body.get("instructions"),
            "metadata": {}, "model": self.body.get("model", ""), "output": output, "parallel_tool_calls": True,
            "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
            "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2, **details} if done else None,
        }  # fmt: skip


class _Completions(_Protocol):
    """POST /v1/chat/completions."""

    def said(self) -> str:
        for message in reversed(self.body.get("messages", [])):
            if message.get("role") == "user":
                content = message.get("content", "")
                if isinstance(content, str):
                    return content
                return "".join(part.get("text", "") for part in content)
        return ""

    def whole(self, answer: Answer) -> Json:
        message: Json = {"role": "assistant", "content": answer.whole or None, "refusal": answer.refusal or None}
        if answer.calls:
            message["tool_calls"] = self._calls(answer)
        finish = "tool_calls" if answer.calls else "stop"
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        return {**self._base("chat.completion"), "choices": [choice], "usage": self._usage()}

    def stream(self, answer: Answer, events: Events) -> None:
        self._send(events, {"role": "assistant", "content": ""} if answer.whole else {"role": "assistant"})
        for text in answer.reasoning:
            self._send(events, {"reasoning_content": text})
        if answer.refusal:
            self._send(events, {"refusal": answer.refusal})
        for piece in self.deltas(answer, events):
            self._send(events, {"content": piece})
        for index, call in enumerate(self._calls(answer)):
            self._send(events, {"tool_calls": [{"index": index, **call}]})
        self._send(events, {}, finish=answer.incomplete or ("tool_calls" if answer.calls else "stop"))
        if (self.body.get("stream_options") or {}).get("include_usage"):
            events.send({**self._base("chat.completion.chunk"), "choices": [], "usage": self._usage()})
        events.send("[DONE]")

    def _calls(self, answer: Answer) -> list[Json]:
        return [
            {
                "id": f"call_{self.number:04d}{self.api.number():04d}",
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for call in answer.calls
        ]

    def failed(self, answer: Answer, events: Events) -> None:
        events.send(answer.error)

    def _send(self, events: Events, delta: Json, finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        events.send({**self._base("chat.completion.chunk"), "choices": [choice]})

    def _base(self, kind: str) -> Json:
        return {
            "id": f"chatcmpl-{self.number}", "object": kind, "created": 1_700_000_000,
            "model": self.body.get("model", ""),
        }  # fmt: skip

    def _usage(self) -> Json:
        return {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    with ModelsApi(args.port) as api:
        print(api.base, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
