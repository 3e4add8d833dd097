"""Who makes a request: passed to the ChatKit server with every one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RequestContext:
    """The context of one request. Threads belong to `agent_id`; no other agent sees them."""

    agent_id: str
    user_id: str
    locale: str = "en"
    approves: bool = False
    """Whether this request may approve a tool. Only true for our own pages that run no other script."""
    model: str = ""
    """The model asked for in place of the one the message was sent with; see `model_settings.chosen_model`."""
