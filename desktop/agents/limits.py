"""The bounds of what agents do in the app, in one place. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of a run; seconds and bytes. Tests hand in others."""

    pieces: int = 256
    """Most pieces that the page has not acknowledged."""
    size: int = 1_000_000
    """The same in bytes; a single larger piece still goes."""
    unread: float = 30.0
    """A page that gives no sign of life for so long, while pieces wait for it, ends the run."""
    behind: float = 600.0
    """A page that lives and takes nothing for so long does so too."""
    stall: float = 180.0
    """A model that sends nothing for so long ends the run. Reasoning can be silent for minutes."""
    ask: float = 540.0
    """For a person to look at code that has changed and say yes to it."""
    answer: float = 3_600.0
    """For a person to answer a question in its window; then its card asks again when it is pressed."""
    chunk: float = 0.012
    """The demo's pause between two words."""
    sweep: float = 3600.0
    """Between two looks for attachments that were never sent."""
    mcp_start: float = 30.0
    """An MCP server that is not ready after so long is given up, unless it is still at work or was never ready yet."""
    mcp_first: float = 600.0
    """The same for the first start of a program that downloads what it runs, such as npx, even where it is silent."""
    mcp_idle: float = 20.0
    """A program that is not ready in time is still at work where it did something within this time."""
    mcp_longest: float = 3600.0
    """No start takes longer."""
    mcp_call: float = 120.0
    """The same for a call of a tool."""
    mcp_end: float = 0.5
    """How long its program may take to end by itself."""
    mcp_again: float = 300.0
    """A server that has ended is started again once in this time."""
    mcp_retry: float = 30.0
    """A server that could not be started is tried again with the first message after this."""
    mcp_sign_in: float = 300.0
    """How long a person has in the browser."""
    mcp_relist: float = 1.0
    """The shortest time between two looks at a server's tools, however often it says that they have changed."""
    mcp_renew: float = 5.0
    """How long a call that has changed the tools waits until they are known."""
