"""What is the SQLite store's own: its file, its threads, all chats, damage, newer versions."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path

import pytest
from chatkit.store import NotFoundError

from desktop.agents.store import database
from desktop.agents.store.errors import ThreadsDamaged, ThreadsNewer
from desktop.agents.store.schema import STEPS
from desktop.agents.store.threads import SqliteStore
from desktop.common.errors import FileUnreadable, FolderUnwritable
from desktop.common.locations import Locations
from tests.agents.things import ME, NOON, OTHER, Blocking, answer, said, thread
from tests.rig.systems import link, private

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def store(profile: Locations) -> Iterator[Blocking]:
    blocking = Blocking(SqliteStore(profile.threads))
    yield blocking
    blocking.done()


def filled(path: Path, count: int = 3) -> None:
    """A database with a thread of `count` messages."""
    store = Blocking(SqliteStore(path))
    store.save_thread(thread("thr_1", "Kept"), ME)
    for number in range(count):
        store.add_thread_item("thr_1", said(f"message {number} " + "x" * 2000, f"msg_{number}"), ME)
    store.done()


# --- importing, opening, closing ------------------------------------------------------------------


def test_importing_the_store_imports_no_agent_stack() -> None:
    heavy = "{'agents', 'openai', 'mcp', 'httpx', 'httpx2', 'starlette', 'uvicorn', 'webview'}"
    code = (
        f"import sys, desktop.agents.store.threads, desktop.agents.store.attachments; print({heavy} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr


def test_checklist_24_the_database_and_what_lies_beside_it_are_closed_to_others(profile: Locations) -> None:
    before = os.umask(0)
    try:
        store = Blocking(SqliteStore(profile.threads))
        store.save_thread(thread(), ME)
        closed = {path.name: private(path) for path in profile.folder.iterdir()}
    finally:
        os.umask(before)
    assert closed == {"threads.sqlite": True, "threads.sqlite-wal": True, "threads.sqlite-shm": True}
    assert private(profile.folder)
    store.done()
    assert [path.name for path in profile.folder.iterdir()] == ["threads.sqlite"]


def test_a_database_is_never_opened_through_a_link(profile: Locations, tmp_path: Path) -> None:
    profile.folder.mkdir(parents=True)
    link(profile.threads, tmp_path / "elsewhere")
    with pytest.raises(FolderUnwritable):
        SqliteStore(profile.threads)
    assert not (tmp_path / "elsewhere").exists()


def test_a_store_that_keeps_nothing_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Blocking(SqliteStore(None))
    store.save_thread(thread("thr_1"), ME)
    assert len(store.search("x")) == 0
    store.done()
    assert list(tmp_path.iterdir()) == []


def test_what_was_saved_is_there_after_a_restart(profile: Locations) -> None:
    filled(profile.threads)
    store = Blocking(SqliteStore(profile.threads))
    assert [item.id for item in store.items("thr_1")] == ["msg_0", "msg_1", "msg_2"]
    assert store.notices == []
    store.done()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(FolderUnwritable):
        SqliteStore(tmp_path / "taken" / "threads.sqlite")


def test_a_closed_store_does_nothing_more(profile: Locations) -> None:
    store = SqliteStore(profile.threads)
    assert store.close()
    assert store.close()
    with pytest.raises(RuntimeError):
        asyncio.run(store.load_threads(1, None, "asc", ME))


def test_closing_finishes_what_was_begun(profile: Locations) -> None:
    store = SqliteStore(profile.threads)

    async def leave_in_the_middle() -> None:
        await store.save_thread(thread("thr_1"), ME)
        for number in range(50):
            asyncio.ensure_future(store.add_thread_item("thr_1", answer(str(number)), ME))  # noqa: RUF006 - that is it
        await asyncio.sleep(0)

    asyncio.run(leave_in_the_middle())
    assert store.close()
    again = Blocking(SqliteStore(profile.threads))
    assert again.texts("thr_1") == [str(number) for number in range(50)]
    again.done()


# --- other people's files -------------------------------------------------------------------------


def test_a_database_of_a_newer_version_is_left_as_it_is(profile: Locations) -> None:
    filled(profile.threads)
    with closing(sqlite3.connect(profile.threads)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("PRAGMA journal_mode = DELETE")
    before = profile.threads.read_bytes()
    with pytest.raises(ThreadsNewer) as raised:
        SqliteStore(profile.threads)
    assert raised.value.values == {"version": 99, "known": len(STEPS)}
    assert profile.threads.read_bytes() == before
    assert [path.name for path in profile.folder.iterdir()] == ["threads.sqlite"]


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _garbage(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 1000)


def _first_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3996)


def _every_later_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def _somebody_elses(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")


@pytest.mark.parametrize("damage", [_cut, _garbage, _first_page, _every_later_page, _somebody_elses])
@pytest.mark.parametrize("checked", [0, database.CHECKED], ids=["large", "small"])
def test_a_damaged_database_is_set_aside_and_the_app_goes_on_with_an_empty_one(
    profile: Locations, damage: Callable[[Path], None], checked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(profile.threads, 50)
    damage(profile.threads)
    broken = profile.threads.read_bytes()
    (profile.folder / "threads.sqlite-shm").write_bytes(b"")
    connection, told = database.open_database(profile.threads, now=lambda: 1_800_000_000, checked=checked)
    connection.close()
    (notice,) = told
    assert isinstance(notice, ThreadsDamaged)
    assert notice.values == {"kept": "threads.damaged-20270115T080000Z.sqlite"}
    kept = profile.folder / "threads.damaged-20270115T080000Z.sqlite"
    assert kept.read_bytes() == broken
    assert private(kept)
    store = Blocking(SqliteStore(profile.threads))
    assert store.notices == []
    assert store.load_threads(10, None, "asc", ME).data == []
    store.done()


def test_a_second_damaged_database_of_the_same_second_does_not_overwrite_the_first(profile: Locations) -> None:
    kept = []
    for text in (b"first", b"second"):
        profile.folder.mkdir(parents=True, exist_ok=True)
        profile.threads.write_bytes(text * 500)
        kept.append(database.set_aside(profile.threads, lambda: 1_800_000_000))
    assert [(profile.folder / name).read_bytes()[:5] for name in kept] == [b"first", b"secon"]


def test_the_log_goes_with_the_database_that_is_set_aside(profile: Locations) -> None:
    profile.folder.mkdir(parents=True)
    for suffix in ("", "-wal", "-shm"):
        (profile.folder / f"threads.sqlite{suffix}").write_text(suffix)
    kept = database.set_aside(profile.threads)
    assert {path.name: path.read_text() for path in profile.folder.iterdir()} == {
        f"{kept}{suffix}": suffix for suffix in ("", "-wal", "-shm")
    }


def test_damage_that_shows_later_is_said_and_looked_at_closely_at_the_next_start(profile: Locations) -> None:
    filled(profile.threads, 200)
    with closing(sqlite3.connect(profile.threads)) as plain:
        leaves = "SELECT pageno FROM dbstat WHERE name = 'items' AND pagetype = 'leaf' ORDER BY path"
        pages = [row[0] for row in plain.execute(leaves)]
    with profile.threads.open("r+b") as file:
        for page in pages[len(pages) // 3 : 2 * len(pages) // 3]:
            file.seek((page - 1) * 4096)
            file.write(b"\xee" * 4096)

    def large_enough_to_be_trusted() -> tuple[sqlite3.Connection, list[object]]:
        connection, told = database.open_database(profile.threads, checked=0)
        return connection, [*told]

    connection, told = large_enough_to_be_trusted()
    assert told == []
    with pytest.raises(sqlite3.DatabaseError) as raised:
        connection.execute("SELECT sum(length(body)) FROM items").fetchall()
    connection.close()
    said_ = database.explained(raised.value, profile.threads)
    assert isinstance(said_, FileUnreadable)
    connection, told = large_enough_to_be_trusted()
    connection.close()
    assert [type(notice) for notice in told] == [ThreadsDamaged]


def test_a_suspicion_that_proves_wrong_is_forgotten(profile: Locations) -> None:
    filled(profile.threads)
    suspicion = profile.folder / "threads.sqlite.suspect"
    suspicion.write_text("")
    store = SqliteStore(profile.threads)
    assert store.notices == []
    assert not suspicion.exists()
    store.close()


def test_a_broken_index_of_words_is_made_anew(profile: Locations) -> None:
    filled(profile.threads)
    with closing(sqlite3.connect(profile.threads)) as connection, connection:
        connection.execute("UPDATE item_words_data SET block = x'00' WHERE id > 10")
    store = Blocking(SqliteStore(profile.threads))
    hits = store.search("message")
    assert [hit.thread_id for hit in hits] == ["thr_1"]
    store.done()


# --- a disk that refuses --------------------------------------------------------------------------


def test_a_full_disk_is_said_and_nothing_that_was_there_is_lost(profile: Locations) -> None:
    filled(profile.threads)
    store = Blocking(SqliteStore(profile.threads))
    writer = store.real._connections[store.real._writer]
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(FolderUnwritable) as raised:
        store.add_thread_item("thr_1", answer("y" * 1_000_000), ME)
    assert "full" in str(raised.value.values["problem"])
    writer.execute("PRAGMA max_page_count = 1000000")
    store.add_thread_item("thr_1", answer("fits now", "msg_last"), ME)
    assert [item.id for item in store.items("thr_1")] == ["msg_0", "msg_1", "msg_2", "msg_last"]
    store.done()


def test_another_process_that_writes_is_waited_for(profile: Locations) -> None:
    filled(profile.threads)
    store = Blocking(SqliteStore(profile.threads))
    other = sqlite3.connect(profile.threads, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    let_go = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    let_go.start()
    store.add_thread_item("thr_1", answer("after", "msg_late"), ME)
    let_go.join()
    other.close()
    assert store.load_item("thr_1", "msg_late", ME)
    store.done()


def test_half_characters_become_whole_ones(store: Blocking) -> None:
    store.save_thread(thread("thr_1", "title \ud83d"), ME)
    given = answer("x", "msg_1")
    given.content[0].text = "joined \ud83d\ude00, lone \ud83d."
    store.add_thread_item("thr_1", given, ME)
    assert store.texts("thr_1") == ["joined 😀, lone \ufffd."]
    assert store.load_thread("thr_1", ME).title == "title \ufffd"
    assert len(store.search("lone \ud83d")) == 1


def test_an_item_that_this_sdk_does_not_know_does_not_lock_up_the_chat(
    profile: Locations, caplog: pytest.LogCaptureFixture
) -> None:
    filled(profile.threads)
    with closing(sqlite3.connect(profile.threads)) as connection, connection:
        connection.execute("""UPDATE items SET body = '{"type":"hologram"}' WHERE id = 'msg_1'""")
    store = Blocking(SqliteStore(profile.threads))
    assert [item.id for item in store.items("thr_1")] == ["msg_0", "msg_2"]
    assert store.walk(1, "asc", "thr_1") == ["msg_0", "msg_2"]
    assert "msg_1 is left out" in caplog.text
    store.done()


# --- threads and loops ----------------------------------------------------------------------------


def test_a_slow_disk_does_not_hold_up_the_loop(store: Blocking) -> None:
    gate = threading.Event()
    store.save_thread(thread("thr_1"), ME)
    store.real._writer.submit(lambda: gate.wait(20))

    async def meanwhile() -> int:
        saving = asyncio.ensure_future(store.real.add_thread_item("thr_1", answer(), ME))
        turns = 0
        while turns < 100:
            await asyncio.sleep(0)
            await store.real.load_thread("thr_1", ME)  # reads do not wait for writes
            turns += 1
        assert not saving.done()
        gate.set()
        await saving
        return turns

    assert asyncio.run(meanwhile()) == 100


def test_a_save_that_was_begun_is_finished_though_its_task_is_cancelled(store: Blocking) -> None:
    gate = threading.Event()
    store.save_thread(thread("thr_1"), ME)
    store.real._writer.submit(lambda: gate.wait(20))

    async def cancelled() -> None:
        saving = [asyncio.ensure_future(store.real.add_thread_item("thr_1", answer(str(n)), ME)) for n in range(3)]
        await asyncio.sleep(0)
        for task in saving:
            task.cancel()
        await asyncio.gather(*saving, return_exceptions=True)
        assert all(task.cancelled() for task in saving)
        gate.set()

    asyncio.run(cancelled())
    store.add_thread_item("thr_1", answer("last"), ME)
    assert store.texts("thr_1") == ["0", "1", "2", "last"]


def test_loops_and_threads_may_share_a_store(store: Blocking) -> None:
    def talk(number: int) -> None:
        async def turns() -> None:
            await store.real.save_thread(thread(f"thr_{number}"), ME)
            for turn in range(10):
                await store.real.add_thread_item(f"thr_{number}", answer(str(turn)), ME)

        asyncio.run(turns())

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    for number in range(8):
        assert store.texts(f"thr_{number}") == [str(turn) for turn in range(10)]


def test_with_nothing_to_do_the_log_is_written_into_the_file(profile: Locations) -> None:
    store = Blocking(SqliteStore(profile.threads))
    store.real._writer._idle_after = 0.01
    store.save_thread(thread("thr_1", "in the file itself"), ME)
    ends = time.monotonic() + 20
    while b"in the file itself" not in profile.threads.read_bytes():
        assert time.monotonic() < ends
        time.sleep(0.02)
    store.done()


# --- all chats ------------------------------------------------------------------------------------


def test_the_list_of_all_chats_has_every_agents_the_last_written_to_first(profile: Locations) -> None:
    moment = 1_800_000_000.0
    store = Blocking(SqliteStore(profile.threads, now=lambda: moment))
    for number, context in enumerate((ME, OTHER, ME)):
        store.save_thread(thread(f"thr_{number}", f"Chat {number}"), context)
    moment += 100
    store.add_thread_item("thr_1", said(), OTHER)
    moment += 100
    store.add_thread_item("thr_0", said(), ME)
    store.add_thread_item("thr_0", answer(), ME)
    listed = store.records().data
    assert [(r.id, r.agent_id, r.title, r.items) for r in listed] == [
        ("thr_0", "assistant", "Chat 0", 2),
        ("thr_1", "demo", "Chat 1", 1),
        ("thr_2", "assistant", "Chat 2", 0),
    ]
    assert listed[0].updated_at.timestamp() == moment
    assert listed[0].created_at.tzinfo is UTC
    assert [r.id for r in store.records("demo").data] == ["thr_1"]
    assert store.record("thr_1") == listed[1]
    with pytest.raises(NotFoundError):
        store.record("thr_none")
    store.done()


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7])
def test_the_list_of_all_chats_comes_in_pages(store: Blocking, size: int) -> None:
    for number in range(6):
        store.save_thread(thread(f"thr_{number}", created_at=NOON), ME)
    found: list[str] = []
    after = None
    while True:
        page = store.records(limit=size, after=after)
        found += [record.id for record in page.data]
        after = page.after
        if after is None:
            break
    assert found == [f"thr_{number}" for number in reversed(range(6))]
    for wrong in ("x", "1", "1.2.3", "1.x"):
        with pytest.raises(NotFoundError):
            store.records(after=wrong)


def test_a_pin_outlasts_an_answer_in_progress_that_saves_the_thread_as_it_was(store: Blocking) -> None:
    store.save_thread(thread("thr_1", "Before"), ME)
    store.save_thread(thread("thr_2"), ME)
    in_progress = store.load_thread("thr_1", ME)
    store.note("thr_1", ME.agent_id, "pinned", value=True)
    store.note("thr_1", ME.agent_id, "answered_by", value={"msg_1": "m1"})
    store.note("thr_1", ME.agent_id, "answered_by", value={"msg_2": "m2"})
    in_progress.title = "After"
    in_progress.metadata = {"feedback": {"msg_1": "positive"}}
    store.save_thread(in_progress, ME)
    assert [one.id for one in store.pinned([ME.agent_id])] == ["thr_1"]
    loaded = store.load_thread("thr_1", ME)
    assert loaded.title == "After"
    assert loaded.metadata == {
        "feedback": {"msg_1": "positive"},
        "pinned": True,
        "answered_by": {"msg_1": "m1", "msg_2": "m2"},
    }
    store.note("thr_1", ME.agent_id, "pinned", value=None)
    store.save_thread(loaded, ME)
    assert store.pinned([ME.agent_id]) == ()


def test_another_agents_chat_and_an_unknown_note_are_not_touched(store: Blocking) -> None:
    store.save_thread(thread("thr_1"), ME)
    for agent, name in ((OTHER.agent_id, "pinned"), (ME.agent_id, "title")):
        with pytest.raises(NotFoundError):
            store.note("thr_1", agent, name, value=True)
    assert store.load_thread("thr_1", ME).metadata == {}


def test_a_chat_knows_its_place_in_the_list_of_chosen_agents(store: Blocking) -> None:
    for number, context in enumerate((ME, OTHER, ME, ME)):
        store.save_thread(thread(f"thr_{number}", created_at=NOON), context)
    both = [ME.agent_id, OTHER.agent_id]
    assert [one.id for one in store.records(both).data] == ["thr_3", "thr_2", "thr_1", "thr_0"]
    assert store.position(both, "thr_0") == 3
    assert store.position([ME.agent_id], "thr_0") == 2
    assert store.position([ME.agent_id], "thr_1") is None
    assert store.records([]).data == ()
