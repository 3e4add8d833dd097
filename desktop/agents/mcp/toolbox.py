"""The MCP tools of one run of an assistant, as the Agents SDK takes them. Imports `agents`.

Not through the SDK's own MCP servers (openai-agents 0.24): those end with the task that began them, read lines of any
length from a program, leave it alone when the app is killed, and follow no wall between origins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agents import FunctionTool, RunContextWrapper, ToolOutputImage, ToolOutputText

from desktop.agents.mcp import calls
from desktop.agents.mcp.approvals import Approvals
from desktop.agents.mcp.connection import Outcome, Tool
from desktop.agents.mcp.naming import names, parameters
from desktop.agents.mcp.servers import Live
from desktop.errors import AppError


class Toolbox:
    """`tell` is called with what the person has to know of a call; it is set for each run."""

    def __init__(
        self, agent_id: str, thread_id: str, servers: Sequence[Live], approvals: Approvals, *, pictures: bool
    ) -> None:
        self.tell: Callable[[AppError], None] = lambda error: None
        self._agent = agent_id
        self._thread = thread_id
        self._approvals = approvals
        self._pictures = pictures
        lives = {live.server.id: live for live in servers}
        described = {(live.server.id, tool.name): tool for live in servers for tool in live.tools}
        self._known: dict[str, tuple[Live, Tool]] = {
            name: (lives[key[0]], described[key]) for name, key in names(described).items()
        }
        self.tools = [self._made(name) for name in self._known]

    def of(self, name: str) -> tuple[Live, Tool] | None:
        """The server and the tool that a function's name means."""
        return self._known.get(name)

    def allowed(self, name: str) -> bool:
        """Whether it runs without a question."""
        known = self.of(name)
        if known is None:
            return False
        return self._approvals.allowed(self._agent, self._thread, known[0].server, known[1].name)

    def _made(self, name: str) -> FunctionTool:
        live, tool = self._known[name]

        async def invoke(_context: Any, arguments: str) -> Any:
            return self._given(await calls.made(live, tool.name, arguments, self.tell))

        async def asks(_context: RunContextWrapper[Any], _arguments: dict[str, Any], _call: str) -> bool:
            return not self.allowed(name)

        return FunctionTool(
            name=name,
            description=tool.description,
            params_json_schema=parameters(tool.schema),
            on_invoke_tool=invoke,
            strict_json_schema=False,
            needs_approval=asks,
        )

    def _given(self, outcome: Outcome) -> Any:
        if not outcome.pictures:
            return outcome.text
        if not self._pictures:
            return f"{outcome.text}\n[{len(outcome.pictures)} pictures]".strip()
        text = [ToolOutputText(text=outcome.text)] if outcome.text else []
        return [*text, *(ToolOutputImage(image_url=address) for address in outcome.pictures)]
