"""The way to an MCP server with an address: the client that carries its headers and secrets, and to whom.

Whatever `mcp` or the server thinks of, nothing is sent to another origin than the one the secrets were entered for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from desktop import __version__
from desktop.agents.endpoints import walled
from desktop.errors import AnswerFlood, AppError, McpFlood, McpNotMcp, McpRedirected, McpRefused
from desktop.openai_api.transport import Endpoint
from desktop.settings.mcp import McpServer, origin_of_server

if TYPE_CHECKING:
    import httpx2


class Seen:
    """What went wrong on the way, where `mcp` only knows that something did."""

    def __init__(self) -> None:
        self.problem: AppError | None = None

    def note(self, problem: AppError) -> AppError:
        self.problem = self.problem or problem
        return problem


def client(
    server: McpServer, secrets: Mapping[str, str], route: Endpoint, silence: float, seen: Seen
) -> httpx2.AsyncClient:
    """`secrets`: values of headers, by name. Raises SettingsInvalid, FileUnreadable, ProxyFailed."""
    origin = origin_of_server(server.url)
    label = server.label

    async def on_request(request: httpx2.Request) -> None:
        """The wall."""
        if _origin(str(request.url)) != origin:
            raise seen.note(McpRedirected("a request elsewhere", server=label, host=request.url.host))
        request.headers.update({**server.headers, **secrets})

    async def on_response(response: httpx2.Response) -> None:
        status = response.status_code
        if response.is_redirect:
            there = str(response.url.join(response.headers.get("location", "")))
            if _origin(there) != origin:
                seen.note(McpRedirected(f"{status} redirect", server=label, host=urlsplit(there).hostname or "?"))
        elif status in (401, 403):
            seen.note(McpRefused(server=label, status=status))
        elif response.is_success and "html" in response.headers.get("content-type", "").lower():
            seen.note(McpNotMcp(f"{status} html", server=label))

    def told(problem: AppError) -> AppError:
        """`mcp` keeps to itself why a stream broke."""
        if isinstance(problem, AnswerFlood):
            problem = McpFlood(problem.detail, server=label)
        return seen.note(problem)

    agent = f"chatkit-desktop/{__version__}"
    return walled(route, silence, on_request, on_response, told=told, headers={"User-Agent": agent})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{shown}{f':{port}' if port is not None and port != default else ''}"
