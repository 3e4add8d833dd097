"""Hosted threads: paging loses and repeats nothing, and nothing of an item is lost."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from desktop.openai_api import threads
from desktop.openai_api.client import ApiClient
from desktop.openai_api.errors import BadAnswer, RequestRejected, ThreadNotFound
from desktop.openai_api.wire import Item, Thread
from tests.standins.api import ApiStandIn, page


def test_all_threads_of_a_user_come_once_newest_first(api: ApiStandIn, client: ApiClient) -> None:
    made = [api.world.add_thread("me", created_at=1_700_000_000 + n // 3) for n in range(230)]
    api.world.add_thread("you")
    assert [thread.id for thread in threads.iter_threads(client, "me")] == made[::-1]
    assert [thread.id for thread in threads.iter_threads(client, "me", order="asc")] == made
    assert len(list(threads.iter_threads(client))) == 231
    assert [thread.id for thread in threads.iter_threads(client, "me", limit=150)] == made[::-1][:150]
    assert list(threads.iter_threads(client, "nobody")) == []


def test_items_come_oldest_first_and_whole(api: ApiStandIn, client: ApiClient) -> None:
    thread_id = api.world.add_thread("me", messages=205)
    api.world.add_one_of_each(thread_id)
    api.world.add_item(thread_id, "chatkit.something_new", {"deep": {"er": [1, None, {"x": "é"}]}, "big": 2**60})
    assert [item.raw() for item in threads.iter_items(client, thread_id)] == api.world.items[thread_id]


@given(count=st.integers(0, 40), size=st.integers(1, 15), order=st.sampled_from(["asc", "desc"]), stamps=st.data())
@profile(deadline=None, max_examples=80)
def test_following_the_cursor_gives_every_entry_once_whatever_the_page_size(
    count: int, size: int, order: threads.Order, stamps: st.DataObject
) -> None:
    """The client's loop over the stand-in's own paging, without sockets in between."""
    entries = [
        {"id": f"cthr_{n}", "created_at": stamps.draw(st.integers(0, 5)), "object": "chatkit.thread"}
        for n in range(count)
    ]

    class Direct:
        host = "here"

        def request(self, *_: Any, params: Any = None, **__: Any) -> dict[str, Any]:
            asked = {name: str(value) for name, value in params.items() if value is not None and name != "user"}
            return page(entries, {**asked, "limit": str(size)})

    found = [thread.id for thread in threads.iter_threads(Direct(), order=order)]
    expected = [str(entry["id"]) for entry in entries]
    assert found == (expected if order == "asc" else expected[::-1])
    cut = stamps.draw(st.integers(1, 45))
    assert [thread.id for thread in threads.iter_threads(Direct(), order=order, limit=cut)] == found[:cut]


@given(count=st.integers(1, 30), at=st.integers(0, 29), size=st.integers(1, 10), order=st.sampled_from(["asc", "desc"]))
def test_before_gives_the_entries_just_before(count: int, at: int, size: int, order: str) -> None:
    entries = [{"id": str(n)} for n in range(count)]
    at = min(at, count - 1)
    found = page(entries, {"before": str(at), "limit": str(size), "order": order})
    listed = [str(n) for n in range(count)][:: 1 if order == "asc" else -1]
    ahead = listed[: listed.index(str(at))]
    assert [entry["id"] for entry in found["data"]] == ahead[-size:]
    assert found["has_more"] == (len(ahead) > size)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(extra=st.dictionaries(st.text(min_size=1), JSON_VALUES, max_size=5))
@profile(deadline=None)
def test_fields_this_app_does_not_know_survive(extra: dict[str, Any]) -> None:
    item = {**extra, "id": "cthi_1", "type": "chatkit.new", "created_at": 1, "thread_id": "cthr_1"}
    assert Item.model_validate(copy.deepcopy(item)).raw() == item
    thread = {
        **extra, "id": "cthr_1", "object": "chatkit.thread", "created_at": 1, "title": None, "user": "u",
        "status": {"type": "locked", "reason": "r", "more": [1]},
    }  # fmt: skip
    assert Thread.model_validate(copy.deepcopy(thread)).raw() == thread


def test_a_thread_that_is_not_there_is_named(client: ApiClient) -> None:
    for ask in (threads.get_thread, threads.list_items, threads.delete_thread):
        with pytest.raises(ThreadNotFound) as caught:
            ask(client, "cthr_missing")
        assert caught.value.values["thread"] == "cthr_missing"


@pytest.mark.parametrize("bad", ["", ".", "..", "../sessions", "a/b", "a?b=c", "a#b", "a%2Fb", "é", "a" * 201])
def test_an_id_that_could_lead_elsewhere_is_not_sent(api: ApiStandIn, client: ApiClient, bad: str) -> None:
    for ask in (threads.get_thread, threads.list_items, threads.delete_thread):
        with pytest.raises(ThreadNotFound):
            ask(client, bad)
    assert api.requests == []


def test_deleting_deletes(api: ApiStandIn, client: ApiClient) -> None:
    thread_id = api.world.add_thread("me", messages=2)
    threads.delete_thread(client, thread_id)
    assert thread_id not in api.world.threads


def test_a_delete_whose_answer_was_lost_counts_as_done(api: ApiStandIn, make_client: Callable[..., ApiClient]) -> None:
    api.fail("reset", times=1)  # as if it had been done and the answer was lost
    threads.delete_thread(make_client(api.base, retries=2), "cthr_gone_already")
    assert len(api.requests) == 2


def test_a_delete_after_a_rate_limit_still_says_that_there_was_nothing(
    api: ApiStandIn, make_client: Callable[..., ApiClient]
) -> None:
    api.fail("rate_limited", times=1)
    with pytest.raises(ThreadNotFound):
        threads.delete_thread(make_client(api.base, retries=2), "cthr_never")


def test_a_wrong_limit_is_refused_by_the_api_and_said(client: ApiClient) -> None:
    with pytest.raises(RequestRejected) as caught:
        threads.list_threads(client, limit=101)
    assert "limit" in str(caught.value.values["problem"])


def test_a_list_of_another_shape_is_a_bad_answer_and_its_values_stay_out_of_the_detail() -> None:
    class Odd:
        host = "here"

        def request(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {"object": "list", "data": [{"id": 7, "created_at": "private words"}]}

    with pytest.raises(BadAnswer) as caught:
        threads.list_threads(Odd())
    assert "created_at" in caught.value.detail
    assert "private" not in caught.value.detail


def test_a_server_that_promises_more_for_ever_does_not_hold_us() -> None:
    class Endless:
        host = "here"
        asked = 0

        def request(self, *_: Any, **__: Any) -> dict[str, Any]:
            self.asked += 1
            return {
                "object": "list",
                "data": [{"id": "cthr_1", "created_at": 1}],
                "has_more": True,
                "last_id": "cthr_1",
            }

    server = Endless()
    assert len(list(threads.iter_threads(server))) == 1
    assert server.asked == 2
