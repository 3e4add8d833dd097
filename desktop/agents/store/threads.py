"""The thread store of in-app agents: the SDK's `Store` in one SQLite file per profile.

SQLite works on its own threads: one writes, two read. Whatever `await` has acknowledged is with the operating system,
so a killed app loses none of it. Imports the SDK's types, never its agent stack.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from chatkit.store import NotFoundError, Store, StoreItemType
from chatkit.types import Attachment, Page, ThreadItem, ThreadMetadata

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.store import branches, columns, documents, positions, rows, search
from desktop.agents.store.access import Access
from desktop.agents.store.columns import MOST_OF_A_TITLE, clean
from desktop.agents.store.ids import new_id
from desktop.agents.store.schema import STEPS, Step

if TYPE_CHECKING:
    from logging import Logger

T = TypeVar("T")

MOST = 10_000
"""The largest page."""
GONE_KEPT = 1000
"""Deleted threads whose position in the list is remembered."""


class SqliteStore(Access, Store[RequestContext]):
    """Opened and closed as `Access` says. All methods raise `NotFoundError` for an id that is not this agent's, and
    FolderUnwritable or FileUnreadable for errors of the disk.

    It does three things beyond the SDK's contract. Lists keep the order of insertion, whatever the clock said, and a
    cursor stays valid when its thread or item is deleted. Removing a missing item is no error: after a tripped
    guardrail, the SDK removes items it never saved. And a chat may have versions (`branches`); the SDK's methods know
    the shown branch alone.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        steps: Sequence[Step] = STEPS,
        now: Callable[[], float] = time.time,
        attachments_gone: Callable[[list[str]], None] = lambda ids: None,
    ) -> None:
        self.attachments_gone = attachments_gone
        """Called on the writing thread with the ids of attachments whose rows are gone."""
        self._now = now
        self._places: dict[str, int] = {}
        """By thread: the item after which the next one begins another version. Nothing is written before that one is,
        so an answer that never comes changes nothing."""
        super().__init__(path, steps=steps, now=now)

    def now(self) -> int:
        """Microseconds since 1970, UTC."""
        return int(self._now() * 1_000_000)

    # --- ids ----------------------------------------------------------------------------------

    def generate_thread_id(self, context: RequestContext) -> str:
        return new_id("thread")

    def generate_item_id(self, item_type: StoreItemType, thread: ThreadMetadata, context: RequestContext) -> str:
        return new_id(item_type)

    # --- threads ------------------------------------------------------------------------------

    async def load_thread(self, thread_id: str, context: RequestContext) -> ThreadMetadata:
        def load(connection: sqlite3.Connection) -> ThreadMetadata:
            row = connection.execute(
                "SELECT id, title, created, body FROM threads WHERE id = ? AND agent = ?",
                (clean(thread_id), clean(context.agent_id)),
            ).fetchone()
            if row is None:
                raise NotFoundError(f"thread {thread_id}")
            return documents.thread_of(*row)

        return await self.read(load)

    async def save_thread(self, thread: ThreadMetadata, context: RequestContext) -> None:
        thread_id, agent = clean(thread.id), clean(context.agent_id)
        title = None if thread.title is None else clean(thread.title)[:MOST_OF_A_TITLE]
        created, body = columns.to_microseconds(thread.created_at), documents.thread_body(thread)

        def save(connection: sqlite3.Connection) -> None:
            known = connection.execute(
                "SELECT seq, agent, title, body FROM threads WHERE id = ?", (thread_id,)
            ).fetchone()
            if known is None:
                # A title made while the thread was being deleted must not bring it back.
                if connection.execute("SELECT 1 FROM gone_threads WHERE id = ?", (thread_id,)).fetchone():
                    raise NotFoundError(f"thread {thread.id}")
                seq = connection.execute(
                    "INSERT INTO threads (id, agent, title, created, updated, body) VALUES (?, ?, ?, ?, ?, ?)",
                    (thread_id, agent, title, created, created, body),
                ).lastrowid
                before = None
            else:
                seq, owner, before, stored = known
                if owner != agent:
                    raise NotFoundError(f"thread {thread.id}")
                connection.execute(
                    "UPDATE threads SET title = ?, created = ?, body = ? WHERE seq = ?",
                    (title, created, rows.with_notes(body, stored), seq),
                )
            if title != before:
                search.index(connection, "thread_words", int(seq or 0), agent, title)

        await self.write(save)

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: RequestContext
    ) -> Page[ThreadMetadata]:
        beyond, direction = _direction(order)
        limit, agent = _limited(limit), clean(context.agent_id)

        def load(connection: sqlite3.Connection) -> Page[ThreadMetadata]:
            where, values = "agent = ?", [agent]
            if after is not None:
                found = connection.execute(
                    "SELECT seq FROM threads WHERE id = :id AND agent = :agent "
                    "UNION ALL SELECT seq FROM gone_threads WHERE id = :id AND agent = :agent",
                    {"id": clean(after), "agent": agent},
                ).fetchone()
                if found is None:
                    raise NotFoundError(f"thread {after}")
                where, values = f"{where} AND seq {beyond} ?", [*values, found[0]]
            rows = connection.execute(
                f"SELECT id, title, created, body FROM threads WHERE {where} ORDER BY seq {direction} LIMIT ?",  # noqa: S608
                (*values, limit + 1),
            ).fetchall()
            return _page([documents.thread_of(*row) for row in rows[:limit]], rows, limit)

        return await self.read(load)

    async def delete_thread(self, thread_id: str, context: RequestContext) -> None:
        agent = clean(context.agent_id)

        def delete(connection: sqlite3.Connection) -> list[str]:
            thread = _thread(connection, thread_id, agent)
            rows = connection.execute("SELECT id FROM attachments WHERE thread = ?", (thread,)).fetchall()
            connection.execute(
                "INSERT OR REPLACE INTO gone_threads (id, agent, seq) VALUES (?, ?, ?)",
                (clean(thread_id), agent, thread),
            )
            connection.execute(
                "DELETE FROM gone_threads "
                "WHERE seq <= (SELECT seq FROM gone_threads ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (GONE_KEPT,),
            )
            connection.execute("DELETE FROM threads WHERE seq = ?", (thread,))
            return [row[0] for row in rows]

        await self.write(delete, then=self._tell_gone)

    # --- items --------------------------------------------------------------------------------

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: RequestContext
    ) -> Page[ThreadItem]:
        beyond, direction = _direction(order)
        limit, agent = _limited(limit), clean(context.agent_id)

        def load(connection: sqlite3.Connection) -> Page[ThreadItem]:
            thread = _thread(connection, thread_id, agent)
            where, values = "thread = ? AND hidden = 0", [thread]
            place = self._places.get(clean(thread_id))
            if place is not None:
                where, values = f"{where} AND seq <= ?", [thread, place]
            if after is not None:
                seq = positions.item(connection, thread, clean(after))
                if seq is None:
                    gone = connection.execute(
                        "SELECT seq FROM gone_items WHERE id = ? AND thread = ?", (clean(after), thread)
                    ).fetchone()
                    if gone is None:
                        raise NotFoundError(f"item {after}")
                    seq = gone[0]
                where, values = f"{where} AND seq {beyond} ?", [*values, seq]
            rows = connection.execute(
                f"SELECT id, created, body FROM items WHERE {where} ORDER BY seq {direction} LIMIT ?",  # noqa: S608
                (*values, limit + 1),
            ).fetchall()
            items: list[ThreadItem] = []
            for item_id, created, body in rows[:limit]:
                try:
                    items.append(documents.item_of(item_id, thread_id, created, body))
                except ValueError as error:
                    # Written by a newer SDK: one such item must not make the whole chat unreadable.
                    _log().warning("item %s is left out: %s", item_id, type(error).__name__)
            return _page(items, rows, limit)

        return await self.read(load)

    async def load_item(self, thread_id: str, item_id: str, context: RequestContext) -> ThreadItem:
        def load(connection: sqlite3.Connection) -> ThreadItem:
            seq = positions.item(connection, _thread(connection, thread_id, clean(context.agent_id)), clean(item_id))
            if seq is None:
                raise NotFoundError(f"item {item_id}")
            found, created, body, hidden = connection.execute(
                "SELECT id, created, body, hidden FROM items WHERE seq = ?", (seq,)
            ).fetchone()
            if hidden or seq > self._places.get(clean(thread_id), seq):
                raise NotFoundError(f"item {item_id} of another version")
            return documents.item_of(found, thread_id, created, body)

        return await self.read(load)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: RequestContext) -> None:
        await self._put(thread_id, item, context, "added")

    async def save_item(self, thread_id: str, item: ThreadItem, context: RequestContext) -> None:
        await self._put(thread_id, item, context, "saved")

    async def delete_thread_item(self, thread_id: str, item_id: str, context: RequestContext) -> None:
        def delete(connection: sqlite3.Connection) -> None:
            thread = _thread(connection, thread_id, clean(context.agent_id))
            seq = positions.item(connection, thread, clean(item_id))
            if seq is not None:
                branches.delete(connection, thread, seq)

        await self.write(delete)

    async def _put(
        self, thread_id: str, item: ThreadItem, context: RequestContext, how: Literal["added", "saved"]
    ) -> None:
        # Serialized here, on the caller's thread, because the SDK keeps changing its items.
        given, agent, kind = clean(item.id), clean(context.agent_id), item.type
        created, body = columns.to_microseconds(item.created_at), documents.item_body(item)
        words = columns.text_of(kind, body)
        place = self._places.get(clean(thread_id))
        if place is not None and kind == "sdk_hidden_context":
            return  # says that the answer was stopped, of a version that has not begun

        def put(connection: sqlite3.Connection) -> bool:
            thread = _thread(connection, thread_id, agent)
            begins = place is not None and (how == "added" or positions.item(connection, thread, given) is None)
            if begins:
                branches.leave(connection, thread, place or 0)
            seq, own = positions.place(connection, thread, given, kind, created, body, how)
            if seq is None:
                seq = connection.execute(
                    "INSERT INTO items (id, thread, kind, created, foreign_id, body, parent) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(own, thread, kind, created, None if own == given else given, body),
                        branches.end(connection, thread),
                    ),
                ).lastrowid
            else:
                connection.execute(
                    "UPDATE items SET kind = ?, created = ?, body = ? WHERE seq = ?", (kind, created, body, seq)
                )
            search.index(connection, "item_words", int(seq or 0), agent, words)
            connection.execute("UPDATE threads SET updated = max(updated, ?) WHERE seq = ?", (self.now(), thread))
            return begins

        def begun(begins: bool) -> None:
            if begins:
                self._places.pop(clean(thread_id), None)

        await self.write(put, then=begun)

    # --- versions -----------------------------------------------------------------------------

    async def branch(self, thread_id: str, item_id: str, context: RequestContext, *, instead: bool) -> None:
        """The next item that is added begins another version: after the item, or `instead` of it. Until then the
        thread seems to end there. Call `branched` when nothing more comes."""

        def place(connection: sqlite3.Connection) -> int:
            thread = _thread(connection, thread_id, clean(context.agent_id))
            found = connection.execute(
                "SELECT seq FROM items WHERE id = ? AND thread = ? AND hidden = 0 AND kind = 'user_message'",
                (clean(item_id), thread),
            ).fetchone()
            if found is None:
                raise NotFoundError(f"message {item_id}")
            return branches.before(connection, thread, int(found[0])) if instead else int(found[0])

        self._places[clean(thread_id)] = await self.read(place)

    async def branched(self, thread_id: str, context: RequestContext) -> None:
        """No more comes of the version begun by `branch`. Where nothing came, what was there is shown again."""
        self._places.pop(clean(thread_id), None)

        def come_back(connection: sqlite3.Connection) -> None:
            branches.come_back(connection, _thread(connection, thread_id, clean(context.agent_id)))

        await self.write(come_back)

    async def versions(self, thread_id: str, context: RequestContext) -> list[branches.Versions]:
        """Where the shown branch has other versions."""
        agent = clean(context.agent_id)
        return await self.read(lambda connection: branches.versions(connection, _thread(connection, thread_id, agent)))

    async def show_version(self, thread_id: str, item_id: str, context: RequestContext) -> bool:
        """Show the version with this item. False if it was shown already."""

        def show(connection: sqlite3.Connection) -> bool:
            thread = _thread(connection, thread_id, clean(context.agent_id))
            seq = positions.item(connection, thread, clean(item_id))
            if seq is None:
                raise NotFoundError(f"item {item_id}")
            if not branches.show(connection, thread, seq):
                return False
            # Exports of the chat are not what they were.
            connection.execute("UPDATE threads SET updated = max(updated, ?) WHERE seq = ?", (self.now(), thread))
            return True

        return await self.write(show)

    # --- attachments --------------------------------------------------------------------------

    async def save_attachment(self, attachment: Attachment, context: RequestContext) -> None:
        attachment_id, agent = clean(attachment.id), clean(context.agent_id)
        thread_id, body = attachment.thread_id, documents.attachment_body(attachment)

        def save(connection: sqlite3.Connection) -> None:
            thread = None if thread_id is None else _thread(connection, thread_id, agent)
            saved = connection.execute(
                "INSERT INTO attachments (id, agent, thread, created, body) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET thread = excluded.thread, body = excluded.body "
                "WHERE agent = excluded.agent",
                (attachment_id, agent, thread, self.now(), body),
            )
            if saved.rowcount != 1:
                raise NotFoundError(f"attachment {attachment.id}")

        await self.write(save)

    async def load_attachment(self, attachment_id: str, context: RequestContext) -> Attachment:
        def load(connection: sqlite3.Connection) -> Attachment:
            row = connection.execute(
                "SELECT a.id, t.id, a.body FROM attachments a LEFT JOIN threads t ON t.seq = a.thread "
                "WHERE a.id = ? AND a.agent = ?",
                (clean(attachment_id), clean(context.agent_id)),
            ).fetchone()
            if row is None:
                raise NotFoundError(f"attachment {attachment_id}")
            return documents.attachment_of(*row)

        return await self.read(load)

    async def delete_attachment(self, attachment_id: str, context: RequestContext) -> None:
        def delete(connection: sqlite3.Connection) -> list[str]:
            done = connection.execute(
                "DELETE FROM attachments WHERE id = ? AND agent = ?", (clean(attachment_id), clean(context.agent_id))
            )
            if done.rowcount != 1:
                raise NotFoundError(f"attachment {attachment_id}")
            return [clean(attachment_id)]

        await self.write(delete, then=self._tell_gone)

    async def unsent_attachments(self) -> tuple[int, int]:
        """The number of unsent files of all agents, and their declared bytes."""

        def count(connection: sqlite3.Connection) -> tuple[int, int]:
            found = connection.execute(
                "SELECT count(*), total(json_extract(body, '$.metadata.size')) FROM attachments WHERE thread IS NULL"
            ).fetchone()
            return int(found[0]), int(found[1])

        return await self.read(count)

    async def sweep_attachments(self, older_than: float) -> set[str]:
        """Delete rows of unsent files older than `older_than` (Unix seconds). Returns the ids of all that remain."""

        def sweep(connection: sqlite3.Connection) -> tuple[list[str], set[str]]:
            rows = connection.execute(
                "DELETE FROM attachments WHERE thread IS NULL AND created < ? RETURNING id",
                (int(older_than * 1_000_000),),
            ).fetchall()
            left = connection.execute("SELECT id FROM attachments").fetchall()
            return [row[0] for row in rows], {row[0] for row in left}

        gone, left = await self.write(sweep, then=lambda result: self._tell_gone(result[0]))
        return left - set(gone)

    # --- beyond one agent ---------------------------------------------------------------------

    async def search(self, query: str, agent_id: str | None = None, limit: int = 20) -> list[search.Hit]:
        """Threads of `agent_id` (None for all agents) whose title or messages, of any version, contain every word of
        `query`."""
        limit = _limited(limit)

        def find(connection: sqlite3.Connection) -> list[search.Hit]:
            return search.find(connection, query, agent_id, limit, versions=True)

        return await self.look_up(find, has_words=bool(search.words_of(query)))

    async def records(
        self,
        agents: str | Collection[str] | None = None,
        *,
        limit: int = 50,
        after: str | None = None,
        since: datetime | None = None,
    ) -> rows.Records:
        """Threads of one agent or several (None for all) changed after `since`, latest first."""
        limit, chosen = _limited(limit), (agents,) if isinstance(agents, str) else agents

        place: tuple[int, int] | None = None
        if after is not None:
            try:
                updated, seq = map(int, after.split("."))
            except ValueError:
                raise NotFoundError(f"cursor {after}") from None
            place = updated, seq
        return await self.read(lambda connection: rows.records(connection, chosen, limit, place, since))

    async def pinned(self, agents: Collection[str]) -> tuple[rows.ThreadRecord, ...]:
        """All pinned threads of `agents`, latest first."""
        return await self.read(lambda connection: rows.pinned(connection, agents))

    async def position(self, agents: Collection[str], thread_id: str) -> int | None:
        """How many threads of `agents` come before this one, latest first. None if it is not among them."""
        return await self.read(lambda connection: rows.position(connection, agents, thread_id))

    async def note(self, thread_id: str, agent_id: str, name: str, value: Any) -> None:
        """Set one of `rows.NOTES`; None removes it. A dictionary is added to what is there."""
        if not await self.write(lambda connection: rows.note(connection, thread_id, agent_id, name, value)):
            raise NotFoundError(f"thread {thread_id}")

    async def record(self, thread_id: str) -> rows.ThreadRecord:
        """One thread of any agent."""
        found = await self.read(lambda connection: rows.record(connection, thread_id))
        if found is None:
            raise NotFoundError(f"thread {thread_id}")
        return found

    async def document(self, thread_id: str) -> dict[str, Any]:
        """Everything stored about a thread of any agent, without its items."""
        found = await self.read(lambda connection: rows.thread(connection, thread_id))
        if found is None:
            raise NotFoundError(f"thread {thread_id}")
        return found

    async def item_rows(
        self, thread_id: str, after: int = 0, limit: int = 100, *, left: bool = False
    ) -> list[rows.ItemRow]:
        """Items as stored, of any agent, after the position `after`, oldest first. `left`: of the versions that are not
        shown."""
        limit, chosen = _limited(limit), rows.left_items if left else rows.items
        found = await self.read(lambda connection: chosen(connection, thread_id, after, limit), aside=True)
        if found is None:
            raise NotFoundError(f"thread {thread_id}")
        return found

    async def rename(self, thread_id: str, title: str | None) -> None:
        """Change only the title, so that nothing written by an answer in progress is lost."""
        if not await self.write(lambda connection: rows.rename(connection, thread_id, title)):
            raise NotFoundError(f"thread {thread_id}")

    def _tell_gone(self, ids: list[str]) -> None:
        if ids:
            self.attachments_gone(ids)


def _thread(connection: sqlite3.Connection, thread_id: str, agent: str) -> int:
    row = connection.execute("SELECT seq FROM threads WHERE id = ? AND agent = ?", (clean(thread_id), agent)).fetchone()
    if row is None:
        raise NotFoundError(f"thread {thread_id}")
    return int(row[0])


def _direction(order: str) -> tuple[str, str]:
    if order not in ("asc", "desc"):
        raise ValueError(f"order {order!r}")
    return (">", "ASC") if order == "asc" else ("<", "DESC")


def _limited(limit: int) -> int:
    return max(1, min(limit, MOST))


def _page(data: list[Any], rows: list[Any], limit: int) -> Page[Any]:
    """`rows` has one more than `limit` if there is another page. Their first column is the id."""
    more = len(rows) > limit
    return Page(data=data, has_more=more, after=rows[limit - 1][0] if more else None)


def _log() -> Logger:
    import logging

    return logging.getLogger(__name__)
