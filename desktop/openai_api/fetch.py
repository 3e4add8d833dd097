"""A GET request with a limit for the whole, from the name lookup to the last byte. For scripts and release notes.

A client's limits apply to each step, so a server that sends a byte from time to time could keep within them for days.
This request runs on its own event loop, which can abandon it at any point.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from desktop.openai_api.errors import TimedOut
from desktop.openai_api.transport import Endpoint, build_async


@dataclass(frozen=True)
class Got:
    """`body`: at most one byte more than requested. `headers`: with lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def get(endpoint: Endpoint, url: str, headers: Mapping[str, str], *, most: int, limit: float) -> Got:
    """The answer of `url`; redirects are not followed, of a body `most` bytes are wanted. Seconds in `limit`.

    Call it from a thread without an event loop. Raises TimedOut, httpx's own (HTTPError, InvalidURL), what
    `build_async` and its answers raise.
    """

    try:
        return asyncio.run(_within(endpoint, url, headers, most, limit))
    except TimeoutError:
        raise TimedOut("the whole answer", host=endpoint.host, seconds=round(limit)) from None


async def _within(endpoint: Endpoint, url: str, headers: Mapping[str, str], most: int, limit: float) -> Got:
    async with asyncio.timeout(limit):
        client, _label = build_async(endpoint)
        async with client, client.stream("GET", url, headers=dict(headers)) as response:
            named = {name.lower(): value for name, value in response.headers.items()}
            body = bytearray()
            if most:
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > most:
                        break
            return Got(response.status_code, named, bytes(body[: most + 1]))
