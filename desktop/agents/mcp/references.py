"""References to secrets in an MCP server's words, put in place for the start or the call and for nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from desktop.settings.mcp import REFERENCE, McpServer, referred

SAFE = ":@!$'()*,;"
"""What stands in an address as it is, beside letters and digits."""


def resolved(server: McpServer, secrets: Mapping[str, str]) -> tuple[McpServer, dict[str, str]]:
    """The server with the values of its secrets in its arguments, variables, headers and address; and those of its
    secrets that nothing refers to, which are variables or headers of their own.

    The result holds secrets: it is for the connection alone.
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
