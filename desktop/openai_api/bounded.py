"""Limits every answer's compression and size. All our HTTP clients receive through this transport.

It serves both `httpx` and `httpx2` (which comes with `openai` and `mcp`). Each would decode as many codings as a server
stacks (five gzip layers turn 298 bytes into 4 GB) and keep a whole answer in memory. So the answer is decoded here,
piece by piece, and the library sees no coding. Knows nothing about the requests.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop.common.errors import AppError
from desktop.openai_api.errors import AnswerFlood, AnswerPacked, BadAnswer

if TYPE_CHECKING:
    import httpx

MB = 1024 * 1024
ACCEPTED = "gzip"
"""The only coding requested and decoded, whatever the library's default."""
PLAIN = {"", "identity", "none", "binary", "utf-8", "utf8"}
"""Values that mean no coding; the last four are mistakes of servers."""
GZIP = {"gzip", "x-gzip"}
PIECE = 64 * 1024
"""Bytes of a compressed answer decoded at a time."""
EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Bounds:
    """Decoded bytes; None if the reader has its own limits. Tests pass others."""

    answer: int | None = 32 * MB
    """The largest answer that isn't a stream."""
    event: int | None = 32 * MB
    """The largest event or line of a stream; it may contain a picture."""
    stream: int | None = 256 * MB
    """All events of an answer together. A stream requested with GET is not an answer and has no limit."""


READER = Bounds(answer=None, event=None, stream=None)
"""For clients that read every answer piece by piece within their own limits: only the coding is handled."""


class Intake:
    """Decodes and limits the bytes of one answer."""

    def __init__(self, method: str, headers: Mapping[str, str], host: str, bounds: Bounds) -> None:
        """Raises AnswerPacked."""
        self._host = host
        self._packed = _coding(headers.get("content-encoding", ""), host)
        self._opener = zlib.decompressobj(zlib.MAX_WBITS | 16) if self._packed else None
        streams = headers.get("content-type", "").partition(";")[0].strip().lower() == EVENTS
        listens = streams and method == "GET"
        self._most = None if listens else bounds.stream if streams else bounds.answer
        self._most_of_an_event = bounds.event if streams else None
        self._taken = 0
        self._event = 0
        self._tail = b""
        self._begun = False

    @property
    def packed(self) -> bool:
        return self._packed

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The decoded content of `chunk`, in pieces. Raises AnswerFlood, BadAnswer."""
        if self._opener is None:
            yield self._weighed(chunk)
            return
        self._begun = self._begun or bool(chunk)
        full = bool(chunk)
        while full and not self._opener.eof:
            try:
                piece = self._opener.decompress(chunk, PIECE)
            except zlib.error as error:
                raise BadAnswer(f"gzip: {error}", host=self._host) from None
            chunk = self._opener.unconsumed_tail
            full = bool(chunk) or len(piece) == PIECE
            if piece:
                yield self._weighed(piece)

    def end(self) -> None:
        """The answer has ended. Raises BadAnswer if compressed data is incomplete."""
        if self._opener is not None and self._begun and not self._opener.eof:
            raise BadAnswer("gzip: cut", host=self._host)

    def _weighed(self, piece: bytes) -> bytes:
        self._taken += len(piece)
        if self._most is not None and self._taken > self._most:
            raise AnswerFlood("the whole answer", host=self._host, limit=words(self._most))
        if self._most_of_an_event is not None:
            text = self._tail + piece
            end = max(text.rfind(blank) for blank in (b"\n\n", b"\n\r", b"\r\r"))
            self._event = len(text) - end if end >= 0 else self._event + len(piece)
            self._tail = text[-1:]
            if self._event > self._most_of_an_event:
                raise AnswerFlood("one event", host=self._host, limit=words(self._most_of_an_event))
        return piece


def _coding(value: str, host: str) -> bool:
    """Whether the answer is compressed as requested. Raises AnswerPacked for any other coding."""
    codings = [one for part in value.split(",") if (one := part.strip().lower()) not in PLAIN]
    if len(codings) > 1 or not set(codings) <= GZIP:
        raise AnswerPacked(f"content-encoding: {value[:100]!a}", host=host)
    return bool(codings)


def words(size: int) -> str:
    """A size for sentences."""
    return f"{size // MB} MB" if size >= MB else f"{size} B"


def _taken_in(
    request: httpx.Request, response: httpx.Response, bounds: Bounds, told: Callable[[AppError], AppError]
) -> Intake:
    """Raises AnswerPacked."""
    try:
        intake = Intake(request.method, response.headers, request.url.host, bounds)
    except AppError as error:
        raise told(error) from None
    response.headers.pop("content-encoding", None)
    if intake.packed:
        response.headers.pop("content-length", None)
    return intake


def guarded(
    library: Any, inner: Any, bounds: Bounds = READER, told: Callable[[AppError], AppError] = lambda error: error
) -> Any:
    """Wrap `inner`, a transport of `library` (httpx or httpx2), so that its answers pass through `Intake`.

    `told` turns each of these errors into the one to raise.
    """

    class Stream(library.SyncByteStream):  # type: ignore[misc]
        def __init__(self, raw: Any, intake: Intake) -> None:
            self._raw, self._intake = raw, intake

        def __iter__(self) -> Iterator[bytes]:
            try:
                for chunk in self._raw:
                    yield from self._intake.feed(chunk)
                self._intake.end()
            except AppError as error:
                raise told(error) from None

        def close(self) -> None:
            self._raw.close()

    class Transport(library.BaseTransport):  # type: ignore[misc]
        def handle_request(self, request: Any) -> Any:
            request.headers["Accept-Encoding"] = ACCEPTED
            response = inner.handle_request(request)
            try:
                response.stream = Stream(response.stream, _taken_in(request, response, bounds, told))
            except AppError:
                response.close()
                raise
            return response

        def close(self) -> None:
            inner.close()

    return Transport()


def guarded_async(
    library: Any, inner: Any, bounds: Bounds = READER, told: Callable[[AppError], AppError] = lambda error: error
) -> Any:
    """Like `guarded`, for an event loop."""

    class Stream(library.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, raw: Any, intake: Intake) -> None:
            self._raw, self._intake = raw, intake

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for chunk in self._raw:
                    for piece in self._intake.feed(chunk):
                        yield piece
                self._intake.end()
            except AppError as error:
                raise told(error) from None

        async def aclose(self) -> None:
            await self._raw.aclose()

    class Transport(library.AsyncBaseTransport):  # type: ignore[misc]
        async def handle_async_request(self, request: Any) -> Any:
            request.headers["Accept-Encoding"] = ACCEPTED
            response = await inner.handle_async_request(request)
            try:
                response.stream = Stream(response.stream, _taken_in(request, response, bounds, told))
            except AppError:
                await response.aclose()
                raise
            return response

        async def aclose(self) -> None:
            await inner.aclose()

    return Transport()
