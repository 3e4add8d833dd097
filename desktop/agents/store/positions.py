"""Decides which row of a thread an item replaces, and gives a new id to one that can't keep its own.

What is hidden belongs to another version of the chat and is never replaced by its model's id. Knows the tables, not the
SDK.
"""

from __future__ import annotations

import sqlite3

from desktop.agents.store.ids import FAKE, derived


def item(connection: sqlite3.Connection, thread: int, item_id: str) -> int | None:
    """The item with this id, or the last one a model gave this id."""
    row = connection.execute("SELECT seq FROM items WHERE id = ? AND thread = ?", (item_id, thread)).fetchone()
    return _called(connection, thread, item_id) if row is None else int(row[0])


def _called(connection: sqlite3.Connection, thread: int, foreign_id: str, since: int = 0) -> int | None:
    row = connection.execute(
        "SELECT seq FROM items WHERE thread = ? AND foreign_id = ? AND seq > ? AND hidden = 0 "
        "ORDER BY seq DESC LIMIT 1",
        (thread, foreign_id, since),
    ).fetchone()
    return None if row is None else int(row[0])


def place(
    connection: sqlite3.Connection, thread: int, given: str, kind: str, created: int, body: str, how: str
) -> tuple[int | None, str]:
    """The row an item replaces, or None and its id.

    An id that can't be kept (a model's `__fake_id__`, or one used by another thread or an earlier turn) is replaced by
    one derived from thread, turn and id, so it is the same throughout a turn.
    """
    if how == "saved" and (known := item(connection, thread, given)) is not None:
        return known, given
    turn = _turn(connection, thread)
    if given != FAKE:
        row = connection.execute("SELECT seq, thread, hidden FROM items WHERE id = ?", (given,)).fetchone()
        if row is None and _called(connection, thread, given) is None:
            return None, given
        # Workflows and tool calls may continue in the next turn; an answer never does.
        here = row is not None and row[1] == thread and row[2] == 0
        if here and (kind != "assistant_message" or row[0] > turn):
            return int(row[0]), given
        if (known := _called(connection, thread, given, since=turn)) is not None:
            return known, given
        return None, derived(kind, thread, turn, given)
    # Every message of a turn has this id. The time tells them apart, or, if the clock is coarse, the text.
    number = 0
    while True:
        own = derived(kind, thread, turn, given, created, number)
        row = connection.execute("SELECT seq, body FROM items WHERE id = ?", (own,)).fetchone()
        if row is None:
            return None, own
        if row[1] == body:
            return int(row[0]), own
        number += 1


def _turn(connection: sqlite3.Connection, thread: int) -> int:
    """The position where a turn begins: the person's last message, or the end of what was answered to it before."""
    asked = connection.execute(
        "SELECT seq FROM items WHERE thread = ? AND hidden = 0 AND kind = 'user_message' ORDER BY seq DESC LIMIT 1",
        (thread,),
    ).fetchone()
    left = connection.execute("SELECT max(seq) FROM items WHERE thread = ? AND hidden > 0", (thread,)).fetchone()
    return max(0 if asked is None else int(asked[0]), int(left[0] or 0))
