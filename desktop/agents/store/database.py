"""The database file of the thread store: opens it, migrates it and checks it, or sets a damaged one aside.

Knows SQLite and the file system, not threads. A path of None means memory: nothing is kept.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from desktop.agents.store import words_index
from desktop.agents.store.errors import ThreadsDamaged, ThreadsNewer
from desktop.agents.store.schema import STEPS, Step, back_up, migrate, version_of
from desktop.common.errors import AppError, FileUnreadable, FolderUnwritable
from desktop.common.files import LEFTOVER_AGE, ensure_private_dir, open_private, replace

T = TypeVar("T")

BUSY = 5.0
"""Seconds to wait for another process, such as the command line beside the app."""
CHECKED = 8 * 1024 * 1024
"""Files up to this size, in bytes, are checked completely when opened: about 20 ms for 3,000 messages."""
BACKUPS_KEPT = 7 * 24 * 3600.0
"""Seconds after which the backup of a migration is deleted: it may contain chats deleted since."""

ENDS: Sequence[tuple[str, str]] = (("threads", "seq"), ("items", "seq"), ("attachments", "id"))
"""Tables and keys whose first and last rows are checked in a large file."""

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SUFFIXES = ("-wal", "-shm", "-journal", "")
"""The main file last: if killed in between, a damaged file without its log remains, never a log without its file."""


class _Damaged(Exception):
    pass


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite reports that the file itself is damaged."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def explained(error: sqlite3.Error, path: Path | None) -> AppError:
    """The error for what SQLite could not do with `path`. A damaged file is fully checked at the next start."""
    shown = str(path or ":memory:")
    if is_damage(error):
        if path:
            with suppress(OSError):
                os.close(open_private(_suspicion(path), "w"))
        return FileUnreadable(repr(error), path=shown, problem=str(error))
    return FolderUnwritable(repr(error), path=str(path.parent) if path else shown, problem=str(error))


def connect(path: Path | None, *, reading: bool = False) -> sqlite3.Connection:
    """A connection with our settings. Transactions are begun explicitly. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        path or ":memory:", timeout=BUSY, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        # Every commit hands its pages to the operating system before it returns, so a killed process loses nothing
        # acknowledged. FULL would also wait for the disk, twice before the first word of an answer. It would only save
        # the last seconds before a power cut (the file stays intact either way), and the store flushes when idle.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute("PRAGMA temp_store = MEMORY")
        if reading:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def open_database(
    path: Path | None,
    *,
    steps: Sequence[Step] = STEPS,
    ends: Sequence[tuple[str, str]] = ENDS,
    now: Callable[[], float] = time.time,
    checked: int = CHECKED,
) -> tuple[sqlite3.Connection, list[AppError]]:
    """Open the database at `path`, or create it. Returns it with notices for the person.

    A damaged file is set aside and replaced by a new one (with the notice ThreadsDamaged). Raises ThreadsNewer (the
    file is left alone), FolderUnwritable, FileUnreadable.
    """
    if path is None:
        connection = connect(None)
        migrate(connection, steps)
        return connection, []
    ensure_private_dir(path.parent)
    told: list[AppError] = []
    try:
        try:
            return _open(path, steps, ends, now, checked), told
        except (_Damaged, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.Error) and not is_damage(error):
                raise
            told.append(ThreadsDamaged(str(error), kept=set_aside(path, now)))
            return _open(path, steps, ends, now, checked), told
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise FolderUnwritable(repr(error), path=str(path.parent), problem=problem) from None


def set_aside(path: Path, now: Callable[[], float] = time.time) -> str:
    """Rename the database and its files. Returns the main file's new name. Raises OSError."""
    stamp = datetime.fromtimestamp(now(), UTC).strftime("%Y%m%dT%H%M%SZ")
    kept = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    number = 1
    while any(kept.with_name(kept.name + suffix).exists() for suffix in _SUFFIXES):
        number += 1
        kept = path.with_name(f"{path.stem}.damaged-{stamp}-{number}{path.suffix}")
    for suffix in _SUFFIXES:
        with suppress(FileNotFoundError):
            replace(path.with_name(path.name + suffix), kept.with_name(kept.name + suffix))
    with suppress(OSError):
        _suspicion(path).unlink()
    return kept.name


def _open(
    path: Path, steps: Sequence[Step], ends: Sequence[tuple[str, str]], now: Callable[[], float], checked: int
) -> sqlite3.Connection:
    # Created with mode 0600 before SQLite opens it, so that its -wal and -shm files get the same mode.
    os.close(open_private(path, "a"))
    connection = connect(path)
    try:
        version = version_of(connection)
        if version > len(steps):
            raise ThreadsNewer(version=version, known=len(steps))
        if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
            raise _Damaged("not a database of this app")
        if version:
            _look_at(connection, path, ends, checked)
        connection.execute("PRAGMA journal_mode = WAL")
        if 0 < version < len(steps):
            back_up(connection, _backup(path, version))
        migrate(connection, steps)
    except BaseException:
        connection.close()
        raise
    _sweep(path, now())
    return connection


def _look_at(connection: sqlite3.Connection, path: Path, ends: Sequence[tuple[str, str]], checked: int) -> None:
    """Raises _Damaged or sqlite3.DatabaseError if the file is damaged.

    A large file is fully checked only after SQLite has reported damage. Otherwise the ends of each table are checked.
    """
    size = path.stat().st_size
    pages, page = (int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size"))
    log = path.with_name(path.name + "-wal")
    if size < pages * page and not (log.exists() and log.stat().st_size):
        raise _Damaged(f"{size} bytes of {pages * page}")
    if size <= checked or _suspicion(path).exists():
        found = _quick_check(connection)
        if found != "ok" and _mended(connection):
            found = _quick_check(connection)
        if found != "ok":
            raise _Damaged(found)
        with suppress(OSError):
            _suspicion(path).unlink()
        return
    for table, key in ends:
        for order in ("ASC", "DESC"):
            connection.execute(f"SELECT * FROM {table} ORDER BY {key} {order} LIMIT 1").fetchone()  # noqa: S608 - ours


def _quick_check(connection: sqlite3.Connection) -> str:
    """`ok`, or the first fault SQLite finds. From version 3.44 on, SQLite checks the search index too."""
    try:
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if not words_index.may_be_of_it(error):
            raise
        return str(error)


def _mended(connection: sqlite3.Connection) -> bool:
    """Rebuild the search index if only that is damaged, so that no chat is lost."""
    try:
        if not words_index.chats_are_sound(connection):
            return False
        with _whole(connection):
            words_index.make_anew(connection)
    except sqlite3.DatabaseError as error:
        if not words_index.may_be_of_it(error):
            raise
        return False
    return True


def is_small(path: Path | None) -> bool:
    """Whether the file is small enough for a full check without a noticeable delay."""
    try:
        return path is not None and path.stat().st_size <= CHECKED
    except OSError:
        return False


def _suspicion(path: Path) -> Path:
    """The marker file that says SQLite has reported damage."""
    return path.with_name(path.name + ".suspect")


def _backup(path: Path, version: int) -> Path:
    return path.with_name(f"{path.stem}.before-version-{version + 1}{path.suffix}")


def _sweep(path: Path, now: float) -> None:
    """Delete backups that are too old, or unfinished because a process was killed."""
    for copy in path.parent.glob(f"{path.stem}.before-version-*"):
        with suppress(OSError):
            age = now - copy.stat().st_mtime
            if age > (LEFTOVER_AGE if copy.suffix == ".part" else BACKUPS_KEPT):
                copy.unlink()


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path | None) -> Iterator[sqlite3.Connection]:
    """A transaction: all or nothing. SQLite's errors are raised as `explained`."""
    try:
        with _whole(connection):
            yield connection
    except sqlite3.Error as error:
        raise explained(error, path) from error


@contextmanager
def _whole(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction: all or nothing. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def closed(connection: sqlite3.Connection) -> None:
    """Close the connection. The last one writes the log into the file and removes the log.

    No `PRAGMA optimize`: with its statistics, SQLite 3.40 sorts whole tables instead of reading the last row of an
    index.
    """
    with suppress(sqlite3.Error):
        connection.close()
