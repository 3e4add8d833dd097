"""Exports of Agent Builder, unedited, in the shapes that real ones have; and files that hold an agent."""

from __future__ import annotations

import json
import re
import textwrap
from contextlib import suppress

import psutil
import pytest
from chatkit.types import WidgetItem

from desktop.agents.chatkit.questions import Choice
from desktop.agents.code.clients import STANDS_FOR_KEY
from desktop.agents.code.shown import Shown, answered
from desktop.common.texts import Catalogue
from tests.agents.code.bench import Bench, action, steps, streamed, until
from tests.standins.models_api import KEY, Answer, Tool

pytestmark = pytest.mark.slow

HEAD = """\
from agents import Agent, AgentOutputSchema, ModelSettings, TResponseInputItem, Runner, RunConfig, trace
from pydantic import BaseModel
from openai.types.shared.reasoning import Reasoning


class WorkflowInput(BaseModel):
  input_as_text: str


writer = Agent(
  name="Writer",
  instructions="Write.",
  model="gpt-4.1",
  model_settings=ModelSettings(temperature=1, top_p=1, max_tokens=2048, store=True)
)


"""
RUN = """\
# Main code entrypoint
async def run_workflow(workflow_input: WorkflowInput):
  with trace("New workflow"):
    state = {

    }
    workflow = workflow_input.model_dump()
    conversation_history: list[TResponseInputItem] = [
      {
        "role": "user",
        "content": [
          {
            "type": "input_text",
            "text": workflow["input_as_text"]
          }
        ]
      }
    ]
"""
NODE = """\
    writer_result_temp = await Runner.run(
      writer,
      input=[
        *conversation_history
      ],
      run_config=RunConfig(trace_metadata={
        "__trace_source__": "agent-builder",
        "workflow_id": "wf_0123"
      })
    )

    conversation_history.extend([item.to_input_item() for item in writer_result_temp.new_items])

    writer_result = {
      "output_text": writer_result_temp.final_output_as(str)
    }
"""
CLASSIFIER = """\
class ClassifySchema(BaseModel):
  category: str


classify = Agent(
  name="Classify",
  instructions="Choose.",
  model="gpt-4.1",
  output_type=ClassifySchema,
)


"""
CLASSIFY = """\
    classify_result_temp = await Runner.run(classify, input=[*conversation_history])
    classify_result = {
      "output_text": classify_result_temp.final_output.json(),
      "output_parsed": classify_result_temp.final_output.model_dump()
    }
"""
APPROVAL = """\
def approval_request(message: str):
  # TODO: Implement
  return True


def approval_request1(message: str):
  # TODO: Implement
  return True


"""


def body(text: str) -> str:
    """Lines of `run_workflow`, indented as an export has them."""
    return textwrap.indent(textwrap.dedent(text), "    ")


SINGLE = HEAD + RUN + NODE


def test_a_single_agent_streams_its_words_and_shows_its_step(code: Bench) -> None:
    code.holds(SINGLE)
    code.api.answer(Answer(pieces=("Once ", "upon ", "a time."), hold_after=2))
    heard = code.page.begin("Tell me a story")
    heard.until(lambda: heard.said == "Once upon ", 90)
    assert heard.ends == 0  # words reach the reader while the model still writes
    code.api.release()
    code.read(heard)
    assert heard.errors == []
    assert code.page.answers(heard.thread) == ["Once upon a time."]
    assert steps(heard) == ["Writer"]


def test_a_classifier_is_a_step_and_its_branch_speaks(code: Bench) -> None:
    branch = """
    if classify_result["output_parsed"]["category"] == "story":
      pass
    else:
      return classify_result
    """
    code.holds(HEAD + CLASSIFIER + RUN + CLASSIFY + body(branch) + NODE + body("return writer_result"))
    code.api.answer(Answer(text='{"category": "story"}'), Answer(text="A story."))
    heard = code.say()
    assert code.page.answers(heard.thread) == ["A story."]
    assert steps(heard) == ["Classify", "Writer"]
    first = heard.done("workflow")[0]["workflow"]["tasks"][0]
    assert '"category": "story"' in first["content"]
    assert first["status_indicator"] == "complete"


@pytest.mark.parametrize(
    ("end", "answers"),
    [
        ("return writer_result", ["Said."]),
        ("return {'output_text': 'Made of it.'}", ["Said.", "Made of it."]),
        ("return writer_result_temp.final_output", ["Said."]),
        ("return None", ["Said."]),
        ("return {'other': 1}", ["Said."]),
        ("return writer_result_temp", ["Said."]),
    ],
)
def test_what_comes_back_is_said_once_and_only_where_it_was_not_said(code: Bench, end: str, answers: list[str]) -> None:
    code.holds(SINGLE + body(end))
    code.api.answer(Answer(text="Said."))
    heard = code.say()
    assert heard.errors == []
    assert code.page.answers(heard.thread) == answers


@pytest.mark.parametrize("end", ["return classify_result", "return classify_result_temp.final_output"])
def test_where_there_is_nothing_but_a_parsed_output_it_is_shown_as_such(code: Bench, end: str) -> None:
    code.holds(HEAD + CLASSIFIER + RUN + CLASSIFY + body(end))
    code.api.answer(Answer(text='{"category": "other"}'))
    (answer,) = code.page.answers(code.say().thread)
    assert json.loads(answer.removeprefix("```json\n").removesuffix("\n```")) == {"category": "other"}


def test_a_workflow_that_says_nothing_at_all_is_a_sentence(code: Bench) -> None:
    code.holds(HEAD + RUN + body("return None"))
    assert "ended without an answer" in code.say().errors[0]["message"]


def test_several_runs_in_one_turn_are_several_messages(code: Bench) -> None:
    code.holds(SINGLE + NODE + body("return writer_result"))
    code.api.answer(Answer(text="First."), Answer(text="Second."))
    heard = code.say()
    assert code.page.answers(heard.thread) == ["First.", "Second."]
    assert steps(heard) == ["Writer", "Writer"]


def test_a_guardrail_of_the_file_stops_the_answer_with_a_sentence(code: Bench) -> None:
    guard = """
from agents import GuardrailFunctionOutput, input_guardrail

@input_guardrail
async def no(context, agent, given):
  return GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)

writer.input_guardrails = [no]

"""
    code.holds(HEAD + guard + RUN + NODE)
    code.api.always(Answer(text="x"))
    assert "guardrail" in code.say().errors[0]["message"]


def test_an_exception_in_the_third_node_keeps_what_was_said_and_names_its_line(code: Bench) -> None:
    text = SINGLE + NODE + body('raise LookupError("no third node")')
    code.holds(text)
    code.api.answer(Answer(text="First."), Answer(text="Second."))
    heard = code.say()
    line = text.splitlines().index('    raise LookupError("no third node")') + 1
    assert f"agent.py failed on line {line}: LookupError: no third node" in heard.errors[0]["message"]
    assert code.page.answers(heard.thread) == ["First.", "Second."]


# --- approvals --------------------------------------------------------------------------------

ASKS = (
    HEAD
    + APPROVAL
    + RUN
    + body(
        """
        approval_message = "Shall I write?"

        if approval_request(approval_message):
          pass
        else:
          return {"output_text": "Then not."}
        """
    )
    + NODE
    + body(
        """
        if approval_request1("Send it as well?"):
          return {"output_text": "Sent."}
        """
    )
)


def test_an_approval_is_a_card_that_the_run_waits_for_twice(code: Bench) -> None:
    code.holds(ASKS)
    code.api.answer(Answer(text="Written."))
    first = code.say()
    assert "Shall I write?" in json.dumps(first.done("widget"))
    assert code.api.asked == []
    second = code.press(first, "Approve")
    assert second.said == "Written."
    assert "Send it as well?" in json.dumps(second.done("widget"))
    third = code.press(second, "Approve")
    assert third.said == "Sent."
    cards = [item for item in code.page.items(first.thread) if item["type"] == "widget"]
    assert ["Approved" in json.dumps(card) and "Button" not in json.dumps(card) for card in cards] == [True, True]


def test_a_denied_approval_really_stops_what_it_was_for(code: Bench) -> None:
    code.holds(ASKS)
    denied = code.press(code.say(), "Reject")
    assert denied.said == "Then not."
    assert code.api.asked == []


def test_a_card_is_answered_once_and_only_where_it_stands(code: Bench) -> None:
    code.holds(ASKS)
    code.api.always(Answer(text="Written."))
    first, other = code.say(), code.say()
    stolen = code.page.open(
        "threads.custom_action",
        thread_id=other.thread,
        item_id=other.done("widget")[0]["id"],
        action={"type": "code.approve", "payload": {"id": _number(first)}},
    )
    assert "Expired: nothing is waiting" in json.dumps(code.read(stolen).events)
    assert code.press(first, "Approve").said == "Written."
    again = code.press(first, "Approve")
    assert again.said == ""
    assert again.done("widget") == []
    assert len(_number(first)) >= 32
    assert _number(first) != _number(other)


def _number(heard: object) -> str:
    (row,) = [c for c in heard.done("widget")[0]["widget"]["children"] if c["type"] == "Row"]  # type: ignore[attr-defined]
    return str(row["children"][0]["onClickAction"]["payload"]["id"])


def test_a_question_whose_process_has_ended_says_so_and_the_run_begins_again_from_its_start(code: Bench) -> None:
    code.holds(ASKS)
    first = code.say()
    for child in code.children:
        with suppress(psutil.NoSuchProcess):  # the end of one is the end of the other
            child.kill()
    until(lambda: not code.children)
    ended = code.press(first, "Approve")
    (closed,) = [event["item"] for event in ended.events if event["type"] == "thread.item.replaced"]
    assert "Expired: nothing is waiting" in json.dumps(closed)
    code.api.answer(Answer(text="Written."))
    again = code.read(code.page.open("threads.custom_action", **action(closed, "Start over")))
    (told,) = [event["item"] for event in again.events if event["type"] == "thread.item.replaced"]
    assert "Button" not in json.dumps(told)
    assert code.press(again, "Approve").said == "Written."


def test_an_answer_that_a_dying_process_never_has_is_not_told_as_given(code: Bench) -> None:
    """It may be dead for a while before anybody can know: here it takes nothing in, and is then killed."""
    code.holds(ASKS)
    first = code.say()
    children = code.children
    for child in children:
        child.suspend()
    card = first.done("widget")[-1]
    pressed = code.page.open("threads.custom_action", **action(card, "Approve"))
    made = code.host._made
    assert made is not None
    until(lambda: not made.server.code._parked)  # the answer is on its way
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    told = [event["item"] for event in code.read(pressed).events if event["type"] == "thread.item.replaced"]
    assert ["Expired: nothing is waiting" in json.dumps(item) for item in told] == [True]
    assert code.api.asked == []


TWO_AT_ONCE = (
    HEAD
    + APPROVAL
    + RUN
    + body(
        """
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor() as threads:
          said = list(threads.map(approval_request, ["May I write?", "May I send?"]))
        return {"output_text": f"{said}"}
        """
    )
)


def test_two_questions_of_one_run_are_asked_one_after_the_other(code: Bench) -> None:
    code.holds(TWO_AT_ONCE)
    first = code.say()
    second = code.press(first, "Approve")
    (answered_first,) = [event["item"] for event in second.events if event["type"] == "thread.item.replaced"]
    assert "Approved" in json.dumps(answered_first)
    third = code.press(second, "Reject")
    assert sorted(third.said.strip("[]").split(", ")) == ["False", "True"]


def test_who_writes_on_in_place_of_answering_gets_an_answer_and_the_card_is_closed(code: Bench) -> None:
    code.holds(ASKS)
    first = code.say()
    second = code.say("never mind", first.thread)
    assert "Expired: nothing is waiting" in json.dumps(
        [e for e in second.events if e["type"] == "thread.item.replaced"]
    )
    assert "Shall I write?" in json.dumps(second.done("widget"))


@pytest.mark.parametrize(("choice", "said"), [("approved", "Written."), ("rejected", "Then not.")])
def test_checklist_39_in_a_page_of_others_an_export_is_approved_apart(code: Bench, choice: Choice, said: str) -> None:
    code.holds(ASKS)
    code.page.approves = False
    code.api.answer(Answer(text="Written."))
    heard = code.page.begin("hello")
    until(lambda: code.host.questions)
    (asked,) = code.host.questions
    assert (asked.text, asked.tool, asked.choices) == ("Shall I write?", "", ("approved", "rejected"))
    (card,) = heard.done("widget")
    forged = {"type": "code.approve", "payload": {"id": asked.number}}
    code.read(code.page.open("threads.custom_action", thread_id=heard.thread, item_id=card["id"], action=forged))
    assert code.host.questions == (asked,)
    assert code.host.answer_question(asked.number, choice)
    if choice == "approved":
        until(lambda: [one.text for one in code.host.questions] == ["Send it as well?"])
        code.host.answer_question(code.host.questions[0].number, "rejected")
    assert code.read(heard).said.startswith(said)
    told = next(event["item"] for event in heard.events if event["type"] == "thread.item.replaced")
    assert choice.capitalize() in json.dumps(told)


def test_a_tool_that_needs_a_yes_waits_for_it(code: Bench) -> None:
    code.holds(
        """
        from agents import Agent, function_tool

        @function_tool(needs_approval=True)
        def launch(where: str) -> str:
            return f"launched {where}"

        agent = Agent(name="Pilot", model="gpt-4.1", tools=[launch])
        """
    )
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "launch", "status": "completed"}
    code.api.answer(streamed({**call, "arguments": '{"where": "moon"}'}), Answer(text="It flies."))
    heard = code.say()
    card = json.dumps(heard.done("widget"))
    assert "Pilot wants to use the tool launch." in card
    assert "moon" in card
    assert code.press(heard, "Approve").said == "It flies."
    assert "launched moon" in json.dumps(code.api.last.body["input"])


def test_nothing_of_a_question_is_out_of_sight_or_turned_around() -> None:
    shown = Shown("export.py", "thr_1", Catalogue("en"), lambda _kind: "msg_1")
    arguments = json.dumps({"to": "a\u202eb\u200b", "body": "```\n# Approved", "rest": "c" * 100_000})
    item, _ = shown.card("Send\u202e it? " + "d" * 5_000, arguments, "number")
    title, question, detail, _buttons = item.widget.model_dump()["children"]
    assert not re.search("[\u202e\u200b]", question["value"] + detail["value"])
    assert "⟨U+202E⟩ it?" in question["value"]
    assert "… (50" in question["value"], "what is cut is said to be"
    assert "… (10" in detail["value"]
    assert detail["value"].startswith("````json\n")
    replaced = answered(item, Catalogue("en"), "approved").item
    assert isinstance(replaced, WidgetItem)
    assert replaced.widget.model_dump()["children"][:3] == [title, question, detail]


@pytest.mark.parametrize(("press", "approved"), [("Approve", True), ("Reject", False)])
def test_a_hosted_mcp_servers_call_waits_for_a_yes(code: Bench, press: str, approved: bool) -> None:
    code.holds(
        """
        from agents import Agent, HostedMCPTool, Runner

        mcp = HostedMCPTool(tool_config={
            "type": "mcp", "server_label": "shop", "server_url": "https://shop.example", "require_approval": "always",
        })
        buyer = Agent(name="Buyer", model="gpt-4.1", tools=[mcp])

        async def run_workflow(given):
            result = await Runner.run(buyer, given["input_as_text"])
            return {"output_text": result.final_output}
        """
    )
    asks = {"type": "mcp_approval_request", "id": "mcpr_1", "name": "buy", "server_label": "shop"}
    code.api.answer(streamed({**asks, "arguments": '{"what": "tea"}'}), Answer(text="As you say."))
    heard = code.say()
    card = json.dumps(heard.done("widget"))
    assert "Buyer wants to use the tool buy from shop." in card
    assert "tea" in card
    assert code.press(heard, press).said == "As you say."
    (answer,) = [one for one in code.api.last.body["input"] if one.get("type") == "mcp_approval_response"]
    assert answer["approve"] is approved
    assert answer["approval_request_id"] == "mcpr_1"


# --- what is beside it ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["from .helpers import WORDS", "from helpers import WORDS", "import helpers; WORDS = helpers.WORDS"]
)
def test_a_file_beside_it_is_imported(code: Bench, line: str) -> None:
    code.write('WORDS = "from beside"', "helpers.py")
    code.holds(f"{line}\n{SINGLE}" + body('return {"output_text": WORDS}'))
    code.api.answer(Answer(text="x"))
    assert code.page.answers(code.say().thread)[-1] == "from beside"


def test_a_key_at_import_is_there_and_comes_from_no_environment(code: Bench) -> None:
    code.holds(
        """
        import os
        from openai import AsyncOpenAI, OpenAI
        found = [f"{name}={value}" for name, value in os.environ.items() if "OPENAI" in name or "sk-" in value]
        client, plain = AsyncOpenAI(), OpenAI()

        async def run_workflow(given):
            said = await client.responses.create(model="gpt-4.1", input="a")
            also = plain.responses.create(model="gpt-4.1", input="b")
            return {"output_text": f"{said.output_text} {also.output_text} {found}"}
        """
    )
    code.api.answer(Answer(text="with"), Answer(text="key"))
    assert code.say().said == f"with key ['OPENAI_API_KEY={STANDS_FOR_KEY}']"
    assert "sk-" not in STANDS_FOR_KEY
    assert {asked.headers.get("authorization") or asked.headers.get("Authorization") for asked in code.api.asked} == {
        f"Bearer {KEY}"
    }


def test_a_missing_package_is_named_with_what_to_install(code: Bench) -> None:
    code.holds("from guardrails.runtime import load_config_bundle\n" + SINGLE)
    told = code.say().errors[0]["message"]
    assert "openai-guardrails" in told
    assert "packages install openai-guardrails" in told


def test_an_import_error_is_told_with_file_and_line(code: Bench) -> None:
    code.write("\n\nfrom math import no_such_thing\n", "helpers.py")
    code.holds("import helpers\n" + SINGLE)
    assert "helpers.py can’t be loaded; error in line 3: ImportError" in code.say().errors[0]["message"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "agent.py contains no agent"),
        ("import sys\nsys.exit(3)", "line 2: SystemExit"),
        ("1/0", "line 1: ZeroDivisionError"),
        ("import os\nos.environ['MY_TOKEN']", "line 2: KeyError"),
    ],
)
def test_what_can_not_be_loaded_is_a_sentence(code: Bench, text: str, words: str) -> None:
    code.holds(text)
    assert words in code.say().errors[0]["message"]


# --- agents -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'from agents import Agent\nmine = Agent(name="Mine", model="gpt-4.1")',
        'from agents import Agent\ndef make_agent():\n    return Agent(name="Mine", model="gpt-4.1")',
        'from agents import Agent\nasync def create_agent():\n    return Agent(name="Mine", model="gpt-4.1")',
        'from agents import Agent\na = Agent(name="Other")\nmine = Agent(name="Mine", model="gpt-4.1", handoffs=[a])',
    ],
)
def test_an_agent_or_a_function_that_makes_one_answers(code: Bench, text: str) -> None:
    code.holds(text)
    code.api.answer(Answer(text="I am here."))
    heard = code.say()
    assert (heard.said, heard.errors) == ("I am here.", [])


def test_the_chat_so_far_goes_along_and_each_chat_is_its_own(code: Bench) -> None:
    code.holds(SINGLE)
    code.api.always(Answer(text="Noted."))
    first = code.say("My name is Ada")
    code.say("And now?", first.thread)
    asked = json.dumps(code.api.last.body["input"])
    assert "My name is Ada" in asked
    assert "Noted." in asked
    assert asked.count("And now?") == 1
    code.say("Who am I?")
    assert "Ada" not in json.dumps(code.api.last.body["input"])


def test_what_the_endpoint_searches_is_a_step(code: Bench) -> None:
    code.holds(SINGLE)
    code.api.answer(Answer(text="Found.", tools=(Tool("web_search", query="moon", sources=("https://a.example/x",)),)))
    heard = code.say()
    assert "Searched the web" in steps(heard)
    assert heard.said == "Found."


def test_a_refused_key_is_the_sentence_that_it_is_everywhere(code: Bench) -> None:
    code.holds(SINGLE)
    code.api.key = "sk-another-0123456789"
    heard = code.say()
    assert "key" in heard.errors[0]["message"]
    assert KEY not in json.dumps(heard.errors)
