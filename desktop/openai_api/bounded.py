"""How an answer may be packed and what it may weigh: the one transport through which every client of ours receives.

`httpx` and `httpx2` (which `openai` and `mcp` bring along) are two libraries of one shape; both are served here. Each
would open as many codings as a server stacks (five gzip layers make 4 GB of 298 bytes) and holds a whole answer in
memory, so neither is left to: the coding is opened here, piece by piece, and no coding is left for the library to see.
Knows nothing of what is asked.
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
"""What every request asks for, whatever the library would: the one coding that is opened here."""
PLAIN = {"", "identity", "none", "binary", "utf-8", "utf8"}
"""No coding; the last four are written by servers that mean something else."""
GZIP = {"gzip", "x-gzip"}
PIECE = 64 * 1024
"""Bytes of a packed answer that are opened at a time."""
EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Bounds:
    """Bytes, unpacked; None: whoever reads has bounds of its own. Tests hand in others."""

    answer: int | None = 32 * MB
    """An answer that is no stream."""
    event: int | None = 32 * MB
    """One event of a stream, or one line without an end: a picture may be in it."""
    stream: int | None = 256 * MB
    """All events of an answer. A stream that was asked for with GET answers nothing and has no such end."""


READER = Bounds(answer=None, event=None, stream=None)
"""For clients whose every answer is read piece by piece, within bounds: only the coding is seen to."""


class Intake:
    """One answer's bytes on their way in."""

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
        """What `chunk` holds, in pieces. Raises AnswerFlood, BadAnswer."""
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
        """The answer has ended. Raises BadAnswer where a packed one is cut."""
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
    """Whether the answer is packed, the one way that was asked for. Raises AnswerPacked on any other."""
    codings = [one for part in value.split(",") if (one := part.strip().lower()) not in PLAIN]
    if len(codings) > 1 or not set(codings) <= GZIP:
        raise AnswerPacked(f"content-encoding: {value[:100]!a}", host=host)
    return bool(codings)


def words(size: int) -> str:
    """A size as sentences name it."""
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
    """`inner`, a transport of `library` (httpx or httpx2), whose answers come in through `Intake`.

    `told` is given every error of this kind and gives the one to raise.
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
    """As `guarded`, for an event loop."""

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
