"""A tool's result for the model and for the person: texts, structured content, pictures, links.

Reads the results of `mcp` by their attributes and does not import it.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

from desktop.agents.store.file_types import IMAGES, kind_of

MOST_TEXT = 200_000
"""Characters of a result sent to the model."""
MOST_OF_A_PICTURE = 5_000_000
"""Characters of its base64."""
MOST_PICTURES = 4
MOST_PARTS = 1_000


@dataclass(frozen=True)
class Outcome:
    """The result of a call. `failed`: the tool or the server reports a failure."""

    text: str
    failed: bool = False
    pictures: tuple[str, ...] = ()
    """As data: addresses, of types that models and windows can show."""


def outcome(result: Any) -> Outcome:
    """The Outcome of a `CallToolResult`. Structured content is included unless a text already says the same."""
    told = _Told()
    for part in result.content[:MOST_PARTS]:
        told.see(part)
    structured = result.structured_content
    if structured is not None and not _says(told.texts, structured):
        told.texts.append(json.dumps(structured, ensure_ascii=False, default=str))
    text = "\n".join(text for text in told.texts if text)
    if len(text) > MOST_TEXT:
        text = f"{text[:MOST_TEXT]}\n[cut: {len(text)} characters]"
    return Outcome(text, bool(result.is_error), tuple(told.pictures))


def _says(texts: list[str], structured: Any) -> bool:
    """Whether the texts repeat the content, as servers do for older clients."""
    # Many wrap a value that isn't an object: {"result": …}.
    wanted = [structured, *(structured.values() if isinstance(structured, dict) and len(structured) == 1 else ())]
    said = [_read(text) for text in texts]
    return said in wanted or any(one in wanted for one in (*said, *texts))


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


class _Told:
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.pictures: list[str] = []

    def see(self, part: Any) -> None:
        if part.type == "text":
            self.texts.append(part.text)
        elif part.type == "image":
            self._picture(part.data, part.mime_type, "image")
        elif part.type == "audio":
            self.texts.append(f"[audio: {part.mime_type}, {_size(part.data)}]")
        elif part.type == "resource_link":
            words = [f"[{part.title or part.name}: {part.uri}]", part.mime_type or "", part.description or ""]
            self.texts.append(" ".join(word for word in words if word))
        elif part.type == "resource":
            self._resource(part.resource)
        else:
            self.texts.append(part.model_dump_json(exclude_none=True))

    def _resource(self, resource: Any) -> None:
        """An embedded resource: text or bytes."""
        text, kind = getattr(resource, "text", None), resource.mime_type or ""
        if text is not None:
            self.texts.append(f"[{resource.uri}]\n{text}")
        elif kind.startswith("image/"):
            self._picture(resource.blob, kind, str(resource.uri))
        else:
            self.texts.append(f"[{resource.uri}: {kind or 'data'}, {_size(resource.blob)}]")

    def _picture(self, data: str, kind: str, name: str) -> None:
        """A picture, verified by its content: sending anything else would fail the model's answer."""
        known = _kind(data) if len(data) <= MOST_OF_A_PICTURE else None
        if known in IMAGES and len(self.pictures) < MOST_PICTURES:
            self.pictures.append(f"data:{known};base64,{''.join(data.split())}")
        else:
            self.texts.append(f"[{name}: {kind}, {_size(data)}, not shown]")


def _kind(data: str) -> str | None:
    try:
        return kind_of(b64decode(data, validate=False))
    except (binascii.Error, ValueError):
        return None


def _size(data: str) -> str:
    return f"{max(1, round(len(data) * 3 / 4 / 1024))} KB"
