"""Sends plain strings instead of lists of parts if there is only text: strict servers accept nothing else."""

from __future__ import annotations

import json
from typing import Any

_TEXT = {"text", "input_text", "output_text"}
_SIGNS = (b'"input_text"', b'"type":"text"', b'"type": "text"', b'"output_text"')
"""One of these is in every body with a text part."""


def with_strings(body: bytes) -> bytes:
    """The request's body; the same object if nothing changes."""
    if not any(sign in body for sign in _SIGNS):
        return body
    try:
        asked = json.loads(body)
    except ValueError:
        return body
    if not isinstance(asked, dict):
        return body
    changed = False
    for name in ("messages", "input"):
        items = asked.get(name)
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict):
                for field in ("content", "output"):
                    text = _text(item.get(field)) if _may(item, field) else None
                    if text is not None:
                        item[field] = text
                        changed = True
    return json.dumps(asked, ensure_ascii=False).encode("utf-8", "replace") if changed else body


def _may(item: dict[str, Any], field: str) -> bool:
    """Whether a field is the text of a message or a tool. An earlier answer sent back (with an id) stays unchanged."""
    kind = item.get("type", "message")
    if field == "output":
        return kind in ("function_call_output", "custom_tool_call_output")
    return kind == "message" and not item.get("id") and "role" in item


def _text(content: object) -> str | None:
    """The parts as one text; None if there are none or other kinds."""
    if not isinstance(content, list) or not content:
        return None
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") not in _TEXT or not isinstance(part.get("text"), str):
            return None
        if part.get("cache_control") or part.get("annotations"):
            return None
        texts.append(part["text"])
    return "\n\n".join(texts)


def tool_names(body: bytes) -> set[str]:
    """The names of the tools in a request."""
    try:
        tools = json.loads(body).get("tools")
    except (ValueError, AttributeError):
        return set()
    found = set()
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict):
            function = tool.get("function")
            name = function.get("name") if isinstance(function, dict) else tool.get("name")
            if isinstance(name, str):
                found.add(name)
    return found
