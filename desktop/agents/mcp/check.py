"""Checks an MCP server for the agents page: starts it, lists its tools, ends it. Blocks; not for the agents' loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress

from desktop.agents.limits import Limits
from desktop.agents.mcp.connection import Connection
from desktop.agents.mcp.errors import McpEnded
from desktop.agents.mcp.grants import Vault
from desktop.agents.mcp.servers import want_of
from desktop.agents.mcp.starts import Tells
from desktop.agents.mcp.types import Tool
from desktop.common.errors import Phrase
from desktop.openai_api.transport import Endpoint
from desktop.settings.mcp import McpServer


def check(
    server: McpServer,
    secret: Callable[[str], str | None],
    route: Callable[[str], Endpoint],
    limits: Limits | None = None,
    ours: Mapping[str, str] | None = None,
    stops: Callable[[Callable[[], None]], object] = lambda _stop: None,
    tells: Tells = lambda _told: None,
    vault: Vault | None = None,
) -> list[Tool]:
    """The server's tools, followed by unusable ones (their remark says why). The server has ended when this returns.
    `tells` is called about once a second with the progress of a start.

    `secret(name)` returns a secret, typed or stored; `route(url)` the route. `stops` gets a function that ends the
    check early, from any thread. `vault`: the person's sign-in. Raises AppError for the server, the network or the
    keyring; McpEnded if it was stopped.
    """
    want = want_of(server, secret, route, vault)

    async def look() -> list[Tool]:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop() -> None:
            with suppress(RuntimeError):  # the loop has closed, so it is over
                loop.call_soon_threadsafe(lambda: task and task.cancel())

        stops(stop)
        connection = Connection(server.label, want, limits or Limits(), os.environ if ours is None else ours, vault)
        try:
            await connection.open(tells)
            return [*connection.tools, *connection.left_out]
        finally:
            await connection.close()

    try:
        return asyncio.run(look())
    except asyncio.CancelledError:
        raise McpEnded(server=server.label, problem=Phrase("code.ended")) from None
