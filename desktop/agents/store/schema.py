"""The tables of the thread store, version by version, and how an older file becomes one of today.

The version stands in `PRAGMA user_version`. A step is never changed once it was released: a new one is added.
Knows neither the SDK nor what the rows mean to it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from desktop.common.files import open_private, replace

Step = Callable[[sqlite3.Connection], None]
"""Brings a database from the version before to the next one, inside a transaction that is not its own."""


def _first(connection: sqlite3.Connection) -> None:
    for statement in (
        # `seq` is the order of things: of two made in the same microsecond, and when the clock was set back.
        # AUTOINCREMENT: never given twice, so that a place in a list stays one after deletions.
        # Times are microseconds since 1970, UTC.
        """
        CREATE TABLE threads (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            agent TEXT NOT NULL,
            title TEXT,
            created INTEGER NOT NULL,
            updated INTEGER NOT NULL,
            body TEXT NOT NULL
        )
        """,
        "CREATE INDEX threads_of_agent ON threads (agent, seq)",
        "CREATE INDEX threads_by_activity ON threads (updated, seq)",
        "CREATE INDEX threads_of_agent_by_activity ON threads (agent, updated, seq)",
        # `foreign_id` is what a model called the item, where it could not keep that.
        """
        CREATE TABLE items (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            thread INTEGER NOT NULL REFERENCES threads (seq) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            created INTEGER NOT NULL,
            foreign_id TEXT,
            body TEXT NOT NULL
        )
        """,
        "CREATE INDEX items_of_thread ON items (thread, seq)",
        "CREATE INDEX items_by_foreign_id ON items (thread, foreign_id, seq) WHERE foreign_id IS NOT NULL",
        """
        CREATE TABLE attachments (
            id TEXT PRIMARY KEY,
            agent TEXT NOT NULL,
            thread INTEGER REFERENCES threads (seq) ON DELETE CASCADE,
            created INTEGER NOT NULL,
            body TEXT NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX attachments_of_thread ON attachments (thread)",
        # Where deleted things stood: a page that was reading its way through a list goes on from there.
        "CREATE TABLE gone_threads (id TEXT PRIMARY KEY, agent TEXT NOT NULL, seq INTEGER NOT NULL)",
        """
        CREATE TABLE gone_items (
            id TEXT PRIMARY KEY,
            thread INTEGER NOT NULL REFERENCES threads (seq) ON DELETE CASCADE,
            seq INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX gone_items_of_thread ON gone_items (thread)",
        # The words, rowid = seq. Each row carries its agent as one more word: a search within one agent is then
        # an intersection of two lists, not a walk through everybody's hits. Beginnings of 2 to 8 letters have an
        # index of their own: without it, "th" over a million messages takes a second.
        """
        CREATE VIRTUAL TABLE thread_words USING fts5
            (agent, words, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3 4 5 6 7 8')
        """,
        """
        CREATE VIRTUAL TABLE item_words USING fts5
            (agent, words, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3 4 5 6 7 8')
        """,
        # Words are put in by the store, which prepares them; they go by trigger, also when a thread takes its items.
        """
        CREATE TRIGGER thread_words_go AFTER DELETE ON threads BEGIN
            DELETE FROM thread_words WHERE rowid = old.seq;
        END
        """,
        """
        CREATE TRIGGER item_words_go AFTER DELETE ON items WHEN old.kind IN ('user_message', 'assistant_message') BEGIN
            DELETE FROM item_words WHERE rowid = old.seq;
        END
        """,
    ):
        connection.execute(statement)


STEPS: Sequence[Step] = (_first,)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the database, 0 for an empty one. Raises sqlite3.Error."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, steps: Sequence[Step] = STEPS) -> None:
    """Brings the database up to version `len(steps)`, each step in one transaction with its number.

    Killed at any moment, it stands at one version or the next, and the next start goes on. The connection must
    not begin transactions by itself (`isolation_level=None`). Raises sqlite3.Error.
    """
    while (version := version_of(connection)) < len(steps):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have done it while this one waited.
            if version_of(connection) == version:
                steps[version](connection)
                connection.execute(f"PRAGMA user_version = {version + 1:d}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def back_up(connection: sqlite3.Connection, path: Path) -> None:
    """Writes a whole copy of the database to `path`, mode 0600; it is there whole or not at all.

    Raises sqlite3.Error, OSError.
    """
    unfinished = path.with_name(path.name + ".part")
    try:
        os.close(open_private(unfinished, "w"))
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as copy:
            connection.backup(copy)
            # A file of its own: a copy of a WAL database would otherwise want a -wal file beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        replace(unfinished, path)
    finally:
        with suppress(OSError):
            unfinished.unlink()
