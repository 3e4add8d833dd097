"""One answer of a model server: the server's bytes in, the bytes OpenAI would send out. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from desktop.agents.models.tolerant import chat, responses
from desktop.agents.models.tolerant.chat import ChatStream
from desktop.agents.models.tolerant.events import Malformed, Reader
from desktop.agents.models.tolerant.responses import ResponsesStream
from desktop.agents.models.tolerant.shapes import Json
from desktop.openai_api import error_bodies

Protocol = Literal["chat", "responses"]
_EVENTS = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:(?:data|event|id|retry)?:|\{.*\}\s*\n\s*\{)")
"""How a body of events may begin: as SSE, or as lines of JSON."""


class Stream:
    """A streamed answer. `names()`: the tools offered. For the rest see `ChatStream`."""

    def __init__(
        self,
        protocol: Protocol,
        names: Callable[[], set[str]] = set,
        *,
        keep_reason: bool = False,
        takes_back: bool | None = None,
        begun: bool = False,
    ) -> None:
        self._chat = protocol == "chat"
        kind = ChatStream if self._chat else ResponsesStream
        self._made: ChatStream | ResponsesStream = kind(
            names, keep_reason=keep_reason, takes_back=takes_back, begun=begun
        )
        self._reader = Reader()
        self._over = False

    @property
    def reason(self) -> str:
        """Why the answer is incomplete: length, content_filter, error or interrupted; empty if it is complete."""
        return self._made.reason

    @property
    def turned(self) -> int:
        """Characters at the beginning of the first message that turned out to be reasoning after they were sent."""
        return self._made.turned

    @property
    def answered(self) -> bool:
        """Whether what was passed on as reasoning is the answer."""
        return self._made.answered

    @property
    def begins_in_thought(self) -> bool | None:
        """Whether the model's text began in the middle of its reasoning; None if unknown."""
        return self._made.begins_in_thought

    @property
    def strange(self) -> bool:
        """Whether it had content, but nothing of an answer."""
        return self._reader.seen and not self._made.understood and not self._made.failed

    @property
    def stray(self) -> bytes:
        """The beginning of text that was neither."""
        return self._reader.stray.encode()

    def feed(self, chunk: bytes) -> bytes:
        """The bytes for `chunk`."""
        if self._over:
            return b""
        return b"".join(self._events(self._reader.feed(chunk)))

    def finish(self, *, broken: bool = False) -> bytes:
        """The end of the answer. `broken`: the connection failed, which is reported elsewhere."""
        if self._over:
            return b""
        out = [] if broken else list(self._events(self._reader.finish()))
        if self._over:
            return b"".join(out)
        done = self._reader.done
        out += [self._written(one) for one in self._made.finish(done=done, broken=broken)]
        if not broken and self._made.understood and not self._made.failed:
            out.append(b"data: [DONE]\n\n" if self._chat else b"")
        self._over = True
        return b"".join(out)

    def _events(self, events: Iterator[object]) -> Iterator[bytes]:
        try:
            for event in events:
                for made in self._made.see(event):  # type: ignore[arg-type]
                    yield self._written(made, event.raw)  # type: ignore[attr-defined]
                    if self._made.failed:
                        self._over = True
                        return
        except Malformed as error:
            # Nothing is invented for unreadable data: it is passed on, and the SDK reports it.
            yield b"data: " + (str(error).replace("\n", " ") or "{").encode("utf-8", "replace") + b"\n\n"
            self._over = True

    def _written(self, made: Json | None, raw: str = "") -> bytes:
        if made is None:
            text = raw.replace("\n", " ") if "\n" in raw else raw
        else:
            text = json.dumps(made, separators=(",", ":"))
        return b"data: " + text.encode("utf-8", "replace") + b"\n\n"


@dataclass(frozen=True)
class Whole:
    """An answer that was not streamed."""

    body: bytes
    status: int = 0
    """The status it should have had; 0 to keep its own."""
    begins_in_thought: bool | None = None
    """See `Stream`."""


def whole(protocol: Protocol, body: bytes, names: set[str]) -> Whole:
    """The answer to a request without streaming. If it is a stream anyway, it is assembled."""
    parsed = error_bodies.read_all(body)
    if not isinstance(parsed, dict):
        return _streamed(protocol, body, names) if _EVENTS.match(body) else Whole(body)
    answers = parsed.get("choices") or (protocol == "responses" and parsed.get("object") == "response")
    if error_bodies.is_error(parsed) and not answers:
        return Whole(error_bodies.in_openais_shape(body), error_bodies.status(parsed) or 400)
    made, seen = (chat.whole if protocol == "chat" else responses.whole)(parsed, names)
    return Whole(body) if seen is None else Whole(json.dumps(made).encode(), 0, seen.begins_in_thought)


def _streamed(protocol: Protocol, body: bytes, names: set[str]) -> Whole:
    kind = ChatStream if protocol == "chat" else ResponsesStream
    stream: ChatStream | ResponsesStream = kind(lambda: names, keep_reason=False)
    reader = Reader()
    made: list[Json] = []
    try:
        for event in (*reader.feed(body), *reader.finish()):
            made += [event.data if one is None else one for one in stream.see(event)]
            if stream.failed:
                error = {"error": error_bodies.told(made[-1])}
                return Whole(json.dumps(error).encode(), error_bodies.status(event.data) or 400)
    except Malformed:
        return Whole(body)
    made += stream.finish(done=reader.done)
    if isinstance(stream, ChatStream):
        answer = chat.together(stream, made) if stream.understood else None
    else:
        answer = responses.together(stream, [*made])
    return Whole(body) if answer is None else Whole(json.dumps(answer).encode(), 0, stream.begins_in_thought)
