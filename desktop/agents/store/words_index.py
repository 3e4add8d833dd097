"""Checks that the search index finds what the chats contain, and rebuilds it if not.

SQLite reports a damaged FTS5 index differently in each version, or not at all (tried with 3.40.1 and 3.51.1). The older
one raises SQLITE_CORRUPT_VTAB. The newer one raises SQLITE_CORRUPT, as for the chats themselves, and its quick_check
reports the whole file as damaged. With some damage, both silently find nothing and pass FTS5's own integrity-check. So
this module does not wait for an error: it searches for existing messages by their own words.

Knows the tables shared by in-app and archived chats, not the stores.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import Literal

from desktop.agents.store.columns import text_of
from desktop.agents.store.search import agent_word, index, indexed

Table = Literal["thread_words", "item_words"]
TABLES: tuple[Table, ...] = ("thread_words", "item_words")
PARTS = ("data", "idx", "content", "docsize", "config")
"""The tables in which FTS5 keeps one index (https://www.sqlite.org/fts5.html, section 9)."""
SAMPLED = 60
"""Titles and messages searched for in a full check, spread over all of them."""
_PLAIN = re.compile(r"(?:(?<=[\s.,;:!?()])|^)[a-z0-9]{2,40}(?=[\s.,;:!?()]|$)", re.IGNORECASE | re.ASCII)
"""A word that every version of the tokenizer leaves unchanged."""
_ROWS = {
    "thread_words": (
        "SELECT seq, agent, 'title', title FROM threads rows WHERE title <> ''",
        "SELECT id FROM thread_words_docsize WHERE id NOT IN (SELECT seq FROM threads)",
    ),
    "item_words": (
        (
            "SELECT rows.seq, t.agent, rows.kind, rows.body FROM items rows JOIN threads t ON t.seq = rows.thread "
            "WHERE rows.kind IN ('user_message', 'assistant_message')"
        ),
        "SELECT id FROM item_words_docsize WHERE id NOT IN (SELECT seq FROM items)",
    ),
}
"""For each index: the rows it should contain, and entries without a row."""


def may_be_of_it(error: BaseException | None) -> bool:
    """Whether SQLite's error may mean that an index is damaged instead of the chats."""
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    said = str(error)
    # SQLite names a violated constraint of our tables, but not that of an index block written over another.
    return (
        code == sqlite3.SQLITE_CORRUPT
        or "fts5" in said
        or said == "constraint failed"
        or "vtable constructor failed" in said
    )


def chats_are_sound(connection: sqlite3.Connection) -> bool:
    """Whether everything but the search indexes is intact, as far as SQLite can tell."""
    ours = tuple(f"{table}_{part}" for table in TABLES for part in PARTS)
    try:
        # A virtual table has no pages of its own.
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").fetchall()
        for (name,) in names:
            if name not in ours and connection.execute(f"PRAGMA quick_check('{name}')").fetchone()[0] != "ok":
                return False
    except sqlite3.DatabaseError as error:
        if not may_be_of_it(error):
            raise
        return False
    return bool(names)


def is_sound(connection: sqlite3.Connection, *, whole: bool) -> bool:
    """Whether both indexes find what they should: their first and last rows. With `whole`, also some in between,
    whether rows are missing, and FTS5's own check. That takes a third of the time of rebuilding: 30 ms for a thousand
    messages. Call it within a transaction. Raises sqlite3.Error for other problems (a full disk, a lock)."""
    try:
        return all(_is_sound(connection, table, whole) for table in TABLES)
    except sqlite3.Error as error:
        if not may_be_of_it(error):
            raise
        return False


def mended(connection: sqlite3.Connection, *, whole: bool = True) -> bool:
    """Check the indexes, and rebuild them if they are damaged but the chats are not. Returns whether it did. Call it
    within a transaction. Raises sqlite3.Error."""
    if is_sound(connection, whole=whole) or not chats_are_sound(connection):
        return False
    make_anew(connection)
    return True


def make_anew(connection: sqlite3.Connection) -> None:
    """Rebuild both indexes from the chats. Call it within a transaction. Raises sqlite3.Error."""
    for table in TABLES:
        (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        try:
            connection.execute(f"DROP TABLE {table}")
        except sqlite3.Error as error:
            if not may_be_of_it(error):
                raise
            # SQLite only drops a table it can open.
            _empty(connection, table, sql)
            connection.execute(f"DROP TABLE {table}")
        connection.execute(sql)
        for seq, agent, kind, body in connection.execute(_ROWS[table][0]):
            index(connection, table, seq, agent, _text(kind, body))


def _empty(connection: sqlite3.Connection, table: Table, sql: str) -> None:
    """Recreate the tables behind an index in their initial state."""
    with closing(sqlite3.connect(":memory:")) as fresh:
        fresh.execute(sql)
        for part in PARTS:
            name = f"{table}_{part}"
            (made,) = fresh.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
            rows = fresh.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 - names of ours
            connection.execute(f"DROP TABLE IF EXISTS {name}")
            connection.execute(made)
            for row in rows:
                connection.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - as above


def _is_sound(connection: sqlite3.Connection, table: Table, whole: bool) -> bool:
    rows, nobodys = _ROWS[table]
    for order in ("ASC", "DESC"):
        for row in connection.execute(f"{rows} ORDER BY rows.seq {order} LIMIT 3"):
            if not _is_found(connection, table, *row):
                return False
    if not whole:
        return True
    connection.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")  # noqa: S608 - one of two names
    if connection.execute(f"{nobodys} LIMIT 1").fetchone():
        return False
    lacking = f"{rows} AND NOT EXISTS (SELECT 1 FROM {table}_docsize d WHERE d.id = rows.seq)"  # noqa: S608 - as above
    if any(_text(kind, body) for _, _, kind, body in connection.execute(lacking)):
        return False
    (count,) = connection.execute(f"SELECT count(*) FROM {table}_docsize").fetchone()  # noqa: S608 - as above
    sample = connection.execute(f"{rows} AND rows.seq % ? = 0", (max(1, count // SAMPLED),))
    return all(_is_found(connection, table, *row) for row in sample)


def _is_found(connection: sqlite3.Connection, table: Table, seq: int, agent: str, kind: str, body: str) -> bool:
    """Whether a row is found by its agent and by one of its words, in full and as a prefix."""
    text = _text(kind, body)
    if not text:
        return True
    queries = [f"agent : {agent_word(agent)}"]
    if word := _PLAIN.search(indexed(text[:2000])):
        queries += [f'words : "{word[0]}"', f'words : "{word[0]}"*', f'words : "{word[0][:3]}"*']
    find = f"SELECT 1 FROM {table} WHERE {table} MATCH ? AND rowid = ?"  # noqa: S608 - as above
    return all(connection.execute(find, (query, seq)).fetchone() for query in queries)


def _text(kind: str, body: str) -> str:
    if kind == "title":
        return body
    try:
        return text_of(kind, body)
    except (ValueError, AttributeError):
        return ""  # no list shows such a row either
