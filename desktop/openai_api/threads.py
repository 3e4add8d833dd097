"""Lists, reads and deletes hosted threads and their items.

Knows no file and no terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, TypeVar

from desktop.common.errors import AppError
from desktop.openai_api import wire
from desktop.openai_api.errors import RateLimited, ThreadNotFound
from desktop.openai_api.sessions import PLAIN_ID
from desktop.openai_api.wire import Deleted, Item, Page, Thread

if TYPE_CHECKING:
    from desktop.openai_api.client import Requests

Order = Literal["asc", "desc"]
Entry = TypeVar("Entry", Thread, Item)
PAGE = 100
"""Entries per page, the API's maximum."""


def list_threads(
    client: Requests,
    user: str | None = None,
    after: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
    order: Order = "desc",
) -> Page[Thread]:
    """One page of threads. `user` None means everybody's in the key's project. Raises ApiError, NetworkError."""
    answer = client.request(
        "GET",
        "/chatkit/threads",
        params={"user": user, "after": after, "before": before, "limit": limit, "order": order},
    )
    return wire.read(Page[Thread], answer, client.host)


def iter_threads(
    client: Requests, user: str | None = None, limit: int | None = None, order: Order = "desc"
) -> Iterator[Thread]:
    """All threads (or the first `limit`), page by page."""
    size = PAGE if limit is None else max(1, min(PAGE, limit))
    return _all(lambda after: list_threads(client, user, after, None, size, order), limit)


def get_thread(client: Requests, thread_id: str) -> Thread:
    """Raises ThreadNotFound, ApiError, NetworkError."""
    return wire.read(Thread, client.request("GET", _path(thread_id)), client.host)


def list_items(
    client: Requests,
    thread_id: str,
    after: str | None = None,
    before: str | None = None,
    limit: int = PAGE,
    order: Order = "asc",
    largest: int | None = None,
) -> Page[Item]:
    """One page of a thread's items, oldest first. Raises ThreadNotFound, ApiError, NetworkError (AnswerTooLarge for
    more than `largest` bytes)."""
    params = {"after": after, "before": before, "limit": limit, "order": order}
    answer = client.request("GET", f"{_path(thread_id)}/items", params=params, largest=largest)
    return wire.read(Page[Item], answer, client.host)


def iter_items(client: Requests, thread_id: str, limit: int | None = None, order: Order = "asc") -> Iterator[Item]:
    """All items of a thread (or the first `limit`), page by page."""
    size = PAGE if limit is None else max(1, min(PAGE, limit))
    return _all(lambda after: list_items(client, thread_id, after, None, size, order), limit)


def delete_thread(client: Requests, thread_id: str) -> None:
    """Delete a thread at OpenAI for good. Raises ThreadNotFound, ApiError, NetworkError."""
    failed: list[AppError] = []
    try:
        answer = client.request("DELETE", _path(thread_id), on_retry=failed.append)
    except ThreadNotFound:
        if any(not isinstance(error, RateLimited) for error in failed):
            return  # an earlier attempt had deleted it, and only its answer was lost
        raise
    wire.read(Deleted, answer, client.host)


def _all(page_after: Callable[[str | None], Page[Entry]], limit: int | None) -> Iterator[Entry]:
    """All pages. Also ends if a server repeats a cursor or sends an empty page that announces more."""
    after: str | None = None
    seen: set[str] = set()
    given = 0
    while limit is None or given < limit:
        page = page_after(after)
        for entry in page.data:
            if entry.id in seen:
                continue  # the list changed while it was read
            seen.add(entry.id)
            yield entry
            given += 1
            if given == limit:
                return
        cursor = page.last_id or (page.data[-1].id if page.data else None)
        if not page.has_more or not page.data or cursor == after:
            return
        after = cursor


def _path(thread_id: str) -> str:
    """Raises ThreadNotFound on an id that could lead elsewhere."""
    if not PLAIN_ID.fullmatch(thread_id):
        raise ThreadNotFound("an id of another shape", status=0, thread=thread_id[:60])
    return f"/chatkit/threads/{thread_id}"
