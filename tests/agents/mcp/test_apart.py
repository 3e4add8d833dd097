"""A yes that the chat's page can't give: asked apart, in the stream that the run goes on in."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from desktop.agents.chatkit.questions import Choice, Question
from tests.agents.mcp.conftest import LIMITS, Chat, approved, buttons, stdio, words
from tests.agents.talk import PATIENCE, Heard, Json, Page
from tests.standins.models_api import Answer, Call, ModelsApi

pytestmark = pytest.mark.slow


class Person:
    """Who looks at the questions that are asked apart."""

    def __init__(self) -> None:
        self.chat: Chat
        self._changed = threading.Condition()
        self.told = 0

    def tell(self) -> None:
        with self._changed:
            self.told += 1
            self._changed.notify_all()

    def until(self, count: int) -> tuple[Question, ...]:
        """The open questions, once there are `count`."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.chat.host.questions) == count, PATIENCE)
        return self.chat.host.questions

    def says(self, choice: Choice) -> Question:
        """Answers the oldest question, once there is one."""
        asked = self.until(1)[0]
        assert self.chat.host.answer_question(asked.number, choice)
        return asked


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def apart(api: ModelsApi, person: Person) -> Iterator[Chat]:
    """A chat in a page that runs somebody else's script."""
    made = Chat(api, stdio(), on_question=person.tell)
    made.page = Page(made.host, "mine", approves=False)
    person.chat = made
    yield made
    made.host.close(10)


def begin(chat: Chat, text: str = "use it") -> Heard:
    heard = chat.page.begin(text, chat.thread or None)
    heard.until(lambda: "thread.item.done" in "".join(heard.pieces))
    chat.thread = chat.thread or heard.thread
    return heard


def send(chat: Chat, card: Json, action: str, payload: Any = None) -> Heard:
    """What any script in the page can send."""
    told = {"type": action, "payload": payload or buttons(card)[0]["payload"]}
    return chat.page.open("threads.custom_action", thread_id=chat.thread, item_id=card["id"], action=told)


def test_checklist_39_the_answer_is_given_apart_and_the_run_goes_on_in_its_stream(apart: Chat, person: Person) -> None:
    apart.calls("add", "It is 5.", a=2, b=3)
    heard = begin(apart)
    asked = person.until(1)[0]
    assert (asked.server, asked.tool, asked.choices) == ("Tools", "add", ("once", "chat", "always", "rejected"))
    assert json.loads(asked.arguments) == {"a": 2, "b": 3}
    card = apart.card()
    assert [one["type"] for one in buttons(card)] == ["approval.open"]
    assert "a separate window" in words(card)
    assert not heard.ends
    person.says("once")
    apart.page.read(heard)
    assert apart.outputs() == ["5"]
    assert "It is 5." in heard.said
    assert "Allowed once" in words(apart.card())
    assert buttons(apart.card()) == []
    assert person.until(0) == ()


ATTACKS = ["mcp.once", "mcp.chat", "mcp.always", "code.approve", "mcp.reject", "approval.open"]


@pytest.mark.parametrize("action", ATTACKS)
def test_checklist_39_no_action_of_the_chat_page_answers(apart: Chat, person: Person, action: str) -> None:
    apart.calls("echo", text="stolen")
    heard = begin(apart)
    asked = person.until(1)[0]
    before = len(apart.api.asked)
    for _ in range(3):
        apart.page.read(send(apart, apart.card(), action))
    assert person.until(1) == (asked,)
    assert len(apart.api.asked) == before, "no run went on"
    assert not apart.host.answer_question(asked.number, "approved")
    assert apart.given.mcp["tools"].always == []
    person.says("rejected")
    apart.page.read(heard)
    assert "not approved" in apart.outputs()[0]
    assert "Rejected" in words(apart.card())


@pytest.mark.parametrize("action", ["mcp.always", "approval.open"])
def test_a_question_that_was_put_off_is_asked_again_by_its_card(apart: Chat, person: Person, action: str) -> None:
    apart.calls("echo", "Said.", text="hello")
    heard = begin(apart)
    apart.host.put_off_questions([person.until(1)[0].number])
    apart.page.read(heard)
    assert [one["type"] for one in buttons(apart.card())] == ["approval.open"], "it waits on"
    again = send(apart, apart.card(), action)
    person.says("chat")
    apart.page.read(again)
    assert "Said." in again.said
    assert "Allowed in this chat" in words(apart.card())
    apart.calls("echo", "Once more.", text="two")
    assert "Once more." in apart.page.read(begin(apart)).said
    assert apart.given.mcp["tools"].always == []


def test_what_is_stopped_asks_no_more_and_its_card_asks_anew(apart: Chat, person: Person) -> None:
    apart.calls("echo", "Said.", text="hello")
    heard = begin(apart)
    person.until(1)
    apart.host.cancel(heard.stream)
    assert person.until(0) == ()
    again = send(apart, apart.card(), "approval.open")
    person.says("once")
    assert "Said." in apart.page.read(again).said


def test_who_goes_on_writing_closes_the_question(apart: Chat, person: Person) -> None:
    apart.calls("echo", text="hello")
    heard = begin(apart)
    apart.host.put_off_questions([person.until(1)[0].number])
    apart.page.read(heard)
    apart.api.answer(Answer("Something else."))
    apart.page.say("never mind", apart.thread)
    card = next(item for item in apart.page.items(apart.thread) if item["type"] == "widget")
    assert "This question has expired" in words(card)


def test_several_questions_of_one_answer_come_one_after_the_other(apart: Chat, person: Person) -> None:
    calls = tuple(Call("echo", {"text": text}) for text in ("one", "two"))
    apart.api.answer(Answer(calls=calls), Answer("Both."))
    heard = begin(apart)
    first = person.says("once")
    heard.until(lambda: "".join(heard.pieces).count("approval.open") >= 2)
    second = person.says("rejected")
    apart.page.read(heard)
    assert [json.loads(one.arguments)["text"] for one in (first, second)] == ["one", "two"]
    assert "Both." in heard.said
    assert [output for output in apart.outputs() if "echo: one" in output]


def test_nobody_is_waited_for_without_end(api: ModelsApi, person: Person) -> None:
    chat = Chat(api, stdio(), on_question=person.tell, limits=replace(LIMITS, answer=0.2))
    chat.page = Page(chat.host, "mine", approves=False)
    person.chat = chat
    try:
        chat.calls("echo", text="hello")
        chat.page.read(begin(chat))
        assert chat.host.questions == ()
    finally:
        chat.host.close(10)


def test_checklist_38_a_yes_for_longer_is_for_the_tool_as_it_was_described(chat: Chat) -> None:
    chat.given.mcp["tools"] = stdio(always=["echo"])
    chat.calls("echo", "Fine.", text="one")
    chat.say()
    assert chat.outputs() == ["echo: one"]
    for described in (["Another"], ["", "destructive"], ["", "", "more"]):
        changed = stdio("--redescribe", *described)
        chat.given.mcp["tools"] = changed.model_copy(update={"always": approved("echo")})
        chat.thread = ""
        chat.api.answer(Answer(calls=(Call("echo", {"text": "two"}),)))
        chat.say()
        assert len(buttons(chat.card())) == 4, described


def test_checklist_38_an_entry_of_an_earlier_version_asks_once_more(chat: Chat) -> None:
    plain = stdio()
    chat.given.mcp["tools"] = type(plain).model_validate({**plain.model_dump(), "always": ["echo"]})
    chat.calls("echo", "Fine.", text="one")
    chat.say()
    chat.press("mcp.always")
    assert chat.given.mcp["tools"].always == approved("echo")
    chat.calls("echo", "At once.", text="two")
    chat.say()
    assert chat.outputs() == ["echo: two"]
