"""The database of archived chats: hosted threads as they were at OpenAI, for reading and searching.

A thread is written in one transaction, so it is there whole or as it was before. Knows no network and no SDK.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from desktop.agents.store import database, words_index
from desktop.agents.store.columns import clean, text_of, utc
from desktop.agents.store.errors import ThreadsNewer
from desktop.agents.store.search import Hit, find, index, words_of
from desktop.chats.archive.copies_schema import ENDS, STEPS
from desktop.chats.errors import ArchiveNewer
from desktop.chats.sources.items import kind_of
from desktop.chats.types import LATEST
from desktop.common.errors import AppError

MICRO = 1_000_000
RESUMED = 3600.0
"""Seconds within which a run that was cut off is gone on with: what it has looked at is not looked at again."""
CACHE = 4_000
"""Kilobytes of the file that are kept in memory."""
_LONE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Copy:
    """A row: an archived thread without its items."""

    seq: int
    id: str
    host: str
    user: str
    agent: str
    own: bool
    title: str | None
    created: datetime
    updated: datetime
    items: int
    copied: datetime
    checked: int
    gone: datetime | None
    body: str

    @property
    def raw(self) -> dict[str, Any]:
        """The thread as the API gave it."""
        return dict(json.loads(self.body))

    @property
    def cursor(self) -> str:
        """Its place in the list, for `Copies.rows`."""
        return f"{micro(self.updated)}.{self.seq}"


@dataclass(frozen=True)
class Line:
    """An item of an archived thread: its place, and what the API gave."""

    seq: int
    id: str
    kind: str
    created: int | None
    """Microseconds since 1970."""
    body: str

    @property
    def raw(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass(frozen=True)
class Origin:
    """Where threads come from and to whom they belong. `own`: to the person of this profile."""

    host: str
    agent: str = ""
    own: bool = True


class Copies:
    """One connection to the database at `path`, made where there is none. Usable from every thread; `close` it.

    Raises ArchiveNewer, FolderUnwritable, FileUnreadable. Two of them, in one process or two, may be open at a time.
    """

    def __init__(self, path: Path | None, *, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._now = now
        self._lock = threading.RLock()
        self._index_seen: set[bool] = set()
        """How the index of words was looked at since it was opened; True: as a whole."""
        self.notices: list[AppError]
        try:
            self._connection, self.notices = database.open_database(path, steps=STEPS, ends=ENDS, now=now)
        except ThreadsNewer as error:
            raise ArchiveNewer(version=error.values["version"], known=error.values["known"]) from None
        # Two of these stand open while an archive is made, beside the store of in-app chats.
        self._connection.execute(f"PRAGMA cache_size = -{CACHE}")

    def close(self) -> None:
        """May be called again."""
        with self._lock:
            database.closed(self._connection)

    # --- reading ------------------------------------------------------------------------------

    def rows(
        self,
        *,
        limit: int = 50,
        after: str | None = None,
        agent: str | None = None,
        since: datetime | None = None,
        everybody: bool = False,
    ) -> list[Copy]:
        """Threads, the one last said something in first. `after` is the `cursor` of the last row that is known."""
        where = [] if everybody else ["own = 1"]
        values: list[object] = []
        if agent is not None:
            where.append("agent = ?")
            values.append(agent)
        if since is not None:
            where.append("updated >= ?")
            values.append(micro(since))
        if after is not None:
            updated, _, seq = after.partition(".")
            where.append("(updated, seq) < (?, ?)")
            values += [int(updated), int(seq)]
        said = f"WHERE {' AND '.join(where)} " if where else ""
        with self._reading() as connection:
            found = connection.execute(f"{_ROW} {said}ORDER BY updated DESC, seq DESC LIMIT ?", (*values, limit))
            return [_row(row) for row in found.fetchall()]

    def row(self, thread_id: str) -> Copy | None:
        with self._reading() as connection:
            found = connection.execute(f"{_ROW} WHERE id = ?", (clean(thread_id),)).fetchone()
        return None if found is None else _row(found)

    def known(self, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that are here."""
        with self._reading() as connection:
            return {
                one for one in ids if connection.execute("SELECT 1 FROM threads WHERE id = ?", (clean(one),)).fetchone()
            }

    def count(self) -> int:
        with self._reading() as connection:
            return int(connection.execute("SELECT count(*) FROM threads WHERE own = 1").fetchone()[0])

    def lines(self, seq: int, *, after: int = 0, limit: int = 100, gone: bool = False) -> list[Line]:
        """Items of the thread `seq` behind the place `after`, oldest first; `gone`: those OpenAI no longer had."""
        with self._reading() as connection:
            found = connection.execute(
                "SELECT seq, id, kind, created, body FROM items "
                "WHERE thread = ? AND seq > ? AND (gone IS NOT NULL) = ? ORDER BY seq LIMIT ?",
                (seq, after, gone, limit),
            ).fetchall()
        return [Line(*row) for row in found]

    def newest(self, seq: int) -> Line | None:
        with self._reading() as connection:
            found = connection.execute(
                "SELECT seq, id, kind, created, body FROM items WHERE thread = ? AND gone IS NULL "
                "ORDER BY seq DESC LIMIT 1",
                (seq,),
            ).fetchone()
        return None if found is None else Line(*found)

    def search(self, query: str, agent: str | None = None, limit: int = 50) -> list[Hit]:
        """Threads whose title or messages hold every word of `query`."""
        self._look_at_index(whole=database.is_small(self.path))
        hits: list[Hit] = []
        try:
            with self._reading() as connection:
                hits = find(connection, query, agent, limit)
        except AppError as error:
            if not words_index.may_be_of_it(error.__cause__) or not self._mend_index():
                raise
        else:
            # A damaged index may also find nothing: before that is said, it is looked at as a whole, once.
            if hits or not words_of(query) or not self._look_at_index(whole=True):
                return hits
        with self._reading() as connection:
            return find(connection, query, agent, limit)

    # --- writing ------------------------------------------------------------------------------

    def write(
        self, thread: Mapping[str, Any], items: Iterable[Mapping[str, Any]], origin: Origin, run: int = 0
    ) -> None:
        """Puts a thread and all its items in the place of what is known of it. Items that are known and not among
        `items` stay, as gone."""
        with self._writing() as connection:
            seq = self._put(connection, thread, origin, run)
            connection.execute("UPDATE items SET fresh = 0 WHERE thread = ?", (seq,))
            count, last = 0, None
            for item in items:
                created = _when(item)
                last = created if last is None or (created is not None and created > last) else last
                count += 1
                _add(connection, seq, item, created, origin.agent)
            moment = int(self._now() * MICRO)
            connection.execute(
                "UPDATE items SET gone = ? WHERE thread = ? AND fresh = 0 AND gone IS NULL", (moment, seq)
            )
            connection.execute(
                "UPDATE threads SET items = ?, updated = max(created, ?) WHERE seq = ?", (count, last or 0, seq)
            )

    def checked(self, seq: int, run: int) -> None:
        """The thread was looked at in `run` and was current."""
        with self._writing() as connection:
            connection.execute("UPDATE threads SET checked = ?, gone = NULL WHERE seq = ?", (run, seq))

    def gone(self, user: str | None, still_there: set[str]) -> int:
        """Marks threads of `user` (None: of everybody) that are not among `still_there`; gives how many."""
        with self._writing() as connection:
            where, values = ("WHERE user = ?", (user,)) if user is not None else ("", ())
            known = connection.execute(f"SELECT id FROM threads {where}", values).fetchall()  # noqa: S608 - ours
            missing = [(int(self._now() * MICRO), one) for (one,) in known if one not in still_there]
            connection.executemany("UPDATE threads SET gone = ? WHERE id = ? AND gone IS NULL", missing)
        return len(missing)

    def mark_gone(self, thread_id: str) -> None:
        with self._writing() as connection:
            connection.execute(
                "UPDATE threads SET gone = ? WHERE id = ? AND gone IS NULL",
                (int(self._now() * MICRO), clean(thread_id)),
            )

    def delete(self, thread_id: str) -> bool:
        """Deletes the copy, for good; False where there was none."""
        with self._writing() as connection:
            return connection.execute("DELETE FROM threads WHERE id = ?", (clean(thread_id),)).rowcount == 1

    # --- runs and imports ---------------------------------------------------------------------

    def begin_run(self, scope: str) -> int:
        """The number of a run: a new one, or that of one of the same scope that was cut off within the hour."""
        now = self._now()
        self._look_at_index(whole=True)
        with self._writing() as connection:
            open_one = connection.execute(
                "SELECT id FROM runs WHERE scope = ? AND finished IS NULL AND started > ? AND started <= ? "
                "ORDER BY id DESC LIMIT 1",
                (scope, int((now - RESUMED) * MICRO), int(now * MICRO)),
            ).fetchone()
            if open_one:
                return int(open_one[0])
            connection.execute("DELETE FROM runs WHERE scope = ?", (scope,))
            made = connection.execute("INSERT INTO runs (scope, started) VALUES (?, ?)", (scope, int(now * MICRO)))
            return int(made.lastrowid or 0)

    def end_run(self, run: int) -> None:
        with self._writing() as connection:
            connection.execute("UPDATE runs SET finished = ? WHERE id = ?", (int(self._now() * MICRO), run))

    def imported(self) -> dict[str, tuple[int, int]]:
        """Files that were read: name → (size in bytes, nanoseconds of their last change)."""
        with self._reading() as connection:
            rows = connection.execute("SELECT name, size, changed FROM imported").fetchall()
        return {name: (size, changed) for name, size, changed in rows}

    def note_imported(self, name: str, size: int, changed: int) -> None:
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO imported VALUES (?, ?, ?)", (name, size, changed))

    # --- inside -------------------------------------------------------------------------------

    def _put(self, connection: sqlite3.Connection, thread: Mapping[str, Any], origin: Origin, run: int) -> int:
        thread_id = clean(str(thread["id"]))
        title = thread.get("title")
        title = clean(title) if isinstance(title, str) else None
        created = _when(thread) or 0
        known = connection.execute("SELECT seq FROM threads WHERE id = ?", (thread_id,)).fetchone()
        values = {
            "host": origin.host,
            "user": clean(str(thread.get("user") or "")),
            "agent": origin.agent,
            "own": int(origin.own),
            "title": title,
            "created": created,
            "copied": int(self._now() * MICRO),
            "checked": run,
            "gone": None,
            "body": written(thread),
        }
        if known is None:
            values |= {"id": thread_id, "updated": created, "items": 0}
            names = ", ".join(values)
            marks = ", ".join("?" * len(values))
            seq = (
                connection.execute(
                    f"INSERT INTO threads ({names}) VALUES ({marks})",  # noqa: S608 - names of ours
                    tuple(values.values()),
                ).lastrowid
                or 0
            )
        else:
            seq = int(known[0])
            settings = ", ".join(f"{name} = ?" for name in values)
            connection.execute(f"UPDATE threads SET {settings} WHERE seq = ?", (*values.values(), seq))  # noqa: S608
        index(connection, "thread_words", seq, origin.agent, title)
        return seq

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise database.explained(error, self.path) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        # What is written goes into the index as well: a damaged one must not keep it from being kept.
        self._look_at_index(whole=database.is_small(self.path))
        with self._lock, database.transaction(self._connection, self.path) as connection:
            yield connection

    def _look_at_index(self, *, whole: bool) -> bool:
        """Once for both ends, once as a whole: whether the index of words was damaged, and is made anew."""
        with self._lock:
            if self.path is None or self._index_seen >= {whole}:
                return False
            self._index_seen |= {whole, False}
            return self._mend_index(whole=whole)

    def _mend_index(self, *, whole: bool = True) -> bool:
        with self._lock, database.transaction(self._connection, self.path) as connection:
            return words_index.mended(connection, whole=whole)


def written(document: Mapping[str, Any]) -> str:
    """The JSON that says all of `document`; halves of characters, which UTF-8 can't hold, as escapes."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(document, separators=(",", ":")) if _LONE.search(text) else text


def micro(moment: datetime) -> int:
    return round(moment.timestamp() * MICRO)


_ROW = (
    "SELECT seq, id, host, user, agent, own, title, created, updated, items, copied, checked, gone, body FROM threads"
)


def _row(row: tuple[Any, ...]) -> Copy:
    seq, thread_id, host, user, agent, own, title, created, updated, items, copied, checked, gone, body = row
    return Copy(
        seq, thread_id, host, user, agent, bool(own), title, utc(created), utc(updated), items, utc(copied), checked,
        None if gone is None else utc(gone), body,
    )  # fmt: skip


def _when(thing: Mapping[str, Any]) -> int | None:
    """`created_at`, Unix seconds, as microseconds; None where it is no moment."""
    value = thing.get("created_at")
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= LATEST:
        return None
    return int(value * MICRO)


def _add(connection: sqlite3.Connection, thread: int, item: Mapping[str, Any], created: int | None, agent: str) -> None:
    item_id, kind, body = clean(str(item["id"])), kind_of(item), written(item)
    connection.execute("DELETE FROM items WHERE thread = ? AND id = ?", (thread, item_id))
    seq = connection.execute(
        "INSERT INTO items (thread, id, kind, created, fresh, body) VALUES (?, ?, ?, ?, 1, ?)",
        (thread, item_id, kind, created, body),
    ).lastrowid
    index(connection, "item_words", int(seq or 0), agent, text_of(kind, body))
