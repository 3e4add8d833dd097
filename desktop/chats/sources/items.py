"""Reads items of hosted threads from the API, by page or all, and converts them for the library.

Knows nothing of the archive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from desktop.agents.store.columns import clean
from desktop.chats.sources.shelf import when
from desktop.chats.sources.walk import walk
from desktop.chats.types import Item
from desktop.openai_api import threads
from desktop.openai_api.client import AnswerTooLarge
from desktop.openai_api.threads import Order

if TYPE_CHECKING:
    from desktop.chats.sources.patient import Patient
    from desktop.chats.sources.spool import Spool
    from desktop.openai_api import wire
    from desktop.openai_api.wire import Page

AT_ONCE = 4 * 1024 * 1024
"""Bytes of a page of items: one that is longer is asked for in smaller pages. A single item may be as long as the
client takes."""
PREFIX = "chatkit."


def kind_of(item: Mapping[str, Any]) -> str:
    """The type without OpenAI's prefix."""
    return clean(str(item.get("type", ""))).removeprefix(PREFIX)


def api_item(raw: dict[str, Any]) -> Item:
    """An item as the API gives it (`chatkit.thread_item`), its times in seconds since 1970."""
    created = raw.get("created_at")
    moment = when(int(created)) if isinstance(created, int | float) and not isinstance(created, bool) else None
    return Item(str(raw.get("id", "")), kind_of(raw), moment, raw)


def read_items(client: Patient, thread_id: str, into: Spool) -> None:
    """All items of a thread as the API gives them. Raises ThreadNotFound, ApiError, NetworkError, CancelledError."""
    ask = pages(client, thread_id)
    for place, item in walk(lambda after, order: ask(after, order, threads.PAGE), "asc", client.host):
        into.add(place, item.raw())


def pages(client: Patient, thread_id: str) -> Callable[[str | None, Order, int], Page[wire.Item]]:
    """`page(after, order, limit)` of a thread's items; where they are long, of fewer of them."""
    most = threads.PAGE

    def page(after: str | None, order: Order, limit: int) -> Page[wire.Item]:
        nonlocal most
        while True:
            size = min(limit, most)
            try:
                return threads.list_items(
                    client, thread_id, after, None, size, order, largest=AT_ONCE if size > 1 else None
                )
            except AnswerTooLarge:
                if size <= 1:
                    raise
                most = max(1, size // 4)

    return page
