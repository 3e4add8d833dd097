"""Fills secrets into an MCP server's settings for a start or a call, and for nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from desktop.settings.mcp import REFERENCE, McpServer, referred

SAFE = ":@!$'()*,;"
"""Characters left unescaped in an address, besides letters and digits."""


def resolved(server: McpServer, secrets: Mapping[str, str]) -> tuple[McpServer, dict[str, str]]:
    """The server with its secrets filled into arguments, variables, headers and address; and the secrets without a
    reference, which are variables or headers themselves.

    The result contains secrets: only the connection may use it.
    """
    named = referred(server)
    own = {name: value for name, value in secrets.items() if name not in named}

    def put(text: str) -> str:
        return REFERENCE.sub(lambda found: secrets.get(found[1], found[0]), text)

    def put_in_address(text: str) -> str:
        return REFERENCE.sub(
            lambda found: quote(secrets[found[1]], safe=SAFE) if found[1] in secrets else found[0], text
        )

    changes: dict[str, Any] = {
        "args": [put(word) for word in server.args],
        "env": {name: put(value) for name, value in server.env.items()},
        "headers": {name: put(value) for name, value in server.headers.items()},
        "url": put_in_address(server.url),
    }
    return server.model_copy(update=changes), own
