"""All limits for agents in the app: how long an answer may stall, how much may be queued. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a run, in seconds and bytes. Tests pass others."""

    pieces: int = 256
    """The most pieces the page has not acknowledged."""
    size: int = 1_000_000
    """The same in bytes. A single larger piece is still sent."""
    unread: float = 30.0
    """If the page gives no sign of life for this long while pieces wait, the run ends."""
    behind: float = 600.0
    """If the page is alive but acknowledges nothing for this long, the run ends too."""
    stall: float = 180.0
    """If the model sends nothing for this long, the run ends. Reasoning can be silent for minutes."""
    ask: float = 540.0
    """How long a person has to review and approve changed code."""
    answer: float = 3_600.0
    """How long a person has to answer a question in its window. Afterwards, the buttons on its card ask again."""
    chunk: float = 0.012
    """The demo's pause between two words."""
    sweep: float = 3600.0
    """Time between two searches for unsent attachments."""
    mcp_start: float = 30.0
    """An MCP server not ready after this long is given up, unless it is still working or has never been ready."""
    mcp_first: float = 600.0
    """The same for the first start of a program that downloads what it runs, such as npx, even if it is silent."""
    mcp_idle: float = 20.0
    """A program that did something within this time counts as still working."""
    mcp_longest: float = 3600.0
    """No start takes longer."""
    mcp_call: float = 120.0
    """The same for a tool call."""
    mcp_end: float = 0.5
    """How long an MCP server's program may take to end by itself."""
    mcp_again: float = 300.0
    """A server that has ended is restarted at most once in this time."""
    mcp_retry: float = 30.0
    """A server that could not start is tried again with the first message after this time."""
    mcp_sign_in: float = 300.0
    """How long a person has to sign in with the browser."""
    mcp_relist: float = 1.0
    """The shortest time between two requests for a server's tools, however often it reports changes."""
    mcp_renew: float = 5.0
    """How long a call that changed the tools waits for the new list."""
