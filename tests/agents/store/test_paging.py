"""Reading a list in pages, whatever happens to it meanwhile: SQLite does what the plain store does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.agents.store.threads import SqliteStore
from tests.agents.reference import ReferenceStore
from tests.agents.things import ME, Blocking, answer, thread

quickly = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

changes = st.lists(
    st.one_of(
        st.just(("read", 0)),
        st.tuples(st.just("add"), st.just(0)),
        st.tuples(st.just("delete"), st.integers(0, 30)),
        st.tuples(st.just("change"), st.integers(0, 30)),
        st.tuples(st.just("delete cursor"), st.just(0)),
    ),
    max_size=30,
)


@pytest.fixture
def stores() -> Iterator[tuple[Blocking, Blocking]]:
    pair = (Blocking(SqliteStore(None)), Blocking(ReferenceStore()))
    yield pair
    for store in pair:
        store.done()


@quickly
@given(count=st.integers(0, 30), size=st.integers(1, 32), order=st.sampled_from(["asc", "desc"]))
def test_pages_of_any_size_give_everything_once_and_in_order(
    stores: tuple[Blocking, Blocking], count: int, size: int, order: str
) -> None:
    here = thread()
    ids = [answer().id for _ in range(count)]
    for store in stores:
        store.save_thread(here, ME)
        for item_id in ids:
            store.add_thread_item(here.id, answer("x", item_id), ME)
        assert store.walk(size, order, here.id) == (ids if order == "asc" else ids[::-1])


@quickly
@given(start=st.integers(0, 12), size=st.integers(1, 7), order=st.sampled_from(["asc", "desc"]), doing=changes)
def test_items_that_come_and_go_between_pages(
    stores: tuple[Blocking, Blocking], start: int, size: int, order: str, doing: list[tuple[str, int]]
) -> None:
    here = thread()
    alive: list[str] = []
    read: list[str] = []
    deleted: set[str] = set()
    after: str | None = None
    ended = False

    def add() -> None:
        item = answer()
        alive.append(item.id)
        for store in stores:
            store.add_thread_item(here.id, item, ME)

    def delete(item_id: str) -> None:
        deleted.add(item_id)
        alive.remove(item_id)
        for store in stores:
            store.delete_thread_item(here.id, item_id, ME)

    for store in stores:
        store.save_thread(here, ME)
    for _ in range(start):
        add()
    there_all_along = set(alive)
    for what, which in [*doing, *[("read", 0)] * 20]:
        if what == "add":
            add()
        elif what == "delete cursor" and after in alive:
            assert after is not None
            delete(after)
        elif what == "delete" and alive:
            delete(alive[which % len(alive)])
        elif what == "change" and alive:
            for store in stores:
                store.save_item(here.id, answer("changed", alive[which % len(alive)]), ME)
        elif what == "read" and not ended:
            pages = [store.load_thread_items(here.id, after, size, order, ME) for store in stores]
            assert pages[0] == pages[1]
            read += [item.id for item in pages[0].data]
            after = pages[0].after
            ended = not pages[0].has_more
            assert ended == (after is None)
    assert ended
    assert len(read) == len(set(read))
    # What was there from beginning to end was read, whatever came and went around it.
    assert there_all_along - deleted <= set(read)


@quickly
@given(start=st.integers(0, 8), size=st.integers(1, 5), order=st.sampled_from(["asc", "desc"]), doing=changes)
def test_threads_that_come_and_go_between_pages(
    start: int, size: int, order: str, doing: list[tuple[str, int]]
) -> None:
    stores = (Blocking(SqliteStore(None)), Blocking(ReferenceStore()))
    alive: list[str] = []
    after: str | None = None

    def add() -> None:
        new = thread()
        alive.append(new.id)
        for store in stores:
            store.save_thread(new, ME)

    for _ in range(start):
        add()
    for what, which in doing:
        if what == "add":
            add()
        elif what in ("delete", "delete cursor") and alive:
            chosen = after if what == "delete cursor" and after in alive else alive[which % len(alive)]
            assert chosen is not None
            alive.remove(chosen)
            for store in stores:
                store.delete_thread(chosen, ME)
        elif what == "change" and alive:
            for store in stores:
                store.save_thread(thread(alive[which % len(alive)], "changed"), ME)
        elif what == "read":
            pages = [store.load_threads(size, after, order, ME) for store in stores]
            assert pages[0] == pages[1]
            after = pages[0].after
    for store in stores:
        assert store.walk(3, "asc") == alive
        store.done()
