"""The page that asks about a tool or a step: what it shows, what it takes, what is put off with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from desktop.agents.chatkit.questions import STEP, TOOL, Choice, Question, Questions
from desktop.common.errors import BadParams
from desktop.common.page import Sources
from desktop.pages.approval.page import PIECE, ApprovalPage
from desktop.settings.agents import AssistantAgent
from tests.pages.app_parts import Asked, House

LIMIT = 30


class Runs:
    """Runs that ask, on a loop of their own: what `AgentHost` is for this page."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._all = Questions(lambda: None, LIMIT)
        self.answer_question = self._all.answer
        self.put_off_questions = self._all.put_off

    @property
    def questions(self) -> tuple[Question, ...]:
        return self._all.waiting

    def ask(self, question: Question) -> Any:
        """The answer to come."""
        count = len(self.questions)
        answer = asyncio.run_coroutine_threadsafe(self._all.ask(question), self.loop)
        while len(self.questions) == count:
            assert not answer.done()
        return answer

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(LIMIT)
        self.loop.close()


@pytest.fixture
def runs() -> Iterator[Runs]:
    made = Runs()
    yield made
    made.close()


def tool(number: str = "1", **more: Any) -> Question:
    given = {"server": "Files", "tool": "delete", "arguments": '{\n  "path": "/"\n}', **more}
    return Question(number, "mine", "thr_1", TOOL, **given)


class Shown:
    """The page, shown, and what it is asked for."""

    def __init__(self, house: House, runs: Runs) -> None:
        from dataclasses import replace

        house.settings.replace_agent(AssistantAgent(id="mine", name="Writer"))
        self.page = ApprovalPage(replace(house.services, agents=runs)).page()  # type: ignore[arg-type]
        self.ask = Asked(self.page, house.texts)


@pytest.fixture
def shown(house: House, runs: Runs) -> Shown:
    return Shown(house, runs)


def test_the_oldest_question_is_shown_whole_and_the_others_are_counted(shown: Shown, runs: Runs) -> None:
    assert shown.ask("approval.start")["question"] is None
    runs.ask(tool())
    runs.ask(Question("2", "gone", "thr_2", STEP, text="Shall I write?"))
    told = shown.ask("approval.look")
    assert told["waiting"] == 1
    asked = told["question"]
    assert (asked["agent"], asked["server"], asked["tool"]) == ("Writer", "Files", "delete")
    assert asked["arguments"] == '{\n  "path": "/"\n}'
    assert (asked["next"], asked["choices"]) == (None, ["once", "chat", "always", "rejected"])


def test_long_arguments_come_in_pieces_to_the_last_character(shown: Shown, runs: Runs) -> None:
    whole = "x" * PIECE + "y" * PIECE + "the end"
    runs.ask(tool(arguments=whole))
    asked = shown.ask("approval.start")["question"]
    text, at = asked["arguments"], asked["next"]
    while at is not None:
        piece = shown.ask("approval.piece", number="1", offset=at)
        text, at = text + piece["text"], piece["next"]
    assert (text, asked["total"]) == (whole, len(whole))


@pytest.mark.parametrize("choice", TOOL)
def test_an_answer_reaches_the_run_and_the_next_question_is_shown(shown: Shown, runs: Runs, choice: Choice) -> None:
    first, second = runs.ask(tool()), runs.ask(tool("2", tool="read"))
    shown.ask("approval.start")
    shown.ask("approval.answer", number="1", choice=choice)
    assert first.result(LIMIT) == choice
    assert shown.ask("approval.look")["question"]["tool"] == "read"
    assert not second.done()


def test_checklist_39_only_what_is_asked_can_be_answered_and_only_as_it_is_asked(shown: Shown, runs: Runs) -> None:
    answer = runs.ask(Question("1", "mine", "thr_1", STEP, text="Shall I?"))
    shown.ask("approval.start")
    for number, choice in (("1", "always"), ("1", "once"), ("2", "approved"), ("x", "rejected")):
        with pytest.raises(BadParams):
            shown.ask("approval.answer", number=number, choice=choice)
    assert not answer.done()


def test_a_window_that_is_closed_puts_off_what_it_showed_and_nothing_that_came_later(shown: Shown, runs: Runs) -> None:
    first = runs.ask(tool())
    shown.ask("approval.start")
    later = runs.ask(tool("2"))
    shown.page.on_gone()
    assert first.result(LIMIT) is None
    assert not later.done()


def test_checklist_39_no_remote_script_has_a_place_in_it_and_no_other_page_has_its_methods(shown: Shown) -> None:
    assert shown.page.sources == Sources()
    own = [f"approval.{name}" for name in ("answer", "close", "look", "piece", "start")]
    assert sorted(shown.page.methods) == [*own, "help.open"]
