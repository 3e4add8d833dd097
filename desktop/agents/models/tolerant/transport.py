"""The transport to a model server: adapts requests to what the server accepts, and answers to what the SDK reads.

Wraps the HTTP client's own transport. Imports `httpx2`, which comes with `openai`, so import it late.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator, Callable

import httpx2

from desktop.agents.models.errors import EndpointUnfit
from desktop.agents.models.tolerant.heard import HEARD
from desktop.agents.models.tolerant.refusals import Refusals, less, refused
from desktop.agents.models.tolerant.requests import tool_names, with_strings
from desktop.agents.models.tolerant.stream import Protocol, Stream, Whole, whole
from desktop.common.errors import AppError
from desktop.openai_api import error_bodies

log = logging.getLogger(__name__)

PATHS: dict[str, Protocol] = {"/chat/completions": "chat", "/responses": "responses"}
MOST_ERROR = 1_000_000
"""Bytes read of an error's body."""
MOST_TRIES = 12
"""How many parameters of one request may be refused in turn."""
_STREAMS = re.compile(rb'"stream"\s*:\s*true')
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{0,300})"')
STALE = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)
"""Raised by a connection that the server has closed meanwhile."""


def protocol_of(request: httpx2.Request) -> Protocol | None:
    """The protocol of a request; None for others (models, files, speech)."""
    if request.method != "POST":
        return None
    path = request.url.path.rstrip("/")
    return next((protocol for ending, protocol in PATHS.items() if path.endswith(ending)), None)


class Sent:
    """A request as it is sent: texts as strings, without what the server refuses."""

    def __init__(self, request: httpx2.Request, protocol: Protocol | None, refusals: Refusals) -> None:
        self.request = request
        self.protocol = protocol
        self.streams = False
        self._original = request
        self._refusals = refusals
        self._left_out: list[str] = []
        if protocol is None:
            return
        self._content = with_strings(request.content)
        self.streams = _STREAMS.search(self._content) is not None
        url = request.url
        model = _MODEL.search(self._content)
        self._where = (f"{url.scheme}://{url.host}:{url.port}{url.path}", model[1].decode() if model else "")
        known = refusals.known(self._where)
        if known:
            self._content = json.dumps(less(json.loads(self._content), known)).encode()
        if self._content is not request.content:
            self._remake()

    def _remake(self) -> None:
        headers = httpx2.Headers(self._original.headers)
        headers.pop("transfer-encoding", None)
        headers["content-length"] = str(len(self._content))
        self.request = httpx2.Request(
            *(self._original.method, self._original.url),
            headers=headers,
            content=self._content,
            extensions=dict(self._original.extensions),
        )

    def without_what_is_refused(self, status: int, answer: bytes) -> bool:
        """If the refusal names something that can be left out, leave it out. Returns whether it did."""
        if status not in (400, 404, 422, 500, 501):
            return False
        try:
            sent = json.loads(self._content)
        except ValueError:
            return False
        names = [name for name in refused(sent, status, answer) if name not in self._left_out]
        if not names:
            return False
        self._left_out += names
        self._content = json.dumps(less(sent, names)).encode()
        self._remake()
        return True

    def was_taken(self) -> None:
        """The request was answered, so keep leaving out what was left out."""
        self._refusals.remember(self._where, self._left_out)

    @property
    def begun(self) -> bool:
        """Whether the answer is expected to begin in the middle of the model's reasoning, like the last one."""
        return self._refusals.begins_in_thought(self._where)

    def was_heard(self, begins_in_thought: bool | None) -> None:
        """Record how the answer began; None if unknown."""
        self._refusals.note_beginning(self._where, begins_in_thought)

    def names(self) -> set[str]:
        """The tools it offers."""
        return tool_names(self._content)


class Tolerant(httpx2.AsyncBaseTransport):
    """Wraps `inner`. `fresh` makes a transport without old connections. `refusals` is shared within a process."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        fresh: Callable[[], httpx2.AsyncBaseTransport],
        refusals: Refusals,
    ) -> None:
        self._inner = inner
        self._make_fresh = fresh
        self._fresh: httpx2.AsyncBaseTransport | None = None
        self._refusals = refusals

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises like `inner`, and EndpointUnfit."""
        sent = Sent(request, protocol_of(request), self._refusals)
        for _ in range(MOST_TRIES):
            response = await self._send(sent.request)
            if response.status_code < 400 or sent.protocol is None:
                break
            body, response = await _read(response, sent.request)
            if not sent.without_what_is_refused(response.status_code, body):
                return remade(response, error_bodies.in_openais_shape(body), response.status_code)
        if sent.protocol is None or response.status_code >= 300:
            return response
        sent.was_taken()
        return await _answer(response, sent, sent.protocol)

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        """Send again on a new connection if the old one had been closed and no answer had started."""
        try:
            return await self._inner.handle_async_request(request)
        except STALE as error:
            log.info("a connection had gone stale (%s), asked again on a new one", type(error).__name__)
        if self._fresh is None:
            self._fresh = self._make_fresh()
        return await self._fresh.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the wrapped transport."""
        await self._inner.aclose()
        if self._fresh is not None:
            await self._fresh.aclose()


async def _read(response: httpx2.Response, request: httpx2.Request) -> tuple[bytes, httpx2.Response]:
    """An error's body, and the response with that body instead of its stream."""
    response.request = request
    body = b""
    with contextlib.suppress(httpx2.HTTPError):  # it broke off; the beginning says enough
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MOST_ERROR:
                break
    await response.aclose()
    return body, remade(response, body, response.status_code)


async def _answer(response: httpx2.Response, sent: Sent, protocol: Protocol) -> httpx2.Response:
    """A 2xx answer: a stream, or a complete answer."""
    response.request = sent.request
    host = sent.request.url.host
    kind = response.headers.get("content-type", "").lower()
    if not sent.streams:
        body = b"".join([chunk async for chunk in response.aiter_bytes()])
        await response.aclose()
        refuse_page(response, body)
        answer = whole(protocol, body, sent.names())
        sent.was_heard(answer.begins_in_thought)
        return as_json(response, answer)
    heard = HEARD.get()
    stream = Stream(
        protocol,
        sent.names,
        keep_reason=heard is None or heard.keeps_reason,
        takes_back=heard is not None,
        begun=sent.begun,
    )
    chunks = response.aiter_bytes()
    body = b""
    if "event-stream" not in kind:
        # The first bytes decide, whatever the declared type.
        async for chunk in chunks:
            body += chunk
            if len(body) >= 16 or body.strip():
                break
        if error_bodies.is_page(body):
            await response.aclose()
        refuse_page(response, body)
        if "json" in kind and body.lstrip()[:1] in (b"{", b"["):
            body += b"".join([chunk async for chunk in chunks])
            error = whole_error(response, body)
            if error is not None:
                await response.aclose()
                return error

    def tell() -> None:
        sent.was_heard(stream.begins_in_thought)
        if heard is not None:
            heard.reason, heard.turned, heard.answered = stream.reason, stream.turned, stream.answered

    async def normalised() -> AsyncIterator[bytes]:
        something = False
        try:
            async for chunk in _first(body, chunks):
                piece = stream.feed(chunk)
                if piece:
                    something = True
                    tell()
                    yield piece
        except (httpx2.HTTPError, AppError):
            held = stream.finish(broken=True)
            tell()
            if held:
                yield held
            raise
        end = stream.finish()
        tell()
        if not something and not end:
            yield nothing(stream, protocol, host)
        if end:
            yield end

    return as_stream(response, _Bytes(normalised(), response))


def refuse_page(response: httpx2.Response, body: bytes) -> None:
    """Raises EndpointUnfit if the answer is a web page."""
    if error_bodies.is_page(body):
        kind = response.headers.get("content-type", "")
        raise EndpointUnfit(f"{response.status_code} {kind}"[:200], host=response.request.url.host)


def whole_error(response: httpx2.Response, body: bytes) -> httpx2.Response | None:
    """An error sent as an answer, with the status it should have had; None if it isn't an error."""
    parsed = error_bodies.read_all(body)
    if isinstance(parsed, dict | list) and error_bodies.is_error(parsed):
        return remade(response, error_bodies.in_openais_shape(body), error_bodies.status(parsed) or 400)
    return None


def as_json(response: httpx2.Response, answer: Whole) -> httpx2.Response:
    """`response` with the normalized answer."""
    kind = "application/json" if answer.body.lstrip().startswith(b"{") else ""
    return remade(response, answer.body, answer.status or response.status_code, kind)


def as_stream(response: httpx2.Response, chunks: httpx2.AsyncByteStream | httpx2.SyncByteStream) -> httpx2.Response:
    """`response` with the normalized stream."""
    headers = httpx2.Headers(response.headers)
    for name in ("content-length", "content-encoding", "transfer-encoding"):
        headers.pop(name, None)
    headers["content-type"] = "text/event-stream; charset=utf-8"
    return httpx2.Response(response.status_code, headers=headers, stream=chunks, extensions=response.extensions)


async def _first(body: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if body:
        yield body
    async for chunk in chunks:
        yield chunk


def nothing(stream: Stream, protocol: Protocol, host: str) -> bytes:
    """A stream without an answer. Plain text is the server's words. Raises EndpointUnfit for anything else; nothing at
    all is an empty answer."""
    words = error_bodies.said(stream.stray)
    if words:
        told = {"type": "error", "code": None, "message": words, "param": None, "sequence_number": 0}
        return b"data: " + json.dumps(told if protocol == "responses" else {"error": told}).encode() + b"\n\n"
    if stream.strange:
        raise EndpointUnfit("a stream without an answer", host=host)
    return b""


class _Bytes(httpx2.AsyncByteStream):
    """The bytes of an answer. Closing it closes the connection's stream."""

    def __init__(self, chunks: AsyncIterator[bytes], response: httpx2.Response) -> None:
        self._chunks = chunks
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None:
        """Also end reading."""
        await self._response.aclose()


def remade(response: httpx2.Response, body: bytes, status: int, kind: str = "") -> httpx2.Response:
    """`response` with another body and status, and another content type if given."""
    headers = httpx2.Headers(response.headers)
    for name in ("content-encoding", "transfer-encoding", "content-length"):
        headers.pop(name, None)
    if kind:
        headers["content-type"] = kind
    return httpx2.Response(status, headers=headers, content=body, extensions=response.extensions)
