"""One GET whose whole has a limit, from the name's look-up to the last byte that is read: scripts, release notes.

The limits of a client are for each step; a server that sends a byte now and then, of the head too, keeps within them
for days. So this is asked on an event loop of its own, which can let go of whatever is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from desktop.openai_api.errors import TimedOut
from desktop.openai_api.transport import Endpoint, build_async


@dataclass(frozen=True)
class Got:
    """`body` is what there was, up to one byte more than was wanted; `headers` have their names in small letters."""

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
