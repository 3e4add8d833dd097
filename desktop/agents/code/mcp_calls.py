"""In the app: makes MCP tool calls for a code agent's process, which has neither the servers nor their secrets.

Lives on the agents' event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desktop.agents.chatkit.runs import CURRENT
from desktop.agents.code.protocol import Message
from desktop.agents.mcp import calls
from desktop.agents.mcp.servers import Live
from desktop.agents.mcp.types import Tool
from desktop.common.errors import AppError

NOT_APPROVED = "Tool execution was not approved."
"""The same words as in the Agents SDK."""


class Calls:
    """The tools of one turn, and its calls in progress. `send` sends to the process."""

    def __init__(self, servers: Sequence[Live], send: Callable[[Message], object]) -> None:
        self.problems: list[AppError] = []
        """Problems not yet shown to the person."""
        self.pictures: list[str] = []
        """Pictures from tools (data: addresses) not yet shown."""
        self._known: Mapping[tuple[str, str], tuple[Live, Tool]] = {
            (live.server.id, tool.name): (live, tool) for live in servers for tool in live.tools
        }
        self._tools = [(live, tool) for live in servers for tool in live.tools]
        self._send = send
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def told(self) -> list[Message]:
        """The tools as sent to the process."""
        return [
            {"server": live.server.id, "tool": tool.name, "description": tool.description, "schema": tool.schema}
            for live, tool in self._tools
        ]

    def called(self, message: Message) -> tuple[Live, Tool] | None:
        """The server and tool of a call; None if unknown."""
        return self._known.get((str(message.get("server")), str(message.get("tool"))))

    def refuse(self, message: Message) -> None:
        """Refuse the call."""
        self._send({"type": "called", "id": message.get("id"), "text": NOT_APPROVED})

    def make(self, live: Live, message: Message) -> None:
        """Make the call. Its outcome goes to the process, whatever happens to the stream it started in."""
        context = contextvars.copy_context()
        context.run(CURRENT.set, None)
        task = asyncio.get_running_loop().create_task(self._make(live, message), context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Abandon calls in progress."""
        for task in self._tasks:
            task.cancel()

    async def _make(self, live: Live, message: Message) -> None:
        tool, arguments = str(message.get("tool")), str(message.get("arguments") or "")
        outcome = await calls.made(live, tool, arguments, self.problems.append)
        pictures: list[Any] = list(outcome.pictures)
        self.pictures += pictures
        self._send({"type": "called", "id": message.get("id"), "text": outcome.text, "pictures": pictures})
