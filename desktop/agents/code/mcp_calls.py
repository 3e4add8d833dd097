"""In the app: calls of MCP tools that a code agent's process asks for. It has neither the servers nor their secrets.

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
from desktop.agents.mcp.connection import Tool
from desktop.agents.mcp.servers import Live
from desktop.common.errors import AppError

NOT_APPROVED = "Tool execution was not approved."
"""As the Agents SDK tells a model."""


class Calls:
    """The tools of one turn, and its calls that are on their way. `send` is the way to the process."""

    def __init__(self, servers: Sequence[Live], send: Callable[[Message], object]) -> None:
        self.problems: list[AppError] = []
        """What the person has to know, and was not told yet."""
        self.pictures: list[str] = []
        """What tools gave to look at (data: addresses), and was not shown yet."""
        self._known: Mapping[tuple[str, str], tuple[Live, Tool]] = {
            (live.server.id, tool.name): (live, tool) for live in servers for tool in live.tools
        }
        self._tools = [(live, tool) for live in servers for tool in live.tools]
        self._send = send
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def told(self) -> list[Message]:
        """What the process is told of them."""
        return [
            {"server": live.server.id, "tool": tool.name, "description": tool.description, "schema": tool.schema}
            for live, tool in self._tools
        ]

    def called(self, message: Message) -> tuple[Live, Tool] | None:
        """What is called, and whose it is; None: nobody's."""
        return self._known.get((str(message.get("server")), str(message.get("tool"))))

    def refuse(self, message: Message) -> None:
        """The call is not made."""
        self._send({"type": "called", "id": message.get("id"), "text": NOT_APPROVED})

    def make(self, live: Live, message: Message) -> None:
        """The call is made; its outcome goes to the process, whatever happens to the stream that it began in."""
        context = contextvars.copy_context()
        context.run(CURRENT.set, None)
        task = asyncio.get_running_loop().create_task(self._make(live, message), context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """What is on its way is given up."""
        for task in self._tasks:
            task.cancel()

    async def _make(self, live: Live, message: Message) -> None:
        tool, arguments = str(message.get("tool")), str(message.get("arguments") or "")
        outcome = await calls.made(live, tool, arguments, self.problems.append)
        pictures: list[Any] = list(outcome.pictures)
        self.pictures += pictures
        self._send({"type": "called", "id": message.get("id"), "text": outcome.text, "pictures": pictures})
