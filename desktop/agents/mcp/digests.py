"""The digest of a server's description of a tool. A lasting approval only applies to this description. Pure."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

FIELDS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
"""Fields of a tool in `tools/list` (MCP 2025-06-18). Decoration (icons, _meta) is not part of the approval."""
IN_META = f"desktop/{secrets.token_hex(8)}"
"""The key under which a corrected description carries the original digest. No server can know it."""


def digest_in(meta: Mapping[str, Any] | None) -> str:
    """The digest carried by a corrected description; empty for none."""
    found = (meta or {}).get(IN_META)
    return found if isinstance(found, str) else ""


def digest(described: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the server's whole description, independent of the order of fields."""
    said = {name: described[name] for name in FIELDS if described.get(name) is not None}
    text = json.dumps(said, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
