"""Raw rows of the thread store, for reading and renaming chats of all agents (the library, exports).

Knows the tables, not the SDK, so it also returns items this SDK can't read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from desktop.agents.store import branches
from desktop.agents.store.columns import MOST_OF_A_TITLE, clean, to_microseconds, utc
from desktop.agents.store.search import index


@dataclass(frozen=True)
class ThreadRecord:
    """A thread as the chats page lists it. Times are UTC; `updated_at` is the time of its last item. `items`: those of
    the shown branch."""

    id: str
    agent_id: str
    title: str | None
    created_at: datetime
    updated_at: datetime
    items: int
    cursor: str = ""
    """Its position in the list, for `records`."""


@dataclass(frozen=True)
class Records:
    """A page of threads of all agents. `after`: the cursor for the next page, None at the end."""

    data: tuple[ThreadRecord, ...]
    after: str | None


@dataclass(frozen=True)
class ItemRow:
    """An item as stored. `body`: its JSON without its id, its thread's id and its time."""

    seq: int
    id: str
    kind: str
    created: int
    """Microseconds since 1970, UTC."""
    body: str
    parent: str | None = None
    """The id of the item it was said after, where that was looked up."""

    @property
    def created_at(self) -> datetime:
        return utc(self.created)

    def document(self, thread_id: str) -> dict[str, Any]:
        """The complete item, with its time as ISO 8601 in UTC."""
        moment = self.created_at.isoformat().replace("+00:00", "Z")
        return {"id": self.id, "thread_id": thread_id, "created_at": moment, **json.loads(self.body)}


_RECORD = (
    "SELECT seq, id, agent, title, created, updated, "
    "(SELECT count(*) FROM items WHERE thread = threads.seq AND hidden = 0) FROM threads"
)


def records(
    connection: sqlite3.Connection,
    agent_id: str | None,
    limit: int,
    after: tuple[int, int] | None,
    since: datetime | None,
) -> Records:
    """Threads of `agent_id` (None for all agents) changed after `since`, latest first. `after`: a cursor's two numbers,
    microseconds and position."""
    where: list[str] = []
    values: list[Any] = []
    if agent_id is not None:
        where.append("agent = ?")
        values.append(clean(agent_id))
    if since is not None:
        where.append("updated >= ?")
        values.append(to_microseconds(since))
    if after is not None:
        where.append("(updated, seq) < (?, ?)")
        values += after
    rows = connection.execute(
        f"{_RECORD} {'WHERE ' + ' AND '.join(where) if where else ''} ORDER BY updated DESC, seq DESC LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    found = tuple(map(_record, rows[:limit]))
    return Records(found, found[-1].cursor if len(rows) > limit else None)


def record(connection: sqlite3.Connection, thread_id: str) -> ThreadRecord | None:
    """One thread, or None."""
    row = connection.execute(f"{_RECORD} WHERE id = ?", (clean(thread_id),)).fetchone()
    return None if row is None else _record(row)


def _record(row: Sequence[Any]) -> ThreadRecord:
    seq, thread_id, agent, title, created, updated, items = row
    return ThreadRecord(thread_id, agent, title, utc(created), utc(updated), items, f"{updated}.{seq}")


def items(connection: sqlite3.Connection, thread_id: str, after: int, limit: int) -> list[ItemRow] | None:
    """Items of the shown branch after the position `after`, oldest first. None if there is no such thread."""
    return _items(connection, thread_id, "hidden = 0", after, limit)


def left_items(connection: sqlite3.Connection, thread_id: str, after: int, limit: int) -> list[ItemRow] | None:
    """As `items`, of all other versions."""
    return _items(connection, thread_id, "hidden > 0", after, limit)


def _items(connection: sqlite3.Connection, thread_id: str, which: str, after: int, limit: int) -> list[ItemRow] | None:
    found = connection.execute("SELECT seq FROM threads WHERE id = ?", (clean(thread_id),)).fetchone()
    if found is None:
        return None
    rows = connection.execute(
        f"SELECT seq, id, kind, created, body FROM items WHERE thread = ? AND {which} AND seq > ? "  # noqa: S608 - ours
        "ORDER BY seq LIMIT ?",
        (found[0], after, limit),
    ).fetchall()
    if not branches.has_versions(connection, found[0]):
        return [ItemRow(*row) for row in rows]
    names = branches.names_of_parents(connection, found[0])
    return [replace(ItemRow(*row), parent=names[row[0]]) for row in rows]


def thread(connection: sqlite3.Connection, thread_id: str) -> dict[str, Any] | None:
    """A thread without its items, or None."""
    found = connection.execute(
        "SELECT id, agent, title, created, updated, body FROM threads WHERE id = ?", (clean(thread_id),)
    ).fetchone()
    if found is None:
        return None
    known_id, agent, title, created, updated, body = found
    times = {
        name: utc(value).isoformat().replace("+00:00", "Z")
        for name, value in (("created_at", created), ("updated_at", updated))
    }
    return {"id": known_id, "agent": agent, "title": title, **times, **json.loads(body)}


def rename(connection: sqlite3.Connection, thread_id: str, title: str | None) -> bool:
    """Rename a thread, in the search index too. False if there is no such thread."""
    title = None if title is None else clean(title)[:MOST_OF_A_TITLE]
    found = connection.execute("SELECT seq, agent FROM threads WHERE id = ?", (clean(thread_id),)).fetchone()
    if found is None:
        return False
    seq, agent = found
    connection.execute("UPDATE threads SET title = ? WHERE seq = ?", (title, seq))
    index(connection, "thread_words", seq, agent, title)
    return True
