"""One answer of a model server on its way to an SDK: bytes in, the bytes that OpenAI would have sent out. Pure."""

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
"""How a body of events begins: as SSE, or as lines of JSON."""


class Stream:
    """A streamed answer. `names` gives the tools that were offered; The rest: see `ChatStream`."""

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
        """Why the answer is not all there is: length, content_filter, error, interrupted; empty: it is."""
        return self._made.reason

    @property
    def turned(self) -> int:
        """Characters at the beginning of the first message that were thought, as came out after they were said."""
        return self._made.turned

    @property
    def answered(self) -> bool:
        """Whether what was passed on as thought is the answer."""
        return self._made.answered

    @property
    def begins_in_thought(self) -> bool | None:
        """Whether the model's text began in the middle of its reasoning; None: that did not show."""
        return self._made.begins_in_thought

    @property
    def strange(self) -> bool:
        """Whether there was something in it, and nothing of an answer."""
        return self._reader.seen and not self._made.understood and not self._made.failed

    @property
    def stray(self) -> bytes:
        """The beginning of what was neither."""
        return self._reader.stray.encode()

    def feed(self, chunk: bytes) -> bytes:
        """What `chunk` means."""
        if self._over:
            return b""
        return b"".join(self._events(self._reader.feed(chunk)))

    def finish(self, *, broken: bool = False) -> bytes:
        """The end of the answer. `broken`: the connection failed, which is told by others."""
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
            # What can't be read is not made up: it goes on as it is, and the SDK says that it can't be read.
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
    """What it should have had; 0: its own."""
    begins_in_thought: bool | None = None
    """As of `Stream`."""


def whole(protocol: Protocol, body: bytes, names: set[str]) -> Whole:
    """What an answer that was not asked to be a stream says; one that is a stream nevertheless is put together."""
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
