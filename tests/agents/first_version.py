"""A file of the thread store as its first version wrote it: before chats had versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from chatkit.types import ThreadItem

from desktop.agents.store import columns, database, documents, search
from desktop.agents.store.schema import STEPS, migrate
from tests.agents.things import ME, NOON, thread


def write(path: Path, thread_id: str, title: str, items: Sequence[ThreadItem]) -> None:
    """Adds a chat of `ME` to the file, which is made where it isn't there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with closing(database.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        migrate(connection, STEPS[:1])
        connection.execute("BEGIN")
        _fill(connection, thread_id, title, items)
        connection.execute("COMMIT")


def _fill(connection: sqlite3.Connection, thread_id: str, title: str, items: Sequence[ThreadItem]) -> None:
    noon = columns.to_microseconds(NOON)
    seq = connection.execute(
        "INSERT INTO threads (id, agent, title, created, updated, body) VALUES (?, ?, ?, ?, ?, ?)",
        (thread_id, ME.agent_id, title, noon, noon, documents.thread_body(thread(thread_id))),
    ).lastrowid
    search.index(connection, "thread_words", int(seq or 0), ME.agent_id, title)
    for item in items:
        body = documents.item_body(item)
        row = connection.execute(
            "INSERT INTO items (id, thread, kind, created, foreign_id, body) VALUES (?, ?, ?, ?, NULL, ?)",
            (item.id, seq, item.type, columns.to_microseconds(item.created_at), body),
        ).lastrowid
        search.index(connection, "item_words", int(row or 0), ME.agent_id, columns.text_of(item.type, body))
