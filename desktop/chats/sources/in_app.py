"""Chats of agents in the app. They are read and changed on the agents' thread, and this module waits for it.

The store is imported with its SDK only when something is asked; where there never was a chat, nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from desktop.chats.types import Chat, Item
from desktop.common.errors import AppError
from desktop.openai_api.errors import ThreadNotFound

if TYPE_CHECKING:
    from desktop.agents.host import AgentHost
    from desktop.agents.store.attachments import AttachmentFiles
    from desktop.agents.store.rows import ThreadRecord
    from desktop.agents.store.search import Hit
    from desktop.agents.store.stores import Stores
    from desktop.agents.store.threads import SqliteStore

T = TypeVar("T")
NameOf = Callable[[str], str]
"""(agent id) → what people see."""


class InApp:
    """`threads` is the file of the store; where it isn't there and no agent has run, there are no chats.

    All methods raise what keeps the agents from running: AgentsMissing, ThreadsNewer, FolderUnwritable.
    """

    def __init__(self, host: AgentHost | None, threads: Path, name_of: NameOf) -> None:
        self._host = host
        self._threads = threads
        self._name_of = name_of

    @property
    def there(self) -> bool:
        return self._host is not None and (self._host.state != "off" or self._threads.exists())

    def page(self, limit: int, after: str | None, agent: str | None, since: datetime | None) -> list[tuple[Chat, str]]:
        """Chats and their cursors, the one last written to first."""
        if not self.there:
            return []
        found = self._call(lambda store: store.records(agent, limit=limit, after=after, since=since))
        return [(self._chat(record), record.cursor) for record in found.data]

    def chat(self, thread_id: str) -> Chat | None:
        if not self.there:
            return None

        async def look(store: SqliteStore) -> ThreadRecord | None:
            from chatkit.store import NotFoundError

            try:
                return await store.record(thread_id)
            except NotFoundError:
                return None

        found = self._call(look)
        return None if found is None else self._chat(found)

    def thread(self, thread_id: str) -> dict[str, Any]:
        """All of a thread but its items. Raises ThreadNotFound."""
        return self._named(thread_id, lambda store: store.document(thread_id))

    def items(self, thread_id: str, after: int, limit: int) -> list[tuple[Item, int]]:
        """Items that are shown and their places, oldest first. Raises ThreadNotFound."""
        return self._items(thread_id, after, limit, left=False)

    def left_items(self, thread_id: str, after: int, limit: int) -> list[tuple[Item, int]]:
        """As `items`, of the versions that are not shown."""
        return self._items(thread_id, after, limit, left=True)

    def _items(self, thread_id: str, after: int, limit: int, *, left: bool) -> list[tuple[Item, int]]:
        found = self._named(thread_id, lambda store: store.item_rows(thread_id, after, limit, left=left))
        return [(Item(row.id, row.kind, row.created_at, row.document(thread_id), row.parent), row.seq) for row in found]

    def search(self, query: str, agent: str | None, limit: int) -> list[tuple[Chat, Hit]]:
        if not self.there:
            return []

        async def look(store: SqliteStore) -> list[tuple[ThreadRecord, Hit]]:
            from chatkit.store import NotFoundError

            pairs = []
            for hit in await store.search(query, agent, limit):
                try:
                    pairs.append((await store.record(hit.thread_id), hit))
                except NotFoundError:
                    continue  # deleted between the two
            return pairs

        return [(self._chat(record), hit) for record, hit in self._call(look)]

    def rename(self, thread_id: str, title: str) -> None:
        """Raises ThreadNotFound."""
        self._named(thread_id, lambda store: store.rename(thread_id, title))

    def delete(self, thread_id: str) -> None:
        """Deletes a chat and its attachments, for good. Raises ThreadNotFound."""

        async def delete(store: SqliteStore) -> None:
            from desktop.agents.chatkit.context import RequestContext

            record = await store.record(thread_id)
            await store.delete_thread(thread_id, RequestContext(record.agent_id, ""))

        self._named(thread_id, delete)

    def attachment(self, attachment_id: str, agent: str) -> bytes | None:
        """The bytes of a file that went with a message; None where they can't be had any more."""
        host = self._host
        if host is None:
            return None

        async def read(stores: Stores) -> bytes | None:
            from chatkit.store import NotFoundError

            from desktop.agents.chatkit.context import RequestContext

            try:
                return await cast("AttachmentFiles", stores.attachments).read(attachment_id, RequestContext(agent, ""))
            except (NotFoundError, AppError):
                return None

        return host.call(read)

    # --- inside -------------------------------------------------------------------------------

    def _chat(self, record: ThreadRecord) -> Chat:
        return Chat(
            id=record.id,
            where="in_app",
            agent_id=record.agent_id,
            agent_name=self._name_of(record.agent_id),
            title=record.title,
            created_at=record.created_at,
            updated_at=record.updated_at,
            items=record.items,
        )

    def _call(self, work: Callable[[SqliteStore], Coroutine[Any, Any, T]]) -> T:
        if self._host is None:
            raise AssertionError("asked without agents")
        return self._host.call(lambda stores: work(cast("SqliteStore", stores.threads)))

    def _named(self, thread_id: str, work: Callable[[SqliteStore], Coroutine[Any, Any, T]]) -> T:
        missing: AppError = ThreadNotFound("in the app", status=0, thread=thread_id[:60])

        async def do(store: SqliteStore) -> T:
            from chatkit.store import NotFoundError

            try:
                return await work(store)
            except NotFoundError:
                raise missing from None

        if not self.there:
            raise missing
        return self._call(do)
