"""Names for the tools of several servers that a model's API accepts, all different. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from desktop.agents.mcp.schemas import as_object

MOST_OFFERED = 128
"""The most functions OpenAI's APIs accept with a request."""
LONGEST = 64
"""The longest name of a function in OpenAI's APIs, in characters: letters, digits, _ and -."""

Key = tuple[str, str]
"""(server id, tool)"""


def names(tools: Iterable[Key], taken: Iterable[str] = ()) -> dict[str, Key]:
    """A name for each tool, in order: its own, with the server's in front if it is not unique. `taken`: other names.

    At most as many as a request may have; the last ones are left out.
    """
    used = set(taken)
    wanted = list(dict.fromkeys(tools))[: max(0, MOST_OFFERED - len(used))]
    plain = [_clean(tool) for _, tool in wanted]
    found: dict[str, Key] = {}
    for (server, tool), short in zip(wanted, plain, strict=True):
        name = short
        if plain.count(short) > 1 or name in used or name.startswith("transfer_to_"):
            name = _clean(f"{server}__{tool}")
        if name in used or name in found:
            digest = hashlib.sha256(f"{server}\0{tool}".encode()).hexdigest()[:8]
            name = f"{name[: LONGEST - 9]}_{digest}"
        found[name] = (server, tool)
    return found


def _clean(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:LONGEST] or "_"


def parameters(schema: dict[str, object]) -> dict[str, object]:
    """A tool's schema for OpenAI's APIs: always an object, always with properties."""
    return as_object(schema)[0]
