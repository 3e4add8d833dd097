"""Finds a server's words in a refusal, whatever its format. Pure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping

DEEPEST = 4
NAMES = (
    "error_description",
    "message",
    "detail",
    "details",
    "error",
    "errors",
    "title",
    "reason",
    "msg",
    "description",
)
"""Fields for a server's words, those meant for people first."""


def words_of(body: bytes) -> str:
    """The sentence in it; empty if there is none."""
    text = body.decode("utf-8", "replace").lstrip("\ufeff").strip()
    if not text:
        return ""
    try:
        return _within(json.loads(text), 0)[:2000]
    except (ValueError, RecursionError):
        pass
    if text.startswith("<"):
        title = re.search(r"<(?:title|h1)[^>]{0,200}>([^<]{1,300})<", text[:20_000], re.IGNORECASE)
        return html.unescape(title[1]).strip() if title else ""
    return text[:2000] if text.isprintable() or "\n" in text else ""


def _within(given: object, depth: int) -> str:
    if isinstance(given, str):
        return given.strip()
    if depth >= DEEPEST:
        return ""
    if isinstance(given, Mapping):
        for name in NAMES:
            found = _within(given.get(name), depth + 1)
            if found:
                return found
    if isinstance(given, list):
        return "; ".join(found for one in given[:5] if (found := _within(one, depth + 1)))
    return ""
