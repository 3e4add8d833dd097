"""Corrects MCP servers' answers so that `mcp` (2.3) accepts them: an invalid part only affects itself.

Otherwise an answer that lacks something (`content` beside `structuredContent`, a picture's type) is refused as a whole,
and the tool has worked in vain. Pure, except for the stream around `mcp`'s messages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

NEEDS = {
    "text": ("text",),
    "image": ("data",),
    "audio": ("data",),
    "resource_link": ("uri",),
    "resource": ("resource",),
}
"""The required fields of each kind of content; all are text except the resource."""


def readable(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result of `tools/call`. Anything else is unchanged."""
    made = dict(result)
    if "capabilities" in made or "tools" in made or not {"content", "structuredContent", "isError"} & set(made):
        return made
    content = made.get("content")
    parts = content if isinstance(content, list) else [] if content is None else [content]
    made["content"] = [_part(part) for part in parts]
    structured = made.pop("structuredContent", None)
    if structured is not None:  # before protocol 2026-07-28 it must be an object
        made["structuredContent"] = structured if isinstance(structured, dict) else {"result": structured}
    if not isinstance(made.get("isError", False), bool):
        made["isError"] = bool(made["isError"])
    return made


def _part(part: object) -> dict[str, Any]:
    """A part of the content. Unknown kinds become text."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping):
        return {"type": "text", "text": json.dumps(part, ensure_ascii=False, default=str)}
    kind = part.get("type")
    if kind is None and isinstance(part.get("text"), str):
        kind = "text"
    needs = NEEDS.get(kind, ("",)) if isinstance(kind, str) else ("",)
    if kind == "resource":
        resource = part.get("resource")
        if isinstance(resource, Mapping) and any(isinstance(resource.get(name), str) for name in ("text", "blob")):
            return {
                "type": kind,
                "resource": {"uri": "resource", **_plain(resource, "mimeType", "uri", "text", "blob")},
            }
    elif all(isinstance(part.get(name), str) for name in needs):
        known = _plain(part, "text", "data", "mimeType", "uri", "name", "title", "description")
        if kind in ("image", "audio"):
            known.setdefault("mimeType", "application/octet-stream")
        if kind == "resource_link":
            known.setdefault("name", known["uri"])
        return {"type": kind, **known}
    return {"type": "text", "text": json.dumps(part, ensure_ascii=False, default=str)}


def _plain(part: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: part[name] for name in names if isinstance(part.get(name), str)}


class Mended:
    """A stream of `mcp`'s messages, corrected by `readable` and by `also`."""

    def __init__(self, inner: Any, also: Callable[[Any], Any] = lambda given: given) -> None:
        self._inner = inner
        self._also = also

    @property
    def last_context(self) -> Any:
        """For `mcp`: the context in which the message was sent."""
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> Any:
        return self._mend(await self._inner.receive())

    def __aiter__(self) -> Mended:
        return self

    async def __anext__(self) -> Any:
        return self._mend(await self._inner.__anext__())

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Mended:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        ended: bool | None = await self._inner.__aexit__(kind, error, trace)
        return ended

    def _mend(self, given: Any) -> Any:
        message: Any = getattr(given, "message", None)
        result = getattr(message, "result", None)
        if isinstance(result, dict):
            message.result = readable(result)
        return self._also(given)
