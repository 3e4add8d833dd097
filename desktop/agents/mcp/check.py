"""Trying an MCP server from the agents page: started, asked for its tools, ended. Blocks; not for the agents' loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping

from desktop.agents.limits import Limits
from desktop.agents.mcp.connection import Connection, Tool
from desktop.agents.mcp.servers import want_of
from desktop.openai_api.transport import Endpoint
from desktop.settings.mcp import McpServer


def check(
    server: McpServer,
    secret: Callable[[str], str | None],
    route: Callable[[str], Endpoint],
    limits: Limits | None = None,
    ours: Mapping[str, str] | None = None,
) -> list[Tool]:
    """The tools that the server has; it is ended before this returns.

    `secret(name)` gives a secret's value, typed or kept; `route(url)` the way there. Raises AppError: what is wrong
    with the server, the network or the keyring.
    """
    want = want_of(server, secret, route)

    async def look() -> list[Tool]:
        connection = Connection(server.label, want, limits or Limits(), os.environ if ours is None else ours)
        try:
            await connection.open()
            return list(connection.tools)
        finally:
            await connection.close()

    return asyncio.run(look())
