"""The tables of archived chats, version by version. A step is never changed once it was released.

Laid out as the store of in-app chats (`agents/schema.py`), so that the same search finds in both; in a file of its own,
so that nothing goes on with an archived chat and a long archive run never holds up the chat.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from desktop.agents.store.schema import Step

ENDS = (("threads", "seq"), ("items", "seq"))


def _first(connection: sqlite3.Connection) -> None:
    for statement in (
        # Times are microseconds since 1970, UTC; `body` is what the API gave, whole.
        # `agent` is the agent of this profile that it belongs to; empty: nobody knows. `own`: of this profile's person.
        # `checked` is the run that last found it current, `gone` when OpenAI no longer had it.
        """
        CREATE TABLE threads (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            host TEXT NOT NULL,
            user TEXT NOT NULL,
            agent TEXT NOT NULL,
            own INTEGER NOT NULL,
            title TEXT,
            created INTEGER NOT NULL,
            updated INTEGER NOT NULL,
            items INTEGER NOT NULL,
            copied INTEGER NOT NULL,
            checked INTEGER NOT NULL,
            gone INTEGER,
            body TEXT NOT NULL
        )
        """,
        "CREATE INDEX threads_by_activity ON threads (updated, seq)",
        "CREATE INDEX threads_of_agent_by_activity ON threads (agent, updated, seq)",
        # `seq` is the order of the chat. `gone`: OpenAI no longer had the item when the chat was copied again.
        """
        CREATE TABLE items (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            thread INTEGER NOT NULL REFERENCES threads (seq) ON DELETE CASCADE,
            id TEXT NOT NULL,
            kind TEXT NOT NULL,
            created INTEGER,
            fresh INTEGER NOT NULL,
            gone INTEGER,
            body TEXT NOT NULL,
            UNIQUE (thread, id)
        )
        """,
        "CREATE INDEX items_of_thread ON items (thread, seq)",
        """
        CREATE TABLE runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT, scope TEXT NOT NULL, started INTEGER NOT NULL, finished INTEGER
        )
        """,
        # Files of the archive that earlier versions wrote into a folder, and what they were like when they were read.
        "CREATE TABLE imported (name TEXT PRIMARY KEY, size INTEGER NOT NULL, changed INTEGER NOT NULL) WITHOUT ROWID",
        """
        CREATE VIRTUAL TABLE thread_words USING fts5
            (agent, words, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3 4 5 6 7 8')
        """,
        """
        CREATE VIRTUAL TABLE item_words USING fts5
            (agent, words, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3 4 5 6 7 8')
        """,
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
