"""What a server says of a tool, as one number: a yes for longer than one call is for the tool as it was then. Pure."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

FIELDS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
"""Of a tool in `tools/list` (MCP 2025-06-18); what only decorates it (icons, _meta) is no part of what was approved."""
IN_META = f"desktop/{secrets.token_hex(8)}"
"""Where a mended description carries the number of what its server said; a name that no server can know."""


def digest_in(meta: Mapping[str, Any] | None) -> str:
    """The number that a mended description carries; empty: none."""
    found = (meta or {}).get(IN_META)
    return found if isinstance(found, str) else ""


def digest(described: Mapping[str, Any]) -> str:
    """SHA-256 in hex over what the server says of the tool, whole; the same whatever the order of its fields."""
    said = {name: described[name] for name in FIELDS if described.get(name) is not None}
    text = json.dumps(said, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
