"""One request to a ChatKit server and its answer, up to the start of a stream. Lives on an event loop.

No request is repeated automatically. A redirect that preserves the request is followed; any other is an error.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop.agents.errors import AnswerStalled
from desktop.agents.models import numbers
from desktop.agents.remote import replies, wire
from desktop.agents.remote.bounds import Bounds
from desktop.agents.remote.errors import ServerElsewhere, ServerFlood, ServerGone
from desktop.agents.remote.events import Events, TooLarge
from desktop.agents.remote.target import Target
from desktop.agents.remote.wire import Request
from desktop.common.errors import AppError
from desktop.openai_api.errors import TimedOut

if TYPE_CHECKING:
    import httpx

MOST_HOPS = 3
REFUSAL = 64 * 1024
"""Bytes read of a refusal for its words."""


@dataclass(frozen=True)
class Line:
    """The connection to a server: a client, and the label of its proxy."""

    http: httpx.AsyncClient
    proxy: str = ""


@dataclass(frozen=True)
class Streaming:
    """A streamed answer that has begun."""

    response: httpx.Response
    target: Target
    proxy: str


async def exchange(line: Line, target: Target, asked: Request, bounds: Bounds) -> str | Streaming:
    """The reply as JSON, or the stream. Raises ServerError, NetworkError, ThreadNotFound."""
    response = await _begun(line, target, asked, bounds)
    streams = False
    try:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not 200 <= response.status_code < 300:
            body = await _body(line, target, response, bounds, most=REFUSAL, cut=True)
            raise replies.refusal(response.status_code, response.headers, body, asked, target)
        if kind == "text/event-stream":
            streams = asked.streams
            if not streams:
                raise replies.unfit(target, f"{response.status_code} {kind} to {asked.type}")
            return Streaming(response, target, line.proxy)
        if kind != "application/json" and not kind.endswith("+json"):
            raise replies.unfit(target, f"{response.status_code} {kind or 'without a content type'}")
        body = await _body(line, target, response, bounds, most=bounds.reply, cut=False)
    finally:
        if not streams:
            await response.aclose()
    reply: Any = None
    try:
        reply = numbers.parsed(body)
    except ValueError as error:
        raise replies.unfit(target, f"{len(body)} bytes that are not JSON: {error}"[:200]) from None
    if not wire.fits(asked, reply):
        raise replies.unfit(target, f"JSON that is no answer to {asked.type}")
    return target.without_token(json.dumps(reply, ensure_ascii=False))


async def events(streaming: Streaming, bounds: Bounds) -> AsyncIterator[dict[str, Any]]:
    """The events of an answer. The caller closes the response. Raises ServerUnfit, ServerGone, ServerFlood,
    AnswerStalled."""
    target, decoder = streaming.target, Events(bounds.event)
    taken, count = 0, 0
    chunks = streaming.response.aiter_bytes()
    while True:
        failure: AppError | None = None
        chunk: bytes | None = None
        try:
            async with asyncio.timeout(bounds.stall):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            break
        except TimeoutError:
            failure = AnswerStalled("no event, no comment", host=target.host, seconds=round(bounds.stall))
        except Exception as error:  # noqa: BLE001 - httpx's own, and what lies beneath it
            failure = replies.broken(error, target, streaming.proxy, bounds.stall, reading=True)
        if failure is not None or chunk is None:
            raise failure or ServerGone(host=target.host)  # outside `except`: httpx's exception contains the token
        taken += len(chunk)
        try:
            found = decoder.feed(chunk)
        except TooLarge:
            raise ServerFlood("one event", host=target.host, limit=bounds.words(bounds.event)) from None
        if taken > bounds.stream:
            raise ServerFlood("all events", host=target.host, limit=bounds.words(bounds.stream))
        for data in found:
            if data.strip() == "[DONE]":
                continue
            event = wire.event_of(data)
            if event is None:
                raise replies.unfit(target, "an event that is none of ChatKit's")
            count += 1
            yield event
    if not count:
        raise ServerGone("it ended without an event", host=target.host)


async def _begun(line: Line, target: Target, asked: Request, bounds: Bounds) -> httpx.Response:
    """The answer, once its headers have arrived and allowed redirects were followed."""
    url = target.url
    failure: AppError | None = None
    for _ in range(MOST_HOPS):
        response: httpx.Response | None = None
        try:
            request = line.http.build_request(
                "POST",
                url,
                content=asked.body.encode("utf-8", "surrogatepass"),
                headers={
                    **target.dressed(url),
                    "Content-Type": "application/json",
                    "Accept": "text/event-stream, application/json" if asked.streams else "application/json",
                },
                timeout=_steps(line.http, bounds),
            )
            async with asyncio.timeout(bounds.begin):
                response = await line.http.send(request, stream=True)
        except TimeoutError:
            failure = TimedOut("no head of an answer", host=target.host, seconds=round(bounds.begin))
        except Exception as error:  # noqa: BLE001 - httpx's own, and what lies beneath it
            failure = replies.broken(error, target, line.proxy, bounds.begin, reading=False)
        if response is None:
            raise failure or ServerGone(host=target.host)
        if response.status_code not in (301, 302, 303, 307, 308):
            return response
        await response.aclose()
        url = target.moved(response.headers.get("location", ""), url, response.status_code)
    raise ServerElsewhere("a circle of redirects", host=target.host, target=target.host)


def _steps(http: httpx.AsyncClient, bounds: Bounds) -> httpx.Timeout:
    """The client's own limits: only for connecting. Waiting for an answer is limited elsewhere."""
    import httpx

    return httpx.Timeout(bounds.stall + bounds.begin, connect=http.timeout.connect)


async def _body(line: Line, target: Target, response: httpx.Response, bounds: Bounds, *, most: int, cut: bool) -> bytes:
    """The body. With `cut`, only the first `most` bytes. Raises ServerFlood, TimedOut, ServerGone."""
    body = bytearray()
    failure: AppError | None = None
    try:
        async with asyncio.timeout(bounds.whole):
            async for part in response.aiter_bytes():
                body += part
                if len(body) > most:
                    break
    except TimeoutError:
        failure = TimedOut("the answer does not end", host=target.host, seconds=round(bounds.whole))
    except Exception as error:  # noqa: BLE001 - httpx's own, and what lies beneath it
        failure = replies.broken(error, target, line.proxy, bounds.whole, reading=True)
    if failure is not None and not cut:
        raise failure
    if len(body) > most and not cut:
        raise ServerFlood("a reply", host=target.host, limit=bounds.words(most))
    return bytes(body[:most])
