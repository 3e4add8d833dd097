"""Requests to MCP servers' authorization servers: where they may go, and how much of an answer is read.

They never include the MCP server's headers or secrets. Imports `httpx2` with the first request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from desktop import __version__
from desktop.agents.mcp.errors import McpSignInFailed
from desktop.agents.mcp.http import origin
from desktop.agents.models import failures
from desktop.agents.models.endpoints import walled
from desktop.common.errors import AppError, Phrase
from desktop.openai_api.errors import NetworkError
from desktop.openai_api.transport import Endpoint
from desktop.settings.mcp import McpServer, origin_of_server
from desktop.settings.origins import is_loopback

if TYPE_CHECKING:
    import httpx2

LARGEST = 256 * 1024
"""Bytes of an answer."""
LONGEST = 8192
"""Characters of an address."""
LIMIT = 20.0
"""Seconds for each step of a request."""
RESOURCE = "/.well-known/oauth-protected-resource"


def fits(url: str, home: str) -> bool:
    """Whether a person or a request may be sent there: https, or http on this computer if the MCP server is on it too.
    Otherwise any server could direct us to local programs. `home`: the MCP server's origin."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    if (
        not host
        or "@" in parts.netloc
        or len(url) > LONGEST
        or not all(33 <= ord(char) < 127 for char in url)
        or port == 0
    ):
        return False
    within = is_loopback(host)
    if within and not is_loopback(urlsplit(home).hostname or ""):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and within)


class Issuers:
    """For one sign-in, or for the renewals of one connection."""

    def __init__(self, server: McpServer, route: Callable[[str], Endpoint]) -> None:
        self._label = server.label
        self._home = origin_of_server(server.url)
        self._route = route

    def check(self, url: str) -> str:
        """`url` if it is allowed. Raises McpSignInFailed."""
        if not fits(url, self._home):
            raise self._unsafe(scheme(url))
        return url

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """The complete answer. Raises McpSignInFailed (too large, or a forbidden redirect), NetworkError."""
        import asyncio

        url = self.check(str(request.url))
        where = origin(url)
        if request.url.path.startswith(RESOURCE) and where != self._home:
            raise self._unsafe("resource metadata elsewhere")
        way = await asyncio.to_thread(self._route, where)

        async def on_request(sent: httpx2.Request) -> None:
            if origin(str(sent.url)) != where:
                raise self._unsafe("a request elsewhere")

        async def on_response(_response: httpx2.Response) -> None:
            pass

        problem: AppError
        agent = {"User-Agent": f"chatkit-desktop/{__version__}", "Accept": "application/json"}
        try:
            async with walled(way, LIMIT, on_request, on_response) as client:
                request.headers.update(agent)
                response = await client.send(request, stream=True)
                try:
                    return await self._read(response)
                finally:
                    await response.aclose()
        except AppError:
            raise
        except Exception as error:  # noqa: BLE001 - httpx2's, the socket's
            told = failures.of(error, failures.Asked(host=urlsplit(url).hostname or "", seconds=LIMIT))
            problem = told if isinstance(told, NetworkError) else self._unfit(type(error).__name__)
        raise problem  # outside `except`: the exception contains the request, which may contain a token

    async def _read(self, response: httpx2.Response) -> httpx2.Response:
        import httpx2

        taken = bytearray()
        async for piece in response.aiter_bytes():
            taken += piece
            if len(taken) > LARGEST:
                raise McpSignInFailed("too large", server=self._label, problem=Phrase("mcp.sign_in_flood"))
        headers = [(name, value) for name, value in response.headers.multi_items() if name != "content-encoding"]
        whole = httpx2.Response(response.status_code, headers=headers, content=bytes(taken), request=response.request)
        whole.next_request = response.next_request
        return whole

    def _unsafe(self, detail: str) -> AppError:
        return McpSignInFailed(detail, server=self._label, problem=Phrase("mcp.sign_in_unsafe"))

    def _unfit(self, detail: str) -> AppError:
        return McpSignInFailed(detail, server=self._label, problem=Phrase("mcp.sign_in_unreadable"))


def scheme(url: str) -> str:
    """The part of a refused address that may be shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "?"
    return f"{parts.scheme}://{parts.hostname or ''}"[:100]
