"""Finds out whether a server has lost a chat, if its failure doesn't say so.

With the ChatKit SDK, a missing thread causes a 500, or a stream that breaks before its first event. Other frameworks
answer 400, 404 or an `error` event. All have a list of chats. Asks through its caller.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from desktop.agents.remote import wire
from desktop.agents.remote.errors import ServerDown, ServerGone, ServerNotFound, ServerRefused, ServerUnfit
from desktop.agents.remote.wire import Request
from desktop.common.errors import AppError

MOST_PAGES = 20
PAGE = 100

MAY_MEAN_IT = (ServerDown, ServerGone, ServerNotFound, ServerRefused, ServerUnfit)
"""Failures that may be caused by a missing chat."""


def may_be(error: AppError, asked: Request) -> bool:
    """Whether to check: the request was about a chat, and its failure may be due to a missing one."""
    return bool(asked.thread) and isinstance(error, MAY_MEAN_IT)


async def is_lost(ask: Callable[[Request], Awaitable[dict[str, Any]]], thread: str) -> bool:
    """Whether the server lists its chats and this one is missing. False if it has no list."""
    after: str | None = None
    for _ in range(MOST_PAGES):
        more = {"after": after} if after else {}
        try:
            page = await ask(wire.request("threads.list", limit=PAGE, order="desc", **more))
        except AppError:
            return False
        ids = [str(one["id"]) for one in page["data"]]
        if thread in ids:
            return False
        if not page.get("has_more") or not ids or ids[-1] == after:
            return True
        after = str(page.get("after") or ids[-1])
    return False
