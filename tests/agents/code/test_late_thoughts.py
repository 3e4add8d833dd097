"""Code agents at models that mark only the end of their reasoning (`</think>`): in a real process, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from desktop.settings.agents import Endpoint
from tests.agents.code.bench import Bench
from tests.agents.models.test_late_reasoning import BOTH, CODE, TAGS, WANTED, kept, said_in, shown
from tests.agents.talk import Heard
from tests.standins.habits import Habits, Reply, chat
from tests.standins.models_api import KEY

pytestmark = pytest.mark.slow

AGENT = """
from agents import Agent, function_tool

@function_tool
def look() -> str:
    return "looked"

agent = Agent(name="Writer", instructions="Write.", model="m", tools=[look])
"""
WORKFLOW = """
from agents import Agent, Runner

writer = Agent(name="Writer", instructions="Write.", model="m")

async def run_workflow(workflow_input):
    result = await Runner.run(writer, [{"role": "user", "content": workflow_input["input_as_text"]}])
    return {"output_text": result.final_output_as(str)}
"""
STREAMS = """
from agents import Agent, Runner

writer = Agent(name="Writer", instructions="Write.", model="m")

async def run_workflow(workflow_input):
    result = Runner.run_streamed(writer, workflow_input["input_as_text"])
    kinds = set()
    async for event in result.stream_events():
        if event.type == "raw_response_event":
            kinds.add(event.data.type.split(".")[0])
    return {"output_text": f"{result.final_output} {sorted(kinds)}"}
"""
FORMED = """
from agents import Agent, Runner
from pydantic import BaseModel

class Kind(BaseModel):
    kind: str

sorter = Agent(name="Sorter", instructions="Sort.", model="m", output_type=Kind)

async def run_workflow(workflow_input):
    result = await Runner.run(sorter, workflow_input["input_as_text"])
    return {"output_text": "It is " + result.final_output.kind}
"""
OWN_MODEL = """
from agents import Agent, OpenAIChatCompletionsModel
from openai import AsyncOpenAI

agent = Agent(name="Writer", instructions="Write.", model=OpenAIChatCompletionsModel("m", AsyncOpenAI()))
"""


@pytest.fixture
def server() -> Iterator[Habits]:
    with Habits() as made:
        yield made


def asks(code: Bench, server: Habits, api: str = "chat") -> Bench:
    """The bench, with its agent at the server of habits."""
    protocol = "chat_completions" if api == "chat" else "responses"
    code.given.endpoints["openai"] = Endpoint.model_validate(
        {"id": "openai", "base_url": server.base, "api": protocol, "needs_key": True}
    )
    code.given.keys[server.base] = KEY
    return code


@BOTH
@pytest.mark.parametrize("file", [AGENT, WORKFLOW], ids=["agent", "workflow"])
def test_what_stands_before_a_lone_closing_tag_becomes_a_thought(
    code: Bench, server: Habits, agent: str, file: str
) -> None:
    asks(code, server, agent).holds(file)
    tags = TAGS[:2] if file == AGENT else TAGS[2:3]
    for tag in tags:  # the process has learned of the first, and takes the next for thinking at once
        server.answer(Reply(said_in(agent, "Hm, ", "so.", f"\n{tag[:4]}", f"{tag[4:]}\n\nHello ", "you")))
        heard = code.say()
        assert heard.errors == []
        assert [(kind, words.strip()) for kind, words in without_steps(shown(heard))] == WANTED
        assert [(kind, words.strip()) for kind, words in without_steps(kept(code.host, "code", heard))] == WANTED
        server.answer(Reply(said_in(agent, "Hm.\n", "</think>", "Well.")))
        again = code.say("and then?", heard.thread)
        assert again.errors == []
        assert "Hello you" in json.dumps(server.asked[-1])
        assert "Hm, " not in json.dumps(server.asked[-1]), "the model is not told again what it thought"
        assert code.page.answers(heard.thread) == ["Hello you", "Well."]


def without_steps(items: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without the workflows that hold nothing but steps without words."""
    return [one for one in items if one[1]]


def test_what_the_first_answer_said_is_taken_back_in_the_window(code: Bench, server: Habits) -> None:
    asks(code, server).holds(AGENT)
    server.answer(Reply(said_in("chat", "Hm, ", "so.", "</think>", "Hello ", "you")))
    heard = code.say()
    kinds = [event["type"] for event in heard.events]
    assert kinds.count("thread.item.removed") == 1
    assert shown(heard) == kept(code.host, "code", heard) == WANTED
    [thinking] = heard.done("workflow")
    assert thinking["workflow"]["tasks"][0]["type"] == "thought"


@BOTH
def test_where_it_then_answers_at_once_the_answer_is_no_thought(code: Bench, server: Habits, agent: str) -> None:
    asks(code, server, agent).holds(AGENT)
    server.answer(Reply(said_in(agent, "Hm.", "</think>", "Hello")))
    heard = code.say()
    server.answer(Reply(said_in(agent, "Hello ", "you")))
    again = code.say("again", heard.thread)
    assert again.errors == []
    assert shown(again) == [("assistant_message", "Hello you")]
    assert kept(code.host, "code", again)[2:] == [("assistant_message", "Hello you")]


@BOTH
def test_nothing_thought_before_it_is_no_step(code: Bench, server: Habits, agent: str) -> None:
    asks(code, server, agent).holds(AGENT)
    server.answer(Reply(said_in(agent, "\n", "</think>", "\n\nHello ", "you")))
    heard = code.say()
    assert shown(heard) == kept(code.host, "code", heard) == [("assistant_message", "Hello you")]


def test_a_closing_tag_that_an_answer_explains_is_text(code: Bench, server: Habits) -> None:
    asks(code, server).holds(AGENT)
    for text in CODE:
        server.answer(Reply(said_in("chat", *(text[at : at + 5] for at in range(0, len(text), 5)))))
        heard = code.say()
        assert shown(heard) == kept(code.host, "code", heard) == [("assistant_message", text)]


def test_what_was_thought_before_a_call_is_not_said_to_the_model_again(code: Bench, server: Habits) -> None:
    asks(code, server).holds(AGENT)
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    first = chat({"content": "Hm, "}, {"content": "so."}, {"content": "</think>"}, {"tool_calls": [call]})
    server.answer(Reply(first), Reply(said_in("chat", "Well, ", "then.", "</think>", "Hello ", "you")))
    heard = code.say()
    assert heard.errors == []
    assert code.page.answers(heard.thread) == ["Hello you"]
    assert thoughts(heard) == ["Hm, so.", "Well, then."]
    assert "Hm, " not in json.dumps(server.asked[-1])


def test_what_is_thought_in_each_round_is_a_step_of_its_own(code: Bench, server: Habits) -> None:
    """The SDK calls all that Chat Completions think by one name."""
    asks(code, server).holds(AGENT)
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    first = chat({"reasoning_content": "Hm, "}, {"reasoning_content": "so."}, {"tool_calls": [call]})
    server.answer(Reply(first), Reply(chat({"reasoning_content": "Well."}, {"content": "Hello"})))
    assert thoughts(code.say()) == ["Hm, so.", "Well."]


def thoughts(heard: Heard) -> list[str]:
    """The thoughts of the finished steps, in their order."""
    tasks = [task for item in heard.done("workflow") for task in item["workflow"]["tasks"]]
    return [task["content"] for task in tasks if task["type"] == "thought"]


def test_a_file_that_reads_the_stream_itself_meets_no_event_of_ours(code: Bench, server: Habits) -> None:
    asks(code, server).holds(STREAMS)
    server.answer(Reply(said_in("chat", "Hm, ", "so.", "</think>", "Hello ", "you")))
    heard = code.say()
    assert heard.errors == []
    assert code.page.answers(heard.thread)[-1] == "Hello you ['response']"


def test_what_an_agent_forms_for_its_workflow_is_read_without_the_thoughts(code: Bench, server: Habits) -> None:
    asks(code, server).holds(FORMED)
    server.answer(Reply(said_in("chat", "Hm, ", "so.", "</think>", '{"kind": ', '"new"}')))
    heard = code.say()
    assert heard.errors == []
    assert code.page.answers(heard.thread) == ["It is new"]


def test_a_model_that_the_file_makes_itself_is_heard_too(code: Bench, server: Habits) -> None:
    asks(code, server).holds(OWN_MODEL)
    server.answer(Reply(said_in("chat", "Hm, ", "so.", "</think>", "Hello ", "you")))
    heard = code.say()
    assert shown(heard) == kept(code.host, "code", heard) == WANTED


def test_an_answer_that_is_cut_short_says_so_to_the_file_as_before(code: Bench, server: Habits) -> None:
    asks(code, server).holds(AGENT)
    server.answer(Reply(said_in("chat", "Hm, ", "so.", "</think>", "Hello ", "you", finish="length")))
    heard = code.say()
    assert code.page.answers(heard.thread) == ["Hello you"]
