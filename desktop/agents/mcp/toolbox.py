"""The MCP tools of one assistant run, for the Agents SDK. Imports `agents`.

Does not use the SDK's own MCP servers (openai-agents 0.24): they end with the task that started them, read lines of any
length, leave the program running when the app is killed, and don't separate origins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agents import FunctionTool, RunContextWrapper, ToolOutputImage, ToolOutputText

from desktop.agents.mcp import calls
from desktop.agents.mcp.approvals import Approvals
from desktop.agents.mcp.naming import names, parameters
from desktop.agents.mcp.results import Outcome
from desktop.agents.mcp.servers import Live
from desktop.agents.mcp.types import Tool
from desktop.common.errors import AppError


class Toolbox:
    """`tell` is called with problems of a call for the person; it is set for each run."""

    def __init__(
        self, agent_id: str, thread_id: str, servers: Sequence[Live], approvals: Approvals, *, pictures: bool
    ) -> None:
        self.tell: Callable[[AppError], None] = lambda error: None
        self.outcomes: dict[str, Outcome] = {}
        """Results of calls, by the model's call id, until they are shown."""
        self._agent = agent_id
        self._thread = thread_id
        self._approvals = approvals
        self._pictures = pictures
        self._servers = servers
        self._seen = [live.tools for live in servers]
        self._known: dict[str, tuple[Live, Tool]] = {}
        self.tools: list[FunctionTool] = []
        self.offered: list[Any] | None = None
        """The agent's list of tools, which the SDK reads before each turn of a run (openai-agents 0.24)."""
        self._learn()

    def of(self, name: str) -> tuple[Live, Tool] | None:
        """The server and the tool behind a function's name."""
        return self._known.get(name)

    def allowed(self, name: str) -> bool:
        """Whether it may run without asking."""
        known = self.of(name)
        if known is None:
            return False
        return self._approvals.allowed(self._agent, self._thread, known[0].server, known[1])

    def _learn(self) -> None:
        """All tools the servers have now. Existing tools keep their names."""
        lives = {live.server.id: live for live in self._servers}
        described = {(live.server.id, tool.name): tool for live in self._servers for tool in live.tools}
        kept = {
            name: (lives[key[0]], described[key])
            for name, (live, tool) in self._known.items()
            if (key := (live.server.id, tool.name)) in described
        }
        there = {(live.server.id, tool.name) for live, tool in kept.values()}
        new = names((key for key in described if key not in there), taken=self._known)
        self._known = {**kept, **{name: (lives[key[0]], described[key]) for name, key in new.items()}}
        before, self.tools = self.tools, [self._made(name) for name in self._known]
        if self.offered is not None:
            self.offered[:] = [tool for tool in self.offered if tool not in before] + self.tools

    def renew(self) -> None:
        """Update the tools during a run, for its next turn."""
        now = [live.tools for live in self._servers]
        if any(one is not other for one, other in zip(now, self._seen, strict=True)):
            self._seen = now
            self._learn()

    def _made(self, name: str) -> FunctionTool:
        live, tool = self._known[name]

        async def invoke(context: Any, arguments: str) -> Any:
            made = await calls.made(live, tool.name, arguments, self.tell)
            self.outcomes[str(getattr(context, "tool_call_id", ""))] = made
            self.renew()
            return self._given(made)

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
            # The protocol can't carry them. The person sees them, and the model is informed.
            return f"{outcome.text}\n[pictures, shown to the user: {len(outcome.pictures)}]".strip()
        text = [ToolOutputText(text=outcome.text)] if outcome.text else []
        return [*text, *(ToolOutputImage(image_url=address) for address in outcome.pictures)]
