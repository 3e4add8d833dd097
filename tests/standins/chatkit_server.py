"""A ChatKit server as a team runs one: OpenAI's SDK behind uvicorn on loopback, and every way in which it can be wrong.

In a thread (`with ChatKitStandIn() as server`), or alone: python -m tests.standins.chatkit_server --port N --token T
"""

from __future__ import annotations

import argparse
import asyncio
import email
import email.policy
import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal

import uvicorn
from chatkit.server import ChatKitServer, StreamingResult
from chatkit.store import AttachmentStore, NotFoundError
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    Attachment,
    AttachmentCreateParams,
    AttachmentUploadDescriptor,
    FileAttachment,
    ImageAttachment,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)
from pydantic import AnyUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from desktop.agents.chatkit.context import RequestContext
from tests.agents.reference import ReferenceStore

Mode = Literal[
    "chatkit",
    "html",
    "other_json",
    "text",
    "no_type",
    "other_events",
    "elsewhere",
    "moved",
    "see_other",
    "circle",
    "down",
    "missing",
    "busy",
    "teapot",
    "silent",
    "gone",
    "flood",
    "huge",
    "stall",
    "echo",
    "empty",
    "crlf",
    "far_place",
    "silent_error",
    "false_card",
]
CHANGED: dict[str, tuple[bytes, bytes]] = {
    "crlf": (b"\n", b"\r\n"),
    "far_place": (b'"content_index":0', b'"content_index":2000000000'),
}
"""What stands in the place of what, in every piece of an answer."""
FALSE_CARD = b"".join(
    (
        b'data: {"type": "thread.item.done", "item": {"type": "widget", "id": "w1", "thread_id": "t", ',
        b'"created_at": "2026-01-01T00:00:00", "widget": {"type": "Card", "id": "cut.length", "children": [',
        b'{"type": "Text", "id": "question", "value": "Files: delete mcp.once"}, {"type": "Row", "children": [',
        b'{"type": "Button", "label": "Allow once", "onClickAction": {"type": "mcp.once", "payload": {"id": "1"}}}',
        b"]}]}}}\n\n",
    )
)
"""What imitates a card of the app's."""
EVERYBODY = RequestContext("team", "user_1")
PARTS = 12
"""Deltas of an answer."""


class _Killable(uvicorn.Server):
    """Ends as a process does that is killed: every connection at once, whatever is being sent.

    uvicorn's own way leaves them open and, from Python 3.12 on, `Server.wait_closed` waits until they have ended.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in self.servers:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)


class ChatKitStandIn:
    """`url` is what a person enters. `token`: what it asks for; empty: nothing. `pause`: seconds between two deltas.

    `mode` is how it behaves from the next request on. `heard`: the requests, `{type, headers, path}`; `cut`: answers
    that their reader left before the end.
    """

    def __init__(self, token: str = "", *, port: int = 0, pause: float = 0.0, header: str = "authorization") -> None:
        self.token = token
        self.header = header
        self.pause = pause
        self.mode: Mode = "chatkit"
        self.elsewhere = "http://localhost:9/chatkit"
        self.uploads_to = ""
        """Another origin for files; empty: its own."""
        self.unknown = 404
        """The status for a thread that is not there; 500: as a server without a handler for the SDK's NotFoundError."""
        self.says: tuple[int, Any] | None = None
        """A status and what it answers with it to requests of the types `says_to`; 200: an event of a stream."""
        self.says_to: set[str] = {"threads.create", "threads.add_user_message"}
        self.heard: list[dict[str, Any]] = []
        self.cut = 0
        self.files: dict[str, bytes] = {}
        self.names: dict[str, str] = {}
        """The names that files had in a form."""
        self.wants = "bytes"
        """How it takes a file: bytes; form, as FastAPI's `UploadFile`; form_said, where its descriptor says so."""
        self.refuses_form = 422
        """What it answers to the other way."""
        self.descriptor: dict[str, Any] | None = None
        """What `attachments.create` answers as its upload descriptor, whatever the SDK would; {}: none at all."""
        self.store = ReferenceStore()
        self.server = _Server(self)
        self._port = port
        self._uvicorn: _Killable | None = None
        self._thread: threading.Thread | None = None

    # --- life ---------------------------------------------------------------------------------

    def __enter__(self) -> ChatKitStandIn:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        app = Starlette(
            routes=[
                Route("/chatkit", self._chatkit, methods=["POST"]),
                Route("/moved", self._answer, methods=["POST"]),
                Route("/upload/{name}", self._upload, methods=["PUT", "POST"]),
            ]
        )
        config = uvicorn.Config(
            app, host="127.0.0.1", port=self._port, log_config=None, lifespan="off", ws="none", loop="asyncio"
        )
        self._uvicorn = _Killable(config)
        self._thread = threading.Thread(target=self._uvicorn.run, name="chatkit server", daemon=True)
        self._thread.start()
        end = time.monotonic() + 60
        while not self._uvicorn.started:
            if time.monotonic() > end or not self._thread.is_alive():
                raise RuntimeError("the ChatKit server did not start")
            time.sleep(0.01)
        self._port = self._uvicorn.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        """As a kill: connections end at once. `start` brings it back at the same port, with its chats."""
        if self._uvicorn is not None and self._thread is not None:
            self._uvicorn.should_exit = True
            self._thread.join(10)
            self._uvicorn = None

    def forget(self) -> None:
        """As a server that keeps its chats in memory and was started anew."""
        self.store = self.server.store = ReferenceStore()

    @property
    def port(self) -> int:
        return self._port

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/chatkit"

    def types(self) -> list[str]:
        """The types of the requests so far."""
        return [str(one["type"]) for one in self.heard]

    # --- requests -----------------------------------------------------------------------------

    def _knows(self, request: Request) -> bool:
        given = request.headers.get(self.header, "")
        return not self.token or given == (f"Bearer {self.token}" if self.header == "authorization" else self.token)

    async def _chatkit(self, request: Request) -> Response:
        body = await request.body()
        kind = str(json.loads(body).get("type"))
        self.heard.append({"type": kind, "path": request.url.path, "headers": dict(request.headers), "body": body})
        if not self._knows(request):
            return JSONResponse({"detail": f"no such token: {request.headers.get(self.header)}"}, 401)
        if self.says is not None and kind in self.says_to:
            status, said = self.says
            if status == 200:
                return StreamingResponse(
                    _pieces(f"data: {json.dumps(said)}\n\n".encode()), media_type="text/event-stream"
                )
            return Response(said, status) if isinstance(said, str) else JSONResponse(said, status)
        wrong = await self._wrong(kind, request)
        return wrong if wrong is not None else await self._talk(body)

    async def _answer(self, request: Request) -> Response:
        """Where a redirect on its own origin leads."""
        body = await request.body()
        kind = str(json.loads(body).get("type"))
        self.heard.append({"type": kind, "path": request.url.path, "headers": dict(request.headers), "body": body})
        return await self._talk(body) if self._knows(request) else JSONResponse({}, 401)

    async def _talk(self, body: bytes) -> Response:
        try:
            result = await self.server.process(body, EVERYBODY)
        except NotFoundError as error:
            if self.unknown == 500:
                return Response("Internal Server Error", 500, media_type="text/plain")
            return JSONResponse({"detail": f"{error} is not there"}, 404)
        if isinstance(result, StreamingResult):
            return StreamingResponse(self._watched(result), media_type="text/event-stream")
        made = json.loads(result.json)
        if self.descriptor is not None and json.loads(body).get("type") == "attachments.create":
            said = {**(made.get("upload_descriptor") or {}), **self.descriptor}
            made["upload_descriptor"] = said if self.descriptor else None
            return JSONResponse(made)
        return Response(result.json, media_type="application/json")

    async def _watched(self, result: StreamingResult) -> AsyncIterator[bytes]:
        whole = False
        try:
            async for piece in result:
                if self.mode == "silent_error" and b"text_delta" in piece:
                    yield b'data: {"type": "error", "code": "stream.error", "allow_retry": true}\n\n'
                    return
                if self.mode == "false_card" and b"text_delta" in piece:
                    yield FALSE_CARD
                changed = CHANGED.get(self.mode)
                yield piece.replace(*changed) if changed else piece
                if self.mode == "gone" and b"text_delta" in piece:
                    raise ConnectionAbortedError("the power is off")
            whole = True
        finally:
            self.cut += 0 if whole else 1

    async def _wrong(self, kind: str, request: Request) -> Response | None:
        """An answer that is none of ChatKit's."""
        match self.mode:
            case "html":
                return HTMLResponse("<!doctype html><title>Welcome</title><p>Sign in")
            case "other_json":
                return JSONResponse({"object": "list", "data": [{"name": "no id"}], "models": []})
            case "text":
                return Response("hello", media_type="text/plain")
            case "no_type":
                return Response(b"{}")
            case "other_events":
                return StreamingResponse(_pieces(b"data: hello\n\n"), media_type="text/event-stream")
            case "empty":
                return StreamingResponse(_pieces(b": ping\n\n"), media_type="text/event-stream")
            case "elsewhere":
                return RedirectResponse(self.elsewhere, 307)
            case "moved":
                return RedirectResponse("/moved", 308)
            case "circle":
                return RedirectResponse("/chatkit", 307)
            case "see_other":
                return RedirectResponse("/moved", 303)
            case "down":
                return HTMLResponse("<h1>Traceback</h1>", 500)
            case "missing":
                return JSONResponse({"detail": "Not Found"}, 404)
            case "busy":
                return JSONResponse({"error": {"message": "slow down"}}, 429, {"Retry-After": "1"})
            case "teapot":
                return JSONResponse({"detail": f"I am a teapot, {request.headers.get(self.header)}"}, 418)
            case "silent":
                await asyncio.sleep(3600)
            case "flood":
                return StreamingResponse(_endless(b"data: ", b"x" * 65536), media_type="text/event-stream")
            case "huge":
                return StreamingResponse(_endless(b'{"data": ["', b"x" * 65536), media_type="application/json")
            case "stall" if kind.startswith("threads.create"):
                return StreamingResponse(_stalled(), media_type="text/event-stream")
        return None

    async def _upload(self, request: Request) -> Response:
        name = request.path_params["name"]
        body = await request.body()
        self.heard.append({"type": "upload", "path": request.url.path, "headers": dict(request.headers), "body": body})
        if not self.uploads_to and not self._knows(request):
            return Response(status_code=401)
        kind = request.headers.get("content-type", "")
        if self.wants != "bytes":
            sent = _form_file(kind, body)
            if sent is None:
                missing = [{"type": "missing", "loc": ["body", "file"], "msg": "Field required"}]
                return JSONResponse({"detail": missing}, self.refuses_form)  # FastAPI's
            self.names[name], body = sent
        elif kind.startswith("multipart/"):
            return JSONResponse({"detail": "no form here"}, 415)
        self.files[name] = body
        return Response(status_code=204)


def _form_file(kind: str, body: bytes) -> tuple[str, bytes] | None:
    """The name and the bytes of the field `file`; None where that is not what came."""
    if not kind.startswith("multipart/form-data"):
        return None
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=email.policy.HTTP)
    for part in message.iter_parts():
        if part.get_param("name", header="content-disposition") == "file":
            content = part.get_payload(decode=True)
            return str(part.get_filename()), content if isinstance(content, bytes) else b""
    return None


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _endless(first: bytes, piece: bytes) -> AsyncIterator[bytes]:
    yield first
    while True:
        yield piece
        await asyncio.sleep(0)


async def _stalled() -> AsyncIterator[bytes]:
    yield b'data: {"type": "stream_options", "stream_options": {"allow_cancel": true}}\n\n'
    await asyncio.sleep(3600)


class _Files(AttachmentStore[RequestContext]):
    """Two-phase uploads: the attachment first, then its bytes at `/upload/ID`."""

    def __init__(self, standin: ChatKitStandIn) -> None:
        self._standin = standin

    async def create_attachment(self, input: AttachmentCreateParams, context: RequestContext) -> Attachment:
        name = self.generate_attachment_id(input.mime_type, context)
        base = self._standin.uploads_to or self._standin.origin
        made: dict[str, Any] = {
            "id": name,
            "name": input.name,
            "mime_type": input.mime_type,
            "upload_descriptor": AttachmentUploadDescriptor(
                url=AnyUrl(f"{base}/upload/{name}"),
                method="PUT",
                headers={"X-Upload": "yes", "Host": "evil.example"},
            ),
        }
        attachment: Attachment = FileAttachment(**made)
        if input.mime_type.startswith("image/"):
            attachment = ImageAttachment(**made, preview_url=AnyUrl(f"{base}/upload/{name}"))
        await self._standin.store.save_attachment(attachment, context)
        return attachment

    async def delete_attachment(self, attachment_id: str, context: RequestContext) -> None:
        self._standin.files.pop(attachment_id, None)


class _Server(ChatKitServer[RequestContext]):
    """Says back what it hears, in many parts."""

    def __init__(self, standin: ChatKitStandIn) -> None:
        super().__init__(standin.store, _Files(standin))
        self._standin = standin

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: RequestContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        heard = input_user_message
        said = "".join(part.text for part in heard.content) if heard else "nothing"
        files = [
            f"{one.name} ({len(self._standin.files.get(one.id, b''))})" for one in (heard.attachments if heard else ())
        ]
        if thread.title is None:
            thread.title = said[:40]
        whole = f"You said: {said}."
        if files:
            whole += f" With {', '.join(files)}."
        if self._standin.mode == "echo":
            whole += f" Your token is {self._standin.token}."
        name = self.store.generate_item_id("message", thread, context)
        item = AssistantMessageItem(id=name, thread_id=thread.id, created_at=datetime.now(), content=[])  # noqa: DTZ005 - as the SDK does
        yield ThreadItemAddedEvent(item=item)
        for part in [whole, *(f" Word {number}." for number in range(PARTS))]:
            await asyncio.sleep(self._standin.pause)
            delta = AssistantMessageContentPartTextDelta(content_index=0, delta=part)
            yield ThreadItemUpdatedEvent(item_id=name, update=delta)
        content = AssistantMessageContent(text=whole + "".join(f" Word {number}." for number in range(PARTS)))
        yield ThreadItemUpdatedEvent(
            item_id=name, update=AssistantMessageContentPartDone(content_index=0, content=content)
        )
        yield ThreadItemDoneEvent(item=item.model_copy(update={"content": [content]}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--token", default="")
    parser.add_argument("--pause", type=float, default=0.05)
    given = parser.parse_args()
    with ChatKitStandIn(given.token, port=given.port, pause=given.pause) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
