"""From an older database to today's: step by step, each whole, with a copy beside."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from desktop.agents.store import database
from desktop.agents.store.errors import ThreadsNewer
from desktop.agents.store.schema import STEPS, Step, migrate, version_of
from desktop.agents.store.threads import SqliteStore
from desktop.common.errors import FolderUnwritable
from desktop.common.locations import Locations
from tests.agents.things import ME, Blocking, said, thread
from tests.rig.systems import private


def _second(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE threads ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0")


def _third(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE threads SET pinned = 1")


def _failing(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM threads")
    raise sqlite3.OperationalError("database or disk is full")


LATER: Sequence[Step] = (*STEPS, _second, _third)


@pytest.fixture
def old(profile: Locations) -> Path:
    """A database of today's version, with one chat: old for an app that knows `LATER`."""
    store = Blocking(SqliteStore(profile.threads))
    store.save_thread(thread("thr_1", "Old"), ME)
    store.add_thread_item("thr_1", said("kept"), ME)
    store.done()
    return profile.threads


def rows(path: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


def test_an_empty_database_gets_every_step(tmp_path: Path) -> None:
    with closing(database.connect(tmp_path / "new")) as connection:
        assert version_of(connection) == 0
        migrate(connection, LATER)
        assert version_of(connection) == len(LATER)


def test_an_older_database_becomes_one_of_today_with_all_that_was_in_it(old: Path) -> None:
    store = Blocking(SqliteStore(old, steps=LATER))
    assert store.texts("thr_1") == ["kept"]
    store.done()
    assert rows(old, "SELECT id, pinned FROM threads") == [("thr_1", 1)]
    assert rows(old, "PRAGMA user_version") == [(len(LATER),)]


def test_the_older_app_then_says_that_the_chats_are_newer(old: Path) -> None:
    SqliteStore(old, steps=LATER).close()
    with pytest.raises(ThreadsNewer):
        SqliteStore(old)


def test_checklist_24_a_private_copy_is_kept_beside_before_a_migration(old: Path) -> None:
    SqliteStore(old, steps=LATER).close()
    copy = old.parent / f"threads.before-version-{len(STEPS) + 1}.sqlite"
    assert sorted(path.name for path in old.parent.iterdir()) == [copy.name, old.name]
    assert private(copy)
    assert rows(copy, "PRAGMA user_version") == [(len(STEPS),)]
    assert rows(copy, "SELECT title FROM threads") == [("Old",)]
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]


def test_the_copy_goes_after_a_week_for_it_holds_what_was_deleted_since(old: Path) -> None:
    SqliteStore(old, steps=LATER).close()
    copy = old.parent / f"threads.before-version-{len(STEPS) + 1}.sqlite"
    SqliteStore(old, steps=LATER, now=lambda: time.time() + database.BACKUPS_KEPT - 60).close()
    assert copy.exists()
    SqliteStore(old, steps=LATER, now=lambda: time.time() + database.BACKUPS_KEPT + 60).close()
    assert not copy.exists()


def test_an_unfinished_copy_of_a_killed_process_is_swept(old: Path) -> None:
    unfinished = old.parent / f"threads.before-version-{len(STEPS) + 1}.sqlite.part"
    unfinished.write_text("half")
    past = time.time() - 3600
    os.utime(unfinished, (past, past))
    SqliteStore(old).close()
    assert not unfinished.exists()


def test_a_step_that_fails_leaves_the_version_before(old: Path) -> None:
    with pytest.raises(FolderUnwritable):
        SqliteStore(old, steps=(*STEPS, _second, _failing))
    assert rows(old, "PRAGMA user_version") == [(len(STEPS) + 1,)]
    assert rows(old, "SELECT id FROM threads") == [("thr_1",)]
    SqliteStore(old, steps=LATER).close()
    assert rows(old, "PRAGMA user_version") == [(len(LATER),)]


def test_without_room_for_the_copy_nothing_is_changed(old: Path, as_root: bool) -> None:
    (old.parent / f"threads.before-version-{len(STEPS) + 1}.sqlite").mkdir()
    with pytest.raises(FolderUnwritable):
        SqliteStore(old, steps=LATER)
    assert rows(old, "PRAGMA user_version") == [(len(STEPS),)]


def test_two_processes_that_migrate_at_once_do_it_once(old: Path) -> None:
    done: list[int] = []

    def counted(connection: sqlite3.Connection) -> None:
        time.sleep(0.05)
        _second(connection)
        done.append(1)

    def open_() -> None:
        with closing(database.connect(old)) as connection:
            migrate(connection, (*STEPS, counted))

    both = [threading.Thread(target=open_) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert done == [1]
    assert rows(old, "PRAGMA user_version") == [(len(STEPS) + 1,)]
