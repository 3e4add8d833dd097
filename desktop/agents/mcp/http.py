"""The HTTP client for an MCP server: which headers and secrets go where.

Whatever `mcp` or the server does, nothing is sent to any origin but the one the secrets were entered for. A refusal is
passed on as an answer in the server's own words, which `mcp` (2.3) would drop.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from desktop import __version__
from desktop.agents.mcp.errors import McpFailed, McpFlood, McpNotMcp, McpRedirected, McpRefused
from desktop.agents.mcp.said import words_of
from desktop.agents.models.endpoints import walled
from desktop.common.errors import AppError
from desktop.openai_api.errors import AnswerFlood
from desktop.openai_api.errors_map import scrub
from desktop.openai_api.transport import Endpoint
from desktop.settings.mcp import McpServer, origin_of_server

if TYPE_CHECKING:
    import httpx2

MOST_OF_AN_ERROR = 64 * 1024
"""Bytes read of a refusal."""
REFUSED = -32603
"""The JSON-RPC code for an HTTP refusal (internal error)."""
SESSION_OVER = -32098
"""The code if the server no longer knows our session: it has done nothing and wants a new one."""


class Seen:
    """Details of failures, of which `mcp` only knows that they happened."""

    def __init__(self) -> None:
        self.problem: AppError | None = None
        """What ends the connection."""
        self.refusal: AppError | None = None
        """The last refusal. It concerns one request; others may succeed."""
        self.status = 0
        """Its status."""
        self.spoke = False
        """Whether a refusal was JSON-RPC, which only an MCP server sends."""
        self.over = asyncio.Event()
        """Set when the stream of answers has ended."""

    def note(self, problem: AppError) -> AppError:
        self.problem = self.problem or problem
        return problem


def client(
    server: McpServer,
    secrets: Mapping[str, str],
    route: Endpoint,
    silence: float,
    seen: Seen,
    auth: httpx2.Auth | None = None,
    hidden: tuple[str, ...] = (),
) -> httpx2.AsyncClient:
    """`secrets`: header values by name. `auth`: the person's sign-in. `hidden`: secrets elsewhere, such as in the
    address; they are removed from answers too. Raises SettingsInvalid, FileUnreadable, ProxyFailed."""
    home = origin_of_server(server.url)
    label = server.label
    hidden = (*secrets.values(), *hidden)

    async def on_request(request: httpx2.Request) -> None:
        """Refuse other origins."""
        if origin(str(request.url)) != home:
            raise seen.note(McpRedirected("a request elsewhere", server=label, host=request.url.host))
        request.headers.update({**server.headers, **secrets})
        if _listens(request):
            # It may be silent for any time. The connection's end ends it.
            request.extensions["timeout"] = {**request.extensions.get("timeout", {}), "read": None}

    async def on_response(response: httpx2.Response) -> None:
        status = response.status_code
        if response.is_redirect:
            there = str(response.url.join(response.headers.get("location", "")))
            if origin(there) != home:
                seen.note(McpRedirected(f"{status} redirect", server=label, host=urlsplit(there).hostname or "?"))
        elif status >= 400:
            await refused(response)
        elif response.is_success and "html" in response.headers.get("content-type", "").lower():
            seen.note(McpNotMcp(f"{status} html", server=label))

    async def refused(response: httpx2.Response) -> None:
        body = await _beginning(response)
        number = _number(response.request)
        known = _json_rpc_error(body)
        words = scrub(known if known is not None else words_of(body), hidden)
        status = response.status_code
        if number is not None or status in (401, 403):  # a server need not have a stream of its own (GET), or an end
            seen.status = status
            seen.spoke = seen.spoke or known is not None
            told = f"{status}: {words}" if words else str(status)
            refused_ = McpRefused(words, server=label, status=status)
            plain = status == 401 or (status == 403 and not words)
            seen.refusal = refused_ if plain else McpFailed(server=label, problem=told)
        over = "mcp-session-id" in response.request.headers and (
            status == 404 or (status == 400 and "session" in words.lower())
        )
        if number is not None and (known is None or over):
            code = SESSION_OVER if over else REFUSED
            error = {"code": code, "message": f"HTTP {status}{f': {words}' if words else ''}"}
            _replace(response, json.dumps({"jsonrpc": "2.0", "id": number, "error": error}).encode())
        else:
            _replace(response, body, kind=response.headers.get("content-type", ""))

    def told(problem: AppError) -> AppError:
        """Record why a stream failed, which `mcp` does not report."""
        if isinstance(problem, AnswerFlood):
            problem = McpFlood(problem.detail, server=label)
        return seen.note(problem)

    agent = f"chatkit-desktop/{__version__}"
    return walled(route, silence, on_request, on_response, told=told, headers={"User-Agent": agent}, auth=auth)


def origin(url: str) -> str:
    """`scheme://host[:port]`, the port where it is not the scheme's own."""
    parts = urlsplit(url)
    port = parts.port
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{shown}{f':{port}' if port is not None and port != default else ''}"


def _listens(request: httpx2.Request) -> bool:
    """Whether the request opens a stream of notifications."""
    streams = "text/event-stream" in request.headers.get("accept", "")
    return (request.method == "GET" and streams) or request.headers.get("mcp-method") == "subscriptions/listen"


async def _beginning(response: httpx2.Response) -> bytes:
    """The beginning of a refusal, still compressed."""
    import httpx2

    taken = bytearray()
    stream = cast("httpx2.AsyncByteStream", response.stream)
    try:
        async for piece in stream:
            taken += piece
            if len(taken) >= MOST_OF_AN_ERROR:
                break
    finally:
        await stream.aclose()
    plain = httpx2.Response(response.status_code, headers=response.headers, content=bytes(taken[:MOST_OF_AN_ERROR]))
    return plain.content


def _replace(response: httpx2.Response, body: bytes, kind: str = "application/json") -> None:
    """Replace the body of the answer."""
    import httpx2

    response.stream = httpx2.ByteStream(body)
    for name in ("content-encoding", "content-length", "transfer-encoding"):
        response.headers.pop(name, None)
    response.headers["content-type"] = kind


def _number(request: httpx2.Request) -> Any:
    """The id of the JSON-RPC request sent; None if it wasn't one."""
    if request.method != "POST":
        return None
    try:
        given = json.loads(request.content)
    except (ValueError, RuntimeError):  # no JSON; a stream, which no message is
        return None
    return given.get("id") if isinstance(given, dict) and "method" in given else None


def _json_rpc_error(body: bytes) -> str | None:
    """The message of a JSON-RPC error; None if the body isn't one."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = given.get("error") if isinstance(given, dict) and "jsonrpc" in given else None
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        return None
    message = error.get("message")
    return message if isinstance(message, str) else ""
