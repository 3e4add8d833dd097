"""What real exports that people have published do beyond the plain shapes: written anew, in the words of the export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop.agents.code.clients import STANDS_FOR_KEY
from tests.agents.code.bench import Bench, bench, forked
from tests.agents.code.test_exports import APPROVAL, CLASSIFIER, CLASSIFY, HEAD, NODE, RUN, SINGLE, body
from tests.standins.models_api import KEY, Answer

pytestmark = pytest.mark.slow

MODERN = (
    HEAD
    + APPROVAL
    + RUN
    + NODE
    + body("""
    approval_message = f"Please review {writer_result["output_text"]} for {workflow['input_as_text']}"

    if approval_request(approval_message):
        end_result = {
          "message": "It is on the way."
        }
        return end_result
    else:
        end_result = {
          "message": "What else?"
        }
        return end_result
""")
)


@pytest.mark.parametrize(("press", "end"), [("Approve", "It is on the way."), ("Reject", "What else?")])
def test_an_approval_quotes_an_output_and_the_end_node_has_the_last_word(code: Bench, press: str, end: str) -> None:
    code.holds(MODERN)
    code.api.answer(Answer(text="Once."))
    heard = code.say("Ada")
    assert "Please review Once. for Ada" in json.dumps(heard.done("widget"))
    code.press(heard, press)
    assert code.page.answers(heard.thread) == ["Once.", end]


def test_an_approval_without_a_message_says_what_it_is(code: Bench) -> None:
    code.holds(HEAD + APPROVAL + RUN + body('if not approval_request(""):\n  return {"output_text": "No."}'))
    assert "needs your approval to continue" in json.dumps(code.say().done("widget"))


def test_an_export_without_an_end_shows_what_its_last_agent_formed(code: Bench) -> None:
    code.holds(HEAD + CLASSIFIER + RUN + CLASSIFY)
    code.api.answer(Answer(text='{"category": "other"}'))
    (answer,) = code.page.answers(code.say().thread)
    assert json.loads(answer.removeprefix("```json\n").removesuffix("\n```")) == {"category": "other"}


def test_what_an_agent_formed_is_not_said_because_an_end_node_gives_it_back_alone(code: Bench) -> None:
    end = 'return {"category": classify_result["output_parsed"]["category"]}'
    code.holds(HEAD + CLASSIFIER + RUN + CLASSIFY + NODE + body(end))
    code.api.answer(Answer(text='{"category": "story"}'), Answer(text="A story."))
    assert code.page.answers(code.say().thread) == ["A story."]


CONTEXT = '''
from agents import CodeInterpreterTool, FileSearchTool, RunContextWrapper, WebSearchTool

file_search = FileSearchTool(
  vector_store_ids=[
    "vs_0123"
  ]
)
web_search_preview = WebSearchTool(
  search_context_size="medium",
  user_location={
    "type": "approximate"
  }
)
code_interpreter = CodeInterpreterTool(tool_config={
  "type": "code_interpreter",
  "container": {
    "type": "auto",
    "file_ids": []
  }
})
class WriterContext:
  def __init__(self, workflow_input_as_text: str):
    self.workflow_input_as_text = workflow_input_as_text
def writer_instructions(run_context: RunContextWrapper[WriterContext], _agent: Agent[WriterContext]):
  workflow_input_as_text = run_context.context.workflow_input_as_text
  return f"""Answer. User query: {workflow_input_as_text}"""
writer = Agent(
  name="Writer",
  instructions=writer_instructions,
  model="gpt-4.1",
  tools=[
    file_search,
    web_search_preview,
    code_interpreter
  ],
  model_settings=ModelSettings(
    store=True,
    reasoning=Reasoning(
      effort="low",
      summary="auto"
    )
  )
)


'''


def test_instructions_with_a_context_and_hosted_tools_reach_the_model(code: Bench) -> None:
    node = NODE.replace(
        "run_config=", 'context=WriterContext(workflow_input_as_text=workflow["input_as_text"]),\n      run_config='
    )
    code.holds(HEAD + CONTEXT + RUN + node)
    code.api.answer(Answer(text="Found."))
    assert code.say("Where?").said == "Found."
    asked = code.api.last.body
    assert asked["instructions"] == "Answer. User query: Where?"
    assert [tool["type"] for tool in asked["tools"]] == ["file_search", "web_search", "code_interpreter"]
    assert asked["reasoning"] == {"effort": "low", "summary": "auto"}


GUARDRAILS = """
from types import SimpleNamespace

def load_config_bundle(config):
    return config["guardrails"]

def instantiate_guardrails(bundle):
    return [one["name"] for one in bundle]

async def run_guardrails(ctx, text, kind, guardrails, suppress_tripwire=False, raise_guardrail_errors=False):
    asked = [{"role": "user", "content": text}]
    said = await ctx.guardrail_llm.chat.completions.create(model="gpt-4.1", messages=asked)
    tripped = said.choices[0].message.content == "bad"
    return [SimpleNamespace(tripwire_triggered=tripped, info={"guardrail_name": name}) for name in guardrails]
"""
GUARDED = """
from openai import AsyncOpenAI
from types import SimpleNamespace
from guardrails.runtime import load_config_bundle, instantiate_guardrails, run_guardrails

# Shared client for guardrails and file search
client = AsyncOpenAI()
ctx = SimpleNamespace(guardrail_llm=client)
config = {"guardrails": [{"name": "Jailbreak", "config": {"model": "gpt-4.1-mini"}}]}

"""
GUARD = body("""
    results = await run_guardrails(ctx, workflow["input_as_text"], "text/plain",
      instantiate_guardrails(load_config_bundle(config)), suppress_tripwire=True)
    if any(result.tripwire_triggered for result in results):
      return {"jailbreak": {"failed": True}}
""")


def test_a_guardrail_of_the_package_asks_with_the_apps_key_and_keeps_the_agent_from_answering(tmp_path: Path) -> None:
    package = tmp_path / "packages" / "guardrails"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "runtime.py").write_text(GUARDRAILS)
    with bench(tmp_path / "my_agent", packages=tmp_path / "packages", start=forked()) as code:
        code.holds(HEAD + GUARDED + RUN + GUARD + NODE)
        code.api.answer(Answer(text="fine"), Answer(text="Answered."), Answer(text="bad"))
        assert code.say().said == "Answered."
        stopped = code.say()
        assert [asked.path for asked in code.api.asked if asked.method == "POST"] == [
            "/v1/chat/completions",
            "/v1/responses",
            "/v1/chat/completions",
        ]
        assert '"failed": true' in stopped.said


def test_a_model_that_is_not_there_is_named(code: Bench) -> None:
    code.holds(SINGLE.replace("gpt-4.1", "gpt-0"))
    assert "asks for the model gpt-0, which" in code.say().errors[0]["message"]


def test_a_mistake_of_the_export_itself_is_told_with_its_line(code: Bench) -> None:
    stub = "\n\ndef get_rows(item: string,null, region: string,null):\n  pass\n"
    code.holds(HEAD + stub + RUN + NODE)
    line = HEAD.count("\n") + 3
    assert f"in line {line}: SyntaxError" in code.say().errors[0]["message"]


SEARCH = body("""
    filesearch_result = { "results": [
      {
        "id": result.file_id,
        "filename": result.filename,
      } for result in client.vector_stores.search(vector_store_id="vs_1", query="tea", max_num_results=10)
    ]}
    return {"output_text": filesearch_result["results"][0]["filename"]}
""")


def test_a_file_search_node_walks_through_what_its_client_finds(code: Bench) -> None:
    code.holds(HEAD + "from openai import AsyncOpenAI\nclient = AsyncOpenAI()\n" + RUN + SEARCH)
    assert code.say().said == "tea.md"
    (asked,) = [one for one in code.api.asked if one.method == "POST"]
    assert (asked.path, asked.body["query"]) == ("/v1/vector_stores/vs_1/search", "tea")


def test_a_workflow_goes_through_a_branch_without_a_node(code: Bench) -> None:
    code.holds(HEAD + RUN + NODE + body('if workflow["input_as_text"] == "hello":\n\nelse:'))
    code.api.answer(Answer(text="Written."))
    assert code.say().said == "Written."


def test_an_end_that_gives_back_the_question_repeats_it_to_nobody(code: Bench) -> None:
    code.holds(HEAD + APPROVAL + RUN + body('if not approval_request("Go on?"):\n  return workflow'))
    heard = code.say()
    code.press(heard, "Reject")
    assert code.page.answers(heard.thread) == []


@pytest.mark.parametrize("mistake", ['json.loads("it")', 'open("gone.txt")', 'raise TimeoutError("mine")'])
def test_a_failure_of_the_file_is_told_with_its_line_and_not_blamed_on_the_model(code: Bench, mistake: str) -> None:
    text = HEAD + "import json\n" + RUN + body(mistake)
    code.holds(text)
    line = text.splitlines().index(f"    {mistake}") + 1
    assert code.say().errors[0]["message"].startswith(f"agent.py failed on line {line}: ")


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("input_as_text: str", "input_as_text: str\n  order_number: int"),
        ("workflow_input: WorkflowInput", "workflow_input: WorkflowInput, order_number"),
    ],
)
def test_a_workflow_that_wants_more_than_a_text_says_what(code: Bench, wanted: str, given: str) -> None:
    code.holds(SINGLE.replace(wanted, given, 1))
    (told,) = code.say().errors
    assert told["message"].startswith("agent.py needs more than a message: order_number. ")


@pytest.mark.parametrize(
    "fields",
    ["input_as_text: str\n  tone: str = 'kind'\n  limit: int = 3", "question: str\n  limit: int = 3\n  tone: str = ''"],
)
def test_further_inputs_take_their_defaults(code: Bench, fields: str) -> None:
    text = SINGLE.replace("input_as_text: str", fields, 1)
    name = fields.partition(":")[0]
    code.holds(text.replace('workflow["input_as_text"]', f'workflow["{name}"]'))
    assert code.say("Tea").said == "You said: Tea"


LOOKS = """
import os
from openai import AsyncOpenAI

key = os.getenv("OPENAI_API_KEY")
if not key:
  raise ValueError("OPENAI_API_KEY is not set")
os.environ["OPENAI_API_KEY"] = key
client = AsyncOpenAI(api_key=os.environ["OPENAI_API_KEY"])
"""


def test_checklist_07_a_file_that_looks_for_a_key_in_its_environment_finds_a_word_that_stands_for_it(
    code: Bench,
) -> None:
    asks = body('models = [one.id async for one in client.models.list()]\nprint("found", key)\n')
    code.holds(HEAD + LOOKS + RUN + asks + NODE + body('return {"output_text": f"{key} {len(models)}"}'))
    code.api.answer(Answer(text="Written."))
    heard = code.say()
    assert heard.errors == []
    assert code.page.answers(heard.thread) == ["Written.", f"{STANDS_FOR_KEY} {len(code.api.models)}"]
    assert {asked.headers["authorization"] for asked in code.api.asked} == {f"Bearer {KEY}"}


ODD = {
    "a plain function that runs a loop of its own": (
        "import asyncio\nasync def inner():\n  return 'In.'\ndef run_workflow(given):\n  return asyncio.run(inner())",
        "In.",
    ),
    "half a character": ("async def run_workflow(given):\n  return 'a\\ud800b'", "a?b"),
    "a value that holds itself": (
        "async def run_workflow(given):\n  a = []\n  a.append(a)\n  return a",
        "```json\n(list)\n```",
    ),
}


@pytest.mark.parametrize(("text", "said"), ODD.values(), ids=ODD)
def test_odd_ends_are_answers(code: Bench, text: str, said: str) -> None:
    code.holds(text)
    heard = code.say()
    assert (heard.said, heard.errors) == (said, [])


BAD_ENDS = {
    "a book": ("async def run_workflow(given):\n  return 'x' * 30_000_000", "more than a chat can hold"),
    "a cancellation of its own": (
        "import asyncio\nasync def run_workflow(given):\n  raise asyncio.CancelledError",
        "failed on line 3: CancelledError",
    ),
    "an error that can not say what it is": (
        "class E(Exception):\n  def __str__(self):\n    raise ValueError\nasync def run_workflow(given):\n  raise E",
        "failed on line 5: E",
    ),
    "what is no message": (
        "import json\njson.dumps = lambda *given, **named: 'no'\nasync def run_workflow(given):\n  return 'x'",
        "it sent something the app can’t read",
    ),
}


@pytest.mark.parametrize(("text", "words"), BAD_ENDS.values(), ids=BAD_ENDS)
def test_bad_ends_are_told_as_what_they_are(code: Bench, text: str, words: str) -> None:
    code.holds(text)
    (told,) = code.say().errors
    assert words in told["message"]
