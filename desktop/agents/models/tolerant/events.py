"""Reads the events of a stream: SSE with or without blank lines, lines of JSON, or a single JSON document.

Knows no protocol. The variants come from public reports about gateways and model servers; each has a test.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DONE = "[DONE]"
MOST = 64_000_000
"""The longest event, in characters. No real server sends a longer one."""
MOST_LINES = 200
"""Lines of an event checked for its end before the blank line."""
MOST_STRAY = 2_000

_DECODER = json.JSONDecoder(strict=False)
_SPACE = re.compile(r"[\s\ufeff\x00\x1e]*")  # \x1e: RFC 7464 puts it before each JSON text
_LINE = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Event:
    """One event. `data`: its parsed JSON. `raw`: its original text. `whole`: it was bare JSON, not SSE."""

    name: str
    data: Any
    raw: str
    whole: bool = False


class Malformed(ValueError):
    """An event within a stream that has invalid JSON."""


class Reader:
    """Turns bytes, however split, into events. `torn`: the end cut off the last event."""

    def __init__(self) -> None:
        self.torn = False
        self.seen = False
        """Whether there was a non-empty event."""
        self.done = False
        """Whether [DONE] was sent. Anything after it is ignored."""
        self.stray = ""
        """The beginning of text that was no event: the words of a server that answered with plain text."""
        self._begun = False
        self._bare: bool | None = None
        """Whether it is bare JSON instead of SSE; None if nothing has arrived yet."""
        self._line = bytearray()
        self._after_cr = False
        self._data: list[str] = []
        self._size = 0
        self._name = ""
        self._text = ""
        self._next_try = 0
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events completed by `chunk`. Raises Malformed."""
        if self.done:
            return
        if self._bare is None:
            chunk = self._first(chunk)
            if self._bare is None:
                return
        if self._bare:
            self._text += self._decode.decode(chunk)
            yield from self._objects(final=False)
            return
        for line in self._lines(chunk):
            yield from self._take(line)
            if self.done:
                return

    def finish(self) -> Iterator[Event]:
        """Events still pending at the end of the stream."""
        if self.done:
            return
        if self._bare is None:
            return
        if self._bare:
            self._text += self._decode.decode(b"", True)
            yield from self._objects(final=True)
            return
        if self._line:
            line = self._spelled(bytes(self._line))
            self._line.clear()
            yield from self._take(line)
        try:
            yield from self._dispatch()
        except Malformed:
            self.torn = True

    # --- what it is ---------------------------------------------------------------------------

    def _first(self, chunk: bytes) -> bytes:
        """Decide by the first character, ignoring leading space and a byte order mark."""
        self._line += chunk
        held = bytes(self._line)
        if not self._begun:
            if b"\xef\xbb\xbf".startswith(held[:3]) and len(held) < 3:
                return b""
            held = held.removeprefix(b"\xef\xbb\xbf")
            self._begun = True
        stripped = held.lstrip(b" \t\r\n\x00\x1e")
        self._line.clear()
        if not stripped:
            self._line += held
            return b""
        self._bare = stripped[:1] in (b"{", b"[") and not stripped.startswith(b"[DONE]"[: len(stripped)])
        if stripped[:1] == b"[" and len(stripped) < len(b"[DONE]") and b"[DONE]".startswith(stripped):
            self._bare = None
            self._line += held
            return b""
        return stripped

    # --- lines --------------------------------------------------------------------------------

    def _lines(self, chunk: bytes) -> Iterator[str]:
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[:1] == b"\n":
                chunk = chunk[1:]
        start = 0
        for match in _LINE.finditer(chunk):
            line = chunk[start : match.start()]
            if self._line:
                line = bytes(self._line) + line
                self._line.clear()
            start = match.end()
            if match[0] == b"\r" and start == len(chunk):
                self._after_cr = True
            yield self._spelled(line)
        if start < len(chunk):
            self._line += chunk[start:]
            if len(self._line) > MOST:
                raise Malformed("a line without an end")

    @staticmethod
    def _spelled(line: bytes) -> str:
        return line.decode("utf-8", "replace")

    def _take(self, line: str) -> Iterator[Event]:
        if not line or line.isspace():
            yield from self._dispatch()
            return
        line = line.lstrip(" \t\ufeff\x00")
        if line.startswith(":"):
            return
        field, colon, value = line.partition(":")
        if line[0] in '{["' or (not colon and field != "data"):
            # A line without a field name: JSON without its prefix, or the continuation of the previous line.
            if line[0] in "{[" or self._data:
                yield from self._more(line)
            elif len(self.stray) < MOST_STRAY:
                self.stray += line[:MOST_STRAY] + "\n"
            return
        value = value[1:] if value[:1] == " " else value
        if field == "data":
            while value.startswith("data:"):
                value = value[5:].lstrip(" ")
            yield from self._more(value)
        elif field == "event":
            if self._data:
                yield from self._dispatch()
            self._name = value.strip()
        elif field not in ("id", "retry") and len(self.stray) < MOST_STRAY:
            self.stray += line[:MOST_STRAY] + "\n"

    def _more(self, value: str) -> Iterator[Event]:
        """A line of data. It continues the previous one only if that is not complete JSON."""
        if self._data and (not self._data[-1].strip() or self._complete()):
            name = self._name
            yield from self._dispatch()
            self._name = self._name or (name if value.strip() and not self.done else "")
        if not self.done:
            self._data.append(value)
            self._size += len(value)
            if self._size > MOST:
                raise Malformed("an event without an end")

    def _complete(self) -> bool:
        if len(self._data) > MOST_LINES:
            return False  # checking at each line would parse it over and over
        text = "\n".join(self._data)
        if text.strip() == DONE:
            return True
        try:
            _peel(text)
        except ValueError:
            return False
        return True

    def _dispatch(self) -> Iterator[Event]:
        data, self._data = self._data, []
        name, self._name = self._name, ""
        self._size = 0
        text = "\n".join(data).strip(" \t\r\n\ufeff\x00")
        if not text:
            return
        if text.startswith(DONE):
            self.done = True
            return
        text, ended = (text[: -len(DONE)].rstrip(), True) if text.endswith(DONE) and text[0] in "{[" else (text, False)
        try:
            found = _peel(text)
        except ValueError:
            # The server's own words instead of JSON. The protocol's reader interprets them.
            if text[0] in "{[":
                raise Malformed(text[:200]) from None
            found = [text]
        self.seen = True
        alone = len(found) == 1 and not isinstance(found[0], list)
        for outer in found:
            for one in outer if isinstance(outer, list) else [outer]:
                yield Event(name, one, text if alone else "")
        self.done = ended

    # --- bare JSON ----------------------------------------------------------------------------

    def _objects(self, *, final: bool) -> Iterator[Event]:
        """Complete objects at the beginning of the buffer."""
        if not final and len(self._text) < self._next_try:
            return
        at = 0
        text = self._text
        while True:
            begin = _SPACE.match(text, at)
            at = begin.end() if begin else at
            if text.startswith(("data:", ","), at):
                at += 5 if text[at] == "d" else 1
                continue
            if text.startswith(DONE, at):
                self.done = True
                break
            if at >= len(text):
                break
            try:
                found, at = _DECODER.raw_decode(text, at)
            except (ValueError, RecursionError):
                if final:
                    self.torn = True
                break
            self.seen = True
            for one in found if isinstance(found, list) else [found]:
                yield Event("", one, "", whole=True)
        self._text = text[at:]
        # Parsed again only when there is much more, so that a large answer in small pieces is parsed a few times only.
        self._next_try = len(self._text) * 3 // 2
        if len(self._text) > MOST:
            raise Malformed("JSON without an end")


def _peel(text: str) -> list[Any]:
    """One JSON document, or several in a row. Raises ValueError."""
    try:
        return [_DECODER.decode(text)]
    except ValueError as error:
        if "Extra data" not in str(error):
            raise
    except RecursionError:
        raise ValueError("nested too deeply") from None
    found: list[Any] = []
    at = 0
    while at < len(text):
        one, at = _DECODER.raw_decode(text, at)
        found.append(one)
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if text.startswith("data:", at):
            at += 5
            space = _SPACE.match(text, at)
            at = space.end() if space else at
        if text.startswith(DONE, at):
            break
    return found
