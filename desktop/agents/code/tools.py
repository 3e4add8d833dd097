"""In the child: MCP servers' tools, which the app runs. The child only knows their names; servers, secrets and
approvals are in the app.

Every agent passed to the file's `Runner` gets them, unless it has structured output for the workflow.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import agents

from desktop.agents.code.protocol import Message
from desktop.agents.mcp.naming import Key, names, parameters


class Tools:
    """The tools of the turn, and pending calls."""

    def __init__(self, send: Callable[[Message], object]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[asyncio.AbstractEventLoop, asyncio.Future[Message]]] = {}
        self._numbers = 0
        self._known: dict[Key, Message] = {}
        self._made: list[Any] = []
        """Our tools, to tell them from an agent's own."""

    def begin(self, given: Sequence[Message]) -> None:
        """`given`: {server, tool, description, schema} of each tool of this turn."""
        self._known = {(str(one["server"]), str(one["tool"])): one for one in given}

    def give(self, agent: Any) -> None:
        """Add the tools to `agent`, replacing those of the previous turn."""
        if not isinstance(agent, agents.Agent) or agent.output_type not in (None, str):
            return
        own = [tool for tool in agent.tools if not any(tool is one for one in self._made)]
        if len(own) == len(agent.tools) and not self._known:
            return  # as in the file
        taken = [str(getattr(tool, "name", "")) for tool in own]
        made = [self._tool(name, key) for name, key in names(self._known, taken).items()]
        agent.tools = [*own, *made]
        self._made += made

    def _tool(self, name: str, key: Key) -> Any:
        described = self._known[key]

        async def invoke(_context: Any, arguments: str) -> Any:
            return _result(await self._call(key, arguments))

        return agents.FunctionTool(
            name=name,
            description=str(described.get("description", "")),
            params_json_schema=parameters(described.get("schema") or {}),
            on_invoke_tool=invoke,
            strict_json_schema=False,
        )

    async def _call(self, key: Key, arguments: str) -> Message:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Message] = loop.create_future()
        with self._lock:
            self._numbers += 1
            number = self._numbers
            self._waiting[number] = (loop, answer)
        self._send({"type": "call", "id": number, "server": key[0], "tool": key[1], "arguments": arguments})
        try:
            return await answer
        finally:
            with self._lock:
                self._waiting.pop(number, None)

    def answer(self, message: Message) -> None:
        """An answer from the app, on any thread."""
        with self._lock:
            waiting = self._waiting.pop(int(message["id"]), None)
        if waiting is None:
            return
        loop, answer = waiting

        def settle() -> None:
            if not answer.done():
                answer.set_result(message)

        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle)


def _result(message: Message) -> Any:
    text = str(message.get("text", ""))
    pictures = message.get("pictures") or []
    if not pictures:
        return text
    said = [agents.ToolOutputText(text=text)] if text else []
    return [*said, *(agents.ToolOutputImage(image_url=str(address)) for address in pictures)]
