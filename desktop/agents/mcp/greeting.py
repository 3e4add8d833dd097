"""How a server introduces itself, made such that `mcp` (2.3) reads it: what it lacks is nothing that we need. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

OLDEST, NEWEST = "2024-11-05", "2025-11-25"
"""Protocols that are agreed on with `initialize`."""
KNOWN = (OLDEST, "2025-03-26", "2025-06-18", NEWEST)


def introduced(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result of `initialize`. A version of the protocol that was never released is taken for the one before: drafts
    and slips differ from that in nothing that a call of a tool needs."""
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
