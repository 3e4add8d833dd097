"""A block of JSON as other programs keep their MCP servers, read for its shape: which servers, which values are secret.

No value goes back to the page: it has the text itself, and takes the values from there by the place that is named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from desktop.errors import Phrase
from desktop.pages.check_run import FieldError
from desktop.settings.secret_shapes import TELLING, is_secret

AROUND = ("mcpServers", "servers", "context_servers", "mcp")
"""Under what name the programs keep them."""
MOST = 50
LONGEST_NAME = 60

_PLACEHOLDER = re.compile(
    r"(?i)^(?:<.*>|\$?\{.*\}|\[.*\]|\.{3}|…|x{3,}|\*{3,}|your[-_ ].*|.*[-_ ]here|insert[-_ ].*)?$"
)
"""What stands in an example in the place of a secret."""


def read_block(text: str) -> list[dict[str, Any]]:
    """`[{at, name, transport, variables, headers}]`; of each row `{name, secret, take}`.

    `at`: the keys that lead to the server in the JSON. `take`: whether the value is more than a placeholder. Braces
    around the whole may be missing, as where a part of a file was copied. Raises FieldError for `block`.
    """
    given = _parsed(text.strip())
    found = [_server(at, one) for at, one in _candidates(given) if _fits(one)]
    if not found:
        raise FieldError("block", Phrase("agents_mcp.paste_none"))
    return found[:MOST]


def _parsed(text: str) -> Any:
    if not text:
        raise FieldError("block", Phrase("agents_mcp.paste_empty"))
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        try:
            return json.loads(f"{{{text}}}", parse_constant=_no_constant)
        except (ValueError, RecursionError):
            line = getattr(error, "lineno", 1)
            raise FieldError("block", Phrase("agents_mcp.paste_json", {"line": line})) from None


def _no_constant(name: str) -> None:
    """NaN and Infinity are Python's, and no JSON for the page."""
    raise ValueError(name)


def _candidates(given: Any) -> list[tuple[list[str], Any]]:
    """Every place where a server may stand: below one of the known names, by its own name, or the whole."""
    if not isinstance(given, Mapping):
        return []
    if _fits(given):
        return [([], given)]
    around = next((name for name in AROUND if isinstance(given.get(name), Mapping)), None)
    if around is None:
        return [([name], one) for name, one in given.items()]
    inner = given[around]
    if around == "mcp" and isinstance(inner.get("servers"), Mapping):
        return [([around, "servers", name], one) for name, one in inner["servers"].items()]
    return [([around, name], one) for name, one in inner.items()]


def _fits(one: Any) -> bool:
    return isinstance(one, Mapping) and any(
        isinstance(one.get(name), str) and one[name].strip() for name in ("command", "url", "serverUrl", "httpUrl")
    )


def _server(at: list[str], one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "at": at,
        "name": (at[-1] if at else "")[:LONGEST_NAME],
        "transport": "stdio" if isinstance(one.get("command"), str) and one["command"].strip() else "http",
        "variables": _rows(one.get("env")),
        "headers": _rows(one.get("headers")),
    }


def _rows(values: Any) -> list[dict[str, Any]]:
    if not isinstance(values, Mapping):
        return []
    return [_row(name, value) for name, value in values.items() if isinstance(value, (str, int, float))]


def _row(name: str, value: object) -> dict[str, Any]:
    text = str(value)
    bare = re.sub(r"(?i)^(?:bearer|basic)\s+", "", text.strip())
    open_ = bool(_PLACEHOLDER.fullmatch(bare))
    secret = is_secret(text, name) or (open_ and bool(TELLING.search(name)))
    return {"name": name, "secret": secret, "take": not (secret and open_)}
