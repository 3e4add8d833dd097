"""The app's own limit for a chat page that says nothing: its process hangs, and its clock with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from desktop.common.errors import AppError
from desktop.pages.chat.page import ChatPage, Limits
from desktop.pages.chat.watch import StartWatch
from tests.pages.app_parts import Asked, House

MakeHouse = Callable[..., House]


def test_it_runs_out_once_and_not_while_something_else_takes_its_time() -> None:
    late = threading.Event()
    watch = StartWatch(0.02, late.set)
    watch.begin()
    watch.hold()
    assert not late.wait(0.2)
    watch.go_on()
    assert late.wait(30)


def test_it_never_runs_out_after_its_end() -> None:
    late = threading.Event()
    watch = StartWatch(0.02, late.set)
    watch.begin()
    watch.end()
    watch.begin()
    assert not late.wait(0.2)


class Quick(Limits):
    @property
    def whole(self) -> float:
        return 0.2


def started(make_house: MakeHouse) -> tuple[House, Asked, threading.Event]:
    house = make_house(command_line={"agents": [{"kind": "demo", "id": "demo"}]})
    stuck = threading.Event()
    house.app.__dict__["chat_stuck"] = lambda _problem: stuck.set()
    services = replace(house.services, component_url="https://cdn.platform.openai.com/chatkit.js")
    ask = Asked(ChatPage(services, limits=Quick()).page(), house.texts)
    ask("chat.start")
    return house, ask, stuck


def test_a_page_that_says_nothing_is_ended_by_the_app(make_house: MakeHouse) -> None:
    house, _, stuck = started(make_house)
    assert stuck.wait(30)
    assert house.services.counters.snapshot()["errors"] == {"component_late": 1}


@pytest.mark.parametrize(
    ("method", "params"), [("chat.ready", {"ms": 1}), ("chat.problem", {"code": "component_late"})]
)
def test_a_page_that_is_ready_or_explains_itself_is_left_alone(
    make_house: MakeHouse, method: str, params: dict[str, object]
) -> None:
    _, ask, stuck = started(make_house)
    ask(method, **params)
    assert not stuck.wait(0.5)


def test_a_page_that_waits_before_it_asks_for_a_secret_again_is_left_alone(make_house: MakeHouse) -> None:
    _, ask, stuck = started(make_house)
    with pytest.raises(AppError):
        ask("session.mint")
    assert not stuck.wait(0.5)


def test_a_page_that_is_gone_is_left_alone(make_house: MakeHouse) -> None:
    _, ask, stuck = started(make_house)
    ask.page.on_gone()
    assert not stuck.wait(0.5)
