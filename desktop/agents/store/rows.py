"""Raw rows of the thread store, for reading and renaming chats of all agents (the library, exports).

Knows the tables, not the SDK, so it also returns items this SDK can't read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
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
    pinned: bool = False
    """Whether a person has put it before the others."""


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


NOTES = ("pinned", "model", "answered_by")
"""Metadata of a thread that a person chose beside its answers. Only `note` changes it, so that an answer in progress,
which saves the thread as it was when it began, takes none of it back."""
MOST_NOTED = 1000
"""Entries of a note that is a dictionary; the oldest go first."""

_RECORD = (
    "SELECT seq, id, agent, title, created, updated, "
    "(SELECT count(*) FROM items WHERE thread = threads.seq AND hidden = 0), json_extract(body, '$.metadata.pinned') "
    "FROM threads"
)


def records(
    connection: sqlite3.Connection,
    agents: Collection[str] | None,
    limit: int,
    after: tuple[int, int] | None,
    since: datetime | None,
) -> Records:
    """Threads of `agents` (None for all) changed after `since`, latest first. `after`: a cursor's two numbers,
    microseconds and position."""
    where: list[str] = []
    values: list[Any] = []
    if agents is not None:
        where.append(_among(agents))
        values += map(clean, agents)
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


def pinned(connection: sqlite3.Connection, agents: Collection[str]) -> tuple[ThreadRecord, ...]:
    """All pinned threads of `agents`, latest first."""
    rows = connection.execute(
        f"{_RECORD} WHERE {_among(agents)} AND json_extract(body, '$.metadata.pinned') ORDER BY updated DESC, seq DESC",
        [*map(clean, agents)],
    )
    return tuple(map(_record, rows.fetchall()))


def position(connection: sqlite3.Connection, agents: Collection[str], thread_id: str) -> int | None:
    """How many threads of `agents` come before this one, latest first. None if it is not among them."""
    found = connection.execute(
        f"SELECT updated, seq FROM threads WHERE id = ? AND {_among(agents)}",  # noqa: S608 - question marks
        [clean(thread_id), *map(clean, agents)],
    ).fetchone()
    if found is None:
        return None
    before = connection.execute(
        f"SELECT count(*) FROM threads WHERE {_among(agents)} AND (updated, seq) > (?, ?)",  # noqa: S608 - question marks
        [*map(clean, agents), *found],
    ).fetchone()
    return int(before[0])


def note(connection: sqlite3.Connection, thread_id: str, agent: str, name: str, value: Any) -> bool:
    """Set one of the thread's NOTES; None removes it. A dictionary is added to what is there. False if the agent has no
    such thread."""
    found = connection.execute(
        "SELECT seq, body FROM threads WHERE id = ? AND agent = ?", (clean(thread_id), clean(agent))
    ).fetchone()
    if found is None or name not in NOTES:
        return False
    seq, body = found[0], json.loads(found[1])
    metadata = dict(body.get("metadata") or {})
    if isinstance(value, dict):
        value = dict([*dict(metadata.get(name) or {}).items(), *value.items()][-MOST_NOTED:])
    metadata.pop(name, None)
    if value is not None:
        metadata[name] = value
    written = clean(json.dumps({**body, "metadata": metadata}, ensure_ascii=False, separators=(",", ":")))
    connection.execute("UPDATE threads SET body = ? WHERE seq = ?", (written, seq))
    return True


def with_notes(body: str, stored: str) -> str:
    """A thread's new body, with the NOTES of the stored one."""
    new, old = json.loads(body), json.loads(stored).get("metadata") or {}
    kept = {name: old[name] for name in NOTES if name in old}
    mine = {name: value for name, value in (new.get("metadata") or {}).items() if name not in NOTES}
    if {**mine, **kept} == new.get("metadata"):
        return body
    return json.dumps({**new, "metadata": {**mine, **kept}}, ensure_ascii=False, separators=(",", ":"))


def _among(agents: Collection[str]) -> str:
    return f"agent IN ({','.join('?' * len(agents))})"


def record(connection: sqlite3.Connection, thread_id: str) -> ThreadRecord | None:
    """One thread, or None."""
    row = connection.execute(f"{_RECORD} WHERE id = ?", (clean(thread_id),)).fetchone()
    return None if row is None else _record(row)


def _record(row: Sequence[Any]) -> ThreadRecord:
    seq, thread_id, agent, title, created, updated, items, is_pinned = row
    cursor = f"{updated}.{seq}"
    return ThreadRecord(thread_id, agent, title, utc(created), utc(updated), items, cursor, bool(is_pinned))


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
