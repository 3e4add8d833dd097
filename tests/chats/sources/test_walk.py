"""A list that moves while it is read: every entry once, at its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.chats.sources.walk import walk
from desktop.openai_api.errors import BadAnswer, RequestRejected
from desktop.openai_api.threads import Order
from desktop.openai_api.wire import Item, Page


def entry(number: int) -> Item:
    return Item(id=f"cthi_{number:04d}", type="chatkit.user_message")


class List:
    """A list of `count` items in pages of `size`; the rest is how it misbehaves."""

    def __init__(
        self, count: int, size: int, *, drift: dict[str, int] | None = None, stops: dict[str, int] | None = None,
        gone: set[str] | None = None,
    ) -> None:  # fmt: skip
        self.entries = [entry(number) for number in range(count)]
        self.size = size
        self.drift = drift or {}
        self.stops = stops or {}
        self.gone = gone or set()
        self.asked: list[tuple[str | None, str]] = []

    def page(self, after: str | None, order: Order) -> Page[Item]:
        self.asked.append((after, order))
        if after in self.gone:
            raise RequestRejected("no such cursor", status=400, message="")
        listed = self.entries if order == "asc" else self.entries[::-1]
        ids = [one.id for one in listed]
        start = 0 if after is None else max(0, ids.index(after) + 1 + self.drift.get(order, 0))
        stop = self.stops.get(order)
        if stop is not None and start >= stop:
            return Page[Item](data=[], has_more=True)
        data = listed[start : start + self.size]
        return Page[Item](data=data, has_more=start + len(data) < len(listed), last_id=data[-1].id if data else None)


def read(listed: List, order: Order = "asc") -> list[str]:
    found = list(walk(listed.page, order, "api"))
    return [one.id for _, one in sorted(found, key=lambda placed: placed[0])]


def ids(listed: List, order: Order = "asc") -> list[str]:
    named = [one.id for one in listed.entries]
    return named if order == "asc" else named[::-1]


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 12), st.sampled_from(["asc", "desc"]))
def test_every_entry_comes_once_and_in_order(count: int, size: int, order: Order) -> None:
    listed = List(count, size)
    assert read(listed, order) == ids(listed, order)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(2, 12), st.sampled_from([-1, 1]), st.sampled_from(["asc", "desc"]))
def test_what_comes_twice_or_slips_through_between_two_pages_is_there_once(
    count: int, size: int, drift: int, order: Order
) -> None:
    listed = List(count, size, drift={order: drift})
    assert read(listed, order) == ids(listed, order)


def test_a_short_list_is_read_once() -> None:
    listed = List(5, 10)
    read(listed)
    assert listed.asked == [(None, "asc")]


@settings(deadline=None)
@given(st.integers(1, 19))
def test_a_list_that_breaks_off_is_read_from_the_other_end(stop: int) -> None:
    listed = List(20, 3, stops={"asc": stop})
    assert read(listed) == ids(listed)


def test_where_the_middle_cannot_be_had_nobody_is_told_that_it_was_all() -> None:
    listed = List(20, 3, stops={"asc": 6, "desc": 6})
    with pytest.raises(BadAnswer):
        read(listed)


def test_a_server_that_promises_more_at_its_very_end_is_believed_to_have_ended() -> None:
    listed = List(6, 3, stops={"asc": 6, "desc": 6})
    real = listed.page

    def page(after: str | None, order: Order) -> Page[Item]:
        return real(after, order).model_copy(update={"has_more": True})

    assert [one.id for _, one in walk(page, "asc", "api")] == ids(listed)


def test_a_cursor_that_was_deleted_meanwhile_gives_way_to_the_one_before() -> None:
    listed = List(20, 4, gone={"cthi_0003", "cthi_0002"})
    assert read(listed) == ids(listed)


def test_a_list_that_is_refused_is_an_error() -> None:
    def page(*_: Any) -> Page[Item]:
        raise RequestRejected("", status=400, message="")

    with pytest.raises(RequestRejected):
        list(walk(page, "asc", "api"))
