"""What of a file answers, found by name and by shape; and what a workflow is given."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from desktop.agents.code.entry import Held, chosen, workflow_call
from desktop.agents.code.errors import CodeEntryUnclear, CodeInputs, CodeUnfit
from desktop.common.errors import AppError

HEAD = """
import asyncio
from agents import Agent, Runner, function_tool, input_guardrail, handoff
from pydantic import BaseModel

class WorkflowInput(BaseModel):
    input_as_text: str

one = Agent(name="One", instructions="1")
two = Agent(name="Two", instructions="2")
"""

Loads = Callable[[str], ModuleType]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    def load(text: str) -> ModuleType:
        module = ModuleType("agent_under_test")
        module.__file__ = "/made/up/agent.py"
        monkeypatch.setitem(sys.modules, module.__name__, module)
        source = HEAD + textwrap.dedent(text)
        exec(compile(source, module.__file__, "exec"), vars(module))  # noqa: S102 - what a file is for
        vars(module)["__source__"] = source.encode()
        return module

    return load


def answers(module: ModuleType, entry: str = "") -> str:
    held = chosen(module, module.__source__, "agent.py", entry)
    return str(held.workflow.__name__ if held.workflow else held.agent.name)


FOUND = {
    "a renamed workflow": (
        "async def run_support(given: WorkflowInput):\n    await Runner.run(one, [])",
        "run_support",
    ),
    "a plain one": ("def answer(text: str):\n    return Runner.run_sync(one, text).final_output", "answer"),
    "one that streams": ("async def go(text):\n    r = Runner.run_streamed(one, text)\n    return r", "go"),
    "one whose helper asks": (
        (
            "async def _ask(agent, text):\n    return await Runner.run(agent, text)\n"
            "async def handle(message: str):\n    return (await _ask(one, message)).final_output"
        ),
        "handle",
    ),
    "one that others serve": (
        (
            "async def draft(text):\n    return await Runner.run(one, text)\n"
            "async def polish(text):\n    return await Runner.run(two, text)\n"
            "async def run_all(text):\n    return await polish(await draft(text))"
        ),
        "run_all",
    ),
    "one beside main()": (
        (
            "async def support(text):\n    return await Runner.run(one, text)\n"
            "def main():\n    asyncio.run(support(input()))"
        ),
        "support",
    ),
    "one that asks a model itself": (
        "async def reply(text: str):\n    return await client.responses.create(model='m', input=text)",
        "reply",
    ),
    "the exported name before all others": (
        (
            "async def other(text):\n    return await Runner.run(one, text)\n"
            "async def run_workflow(given):\n    return await Runner.run(two, [])"
        ),
        "run_workflow",
    ),
    "an agent that others serve": ("front = Agent(name='Front', handoffs=[one, two])", "Front"),
    "an agent with a handoff object": ("front = Agent(name='Front', handoffs=[handoff(one), two])", "Front"),
    "an agent with others as tools": (
        "front = Agent(name='Front', tools=[one.as_tool('a', 'b'), two.as_tool('c', 'd')])",
        "Front",
    ),
    "an agent whose guardrail asks another": (
        (
            "@input_guardrail\nasync def check(context, agent, given):\n    return await Runner.run(one, given)\n"
            "@function_tool\nasync def look(text: str) -> str:\n    return (await Runner.run(two, text)).final_output\n"
            "front = Agent(name='Front', input_guardrails=[check], tools=[look])"
        ),
        "Front",
    ),
    "the agent called agent": ("agent = Agent(name='Named')", "Named"),
}


@pytest.mark.parametrize("case", FOUND)
def test_what_plainly_answers_is_found(loads: Loads, case: str) -> None:
    text, name = FOUND[case]
    assert answers(loads(text)) == name


UNCLEAR = {
    "two agents": ("", "one, two"),
    "two workflows": (
        (
            "async def sales(text):\n    return await Runner.run(one, text)\n"
            "async def support(text):\n    return await Runner.run(two, text)"
        ),
        "sales, support",
    ),
    "agents that hand over to each other": ("one.handoffs.append(two)\ntwo.handoffs.append(one)", "one, two"),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_where_several_could_answer_the_person_is_asked_and_the_answer_holds(loads: Loads, case: str) -> None:
    text, names = UNCLEAR[case]
    module = loads(text)
    with pytest.raises(CodeEntryUnclear) as raised:
        answers(module)
    assert raised.value.values["choices"] == names
    for name in names.split(", "):
        held = chosen(module, module.__source__, "agent.py", name)
        assert getattr(module, name) is (held.workflow or held.agent)


def test_a_choice_that_the_file_no_longer_has_is_asked_anew(loads: Loads) -> None:
    with pytest.raises(CodeEntryUnclear):
        answers(loads("agent = Agent(name='Named')"), "gone")


def test_a_file_without_an_agent_is_told_as_such() -> None:
    with pytest.raises(CodeUnfit):
        chosen(ModuleType("empty"), b"", "agent.py")


TYPED = "async def run_workflow(given: WorkflowInput): ..."
GIVEN = {
    "the export's model": (TYPED, ("model",)),
    "no annotation, the exported name": ("def run_workflow(given): ...", ("model",)),
    "text of its own": ("def answer(text: str): ...", "hi"),
    "no annotation, another name": ("def answer(message): ...", "hi"),
    "another name that reads the export's word": ("def answer(given):\n    return given['input_as_text']", ("model",)),
    "in second place": ("def run_workflow(verbose=False, workflow_input: WorkflowInput = None): ...", ("model",)),
    "by its name alone": ("def answer(verbose=False, *, question: str = ''): ...", "hi"),
}


@pytest.mark.parametrize("case", GIVEN)
def test_what_was_typed_reaches_the_parameter_that_is_for_it(loads: Loads, case: str) -> None:
    text, wanted = GIVEN[case]
    module = loads(f"took = []\n{text.replace('...', 'pass')}")
    name = next(name for name in ("run_workflow", "answer") if hasattr(module, name))
    call: Any = workflow_call(Held(module, workflow=getattr(module, name)), "hi")
    (value,) = (*call.args, *call.keywords.values())
    assert value == (module.WorkflowInput(input_as_text="hi") if wanted == ("model",) else wanted)


@pytest.mark.parametrize(
    ("signature", "named"),
    [
        ("args, workflow_input", "args"),
        ("args, workflow_input: WorkflowInput", "args"),
        ("workflow_input: WorkflowInput, state, *, context", "state, context"),
        ("customer: int, question: str", "customer"),
    ],
)
def test_what_a_chat_can_not_give_is_named_and_nothing_else(loads: Loads, signature: str, named: str) -> None:
    module = loads(f"async def run_workflow({signature}): pass")
    with pytest.raises(CodeInputs) as raised:
        workflow_call(Held(module, workflow=module.run_workflow), "hi")
    assert raised.value.values["inputs"] == named
    assert isinstance(raised.value, AppError)
