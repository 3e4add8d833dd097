"""What a click or a key is good for: one thing, shortly after it."""

from __future__ import annotations

import pytest

from desktop.window.hand import LIMIT, Hand


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def hand(now: list[float]) -> Hand:
    return Hand(lambda: now[0])


def test_checklist_34_without_an_event_nothing_leaves(hand: Hand) -> None:
    assert not hand.take()
    hand.released()  # of a press that another window had
    assert not hand.take()


def test_checklist_34_an_event_is_good_for_one_thing(hand: Hand) -> None:
    hand.pressed()
    assert hand.take()
    assert not hand.take()
    hand.released()
    assert not hand.take(), "the end of a click is no second one"


def test_checklist_34_an_event_of_before_is_good_for_nothing(hand: Hand, now: list[float]) -> None:
    hand.pressed()
    now[0] += LIMIT + 0.1
    assert not hand.take()


def test_a_click_counts_from_its_end(hand: Hand, now: list[float]) -> None:
    hand.pressed()
    now[0] += LIMIT * 5
    hand.released()
    now[0] += LIMIT
    assert hand.take()
