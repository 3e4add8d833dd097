"""Like `transport.py`, for synchronous clients: code agents that use `OpenAI()`. Imports `httpx2`."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

import httpx2

from desktop.agents.models.tolerant.refusals import Refusals
from desktop.agents.models.tolerant.stream import Protocol, Stream, whole
from desktop.agents.models.tolerant.transport import (
    MOST_ERROR,
    MOST_TRIES,
    STALE,
    Sent,
    as_json,
    as_stream,
    nothing,
    protocol_of,
    refuse_page,
    remade,
    whole_error,
)
from desktop.common.errors import AppError
from desktop.openai_api import error_bodies


class TolerantSync(httpx2.BaseTransport):
    """Wraps `inner`. `fresh` makes a transport without old connections. `refusals` is shared within a process."""

    def __init__(
        self, inner: httpx2.BaseTransport, fresh: Callable[[], httpx2.BaseTransport], refusals: Refusals
    ) -> None:
        self._inner = inner
        self._make_fresh = fresh
        self._fresh: httpx2.BaseTransport | None = None
        self._refusals = refusals

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises like `inner`, and EndpointUnfit."""
        sent = Sent(request, protocol_of(request), self._refusals)
        for _ in range(MOST_TRIES):
            response = self._send(sent.request)
            if response.status_code < 400 or sent.protocol is None:
                break
            body = _read(response, sent.request)
            response = remade(response, body, response.status_code)
            if not sent.without_what_is_refused(response.status_code, body):
                return remade(response, error_bodies.in_openais_shape(body), response.status_code)
        if sent.protocol is None or response.status_code >= 300:
            return response
        sent.was_taken()
        return _answer(response, sent, sent.protocol)

    def _send(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return self._inner.handle_request(request)
        except STALE:
            self._fresh = self._fresh or self._make_fresh()
        return self._fresh.handle_request(request)

    def close(self) -> None:
        """Close the wrapped transport."""
        self._inner.close()
        if self._fresh is not None:
            self._fresh.close()


def _read(response: httpx2.Response, request: httpx2.Request) -> bytes:
    response.request = request
    body = b""
    with contextlib.suppress(httpx2.HTTPError):
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MOST_ERROR:
                break
    response.close()
    return body


def _answer(response: httpx2.Response, sent: Sent, protocol: Protocol) -> httpx2.Response:
    response.request = sent.request
    if not sent.streams:
        body = b"".join(response.iter_bytes())
        response.close()
        refuse_page(response, body)
        answer = whole(protocol, body, sent.names())
        sent.was_heard(answer.begins_in_thought)
        return as_json(response, answer)
    stream = Stream(protocol, sent.names, keep_reason=True, begun=sent.begun)
    chunks = response.iter_bytes()
    body = b""
    if "event-stream" not in response.headers.get("content-type", "").lower():
        for chunk in chunks:
            body += chunk
            if body.strip():
                break
        refuse_page(response, body)
        if body.lstrip()[:1] in (b"{", b"[") and "json" in response.headers.get("content-type", "").lower():
            body += b"".join(chunks)
            error = whole_error(response, body)
            if error is not None:
                response.close()
                return error

    def normalised() -> Iterator[bytes]:
        something = False
        try:
            for chunk in itertools.chain((body,) if body else (), chunks):
                piece = stream.feed(chunk)
                something = something or bool(piece)
                sent.was_heard(stream.begins_in_thought)
                yield piece
        except (httpx2.HTTPError, AppError):
            yield stream.finish(broken=True)
            raise
        end = stream.finish()
        sent.was_heard(stream.begins_in_thought)
        yield end if something or end else nothing(stream, protocol, sent.request.url.host)

    return as_stream(response, _Bytes(normalised(), response))


class _Bytes(httpx2.SyncByteStream):
    def __init__(self, chunks: Iterator[bytes], response: httpx2.Response) -> None:
        self._chunks = chunks
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from (chunk for chunk in self._chunks if chunk)

    def close(self) -> None:
        self._response.close()
