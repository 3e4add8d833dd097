"""Hosted chats as listed by OpenAI: titles and dates for this profile's users, kept only in memory.

Knows nothing of the archive.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from desktop.chats.sources.items import api_item, read_items
from desktop.chats.sources.patient import CancelledError, Patient
from desktop.chats.sources.shelf import Listed, Shelf, place
from desktop.chats.sources.walk import walk
from desktop.chats.types import Chat, Item, Items
from desktop.openai_api import threads
from desktop.openai_api.client import Requests
from desktop.openai_api.threads import Order

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.openai_api.wire import Page, Thread


class Hosted:
    """Nothing is asked before `refresh`; what it has found so far can be read meanwhile. Usable from every thread."""

    def __init__(self, client: Callable[[], Requests] | None, users: Callable[[], Mapping[str, str]]) -> None:
        """`users`: {user id: the agent it belongs to}, of this profile's hosted agents."""
        self._client = client
        self._users = users
        self.shelf = Shelf()

    @property
    def there(self) -> bool:
        """Whether there is anything to ask for."""
        return self._client is not None and bool(self._users())

    def refresh(self, cancel: threading.Event | None = None, told: Callable[[int], object] | None = None) -> int:
        """Asks OpenAI for all titles; gives how many there are, and tells them page by page.

        Raises KeyMissing, ApiError, NetworkError; what was known stays known then.
        """
        if self._client is None or not self.there:
            return 0
        client = Patient(self._client(), cancel or threading.Event())
        found: set[str] = set()
        for user, agent in self._users().items():

            def page(after: str | None, order: Order, user: str = user) -> Page[Thread]:
                return threads.list_threads(client, user, after, None, threads.PAGE, order)

            try:
                for _, thread in walk(page, "desc", client.host):
                    found.add(thread.id)
                    self.shelf.put(_listed(thread, agent))
                    if told is not None and len(found) % threads.PAGE == 0:
                        told(len(found))
            except CancelledError:
                return len(found)
        self.shelf.keep_only(found)
        return len(found)

    def get(self, thread_id: str) -> Thread:
        """One thread, asked for now. Raises ThreadNotFound, KeyMissing, ApiError, NetworkError."""
        return threads.get_thread(self.client(), thread_id)

    def items(self, thread_id: str, after: str | None, limit: int) -> Items:
        """A page of a thread's items, the oldest first. Raises ThreadNotFound, KeyMissing, ApiError, NetworkError."""
        page = threads.list_items(self.client(), thread_id, after, None, max(1, min(limit, threads.PAGE)))
        items = tuple(api_item(item.raw()) for item in page.data)
        more = page.has_more and bool(items)
        return Items(items, (page.last_id or items[-1].id) if more else None)

    def all_items(self, thread_id: str, folder: Path, cancel: threading.Event | None = None) -> Iterator[Item]:
        """Every item, the oldest first: read whole, into a file in `folder`, before the first is given. Raises as
        `items`; CancelledError where `cancel` ended a wait."""
        from desktop.chats.sources.spool import Spool

        client = Patient(self.client(), cancel or threading.Event())
        with Spool(folder) as spool:
            read_items(client, thread_id, spool)
            yield from map(api_item, spool)

    def client(self) -> Requests:
        """Raises KeyMissing, AgentNotSet."""
        from desktop.settings.errors import AgentNotSet

        if self._client is None:
            raise AgentNotSet
        return self._client()

    def listed(self, thread: Thread) -> Listed:
        return _listed(thread, self._users().get(thread.user, ""))


def chat_of(one: Listed, name: str) -> Chat:
    """`name`: of its agent."""
    return Chat(
        id=one.id,
        where="hosted",
        agent_id=one.agent,
        agent_name=name,
        title=one.title or None,
        created_at=one.began,
        updated_at=one.began,
        user=one.user,
    )


def _listed(thread: Thread, agent: str) -> Listed:
    return Listed(place(thread.created_at, thread.id), agent, thread.user, thread.title or "")
