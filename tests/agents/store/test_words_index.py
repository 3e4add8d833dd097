"""A damaged index of words costs nobody a chat or a hit: whatever this SQLite makes of the damage, and whether it says
anything at all, the chats are searched and written on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from desktop.agents.store import database, words_index
from desktop.agents.store.threads import SqliteStore
from desktop.chats.archive.copies import Copies, Origin
from desktop.common.locations import Locations
from tests.agents.things import ME, OTHER, Blocking, answer, said, thread

pytestmark = pytest.mark.slow  # one of each stands in tests/agents/store/test_threads.py

COUNT = 120
DAMAGES = {
    "every block is one byte": "UPDATE {0}_data SET block = x'00' WHERE id > 10",
    "every block is cut": "UPDATE {0}_data SET block = substr(block, 1, length(block) / 2) WHERE id > 10",
    "every block is gone": "DELETE FROM {0}_data WHERE id > 10",
    "one block is gone": "DELETE FROM {0}_data WHERE id = (SELECT max(id) FROM {0}_data)",
    "the list of segments is empty": "UPDATE {0}_data SET block = x'00' WHERE id = 10",
    "the list of segments is gone": "DELETE FROM {0}_data WHERE id = 10",
    "the averages are gone": "DELETE FROM {0}_data WHERE id = 1",
    "the places of words are gone": "DELETE FROM {0}_idx",
    "the sizes are gone": "DELETE FROM {0}_docsize",
    "the words are gone": "DELETE FROM {0}_content",
    "half of the words is gone": "DELETE FROM {0}_content WHERE id % 2",
    "the version is gone": "DELETE FROM {0}_config",
    "everything is gone, in order": "DELETE FROM {0}",
    "a row is gone, in order": "DELETE FROM {0} WHERE rowid = (SELECT max(rowid) / 2 + 1 FROM {0})",
    "words of nobody": "INSERT OR REPLACE INTO {0} (rowid, agent, words) VALUES (999999, 'x', 'left over')",
}
"""What SQLite 3.40 and 3.51 tell in five ways, or not at all."""


def filled(path: Path) -> None:
    store = Blocking(SqliteStore(path))
    for number in range(4):
        store.save_thread(thread(f"thr_{number}", f"Kept {number}"), ME)
    for number in range(COUNT):
        word = f"word{number} " * 3
        store.add_thread_item(f"thr_{number % 4}", said(f"message {number} {word}", f"msg_{number}"), ME)
    store.done()


def spoiled(path: Path, damage: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in words_index.TABLES:
            connection.execute(damage.format(table))


@pytest.fixture(params=list(DAMAGES))
def damage(request: pytest.FixtureRequest) -> str:
    return DAMAGES[request.param]


@pytest.fixture(params=[database.CHECKED, 1], ids=["small", "large"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """What counts as a small file, each page of which is looked at."""
    monkeypatch.setattr(database, "CHECKED", request.param)
    opened = database.open_database.__kwdefaults__
    monkeypatch.setitem(opened, "checked", request.param)
    return int(request.param)


def test_the_first_search_finds_what_is_there(profile: Locations, damage: str, size: int) -> None:
    filled(profile.threads)
    spoiled(profile.threads, damage)
    store = Blocking(SqliteStore(profile.threads))
    assert store.real.notices == [], "no chat is lost over it"
    for query in ("message", "mess", "word77", "kept", f"message {COUNT - 1}"):
        assert store.search(query), query
    assert {hit.thread_id for hit in store.search("message")} == {f"thr_{number}" for number in range(4)}
    assert store.search("nobody said this") == []
    store.done()


def test_damage_after_the_first_search_is_mended_when_nothing_or_an_error_is_found(
    profile: Locations, damage: str
) -> None:
    filled(profile.threads)
    store = Blocking(SqliteStore(profile.threads))
    assert store.search("message")
    store.done()
    spoiled(profile.threads, damage)
    again = Blocking(SqliteStore(profile.threads))
    assert again.search("word77")
    again.done()


def test_messages_are_written_and_found_all_the_same(profile: Locations, damage: str, size: int) -> None:
    filled(profile.threads)
    spoiled(profile.threads, damage)
    store = Blocking(SqliteStore(profile.threads))
    store.save_thread(thread("thr_new", "Wanderer"), OTHER)
    store.add_thread_item("thr_new", answer("a fresh hello", "msg_new"), OTHER)
    store.delete_thread_item("thr_0", "msg_4", ME)
    store.save_thread(thread("thr_1", "Renamed"), ME)
    for query in ("fresh", "wanderer", "renamed", "word77"):
        assert store.search(query), query
    assert "msg_4" not in [hit.item_id for hit in store.search("message 4")]
    store.done()
    assert SqliteStore(profile.threads).close()


def test_the_file_is_as_sqlite_wants_it_afterwards(profile: Locations, damage: str) -> None:
    filled(profile.threads)
    spoiled(profile.threads, damage)
    store = Blocking(SqliteStore(profile.threads))
    store.search("message")
    store.done()
    with closing(sqlite3.connect(profile.threads)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert words_index.is_sound(connection, whole=True)


def thread_body(number: int) -> dict[str, Any]:
    return {"id": f"cthr_{number}", "object": "chatkit.thread", "created_at": 1_760_000_000 + number, "title": "Kept"}


def message(number: int) -> dict[str, Any]:
    return {
        "id": f"cthi_{number}",
        "type": "chatkit.user_message",
        "created_at": 1_760_000_000 + number,
        "content": [{"type": "input_text", "text": f"message {number} word{number}"}],
    }


def copied(path: Path) -> None:
    copies = Copies(path)
    for number in range(4):
        of_it = [message(one) for one in range(number * 30, number * 30 + 30)]
        copies.write(thread_body(number), of_it, Origin("api.openai.com", "agent"))
    copies.close()


def test_archived_chats_are_found_and_written_too(profile: Locations, damage: str, size: int) -> None:
    copied(profile.copies)
    spoiled(profile.copies, damage)
    copies = Copies(profile.copies)
    assert copies.notices == []
    for query in ("message", "mess", "word77", "kept"):
        assert copies.search(query), query
    copies.close()
    spoiled(profile.copies, damage)
    copies = Copies(profile.copies)
    copies.begin_run("all")
    copies.write(thread_body(9), [message(1000)], Origin("api.openai.com", "agent"))
    assert copies.search("word1000")
    assert copies.search("word77")
    copies.close()


def test_an_index_that_is_sound_is_left_alone(profile: Locations, size: int) -> None:
    filled(profile.threads)
    store = Blocking(SqliteStore(profile.threads))
    texts = ("ピザが食べたい", "🎉🎉", "!!!", "e\u0301te\u0301 ça", "don't C++ x", "\u1e9e \U0001e900", "")
    for number, text in enumerate(texts):
        store.add_thread_item("thr_1", said(text, f"msg_odd_{number}"), ME)
    store.done()
    with closing(sqlite3.connect(profile.threads)) as connection:
        before = connection.execute("SELECT rootpage FROM sqlite_schema ORDER BY 1").fetchall()
    store = Blocking(SqliteStore(profile.threads))
    assert store.search("nobody said this") == []
    assert store.search("ピザ")
    store.done()
    with closing(sqlite3.connect(profile.threads)) as connection:
        assert connection.execute("SELECT rootpage FROM sqlite_schema ORDER BY 1").fetchall() == before
        assert words_index.is_sound(connection, whole=True)


@pytest.mark.parametrize("where", ["threads", "items", "attachments"])
def test_chats_that_are_damaged_themselves_are_set_aside_as_ever(profile: Locations, where: str) -> None:
    filled(profile.threads)
    with closing(sqlite3.connect(profile.threads)) as connection:
        page, size = (
            connection.execute(query).fetchone()[0]
            for query in (f"SELECT rootpage FROM sqlite_schema WHERE name = '{where}'", "PRAGMA page_size")  # noqa: S608
        )
    with profile.threads.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    store = Blocking(SqliteStore(profile.threads))
    assert [notice.code for notice in store.real.notices] == ["threads_damaged"]
    store.done()


def test_pages_of_the_index_that_are_garbage_cost_no_chat(profile: Locations) -> None:
    filled(profile.threads)
    with closing(sqlite3.connect(profile.threads)) as connection:
        (page,), (size,) = (
            connection.execute(query).fetchone()
            for query in ("SELECT rootpage FROM sqlite_schema WHERE name = 'item_words_data'", "PRAGMA page_size")
        )
    with profile.threads.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    store = Blocking(SqliteStore(profile.threads))
    if store.real.notices:  # SQLite can't drop a table whose pages are no tree: the chats are kept under another name
        assert [notice.code for notice in store.real.notices] == ["threads_damaged"]
    else:
        assert store.search("word77")
    store.done()
