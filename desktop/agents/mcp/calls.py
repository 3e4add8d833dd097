"""Tool calls of an agent, and what the model and the person learn of a failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from desktop.agents.mcp.errors import McpEnded
from desktop.agents.mcp.results import Outcome
from desktop.agents.mcp.servers import Live
from desktop.common.errors import AppError


async def made(live: Live, tool: str, arguments: str, tell: Callable[[AppError], None]) -> Outcome:
    """The outcome of a call for the model, whatever happens. `tell` reports to the person."""
    try:
        given: Any = json.loads(arguments) if arguments.strip() else {}
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return Outcome("The arguments are no JSON object.", failed=True)
    try:
        return await live.call(tool, given)
    except McpEnded as error:
        # Not repeated automatically: nobody knows how far it got.
        await live.ready()
        if live.alive:
            return Outcome(
                "The server ended during this call and was started again. Whether the call had an effect is unknown.",
                failed=True,
            )
        tell(live.unsaid() or error)
    except AppError as error:
        tell(error)
        return Outcome(f"The tool could not be used ({error.code}).", failed=True)
    return Outcome("The server of this tool has ended; its tools can't be used now.", failed=True)
