"""What a connection with an MCP server is made from, and the tools it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from desktop.settings.mcp import McpServer

if TYPE_CHECKING:
    from desktop.openai_api import transport


@dataclass(frozen=True)
class Want:
    """What a connection is made from. A connection made from a different `Want` can't be used."""

    server: McpServer
    """Without its name and approvals, which don't make it a different server."""
    secrets: Mapping[str, str] = field(repr=False)
    route: transport.Endpoint
    signed_in: str = ""
    """The person's sign-in it uses; empty for none."""


@dataclass(frozen=True)
class Tool:
    """A tool as its server describes it."""

    name: str
    description: str
    schema: dict[str, Any]
    """The JSON Schema of its parameters; the root is an object."""
    remark: str = ""
    """`mended` if its parameters' description had to be corrected. For an unusable tool: why (`schemas.Remark`)."""
    digest: str = ""
    """Of the server's whole description (`digests.digest`): a lasting approval is for this."""


class SessionOver(Exception):
    """The server no longer knows the session and has done nothing. The call can be made in a new one."""
