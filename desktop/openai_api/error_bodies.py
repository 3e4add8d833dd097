"""Reads the message in an error's body, whatever the server's format. The only place that does.

Pure. Does not remove secrets (see `errors_map.scrub`). The formats come from OpenAI and from public reports about
gateways and model servers: Ollama, vLLM, llama.cpp, LiteLLM, OpenRouter, FastAPI, Google, Azure, Cloudflare.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

MOST_READ = 65_536
"""Bytes read of a body."""
DEEPEST = 6
"""Levels of errors nested in errors."""
MOST_LISTED = 3
"""Entries shown of a list."""

_WORDS = ("message", "msg", "error_message", "errorMessage", "error_description", "detail", "details", "reason")
_NESTED = ("error", "errors", "response", "body", "data", "fault", "exception")
_LAST = ("title", "description", "text", "info", "status_message", "raw", "cause")
_ANSWER = ("choices", "output", "data", "models", "text", "embedding")
"""Fields of an answer that an error lacks."""
_NO_FIELDS = {"type", "code", "param", "object", "status"}
_PHRASES = {status.phrase.lower() for status in HTTPStatus} | {"error", "unknown error", "not found", "internal error"}
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HIDDEN = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")


def words(body: object, depth: int = 0) -> str:
    """The sentence in an error's JSON: first in OpenAI's format (`error` as text, `error.message`), then in others.
    Empty if there is none."""
    if depth > DEEPEST:
        return ""
    if isinstance(body, str):
        return _unpacked(body, depth)
    if isinstance(body, list):
        told = [found for one in body if (found := _listed(one, depth))]
        more = f" (+{len(told) - MOST_LISTED})" if len(told) > MOST_LISTED else ""
        return "; ".join(dict.fromkeys(told[:MOST_LISTED])) + more
    if not isinstance(body, Mapping):
        return ""
    # At the top level, `details` comes before `message`: older proxies put OpenAI's message there.
    for name in (_NESTED[0], *(() if depth else ("details",)), *_WORDS, *_NESTED[1:], *_LAST):
        if name in body:
            found = words(body[name], depth + 1)
            if found:
                return _with_cause(found, body, depth)
    if depth and body and all(isinstance(value, list | str) for value in body.values()):
        # Django's way: {"field": ["what is wrong with it"]}.
        fields = [(name, words(value, depth + 1)) for name, value in body.items() if name not in _NO_FIELDS]
        return "; ".join(f"{name}: {found}" for name, found in fields[:MOST_LISTED] if found)
    return ""


def _with_cause(found: str, body: Mapping[str, Any], depth: int) -> str:
    """A gateway's error about a provider, with the provider's message beside it (OpenRouter)."""
    metadata = body.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    cause = words(raw, depth + 1) if raw else ""
    return f"{found}: {cause}" if cause and cause not in found else found


def _listed(one: object, depth: int) -> str:
    """An entry of a list. For FastAPI, the location and the mistake."""
    found = words(one, depth + 1)
    if isinstance(one, Mapping) and isinstance(one.get("loc"), list) and found:
        where = ".".join(str(part) for part in one["loc"] if part != "body")
        return f"{where}: {found}" if where else found
    return found


def _unpacked(text: str, depth: int) -> str:
    """If a text is itself JSON, the message inside it."""
    text = text.strip()
    if text[:1] in ("{", "["):
        try:
            found = words(json.loads(text), depth + 1)
        except (ValueError, RecursionError):
            return text
        return found or text
    if is_page(text.encode("utf-8", "replace")[:200]):
        return title(text.encode("utf-8", "replace"))
    return text


def is_error(body: object) -> bool:
    """Whether JSON received instead of an answer is an error."""
    if isinstance(body, list):
        return bool(body) and is_error(body[0])
    if not isinstance(body, Mapping):
        return False
    if body.get("error") or body.get("errors"):
        return True
    kind = str(body.get("object") or body.get("type") or "")
    if kind == "error" or kind.endswith(".error"):
        return True
    return not any(name in body for name in _ANSWER) and any(
        isinstance(body.get(name), str | list) and bool(body.get(name)) for name in ("detail", "message", "msg")
    )


def is_page(body: bytes) -> bool:
    """Whether a body is a web page."""
    start = body[:200].lstrip(b" \t\r\n\xef\xbb\xbf").lower()
    return start.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<!--"))


def title(page: bytes) -> str:
    """The title of a web page; empty if it has none."""
    found = _TITLE.search(page[:MOST_READ])
    return html.unescape(found[1].decode("utf-8", "replace")) if found else ""


def read(body: bytes) -> object:
    """A body as JSON, or as an event's JSON if it is a stream; None if neither."""
    text = body[:MOST_READ].decode("utf-8", "replace").strip().lstrip("\ufeff")
    lines = [text, *(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("data:"))]
    for line in lines:
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            continue
    return None


def read_all(body: bytes) -> object:
    """A whole body as JSON; None if it isn't."""
    try:
        return json.loads(body.decode("utf-8", "replace").lstrip("\ufeff"), strict=False)
    except (ValueError, RecursionError):
        return None


def said(body: bytes) -> str:
    """The message of an error's body on one line: from JSON, a page's title, or the beginning of plain text."""
    if not body.strip():
        return ""
    if is_page(body):
        return plain(title(body))
    parsed = read(body)
    if isinstance(parsed, Mapping | list):
        return plain(words(parsed))
    if isinstance(parsed, str):
        return plain(words(parsed))
    text = body[:MOST_READ].decode("utf-8", "replace")
    letters = sum(char.isprintable() or char.isspace() for char in text)
    return plain(text) if letters > 0.8 * len(text) else ""


def plain(text: str) -> str:
    """`text` on one line, without invisible characters."""
    text = _ANSI.sub("", text[: 4 * MOST_READ])
    return " ".join("".join(char if unicodedata.category(char) not in _HIDDEN else " " for char in text).split())


def tells(text: str) -> bool:
    """Whether the words say more than the status ("Not Found", "500 Internal Server Error")."""
    bare = re.sub(r"^(?:http\s*)?(?:error\s*)?\d{3}\s*[:\-–]?\s*", "", text.strip().lower()).strip(" .!:")
    return bool(bare) and bare not in _PHRASES


def codes(body: object) -> set[str]:
    """`code` and `type` of the error, wherever they are nested."""
    found: set[str] = set()
    for place in _places(body, 0):
        found |= {value for name in ("code", "type") if isinstance(value := place.get(name), str) and value}
    return found


def _places(body: object, depth: int) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, Mapping) and depth <= DEEPEST:
        yield body
        for name in ("error", "errors", "details", "detail", "response"):
            yield from _places(body.get(name), depth + 1)


def status(body: object) -> int:
    """The HTTP status named in an error's JSON; 0 for none."""
    for place in _places(body, 0):
        for name in ("status", "status_code", "code"):
            value = place.get(name)
            if isinstance(value, str) and value.isdigit():
                value = int(value)
            if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
                return value
    return 0


def in_openais_shape(body: bytes) -> bytes:
    """An error's body in OpenAI's format, if it is JSON in another format with a message; otherwise unchanged."""
    parsed = read_all(body)
    error = parsed.get("error") if isinstance(parsed, Mapping) else None
    if isinstance(error, Mapping) and isinstance(error.get("message"), str):
        return body
    if not isinstance(parsed, Mapping | list) or not words(parsed):
        return body
    return json.dumps({"error": told(parsed)}).encode()


def told(body: object) -> dict[str, Any]:
    """An error in OpenAI's format: `{message, type, param, code}`."""
    known = codes(body) - {"error"}
    kinds = [place for place in _places(body, 0) if isinstance(place.get("type"), str) and place["type"] != "error"]
    code = next((str(place["code"]) for place in _places(body, 0) if isinstance(place.get("code"), str | int)), None)
    param = next((place["param"] for place in _places(body, 0) if isinstance(place.get("param"), str)), None)
    return {
        "message": words(body) or "?",
        "type": kinds[0]["type"] if kinds else next(iter(sorted(known)), "server_error") if known else None,
        "param": param,
        "code": code,
    }
