"""One process of a code agent as the app has it: what it was made for, and what it is doing."""

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
    """What a turn needs of its process; one that was made for another want is of no use to it."""

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
        """The chat whose turns it has had; empty: none yet."""
        self.busy = False
        self.loaded = False
        self.unwanted = False
        """It ends with the turn that it has."""
        self.calls = Calls((), child.send)
        """Of MCP tools, in this turn."""
        self.held: deque[Message] = deque()
        """What it asked while an answer was on its way to it."""
        self.choices: list[str] = []
        """What the failure of its file leaves to the person's choice."""

    def fits(self, agent_id: str, want: Want) -> bool:
        same = self.agent_id == agent_id and self.want.source.digest == want.source.digest
        same = same and self.want.source.path == want.source.path
        # Everything else of it, whatever that is; sources are compared above, by their digest.
        rest = replace(self.want, source=want.source) == want
        return same and rest and not self.busy and self.child.alive

    async def load(self) -> None:
        """Waits until the file is loaded. Raises what keeps it from that, or CodeEnded."""
        while not self.loaded:
            message = await self.child.receive()
            if message["type"] == "failed":
                self.choices = choices_of(message)
                raise unpack(message.get("error"))
            self.loaded = message["type"] == "loaded"


def choices_of(message: Message) -> list[str]:
    """What a failure leaves to choose from, as the process names it."""
    found = message.get("choices")
    return [str(one)[:200] for one in found if one][:20] if isinstance(found, list) else []
