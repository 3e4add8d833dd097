"""Interprets values that servers write differently from OpenAI: texts, numbers, ids, calls, finish reasons."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

Json = dict[str, Any]

_HALF = re.compile("[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]")
_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")

REASONS = {
    "length": {
        *("length", "max_tokens", "max_output_tokens", "model_length", "token_limit", "max_length", "limit"),
        "model_context_window_exceeded",
    },
    "content_filter": {
        *("content_filter", "content-filter", "safety", "recitation", "blocklist", "prohibited_content", "spii"),
        *("sensitive", "refusal", "guardrail_intervened", "content_filtered", "language"),
    },
    "error": {*("error", "network_error", "abort", "aborted", "cancelled", "canceled", "failed", "timeout")},
    "tool_calls": {"tool_calls", "tool_use", "function_call", "tool_call", "toolcalls"},
}
"""Finish reasons of Chat Completions, Anthropic, Google, Bedrock and Zhipu, in one vocabulary."""


def reason(value: object) -> str:
    """The finish reason: "" (not yet), stop, length, content_filter, error or tool_calls."""
    if not isinstance(value, str) or not value or value.lower() in ("null", "none", "unspecified"):
        return ""
    low = value.lower().removeprefix("finish_reason_")
    return next((name for name, words in REASONS.items() if low in words), "stop")


def number(value: object) -> int:
    """A count, given as a number, as text, or not at all."""
    if isinstance(value, bool):
        return int(value)
    try:
        return int(float(value)) if isinstance(value, int | float | str) else 0
    except (ValueError, OverflowError):
        return 0


def index(value: object) -> int | None:
    """An index; None if missing."""
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text(value: object) -> str:
    """A text, given as a string or in another readable form."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        for name in ("text", "content", "value", "summary", "thinking", "reasoning"):
            if name in value:
                return text(value[name])
        return ""
    return "".join(text(one) for one in value) if isinstance(value, list) else ""


def content(value: object) -> tuple[str, str]:
    """The content of a message, given as text or parts: its reasoning and its text."""
    if isinstance(value, list):
        parts = [content(one) for one in value]
        return "".join(thought for thought, _ in parts), "".join(said for _, said in parts)
    if isinstance(value, dict):
        kind = str(value.get("type", "")).lower()
        if "think" in kind or "reason" in kind:
            return text(value.get("thinking") or value.get("reasoning") or value), ""
        return "", text(value)
    return "", text(value)


def thought(delta: Json) -> str:
    """The reasoning in a delta or a message, under any of its names. The same under two names counts once."""
    for name in ("reasoning_content", "reasoning", "thinking", "reasoning_text", "thoughts"):
        found = text(delta.get(name))
        if found:
            return found
    details = delta.get("reasoning_details")
    return text([one for one in details if isinstance(one, dict)]) if isinstance(details, list) else ""


def arguments(value: object) -> str:
    """A call's arguments as JSON text."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)


def call_id() -> str:
    """An id for a call without one."""
    return f"call_{secrets.token_hex(12)}"


def written_calls(written: str, names: set[str]) -> list[tuple[str, str]]:
    """Calls a model wrote between tags, as (name, arguments); [] unless all are tools in `names`."""
    inner = re.sub(r"^(<\|?\w+\|?>|\[\w+\])|(</\w+>|<\|eom_id\|>)$", "", written.strip()).strip()
    inner = inner.removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    found: list[tuple[str, str]] = []
    function = re.fullmatch(r"<function=([^>\s]+)>(.*?)(</function>)?", inner, re.DOTALL)
    if function:  # Qwen's coder models
        given = re.findall(r"<parameter=([^>\s]+)>\n?(.*?)\n?</parameter>", function[2], re.DOTALL)
        found = [(function[1], json.dumps({name: _value(value) for name, value in given}))]
    else:
        decoder, at = json.JSONDecoder(strict=False), 0
        while at < len(inner):
            try:
                one, at = decoder.raw_decode(inner, at)
            except (ValueError, RecursionError):
                return []
            at += len(inner[at:]) - len(inner[at:].lstrip(" \t\r\n,;"))
            for outer in one if isinstance(one, list) else [one]:
                if not isinstance(outer, dict):
                    return []
                nested = outer.get("function")
                made = nested if isinstance(nested, dict) else outer
                named = next((name for name in ("arguments", "parameters", "input", "args") if name in made), "")
                found.append((text(made.get("name") or made.get("tool") or nested), arguments(made.get(named, {}))))
    return found if found and all(name in names for name, _ in found) else []


def _value(given: str) -> object:
    try:
        return json.loads(given)
    except ValueError:
        return given


class Halves:
    """Joins surrogate pairs split across two deltas. A lone surrogate is replaced."""

    def __init__(self) -> None:
        self._half = ""

    def whole(self, piece: str) -> bool:
        """Whether `piece` has no lone surrogates, and none is waiting."""
        return not self._half and (piece.isascii() or not _surrogates(piece))

    def join(self, piece: str) -> str:
        """`piece` with the waiting surrogate added. A lone one at its end waits in turn."""
        if self.whole(piece):
            return piece
        piece, self._half = self._half + piece, ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        return whole_letters(piece)

    def rest(self) -> str:
        """The surrogate that never got its other half."""
        half, self._half = self._half, ""
        return "\ufffd" if half else ""


def whole_letters(piece: str) -> str:
    """`piece` without lone surrogates."""
    if piece.isascii() or not _surrogates(piece):
        return piece
    paired = _PAIR.sub(lambda pair: (pair[1] + pair[2]).encode("utf-16", "surrogatepass").decode("utf-16"), piece)
    return _HALF.sub("\ufffd", paired)


def _surrogates(piece: str) -> bool:
    try:
        piece.encode()
    except UnicodeEncodeError:
        return True
    return False
