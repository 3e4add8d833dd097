"""The older HTTP transport of MCP (HTTP with SSE, protocol 2024-11-05): answers arrive on a stream that stays open and
that names the address for posting messages.

Does not use `mcp.client.sse` (mcp 2.3), which does not report a refused message, so its answer would be awaited in
vain, and which waits for ever if the stream names an address elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from desktop.agents.mcp.errors import McpNotMcp, McpRedirected
from desktop.agents.mcp.http import Seen, origin

if TYPE_CHECKING:
    import httpx2

LARGEST = 16 * 1024 * 1024
"""The largest message, in bytes; it may contain a picture."""


@asynccontextmanager
async def streams(client: httpx2.AsyncClient, url: str, label: str, seen: Seen) -> AsyncIterator[Any]:
    """The streams `mcp.Client` reads and writes. Raises McpNotMcp, McpRedirected, NetworkError."""
    import anyio
    import httpx2
    from mcp.shared.message import SessionMessage
    from mcp_types import JSONRPCRequest, jsonrpc_message_adapter

    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    async with client.stream("GET", url, headers=headers) as response:
        if not response.is_success or "text/event-stream" not in response.headers.get("content-type", ""):
            known = seen.problem or (seen.refusal if response.status_code in (401, 403) else None)
            raise known or McpNotMcp(f"GET: {response.status_code}", server=label)
        events = aiter(httpx2.EventSource(response, max_event_size=LARGEST))
        address = await _address(events, url, label)
        if origin(address) != origin(url):
            raise seen.note(McpRedirected("endpoint", server=label, host=httpx2.URL(address).host))

        coming, incoming = anyio.create_memory_object_stream[Any](0)
        outgoing, going = anyio.create_memory_object_stream[SessionMessage](0)

        async def hand_on(text: str | bytes) -> None:
            with suppress(ValueError):  # no message
                message = jsonrpc_message_adapter.validate_json(text, by_name=False)
                await coming.send(SessionMessage(message))

        async def listen(events: AsyncIterator[httpx2.ServerSentEvent]) -> None:
            try:
                async with coming:
                    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                        async for event in events:
                            if event.event == "message" and event.data:
                                await hand_on(event.data)
            finally:
                seen.over.set()

        async def post(address: str, message: Any) -> None:
            body = message.message.model_dump(by_alias=True, mode="json", exclude_unset=True)
            answer = await client.post(address, json=body)
            # A refusal is an answer with the server's words (see `http`). Some servers answer here instead of in the
            # stream.
            if isinstance(message.message, JSONRPCRequest) and answer.content.lstrip()[:1] == b"{":
                with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                    await hand_on(answer.content)

        async def speak(address: str, group: Any) -> None:
            async with going:
                async for message in going:
                    group.start_soon(post, address, message)

        async with anyio.create_task_group() as group:
            group.start_soon(listen, events)
            group.start_soon(speak, address, group)
            try:
                yield incoming, outgoing
            finally:
                group.cancel_scope.cancel()
                for stream in (coming, incoming, outgoing, going):
                    stream.close()


async def _address(events: AsyncIterator[httpx2.ServerSentEvent], url: str, label: str) -> str:
    """The address for posting messages, from the first event."""
    async for event in events:
        if event.event == "endpoint":
            return urljoin(url, event.data.strip())
        if event.event == "message" and event.data:
            break
    raise McpNotMcp("no endpoint", server=label)
