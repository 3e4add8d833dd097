"""The versions of a chat: its items are a tree, of which one branch is shown.

An item's parent is the one it was said after. Every item has a number; in a branch they rise. `hidden` is 0 for what is
shown; else it says in which order branches were left, so that coming back finds the one that was seen last. Nothing is
deleted by leaving it. Knows the tables, not the SDK.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

UNSEEN = ("hidden_context_item", "sdk_hidden_context", "end_of_turn")
"""Kinds of items that no page shows. A branch of these alone is no version."""


@dataclass(frozen=True)
class Versions:
    """What may stand at one place of a chat."""

    after: str | None
    """The item before it; None at the beginning."""
    items: tuple[str, ...]
    """The first item of each version, oldest first."""
    shown: int
    """Which of them is shown; -1 for none."""


@dataclass(frozen=True)
class _Node:
    seq: int
    parent: int
    hidden: int


def end(connection: sqlite3.Connection, thread: int) -> int:
    """The last item that is shown; 0 where none is."""
    row = connection.execute(
        "SELECT seq FROM items WHERE thread = ? AND hidden = 0 ORDER BY seq DESC LIMIT 1", (thread,)
    ).fetchone()
    return 0 if row is None else int(row[0])


def before(connection: sqlite3.Connection, thread: int, seq: int) -> int:
    """The shown item before a shown one; 0 for the first."""
    row = connection.execute(
        "SELECT seq FROM items WHERE thread = ? AND hidden = 0 AND seq < ? ORDER BY seq DESC LIMIT 1", (thread, seq)
    ).fetchone()
    return 0 if row is None else int(row[0])


def leave(connection: sqlite3.Connection, thread: int, after: int) -> None:
    """Hide what is shown after the item `after`. Only what nobody has seen is deleted."""
    kinds = connection.execute(
        "SELECT seq, kind FROM items WHERE thread = ? AND hidden = 0 AND seq > ? ORDER BY seq DESC", (thread, after)
    ).fetchall()
    if all(kind in UNSEEN for _, kind in kinds):
        for seq, _ in kinds:
            delete(connection, thread, seq)
        return
    connection.execute(
        "UPDATE items SET hidden = ? WHERE thread = ? AND hidden = 0 AND seq > ?",
        (_next(connection, thread), thread, after),
    )


def delete(connection: sqlite3.Connection, thread: int, seq: int) -> None:
    """Delete an item; what was said after it was then said after the one before."""
    nodes = _tree(connection, thread)
    own = nodes.get(seq)
    if own is None:
        return
    for node in nodes.values():
        if node.parent == seq:
            connection.execute("UPDATE items SET parent = ? WHERE seq = ?", (own.parent, node.seq))
    connection.execute(
        "INSERT OR REPLACE INTO gone_items (id, thread, seq) SELECT id, thread, seq FROM items WHERE seq = ?", (seq,)
    )
    connection.execute("DELETE FROM items WHERE seq = ?", (seq,))


def show(connection: sqlite3.Connection, thread: int, seq: int) -> bool:
    """Show the branch with the item `seq`: from there on, the way that was seen last. False if it was shown."""
    nodes = _tree(connection, thread)
    if nodes[seq].hidden == 0:
        return False
    children: dict[int, list[_Node]] = {}
    for node in nodes.values():
        children.setdefault(node.parent, []).append(node)
    path, at = [seq], nodes[seq].parent
    while at in nodes:
        path.append(at)
        at = nodes[at].parent
    at = seq
    while at in children:
        at = max(children[at], key=lambda node: (node.hidden == 0, node.hidden, node.seq)).seq
        path.append(at)
    wanted = set(path)
    now = _next(connection, thread)
    left = [(now, node.seq) for node in nodes.values() if node.hidden == 0 and node.seq not in wanted]
    connection.executemany("UPDATE items SET hidden = ? WHERE seq = ?", left)
    connection.executemany("UPDATE items SET hidden = 0 WHERE seq = ?", [(one,) for one in wanted if nodes[one].hidden])
    return True


def come_back(connection: sqlite3.Connection, thread: int) -> bool:
    """Where nothing is shown after the last item, but something was said after it: show what was seen last. Whether
    there was."""
    if not has_versions(connection, thread):
        return False
    last = end(connection, thread)
    said = [node for node in _tree(connection, thread).values() if node.parent == last]
    return bool(said) and show(connection, thread, max(said, key=lambda node: (node.hidden, node.seq)).seq)


def versions(connection: sqlite3.Connection, thread: int) -> list[Versions]:
    """The places of the shown branch at which there is more than one version, in their order."""
    if not has_versions(connection, thread):
        return []
    nodes = _tree(connection, thread)
    children: dict[int, list[_Node]] = {}
    for node in nodes.values():
        children.setdefault(node.parent, []).append(node)
    names = dict(connection.execute("SELECT seq, id FROM items WHERE thread = ?", (thread,)))
    found = []
    for at in (0, *(node.seq for node in nodes.values() if node.hidden == 0)):
        said = children.get(at, [])
        shown = next((index for index, node in enumerate(said) if node.hidden == 0), -1)
        if len(said) > 1 or (said and shown < 0):
            found.append(Versions(names.get(at), tuple(names[node.seq] for node in said), shown))
    return found


def names_of_parents(connection: sqlite3.Connection, thread: int) -> dict[int, str | None]:
    """For every item of a thread, the id of the one it was said after; None for the first ones."""
    names = dict(connection.execute("SELECT seq, id FROM items WHERE thread = ?", (thread,)))
    return {node.seq: names.get(node.parent) for node in _tree(connection, thread).values()}


def has_versions(connection: sqlite3.Connection, thread: int) -> bool:
    """Whether there is anything that is not shown."""
    found = connection.execute("SELECT 1 FROM items WHERE thread = ? AND hidden > 0 LIMIT 1", (thread,)).fetchone()
    return found is not None


def _next(connection: sqlite3.Connection, thread: int) -> int:
    return int(connection.execute("SELECT max(hidden) + 1 FROM items WHERE thread = ?", (thread,)).fetchone()[0])


def _tree(connection: sqlite3.Connection, thread: int) -> dict[int, _Node]:
    """All items of a thread in the order in which they were said."""
    rows: Iterable[tuple[int, int | None, int]] = sorted(
        connection.execute("SELECT seq, parent, hidden FROM items WHERE thread = ?", (thread,))
    )
    nodes: dict[int, _Node] = {}
    last = 0
    for seq, parent, hidden in rows:
        # Chats from before there were versions name no parent: they are one branch.
        nodes[seq] = _Node(seq, last if parent is None else parent, hidden)
        last = seq
    return nodes
