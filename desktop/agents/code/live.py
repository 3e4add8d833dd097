"""A running process of a code agent: what it was made for, and what it is doing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from desktop.agents.code import consent
from desktop.agents.code.mcp_calls import Calls
from desktop.agents.code.process import Child
from desktop.agents.code.protocol import Message, unpack
from desktop.openai_api.transport import Endpoint as Route
from desktop.settings.agents import Endpoint


@dataclass(frozen=True)
class Want:
    """What a turn needs from its process. A process made for a different `Want` can't be used."""

    source: consent.Source
    endpoint: Endpoint
    key: str | None = field(repr=False)
    route: Route
    entry: str = ""
    models: tuple[tuple[str, str], ...] = ()
    max_runs: int = 0


class Live:
    """One process, what it was made for and what it is doing."""

    def __init__(self, agent_id: str, want: Want, child: Child) -> None:
        self.agent_id = agent_id
        self.want = want
        self.child = child
        self.thread = ""
        """The chat it has served; empty for none yet."""
        self.busy = False
        self.loaded = False
        self.unwanted = False
        """Set if it must end after its current turn."""
        self.calls = Calls((), child.send)
        """Calls of MCP tools in this turn."""
        self.held: deque[Message] = deque()
        """Messages it sent while an answer was on its way to it."""
        self.choices: list[str] = []
        """Choices the person has after a failure of its file."""

    def fits(self, agent_id: str, want: Want) -> bool:
        same = self.agent_id == agent_id and self.want.source.digest == want.source.digest
        same = same and self.want.source.path == want.source.path
        # Compare all other fields; sources are compared above, by their digest.
        rest = replace(self.want, source=want.source) == want
        return same and rest and not self.busy and self.child.alive

    async def load(self) -> None:
        """Wait until the file is loaded. Raises its error, or CodeEnded."""
        while not self.loaded:
            message = await self.child.receive()
            if message["type"] == "failed":
                self.choices = choices_of(message)
                raise unpack(message.get("error"))
            self.loaded = message["type"] == "loaded"


def choices_of(message: Message) -> list[str]:
    """The choices after a failure, as named by the process."""
    found = message.get("choices")
    return [str(one)[:200] for one in found if one][:20] if isinstance(found, list) else []
