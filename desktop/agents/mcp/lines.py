"""Parses the messages in a line of a program's output. Accepts some non-standard JSON."""

from __future__ import annotations

import json
from typing import Any


def messages(line: bytes, most: int) -> list[Any]:
    """The messages as `mcp`'s types, at most `most`; empty if there is none. Accepts a byte order mark, NaN, lone
    surrogates, and batches, which servers of 2025 may send."""
    from mcp_types import jsonrpc_message_adapter

    try:
        return [jsonrpc_message_adapter.validate_json(line, by_name=False)]
    except ValueError:
        pass
    text = line.decode("utf-8", "replace").strip("\ufeff \t\r\n")
    if not text.startswith(("{", "[")):
        return []
    try:
        given = json.loads(text, strict=False, parse_constant=lambda _name: None)
    except (ValueError, RecursionError):
        return []
    found = []
    for one in given[:most] if isinstance(given, list) else [given]:
        if isinstance(one, dict) and ("method" in one or "id" in one):
            try:
                found.append(jsonrpc_message_adapter.validate_python({"jsonrpc": "2.0", **_whole(one)}, by_name=False))
            except ValueError:
                continue
    return found


def _whole(value: Any) -> Any:
    """The value without lone surrogates, which our texts can't contain."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    return value
