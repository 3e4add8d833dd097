"""Server-sent events, however their bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.agents.remote.events import Events, TooLarge

STREAM = (
    "\ufeffdata: one\n\n: ping\r\n\r\nevent: x\ndata:two\rdata: lines é\r\r\nid: 1\n\ndata\n\ndata: last\n\ndata: cut"
).encode()
FOUND = ["one", "two\nlines é", "", "last"]


def read(pieces: list[bytes], largest: int = 1000) -> list[str]:
    events = Events(largest)
    return [event for piece in pieces for event in events.feed(piece)]


def test_events_are_what_the_format_says() -> None:
    assert read([STREAM]) == FOUND


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_it_does_not_matter_where_the_bytes_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    assert read([STREAM[start:end] for start, end in itertools.pairwise(places)]) == FOUND


def test_a_line_without_an_end_and_an_event_without_an_end_are_bounded() -> None:
    with pytest.raises(TooLarge):
        read([b"data: "] + [b"x" * 100] * 20)
    with pytest.raises(TooLarge):
        read([b"data: " + b"x" * 90 + b"\n"] * 20)


def test_many_events_are_not_one_large_one() -> None:
    assert len(read([b"data: " + b"x" * 90 + b"\n\n"] * 100)) == 100
    assert len(read([b"data: " + b"x" * 90 + b"\n\ndata: y\n"] * 100)) == 100
