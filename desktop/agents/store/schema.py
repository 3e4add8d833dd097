"""The tables of the thread store by version, and the migration of older files.

The version is in `PRAGMA user_version`. A released step is never changed; add a new one. Knows neither the SDK nor what
the rows mean to it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from desktop.common.files import open_private, replace

Step = Callable[[sqlite3.Connection], None]
"""Migrates a database to the next version, within a transaction of the caller."""


def _first(connection: sqlite3.Connection) -> None:
    for statement in (
        # `seq` is the order, even for rows of the same microsecond, or after the clock was set back. AUTOINCREMENT
        # never reuses a number, so a position in a list stays valid after deletions. Times are microseconds since 1970,
        # UTC.
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
        # `foreign_id`: a model's id that could not be kept.
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
        # Positions of deleted rows, so that a page reading through a list can continue from there.
        "CREATE TABLE gone_threads (id TEXT PRIMARY KEY, agent TEXT NOT NULL, seq INTEGER NOT NULL)",
        """
        CREATE TABLE gone_items (
            id TEXT PRIMARY KEY,
            thread INTEGER NOT NULL REFERENCES threads (seq) ON DELETE CASCADE,
            seq INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX gone_items_of_thread ON gone_items (thread)",
        # The search index, rowid = seq. Each row has its agent as an additional word, so a search within one agent is
        # an intersection of two lists instead of a scan of all hits. Prefixes of 2 to 8 letters are indexed: without
        # that, "th" takes a second over a million messages.
        """
        CREATE VIRTUAL TABLE thread_words USING fts5
            (agent, words, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3 4 5 6 7 8')
        """,
        """
        CREATE VIRTUAL TABLE item_words USING fts5
            (agent, words, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3 4 5 6 7 8')
        """,
        # The store prepares and inserts the words. Triggers remove them, also when a thread is deleted with its items.
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


def _versions(connection: sqlite3.Connection) -> None:
    """Items become a tree, see `branches`. `parent`: the `seq` of the item before, 0 for none; NULL in chats of version
    1, which are one branch: the row before. Nothing is rewritten, so a file of any size takes a moment."""
    for statement in (
        "ALTER TABLE items ADD COLUMN parent INTEGER",
        "ALTER TABLE items ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0",
        # All that a list and a tree need, without the bodies.
        "CREATE INDEX items_of_branch ON items (thread, hidden, seq, parent)",
        "DROP INDEX items_of_thread",
    ):
        connection.execute(statement)


STEPS: Sequence[Step] = (_first, _versions)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the database, 0 for an empty one. Raises sqlite3.Error."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, steps: Sequence[Step] = STEPS) -> None:
    """Migrate the database to version `len(steps)`. Each step and its version number share a transaction.

    If killed, the database is at one version or the next, and the next start continues. The connection must not begin
    transactions by itself (`isolation_level=None`). Raises sqlite3.Error.
    """
    while (version := version_of(connection)) < len(steps):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have migrated it while this one waited.
            if version_of(connection) == version:
                steps[version](connection)
                connection.execute(f"PRAGMA user_version = {version + 1:d}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def back_up(connection: sqlite3.Connection, path: Path) -> None:
    """Write a complete copy of the database to `path`, with mode 0600. It exists completely or not at all.

    Raises sqlite3.Error, OSError.
    """
    unfinished = path.with_name(path.name + ".part")
    try:
        os.close(open_private(unfinished, "w"))
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as copy:
            connection.backup(copy)
            # A single file: a copy of a WAL database would otherwise need its -wal file.
            copy.execute("PRAGMA journal_mode = DELETE")
        replace(unfinished, path)
    finally:
        with suppress(OSError):
            unfinished.unlink()
