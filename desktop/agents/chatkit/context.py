"""Who asks: what the app hands to the ChatKit server with every request. Knows nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RequestContext:
    """The context of one request. Threads belong to `agent_id` and are seen by no other agent."""

    agent_id: str
    user_id: str
    locale: str = "en"
    approves: bool = False
    """Whether this request may say yes to a tool: only a page of ours that runs nobody else's script says so."""
