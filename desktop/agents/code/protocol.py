"""The messages between app and child process: JSON objects, each preceded by its length, over separate pipes.

Both ends use this module; it imports nothing heavy. Knows neither agents nor pages.
"""

from __future__ import annotations

import json
import os
import struct
import threading
from typing import Any

# Imported for their error classes: the reading end finds an error by its code.
import desktop.agents.code.errors
import desktop.agents.errors
import desktop.agents.mcp.errors
import desktop.agents.models.errors
import desktop.agents.store.errors
import desktop.keys.errors
import desktop.openai_api.errors
import desktop.settings.errors  # noqa: F401
from desktop.common.errors import AppError, InternalError, Phrase, leaves
from desktop.common.texts import Catalogue

Message = dict[str, Any]

HEADER = struct.Struct(">I")
FROM_CHILD = 4_000_000
"""The largest message from the child, in bytes."""
TO_CHILD = 128_000_000
"""The largest message to the child: a turn includes its attachments."""


class Garbled(Exception):
    """The data received does not follow this protocol."""


def read(handle: int, most: int) -> Message | None:
    """The next message; None at the end. Blocks. Raises Garbled."""
    head = _exactly(handle, HEADER.size)
    if head is None:
        return None
    (size,) = HEADER.unpack(head)
    if size > most:
        raise Garbled(f"a message of {size} bytes")
    body = _exactly(handle, size)
    if body is None:
        return None
    try:
        message = _encodable(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise Garbled(type(error).__name__) from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Garbled("no message")
    return message


def _encodable(value: Any) -> Any:
    """Replace lone surrogates by question marks. JSON can contain them, but nothing can write them."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    if isinstance(value, dict):
        return {_encodable(name): _encodable(one) for name, one in value.items()}
    return value


def _exactly(handle: int, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        try:
            part = os.read(handle, min(size, 1 << 20))
        except OSError:
            return None
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Writer:
    """The writing end. Thread-safe, one message at a time. Blocks while the other end does not read."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._lock = threading.Lock()
        self._closed = False

    def send(self, message: Message) -> bool:
        """Send a message. False if nobody reads any more."""
        body = json.dumps(message, ensure_ascii=True).encode()
        rest = memoryview(HEADER.pack(len(body)) + body)
        with self._lock:
            try:
                while rest and not self._closed:
                    rest = rest[os.write(self._handle, rest) :]
            except OSError:
                return False
            return not self._closed

    def close(self) -> None:
        """Close the pipe, so that the other end reads its end. A pending write is cut off."""
        self._closed = True
        try:
            os.close(self._handle)
        except OSError:
            pass  # closed already


# --- errors -----------------------------------------------------------------------------------


def pack(error: AppError) -> Message:
    """An error as JSON."""
    own = {name: value for name, value in vars(error).items() if isinstance(value, str | int | float)}
    return {
        "code": error.code,
        "detail": error.detail[:2000],
        "field": error.field,
        "values": {name: _plain(value) for name, value in error.values.items()},
        "own": own,
    }


def unpack(message: object) -> AppError:
    """The error from JSON. Anything unreadable becomes an InternalError."""
    if not isinstance(message, dict):
        return InternalError(str(message)[:200])
    kind = next((kind for kind in leaves() if kind.code == message.get("code")), None)
    values = message.get("values")
    if kind is None or not isinstance(values, dict):
        return InternalError(str(message)[:200])
    error = kind.__new__(kind)
    given = message.get("own")
    own = given if isinstance(given, dict) else {}
    # From a process that runs arbitrary code: only plain values, and none that shadows a method.
    own = {n: v for n, v in own.items() if isinstance(v, str | int | float) and not callable(getattr(kind, n, None))}
    # Not through __init__: its parameters differ by class, and these values are already complete.
    AppError.__init__(error, str(message.get("detail") or ""), field=message.get("field"))
    vars(error).update({"retry_after": None} | own)
    error.values = {name: _whole(value) for name, value in values.items()}
    try:
        error.describe(Catalogue("en"))
    except (LookupError, ValueError, TypeError, AttributeError):
        return InternalError(f"the values of {kind.code} do not fit it")
    return error


def _plain(value: object) -> object:
    if isinstance(value, Phrase):
        return {"phrase": value.key, "values": {name: _plain(one) for name, one in value.values.items()}}
    return value if isinstance(value, str | int | float | bool) else str(value)


def _whole(value: object) -> object:
    if isinstance(value, dict):
        inner = value.get("values")
        given = {str(name): _whole(one) for name, one in inner.items()} if isinstance(inner, dict) else {}
        return Phrase(str(value.get("phrase")), given, fallback="?")
    return value
