"""Waits for an agent's servers before it answers, and shows progress and problems as events of the chat."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from chatkit.types import ProgressUpdateEvent, ThreadStreamEvent

from desktop.agents.mcp.approvals import notice
from desktop.agents.mcp.servers import McpServers, Ready
from desktop.agents.mcp.starts import Starting
from desktop.common.texts import Catalogue


async def until_ready(
    servers: McpServers, agent_id: str, texts: Catalogue
) -> AsyncGenerator[ThreadStreamEvent | Ready, None]:
    """Events, and finally the servers that can be called. Ending it early ends no start."""
    if servers.starts(agent_id):
        yield ProgressUpdateEvent(icon="clock", text=texts.get("mcp.starting"))
    async with aclosing(servers.using(agent_id)) as told:
        async for one in told:
            if isinstance(one, Starting):
                yield ProgressUpdateEvent(icon="clock", text=one.told.spell(texts))
                continue
            for problem in one.problems:
                yield notice(problem, texts)
            yield one
