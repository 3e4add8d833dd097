"""Versions of messages and answers: a tree in the store, one branch in the SDK's eyes, nothing lost on the way."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from chatkit.store import NotFoundError
from chatkit.types import SDKHiddenContextItem, WorkflowItem

from desktop.agents.store.attachments import AttachmentFiles
from desktop.agents.store.copying import new_chat_from
from desktop.agents.store.schema import STEPS
from desktop.agents.store.threads import SqliteStore
from desktop.common.locations import Locations
from tests.agents import first_version
from tests.agents.things import ME, NOON, OTHER, Blocking, answer, one_of_each, said, thread


@pytest.fixture
def store(profile: Locations) -> Iterator[Blocking]:
    """A store on the disk with one chat: two questions, two answers."""
    made = Blocking(SqliteStore(profile.threads))
    made.save_thread(thread("thr_1", "Chat"), ME)
    for item in (said("q1", "q1"), answer("a1", "a1"), said("q2", "q2"), answer("a2", "a2")):
        made.add_thread_item("thr_1", item, ME)
    yield made
    made.done()


def retry(store: Blocking, message: str, *, then: Any) -> None:
    store.branch("thr_1", message, ME, instead=False)
    store.add_thread_item("thr_1", then, ME)
    store.branched("thr_1", ME)


def edit(store: Blocking, message: str, *then: Any) -> None:
    store.branch("thr_1", message, ME, instead=True)
    for item in then:
        store.add_thread_item("thr_1", item, ME)
    store.branched("thr_1", ME)


def places(store: Blocking) -> list[tuple[str | None, tuple[str, ...], int]]:
    return [(one.after, one.items, one.shown) for one in store.versions("thr_1", ME)]


def test_a_chat_without_versions_has_none(store: Blocking) -> None:
    assert places(store) == []


def test_a_retry_keeps_the_answer_before_as_a_version(store: Blocking) -> None:
    retry(store, "q2", then=answer("a2 again", "a2b"))
    assert store.texts("thr_1") == ["q1", "a1", "q2", "a2 again"]
    assert places(store) == [("q2", ("a2", "a2b"), 1)]
    assert store.show_version("thr_1", "a2", ME) is True
    assert store.texts("thr_1") == ["q1", "a1", "q2", "a2"]
    assert places(store) == [("q2", ("a2", "a2b"), 0)]
    assert store.show_version("thr_1", "a2", ME) is False


def test_an_edited_message_stands_beside_the_one_before_and_what_followed_that_comes_back_with_it(
    store: Blocking,
) -> None:
    edit(store, "q1", said("Q1", "q1b"), answer("A1", "a1b"))
    assert store.texts("thr_1") == ["Q1", "A1"]
    assert places(store) == [(None, ("q1", "q1b"), 1)]
    store.add_thread_item("thr_1", said("more", "q3"), ME)
    store.show_version("thr_1", "q1", ME)
    assert store.texts("thr_1") == ["q1", "a1", "q2", "a2"]
    store.show_version("thr_1", "q1b", ME)
    assert store.texts("thr_1") == ["Q1", "A1", "more"]


def test_a_version_comes_back_as_it_was_left(store: Blocking) -> None:
    retry(store, "q2", then=answer("newer", "a2b"))
    store.show_version("thr_1", "a2", ME)
    edit(store, "q1", said("Q1", "q1b"))
    store.show_version("thr_1", "q1", ME)
    assert store.texts("thr_1") == ["q1", "a1", "q2", "a2"]
    assert places(store) == [(None, ("q1", "q1b"), 0), ("q2", ("a2", "a2b"), 0)]


def test_a_new_version_that_never_begins_changes_nothing_and_meanwhile_the_chat_ends_there(store: Blocking) -> None:
    store.branch("thr_1", "q2", ME, instead=False)
    assert store.texts("thr_1") == ["q1", "a1", "q2"]
    with pytest.raises(NotFoundError):
        store.load_item("thr_1", "a2", ME)
    hidden = SDKHiddenContextItem(id="h", thread_id="thr_1", created_at=NOON, content="stopped")
    store.save_item("thr_1", hidden, ME)
    store.branched("thr_1", ME)
    assert store.texts("thr_1") == ["q1", "a1", "q2", "a2"]
    assert places(store) == []


def test_an_answer_that_was_taken_back_brings_the_one_before_back(store: Blocking) -> None:
    store.branch("thr_1", "q2", ME, instead=False)
    store.add_thread_item("thr_1", answer("no", "no"), ME)
    store.delete_thread_item("thr_1", "no", ME)
    store.branched("thr_1", ME)
    assert store.texts("thr_1") == ["q1", "a1", "q2", "a2"]


def test_what_nobody_saw_is_no_version(store: Blocking) -> None:
    store.add_thread_item("thr_1", said("q3", "q3"), ME)
    hidden = SDKHiddenContextItem(id="h", thread_id="thr_1", created_at=NOON, content="stopped")
    store.add_thread_item("thr_1", hidden, ME)
    retry(store, "q3", then=answer("a3", "a3"))
    assert places(store) == []


@pytest.mark.parametrize("model_id", ["msg_0", "__fake_id__"])
def test_a_model_that_gives_the_same_id_again_overwrites_no_other_version(store: Blocking, model_id: str) -> None:
    for text in ("one", "two", "three"):
        retry(store, "q2", then=answer(text, model_id))
    [(_, versions, shown)] = places(store)
    assert (len(versions), shown) == (4, 3)
    found = []
    for version in versions:
        store.show_version("thr_1", version, ME)
        found.append(store.texts("thr_1")[-1])
    assert found == ["a2", "one", "two", "three"]


def test_steps_with_an_id_of_another_version_are_steps_of_this_one(store: Blocking) -> None:
    steps = next(item for item in one_of_each("thr_1") if isinstance(item, WorkflowItem))
    for _ in range(2):
        retry(store, "q2", then=steps)
    [(_, versions, shown)] = places(store)
    assert (len(versions), shown) == (3, 2)


def test_a_version_of_another_chat_or_agent_is_not_found(store: Blocking) -> None:
    store.save_thread(thread("thr_2"), ME)
    for chat, item, context in (("thr_2", "q1", ME), ("thr_1", "q1", OTHER), ("thr_1", "a1", ME), ("thr_1", "x", ME)):
        with pytest.raises(NotFoundError):
            store.branch(chat, item, context, instead=True)
    for chat, item, context in (("thr_2", "q1", ME), ("thr_1", "q1", OTHER), ("thr_1", "x", ME)):
        with pytest.raises(NotFoundError):
            store.show_version(chat, item, context)
    with pytest.raises(NotFoundError):
        store.versions("thr_1", OTHER)


def test_a_message_of_another_version_is_found_and_said_to_be_of_one(store: Blocking) -> None:
    edit(store, "q2", said("different words", "q2b"))
    [hit] = store.search("q2")
    assert (hit.item_id, hit.hidden) == ("q2", True)
    [hit] = store.search("different")
    assert (hit.item_id, hit.hidden) == ("q2b", False)


def test_lists_and_counts_know_the_shown_branch_and_exports_can_have_the_others(store: Blocking) -> None:
    edit(store, "q2", said("Q2", "q2b"))
    assert store.walk(1, "asc", "thr_1") == ["q1", "a1", "q2b"]
    assert store.walk(1, "desc", "thr_1") == ["q2b", "a1", "q1"]
    assert store.record("thr_1").items == 3
    assert [(row.id, row.parent) for row in store.item_rows("thr_1")] == [("q1", None), ("a1", "q1"), ("q2b", "a1")]
    left = store.item_rows("thr_1", left=True)
    assert [(row.id, row.parent) for row in left] == [("q2", "a1"), ("a2", "q2")]


def test_a_chat_is_deleted_with_all_its_versions(store: Blocking, profile: Locations) -> None:
    edit(store, "q2", said("Q2", "q2b"))
    store.delete_thread("thr_1", ME)
    with closing(sqlite3.connect(profile.threads)) as connection:
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM item_words").fetchone() == (0,)


def test_checklist_24_a_file_of_the_first_version_loses_nothing_and_its_chats_get_versions(profile: Locations) -> None:
    every = one_of_each("thr_1")
    every[0].attachments = []  # type: ignore[union-attr]
    first_version.write(
        profile.threads, "thr_1", "Old", [said("q1", "q1"), *every, said("q2", "q2"), answer("a2", "a2")]
    )
    store = Blocking(SqliteStore(profile.threads))
    assert store.notices == []
    ids = ["q1", *(item.id for item in every), "q2", "a2"]
    assert store.walk(3, "asc", "thr_1") == ids
    assert store.walk(3, "desc", "thr_1") == ids[::-1]
    assert [item.model_dump() for item in store.items("thr_1")[1:-2]] == [item.model_dump() for item in every]
    assert store.search("q2")[0].item_id == "q2"
    assert store.versions("thr_1", ME) == []
    edit(store, "q2", said("Q2", "q2b"))
    retry(store, "q2b", then=answer("A2", "a2b"))
    assert places(store) == [(ids[-3], ("q2", "q2b"), 1)]
    edit(store, "q1", said("Q1", "q1b"))
    store.show_version("thr_1", "q1", ME)
    store.show_version("thr_1", "a2", ME)
    assert store.walk(5, "asc", "thr_1") == ids
    store.done()
    with closing(sqlite3.connect(profile.threads)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_whatever_is_edited_retried_shown_and_removed_one_branch_is_shown_and_no_message_is_lost(
    profile: Locations,
) -> None:
    choose = random.Random(11)
    store = Blocking(SqliteStore(profile.threads))
    store.save_thread(thread("thr_1"), ME)
    kept: set[str] = set()
    for number in range(400):
        shown = [item.id for item in store.items("thr_1")]
        asked = [name for name in shown if name.startswith("q")]
        what = choose.random()
        if what < 0.35 or not asked:
            made = said(f"q{number}", f"q{number}")
            store.add_thread_item("thr_1", made, ME)
            kept.add(made.id)
        elif what < 0.6:
            made = answer(f"a{number}", f"a{number}")
            retry(store, choose.choice(asked), then=made)
            kept.add(made.id)
        elif what < 0.75:
            made = said(f"q{number}", f"q{number}")
            edit(store, choose.choice(asked), made)
            kept.add(made.id)
        elif what < 0.95:
            name = choose.choice(sorted(kept))
            store.show_version("thr_1", name, ME)
            assert name in [item.id for item in store.items("thr_1")]
        else:
            name = choose.choice(sorted(kept))
            store.delete_thread_item("thr_1", name, ME)
            kept.discard(name)
        everything = [*store.item_rows("thr_1", limit=1000), *store.item_rows("thr_1", limit=1000, left=True)]
        assert {row.id for row in everything} == kept
        before = None
        for row in store.item_rows("thr_1", limit=1000):
            assert row.parent in (before, None) if before is None else row.parent == before or row.parent is None
            before = row.id
    # Every message can be reached by the versions alone.
    reached: set[str] = set()
    tried: set[str] = set()
    while True:
        reached |= {item.id for item in store.items("thr_1")}
        found = [name for one in store.versions("thr_1", ME) for name in one.items if name not in tried]
        if not found:
            break
        tried.add(found[-1])
        store.show_version("thr_1", found[-1], ME)
    assert reached == kept
    store.done()


# --- a chat of its own ----------------------------------------------------------------------------------------


@pytest.fixture(params=["disk", "memory"])
def with_files(profile: Locations, request: pytest.FixtureRequest) -> Iterator[tuple[Blocking, Blocking]]:
    on_disk = request.param == "disk"
    store = Blocking(SqliteStore(profile.threads if on_disk else None))
    files = Blocking(AttachmentFiles(store.real, profile.attachments if on_disk else None))
    yield store, files
    store.done()
    files.done()


def test_a_new_chat_from_here_has_what_is_shown_until_there_and_files_of_its_own(
    with_files: tuple[Blocking, Blocking],
) -> None:
    store, files = with_files
    store.save_thread(
        thread("thr_1", "Chat").model_copy(update={"metadata": {"feedback": {"a1": "positive", "a2": "negative"}}}), ME
    )
    file = files.add("a.txt", "text/plain", b"content", ME)
    store.save_attachment(file.model_copy(update={"thread_id": "thr_1"}), ME)
    asked = said("look", "q1").model_copy(update={"attachments": [file]})
    for item in (asked, answer("a1", "a1"), said("q2", "q2"), answer("a2", "a2")):
        store.add_thread_item("thr_1", item, ME)
    edit(store, "q2", said("Q2", "q2b"), answer("A2", "a2b"))

    def copy(item: str) -> str:
        return str(store._runner.run(new_chat_from(store.real, files.real, "thr_1", item, "Copy", ME)))

    copied = copy("q2b")
    assert store.texts(copied) == ["look", "a1", "Q2"]
    assert store.load_thread(copied, ME).title == "Copy"
    items = store.items(copied)
    assert not {item.id for item in items} & {item.id for item in store.items("thr_1")}
    assert store.load_thread(copied, ME).metadata["feedback"] == {items[1].id: "positive"}
    assert {hit.thread_id for hit in store.search("look")} == {"thr_1", copied}
    store.delete_thread("thr_1", ME)
    [own] = items[0].attachments  # type: ignore[union-attr]
    assert files.read(own.id, ME) == b"content"
    store.add_thread_item(copied, said("on", "q3"), ME)
    assert store.texts(copied) == ["look", "a1", "Q2", "on"]


def test_a_new_chat_from_what_is_not_shown_is_refused(store: Blocking) -> None:
    edit(store, "q2", said("Q2", "q2b"))
    make: Callable[..., Any] = new_chat_from
    for item, context in (("q2", ME), ("nothing", ME), ("q1", OTHER)):
        with pytest.raises(NotFoundError):
            store._runner.run(make(store.real, None, "thr_1", item, "Copy", context))
    assert [one.id for one in store.load_threads(10, None, "desc", ME).data] == ["thr_1"]


def test_on_the_disk_stands_what_was_said_and_nothing_else(store: Blocking, profile: Locations, tmp_path: Path) -> None:
    """A second process, the command line say, reads the branch that is shown."""
    retry(store, "q2", then=answer("again", "a2b"))
    other = Blocking(SqliteStore(profile.threads))
    assert other.texts("thr_1")[-1] == "again"
    other.done()
