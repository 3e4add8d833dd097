"""What a person chooses for a file: which part of it answers, and another model in the place of one that is gone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from desktop.settings.errors import SettingsUnwritable
from tests.agents.code.bench import Bench, action
from tests.standins.models_api import Answer

pytestmark = pytest.mark.slow

TWO = """
from agents import Agent
sales = Agent(name="Sales", instructions="You sell.", model="gpt-4.1")
support = Agent(name="Support", instructions="You help.", model="gpt-4.1")
"""
GONE = """
from agents import Agent, Runner
writer = Agent(name="Writer", instructions="Write.", model="gpt-4-turbo")
async def run_workflow(given):
    return {"output_text": (await Runner.run(writer, given["input_as_text"])).final_output}
"""
ITSELF = """
from openai import AsyncOpenAI
async def run_workflow(given):
    async with AsyncOpenAI() as client:
        made = await client.responses.create(model="gpt-4-turbo", input=given["input_as_text"])
    return {"output_text": made.output_text}
"""


def buttons(card: dict[str, Any]) -> list[str]:
    return [one["label"] for child in card["widget"]["children"] for one in child.get("children", ())]


def asked(code: Bench) -> list[dict[str, Any]]:
    return [call.body for call in code.api.calls("/v1/responses")]


def press(code: Bench, heard: Any, label: str) -> Any:
    card = heard.done("widget")[-1]
    return code.read(code.page.open("threads.custom_action", **action(card, label)))


def test_with_two_agents_in_the_file_the_person_says_which_one_answers(code: Bench) -> None:
    code.holds(TWO)
    heard = code.say("hello")
    (error,) = heard.errors
    assert "sales, support" in error["message"]
    assert asked(code) == []
    (card,) = heard.done("widget")
    assert buttons(card) == ["sales", "support"]
    again = press(code, heard, "support")
    assert (again.said, again.errors) == ("You said: hello", [])
    assert [body["instructions"] for body in asked(code)] == ["You help."]
    assert code.given.agents["code"].entry == "support"
    kept = [item for item in code.page.items(heard.thread) if item["type"] == "widget"]
    assert buttons(kept[0]) == []
    assert "support" in json.dumps(kept[0])


def test_a_choice_that_can_not_be_saved_holds_until_the_app_ends(code: Bench) -> None:
    code.holds(TWO)
    code.given.unkept = SettingsUnwritable(path="settings.json", problem="read-only")
    heard = code.say("hello")
    press(code, heard, "sales")
    assert code.say("more", heard.thread).errors == []
    assert code.given.agents["code"].entry == ""
    assert [body["instructions"] for body in asked(code)] == ["You sell.", "You sell."]


def test_a_button_that_the_card_does_not_have_chooses_nothing(code: Bench) -> None:
    code.holds(TWO)
    heard = code.say("hello")
    forged = action(heard.done("widget")[-1], "sales")
    forged["action"]["payload"] = {"field": "entry", "choice": "os"}
    assert code.read(code.page.open("threads.custom_action", **forged)).said == ""
    assert code.given.agents["code"].entry == ""
    assert asked(code) == []


@pytest.mark.parametrize("text", [GONE, ITSELF], ids=["of an agent", "of the file's own request"])
def test_in_the_place_of_a_model_that_is_gone_another_is_offered_in_that_very_message(code: Bench, text: str) -> None:
    code.api.models = ["gpt-5.4-mini", "gpt-5.5", "text-embedding-3-small", "gpt-5.6-luna", "gpt-4.1"]
    code.api.ends = {"gpt-4.1": (datetime.now(UTC).date() + timedelta(days=5)).isoformat()}
    code.holds(text)
    heard = code.say("hello")
    (error,) = heard.errors
    assert "gpt-4-turbo" in error["message"]
    assert "--model gpt-4-turbo=" in error["message"]
    (card,) = heard.done("widget")
    assert set(buttons(card)) == {"gpt-5.6-luna", "gpt-5.5", "gpt-5.4-mini"}  # none that ends, none that can't chat
    again = press(code, heard, "gpt-5.5")
    assert (again.said, again.errors) == ("You said: hello", [])
    assert asked(code)[-1]["model"] == "gpt-5.5"
    assert code.given.agents["code"].model_overrides == {"gpt-4-turbo": "gpt-5.5"}
    assert code.say("more", heard.thread).errors == []


def test_a_model_that_ends_within_thirty_days_is_said_once_with_the_answer(code: Bench) -> None:
    day = datetime.now(UTC).date() + timedelta(days=11)
    code.api.models = ["gpt-4-turbo", "gpt-5.5"]
    code.api.ends = {"gpt-4-turbo": day.isoformat(), "gpt-5.5": (day + timedelta(days=90)).isoformat()}
    code.holds(GONE)
    heard = code.say("hello")
    assert heard.said == "You said: hello"
    notices = [event["message"] for event in heard.events if event["type"] == "notice"]
    assert len(notices) == 1
    assert "gpt-4-turbo" in notices[0]
    assert day.isoformat() in notices[0].replace("\\", "")
    later = code.say("more", heard.thread)
    assert [event for event in later.events if event["type"] == "notice"] == []


def test_a_stored_prompt_that_is_gone_is_named(code: Bench) -> None:
    code.holds(
        """
        from agents import Agent
        agent = Agent(name="Stored", prompt={"id": "pmpt_0123456789abcdef", "version": "2"}, model="gpt-4.1")
        """
    )
    missing = {"message": "Prompt with id 'pmpt_0123456789abcdef' not found.", "type": "invalid_request_error"}
    code.api.answer(Answer(status=404, error={"error": missing}))
    (error,) = code.say("hello").errors
    assert "pmpt_0123456789abcdef" in error["message"]
    assert "agent.py" in error["message"]


LOOPS = {
    "runs that never satisfy it": (
        "async def run_workflow(given):\n    while True:\n        await Runner.run(writer, given['input_as_text'])\n"
    ),
    "and a file that catches what it can": (
        "async def run_workflow(given):\n"
        "    while True:\n"
        "        try:\n            await Runner.run(writer, given['input_as_text'])\n"
        "        except Exception:\n            pass\n"
    ),
    "plain runs": (
        "def run_workflow(given):\n    while True:\n        Runner.run_sync(writer, given['input_as_text'])\n"
    ),
}


@pytest.mark.parametrize("case", LOOPS)
def test_a_loop_on_a_condition_that_never_changes_ends_at_the_limit_of_the_agent(code: Bench, case: str) -> None:
    code.given.agents["code"] = code.given.agents["code"].model_copy(update={"max_runs": 3})
    code.holds(GONE.partition("async def")[0].replace("gpt-4-turbo", "gpt-4.1") + LOOPS[case])
    heard = code.say("hello")
    (error,) = heard.errors
    assert "3 times" in error["message"]
    assert len(asked(code)) == 3
    assert len(code.page.answers(heard.thread)) == 3  # what was said is kept


def test_a_loop_of_the_files_own_requests_ends_as_well(code: Bench) -> None:
    code.given.agents["code"] = code.given.agents["code"].model_copy(update={"max_runs": 1})
    code.holds(
        """
        from openai import AsyncOpenAI
        async def run_workflow(given):
            async with AsyncOpenAI() as client:
                while True:
                    await client.responses.create(model="gpt-4.1", input=given["input_as_text"])
        """
    )
    (error,) = code.say("hello").errors
    assert "10 times" in error["message"]
    assert len(asked(code)) == 10


MISSING = {
    "a helper": ("from utils import clean", "utils.py"),
    "a helper in a folder": ("import helpers.text", "helpers/text.py"),
    "one beside it": ("from .prompts import HELLO", "prompts.py"),
    "one above it": ("from ..prompts import HELLO", "prompts.py"),
    "one far above it": ("from ...shared.prompts import HELLO", "shared/prompts.py"),
    "a module of the folder above": ("from .. import prompts", "prompts.py"),
}


@pytest.mark.parametrize("case", MISSING)
def test_a_file_that_is_missing_is_named_with_its_place_and_nothing_is_offered_to_install(
    code: Bench, case: str
) -> None:
    line, wanted = MISSING[case]
    failures: list[Any] = []
    code.host.on_failure = lambda _agent, failure: failures.append(failure)
    code.holds(f"{line}\nfrom agents import Agent\nagent = Agent(name='A')\n")
    (error,) = code.say("hello").errors
    assert f"Put {wanted} in the agent’s folder" in error["message"]
    assert "install" not in error["message"].lower()
    if case.startswith("one above"):
        assert "from .prompts import HELLO" in error["message"]


def test_a_package_that_many_know_is_still_offered(code: Bench) -> None:
    code.holds("import pandas_that_is_not_here\n")
    assert "install" not in code.say("hello").errors[0]["message"].lower()
    code.holds("import weaviate\n")
    assert "packages install weaviate-client" in code.say("hello").errors[0]["message"]
