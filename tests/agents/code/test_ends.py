"""That the app has gone, told to the guard of a code agent, which may not read what the app says to the agent."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from desktop.agents.code import ends

if not hasattr(select, "poll"):
    pytest.skip("no poll here, and no guard", allow_module_level=True)


def by_poll(handle: int) -> None:
    """Waits for an end as Linux tells it."""
    poll = select.poll()
    poll.register(handle, 0)
    poll.poll()


@pytest.mark.parametrize("wait", [None, by_poll])
def test_an_end_is_told_and_what_is_said_before_it_is_left_to_its_reader(wait: Callable[[int], None] | None) -> None:
    takes, gives = os.pipe()
    poll = select.poll()
    end = ends.watch_end(poll, takes, wait)
    os.write(gives, b"for the agent")
    assert poll.poll(200) == [], "something was said, nobody has gone"
    os.close(gives)
    assert [handle for handle, _ in poll.poll(20_000)] == [end]
    assert os.read(takes, 64) == b"for the agent"
    os.close(takes)


def test_on_macos_kqueue_is_asked_once_and_only_an_end_ends_the_wait() -> None:
    asked: list[Any] = []
    answers = [[SimpleNamespace(flags=0x20)], [], [SimpleNamespace(flags=0x8000 | 0x20)]]

    class Queue:
        def control(self, wanted: list[Any], most: int) -> list[Any]:
            asked.append(list(wanted))
            return answers.pop(0)

    recorded = SimpleNamespace(
        kqueue=Queue,
        kevent=lambda handle, kind, flags: (handle, kind, flags),
        KQ_FILTER_READ=-1,
        KQ_EV_ADD=1,
        KQ_EV_CLEAR=0x20,
        KQ_EV_EOF=0x8000,
    )
    ends._wait(7, recorded)
    assert asked == [[(7, -1, 0x21)], [], []]
    assert answers == []
