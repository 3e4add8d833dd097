"""Rows of the thread store as they are, for what reads or renames chats of all agents (the library, exports).

Knows the tables, not the SDK: an item that this SDK can't read is given too.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desktop.agents.columns import clean, utc
from desktop.agents.search import agent_word, indexed


@dataclass(frozen=True)
class ItemRow:
    """An item as it is kept: `body` is all of it as JSON, but for its id, its thread's and its time."""

    seq: int
    id: str
    kind: str
    created: int
    """Microseconds since 1970, UTC."""
    body: str

    @property
    def created_at(self) -> datetime:
        return utc(self.created)

    def document(self, thread_id: str) -> dict[str, Any]:
        """All of it; the time as ISO 8601 in UTC."""
        moment = self.created_at.isoformat().replace("+00:00", "Z")
        return {"id": self.id, "thread_id": thread_id, "created_at": moment, **json.loads(self.body)}


def items(connection: sqlite3.Connection, thread_id: str, after: int, limit: int) -> list[ItemRow] | None:
    """Items behind the place `after`, oldest first; None where there is no such thread."""
    found = connection.execute("SELECT seq FROM threads WHERE id = ?", (clean(thread_id),)).fetchone()
    if found is None:
        return None
    rows = connection.execute(
        "SELECT seq, id, kind, created, body FROM items WHERE thread = ? AND seq > ? ORDER BY seq LIMIT ?",
        (found[0], after, limit),
    )
    return [ItemRow(*row) for row in rows.fetchall()]


def thread(connection: sqlite3.Connection, thread_id: str) -> dict[str, Any] | None:
    """All of a thread but its items; None where there is none."""
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
    """Gives a thread another title, in the search too; False where there is no such thread."""
    title = None if title is None else clean(title)
    found = connection.execute("SELECT seq, agent FROM threads WHERE id = ?", (clean(thread_id),)).fetchone()
    if found is None:
        return False
    seq, agent = found
    connection.execute("UPDATE threads SET title = ? WHERE seq = ?", (title, seq))
    connection.execute("DELETE FROM thread_words WHERE rowid = ?", (seq,))
    if title:
        connection.execute(
            "INSERT INTO thread_words (rowid, agent, words) VALUES (?, ?, ?)",
            (seq, agent_word(agent), indexed(title)),
        )
    return True
