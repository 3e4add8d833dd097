"""What the messages of a code agent's process become in the chat: here, what is taken back."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from chatkit.types import ThreadItem, ThreadItemDoneEvent, ThreadItemRemovedEvent

from desktop.agents.code.shown import Shown
from desktop.common.texts import Catalogue


class Shows:
    """A turn that is shown, and what stands in the chat after its messages."""

    def __init__(self, texts: Catalogue) -> None:
        number = itertools.count(1)
        self.shown = Shown("agent.py", "t", texts, lambda kind: f"{kind}_{next(number)}")
        self.removed: list[str] = []
        self.items: dict[str, ThreadItem] = {}

    def see(self, *messages: dict[str, Any]) -> None:
        for message in messages:
            self._take(self.shown.see(message))

    def end(self) -> list[tuple[str, str]]:
        """(type, words) of each item that stays."""
        self._take(self.shown.close())
        found = []
        for item in self.items.values():
            parts = item.content if item.type == "assistant_message" else item.workflow.tasks  # type: ignore[union-attr]
            found.append((item.type, " | ".join(words(part) for part in parts)))
        return found

    def _take(self, events: Any) -> None:
        for event in events:
            if isinstance(event, ThreadItemDoneEvent):
                self.items[event.item.id] = event.item
            elif isinstance(event, ThreadItemRemovedEvent):
                self.removed.append(event.item_id)


def words(part: Any) -> str:
    return str(getattr(part, "text", None) or getattr(part, "content", None) or getattr(part, "title", ""))


@pytest.fixture
def shows(texts: Catalogue) -> Shows:
    return Shows(texts)


def text(key: str, delta: str) -> dict[str, Any]:
    return {"type": "text", "key": key, "delta": delta}


def done(key: str) -> dict[str, Any]:
    return {"type": "text_done", "key": key, "text": "", "annotations": []}


def step(key: str, title: str, kind: str = "custom") -> dict[str, Any]:
    name = "content" if kind == "thought" else "title"
    return {"type": "task", "key": key, "task": {"type": kind, name: title, "status_indicator": "loading"}}


def test_what_a_message_said_becomes_a_thought_before_what_it_says_then(shows: Shows) -> None:
    shows.see(text("m1", "Hm, "), text("m1", "so.\n"), {"type": "turned", "key": "m1", "task": "t1"})
    shows.see(text("m2", "Hello"), done("m2"))
    assert shows.end() == [("workflow", "Hm, so."), ("assistant_message", "Hello")]
    assert len(shows.removed) == 1
    assert not set(shows.removed) & set(shows.items)


def test_blank_thoughts_are_none(shows: Shows) -> None:
    shows.see(text("m1", "\n"), {"type": "turned", "key": "m1", "task": "t1"}, text("m2", "Hello"))
    assert shows.end() == [("assistant_message", "Hello")]


@pytest.mark.parametrize("key", ["m2", "", "t1"])
def test_no_message_but_the_one_that_is_being_said_is_taken_back(shows: Shows, key: str) -> None:
    shows.see(text("m1", "Hello"), {"type": "turned", "key": key, "task": "t1"}, done("m1"))
    shows.see({"type": "turned", "key": "m1", "task": "t1"}, {"type": "turned"})
    assert shows.end() == [("assistant_message", "Hello")]
    assert shows.removed == []


def test_a_thought_that_was_none_goes_away_and_leaves_the_other_steps_where_they_are(shows: Shows) -> None:
    shows.see(step("a", "One"), step("t", "Hello", "thought"), step("b", "Two"))
    shows.see({"type": "task_gone", "key": "t"}, step("b", "Two, still"), step("a", "One, still"))
    shows.see({"type": "task_gone", "key": "t"}, {"type": "task_gone", "key": "nothing"}, {"type": "task_gone"})
    assert shows.end() == [("workflow", "One, still | Two, still")]
    assert shows.removed == []


def test_the_only_step_takes_its_list_with_it(shows: Shows) -> None:
    shows.see(step("t", "Hello", "thought"), {"type": "task_gone", "key": "t"}, text("m1", "Hello"))
    assert shows.end() == [("assistant_message", "Hello")]
    assert len(shows.removed) == 1
    shows.see({"type": "task_gone", "key": "t"})
    assert len(shows.removed) == 1
