"""What a click or a key is good for: one thing, shortly after it."""

from __future__ import annotations

import pytest

from desktop.window.user_activation import LIMIT, UserActivation


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def activation(now: list[float]) -> UserActivation:
    return UserActivation(lambda: now[0])


def test_checklist_34_without_an_event_nothing_leaves(activation: UserActivation) -> None:
    assert not activation.take()
    activation.released()  # of a press that another window had
    assert not activation.take()


def test_checklist_34_an_event_is_good_for_one_thing(activation: UserActivation) -> None:
    activation.pressed()
    assert activation.take()
    assert not activation.take()
    activation.released()
    assert not activation.take(), "the end of a click is no second one"


def test_checklist_34_an_event_of_before_is_good_for_nothing(activation: UserActivation, now: list[float]) -> None:
    activation.pressed()
    now[0] += LIMIT + 0.1
    assert not activation.take()


def test_a_click_counts_from_its_end(activation: UserActivation, now: list[float]) -> None:
    activation.pressed()
    now[0] += LIMIT * 5
    activation.released()
    now[0] += LIMIT
    assert activation.take()
