"""Models whose prompt opened the reasoning, so that only its end is said (`</think>`), over real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from desktop.agents.host import AgentHost
from tests.agents.talk import PATIENCE, Heard, Json, Page
from tests.agents.test_habits import House, thoughts
from tests.standins.habits import Habits, Reply, chat, response, responses, sse

BOTH = pytest.mark.parametrize("agent", ["chat", "responses"])


@pytest.fixture(scope="module")
def server() -> Iterator[Habits]:
    with Habits() as made:
        yield made


@pytest.fixture
def house(server: Habits) -> Iterator[House]:
    """What it knows of models, it has learned in this test."""
    made = House(server)
    yield made
    made.host.close(10)


def said_in(agent: str, *pieces: str, **rest: Any) -> str:
    """An answer that comes in these pieces."""
    if agent == "chat":
        return chat(*({"content": piece} for piece in pieces), **rest)
    events: list[Json] = []
    for event in responses("".join(pieces), **rest):
        if event["type"] == "response.output_text.delta":
            events += [{**event, "delta": piece} for piece in pieces]
        else:
            events.append(event)
    return sse([{**event, "sequence_number": number} for number, event in enumerate(events)])


def shown(heard: Heard) -> list[tuple[str, str]]:
    """What a page shows when all events have come: (type, text) of each item after the person's message."""
    items: dict[str, list[str]] = {}
    for event in heard.events:
        if event["type"] in ("thread.item.added", "thread.item.done"):
            item = event["item"]
            parts = item["content"] if "content" in item else item["workflow"]["tasks"]
            words = "".join(part.get("text", part.get("content", "")) for part in parts)
            items[item["id"]] = [item["type"], words]
        elif event["type"] == "thread.item.updated" and event["update"]["type"].endswith("text_delta"):
            items[event["item_id"]][1] += event["update"]["delta"]
        elif event["type"] == "thread.item.removed":
            del items[event["item_id"]]
    return [(kind, words) for kind, words in items.values() if kind != "user_message"]


def kept(host: AgentHost, agent: str, heard: Heard) -> list[tuple[str, str]]:
    """What the store has of it."""
    found = []
    for item in Page(host, agent).items(heard.thread):
        parts = item["content"] if "content" in item else item["workflow"]["tasks"]
        found.append((item["type"], "".join(part.get("text", part.get("content", "")) for part in parts)))
    return [one for one in found if one[0] != "user_message"]


WANTED = [("workflow", "Hm, so."), ("assistant_message", "Hello you")]
TAGS = ["</think>", "</thinking>", "</thought>", "[/THINK]"]


@BOTH
@pytest.mark.parametrize("tag", TAGS)
def test_what_stands_before_a_lone_closing_tag_becomes_a_thought(house: House, agent: str, tag: str) -> None:
    heard = house.say(said_in(agent, "Hm, ", "so.", f"\n{tag[:4]}", f"{tag[4:]}\n\nHello ", "you"), agent)
    assert heard.errors == []
    assert shown(heard) == WANTED
    assert kept(house.host, agent, heard) == WANTED


@BOTH
def test_in_one_piece_it_is_a_thought_from_the_beginning(house: House, agent: str) -> None:
    heard = house.say(said_in(agent, "Hm, so.</think>\n\nHello you"), agent)
    assert (thoughts(heard), heard.said) == ("Hm, so.", "Hello you")
    assert not [event for event in heard.events if event["type"] == "thread.item.removed"]
    assert kept(house.host, agent, heard) == WANTED


@BOTH
def test_from_the_next_answer_on_it_is_shown_as_thinking_at_once(house: House, agent: str) -> None:
    reply = said_in(agent, "Hm, ", "so.\n", "</think>", "\n\nHello ", "you")
    house.say(reply, agent)
    heard = house.say(reply, agent)
    assert heard.said == "Hello you"
    assert not [event for event in heard.events if event["type"] == "thread.item.removed"]
    assert [(kind, words.strip()) for kind, words in kept(house.host, agent, heard)] == WANTED


@BOTH
def test_where_it_then_answers_at_once_the_answer_is_no_thought(house: House, agent: str) -> None:
    house.say(said_in(agent, "Hm.", "</think>", "Hello"), agent)
    heard = house.say(said_in(agent, "Hello ", "you"), agent)
    assert heard.errors == []
    assert shown(heard) == kept(house.host, agent, heard) == [("assistant_message", "Hello you")]
    heard = house.say(said_in(agent, "Hello ", "you"), agent)
    assert heard.kinds.count("thread.item.removed") == 0
    assert (thoughts(heard), heard.said) == ("", "Hello you")


@BOTH
def test_thinking_that_is_cut_off_is_none_of_the_answer(house: House, agent: str) -> None:
    house.say(said_in(agent, "Hm.", "</think>", "Hello"), agent)
    ends: dict[str, dict[str, Any]] = {"chat": {"finish": "length"}, "responses": {"status": "incomplete"}}
    heard = house.say(said_in(agent, "Hm, ", "so", **ends[agent]), agent)
    assert heard.said == ""
    assert len(heard.errors) == 1
    assert kept(house.host, agent, heard) == [("workflow", "Hm, so")]


def test_a_stop_in_the_middle_of_it_too(house: House) -> None:
    house.say(said_in("chat", "Hm.", "</think>", "Hello"))
    heard = house.say(said_in("chat", "Hm, ", "so", finish=None, done=False))
    assert (heard.said, len(heard.errors)) == ("", 1)


@BOTH
def test_nothing_thought_before_it_is_no_step(house: House, agent: str) -> None:
    heard = house.say(said_in(agent, "\n", "</think>", "\n\nHello ", "you"), agent)
    assert shown(heard) == kept(house.host, agent, heard) == [("assistant_message", "Hello you")]


CODE = [
    "The tag `</think>` ends it.",
    "So:\n\n```\nhm\n</think>\nHello\n```\n\nThat is all.",
    "~~~xml\n</thinking>\n~~~",
    "The </think> tag ends it.",
    'It writes "</think>" then.',
]


@BOTH
@pytest.mark.parametrize("text", CODE)
def test_a_closing_tag_that_an_answer_explains_is_text(house: House, agent: str, text: str) -> None:
    heard = house.say(said_in(agent, *(text[at : at + 5] for at in range(0, len(text), 5))), agent)
    assert shown(heard) == kept(house.host, agent, heard) == [("assistant_message", text)]


@BOTH
@pytest.mark.parametrize("text", CODE)
def test_after_the_thoughts_too(house: House, agent: str, text: str) -> None:
    for _ in range(2):
        heard = house.say(said_in(agent, "Hm.", "\n</think>\n\n", text), agent)
        assert [(kind, words.strip()) for kind, words in kept(house.host, agent, heard)] == [
            ("workflow", "Hm."),
            ("assistant_message", text),
        ]


@BOTH
def test_nothing_after_it_is_an_empty_answer_that_says_so(house: House, agent: str) -> None:
    for text in (("Hm, ", "so.", "\n</think>\n\n"), ("<think>Hm, so.",), ("<think>Hm, ", "so.", "</think>\n\n")):
        heard = house.say(said_in(agent, *text), agent)
        assert (heard.said, shown(heard)[0][0], len(heard.errors)) in (
            ("Hm, so.\n", "workflow", 1),
            ("", "workflow", 1),
        )
        assert "empty" in heard.errors[0]["message"].lower(), heard.errors
        assert [kind for kind, _ in kept(house.host, agent, heard)] == ["workflow"]


def test_reasoning_that_the_server_tells_by_itself_leaves_the_text_an_answer(house: House) -> None:
    house.say(said_in("chat", "Hm.", "</think>", "Hello"))
    heard = house.say(chat({"reasoning_content": "Hm, so."}, {"content": "Hello "}, {"content": "you"}))
    assert (thoughts(heard), heard.said) == ("Hm, so.", "Hello you")
    assert shown(heard) == WANTED


def titled(house: House, server: Habits, agent: str, title: Reply) -> str:
    """The title that a chat has got of a model."""
    house.given.titles = True
    server.answer(Reply(said_in(agent, "Hello")), title)
    heard = Page(house.host, agent).say("What is the capital of France, then?")
    page = Page(house.host, agent)

    ends = time.monotonic() + PATIENCE
    while not (found := page.ask("threads.get_by_id", thread_id=heard.thread).get("title")):
        assert time.monotonic() < ends
        time.sleep(0.005)
    return str(found)


def whole(agent: str, text: str) -> str:
    if agent == "chat":
        return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]})
    return json.dumps(response("completed", [responses(text)[-2]["item"]]))


TITLES = {
    "thought before": lambda agent: Reply(whole(agent, "Hm, so.\n</think>\n\nThe capital"), kind="application/json"),
    "a stream": lambda agent: Reply(said_in(agent, "The ", "capital")),
    "a stream with thoughts": lambda agent: Reply(said_in(agent, "Hm,", " so.\n", "</think>", "The ", "capital")),
    "a stream called JSON": lambda agent: Reply(said_in(agent, "The ", "capital"), kind="application/json"),
}


@BOTH
@pytest.mark.parametrize("name", TITLES)
def test_titles_are_without_thoughts_and_may_come_as_streams(
    house: House, server: Habits, agent: str, name: str
) -> None:
    assert titled(house, server, agent, TITLES[name](agent)) == "The capital"


def test_what_was_thought_before_a_call_is_not_said_to_the_model_again(house: House, server: Habits) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    first = chat({"content": "Hm, "}, {"content": "so."}, {"content": "</think>"}, {"tool_calls": [call]})
    server.answer(Reply(first), Reply(said_in("chat", "Well, ", "then.", "</think>", "Hello ", "you")))
    heard = Page(house.host, "chat").say("hello")
    assert heard.errors == []
    assert kept(house.host, "chat", heard) == [("workflow", "Hm, so."), ("workflow", "Well, then."), WANTED[1]]
    again = json.dumps(server.asked[-1])
    assert "look" in again
    assert "Hm, " not in again


def test_a_thought_of_a_later_round_takes_no_earlier_message_away(house: House, server: Habits) -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    server.answer(
        Reply(chat({"content": "I "}, {"content": "look."}, {"tool_calls": [call]})),
        Reply(said_in("chat", "Hm, ", "so.", "</think>", "Hello ", "you")),
    )
    heard = Page(house.host, "chat").say("hello")
    assert heard.errors == []
    assert shown(heard) == kept(house.host, "chat", heard) == [("assistant_message", "I look."), *WANTED]
