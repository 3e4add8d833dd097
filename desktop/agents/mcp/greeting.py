"""Completes a server's answer to `initialize` so that `mcp` (2.3) accepts it. Nothing we need is missing. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

OLDEST, NEWEST = "2024-11-05", "2025-11-25"
"""Protocol versions negotiated with `initialize`."""
KNOWN = (OLDEST, "2025-03-26", "2025-06-18", NEWEST)


def introduced(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result of `initialize`. An unreleased protocol version is replaced by the one before it: drafts and mistakes do
    not differ in anything a tool call needs."""
    made = {name: result[name] for name in ("protocolVersion", "capabilities", "serverInfo", "_meta") if name in result}
    version = made.get("protocolVersion")
    if isinstance(version, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", version) and version not in KNOWN:
        made["protocolVersion"] = max((one for one in KNOWN if one < version), default=OLDEST)
    elif not isinstance(version, str):
        made["protocolVersion"] = OLDEST
    given = made.get("capabilities")
    able = given if isinstance(given, Mapping) else {}
    made["capabilities"] = {
        name: dict(value) if isinstance(value, Mapping) else {}
        for name, value in able.items()
        if value is not None and value is not False
    }
    about = made.get("serverInfo")
    texts = {name: text for name, text in about.items() if isinstance(text, str)} if isinstance(about, Mapping) else {}
    made["serverInfo"] = {"name": texts.get("name", "?"), "version": texts.get("version", "?")}
    if not isinstance(made.get("_meta", {}), Mapping):
        del made["_meta"]
    return made
