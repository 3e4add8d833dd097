"""Trying an MCP server from the agents page: started, asked for its tools, ended. Blocks; not for the agents' loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress

from desktop.agents.limits import Limits
from desktop.agents.mcp.connection import Connection, Tool
from desktop.agents.mcp.errors import McpEnded
from desktop.agents.mcp.grants import Vault
from desktop.agents.mcp.servers import want_of
from desktop.agents.mcp.starts import Tells
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
    """The tools that the server has, then those that can't be used (their remark says why); it is ended before this
    returns. `tells` is called about once a second with how a start goes on.

    `secret(name)` gives a secret's value, typed or kept; `route(url)` the way there. `stops` is given what ends
    the check early, from any thread and at any time. `vault`: where a person's sign-in is kept. Raises AppError: what
    is wrong with the server, the network or the keyring; McpEnded where it was stopped.
    """
    want = want_of(server, secret, route, vault)

    async def look() -> list[Tool]:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop() -> None:
            with suppress(RuntimeError):  # the loop has closed: it is over
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
