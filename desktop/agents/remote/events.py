"""Decodes server-sent events: bytes in, the data of complete events out, with a limit per event.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html. Names, ids and comments are ignored.
"""

from __future__ import annotations

import re

_END = re.compile(rb"\r\n|\n|\r")


class TooLarge(Exception):
    """An event, or one of its lines, exceeds the limit."""


class Events:
    """The decoder of one stream. `largest`: bytes per event."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._parts: list[bytes] = []
        self._data: list[str] = []
        self._size = 0
        self._held = 0
        self._first = True

    def feed(self, chunk: bytes) -> list[str]:
        """The events completed by `chunk`. Raises TooLarge."""
        self._size += len(chunk)
        if b"\n" not in chunk and b"\r" not in chunk and not (self._parts and self._parts[-1].endswith(b"\r")):
            self._parts.append(chunk)  # scan a long line in many pieces only once
            self._check()
            return []
        text = b"".join((*self._parts, chunk))
        held = text.endswith(b"\r")  # it may be half of a line end
        lines = _END.split(text[:-1] if held else text)
        rest = lines.pop() + (b"\r" if held else b"")
        found = [event for line in lines if (event := self._line(line)) is not None]
        self._parts = [rest]
        self._size = len(rest) + self._held
        self._check()
        return found

    def _check(self) -> None:
        if self._size > self._largest:
            raise TooLarge

    def _line(self, line: bytes) -> str | None:
        """The event ended by this line."""
        if self._first:
            self._first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            data, self._data, self._held = self._data, [], 0
            return "\n".join(data) if data else None
        name, _, value = line.partition(b":")
        if name == b"data":
            self._held += len(value)
            self._data.append(value.removeprefix(b" ").decode("utf-8", "replace"))
        return None
