"""The assistant against a model API over real HTTP with real SSE, through Responses and through Chat Completions."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, RunConfig, Runner
from chatkit.agents import AgentContext, simple_to_agent_input, stream_agent_response
from chatkit.server import ChatKitServer, StreamingResult
from chatkit.types import ThreadStreamEvent
from openai import AsyncOpenAI

from desktop.agents.chatkit.unfinished import incomplete_of
from desktop.agents.host import AgentHost
from desktop.agents.limits import Limits
from desktop.agents.models.names import DEFAULT_MODEL
from desktop.agents.store.ids import TurnIds
from desktop.agents.store.stores import Stores, open_stores
from desktop.keys.errors import KeyMissing
from desktop.settings.agents import AssistantAgent, AssistantTools, Endpoint
from tests.agents.chatkit.test_server import ME, Normal
from tests.agents.reference import ReferenceStore
from tests.agents.talk import FAST, Given, Heard, Json, Page, make_host, message, read, until
from tests.standins.models_api import HTML, KEY, PIXEL, Answer, ModelsApi, Tool, error

PROTOCOLS = ("responses", "chat_completions")
ALL_TOOLS = AssistantTools(
    web_search=True, code_interpreter=True, image_generation=True, vector_store_ids=["vs_standin1"]
)
QUICK = replace(FAST, stall=2.0)
"""For tests of silence alone."""


@pytest.fixture
def api() -> Iterator[ModelsApi]:
    with ModelsApi() as server:
        yield server


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class House:
    """An assistant at the stand-in. What it is can be changed between messages."""

    def __init__(self, api: ModelsApi, protocol: str, **host: Any) -> None:
        self.api = api
        self.given = Given(agents={}, endpoints={}, keys={api.base: KEY})
        self.endpoint("local", protocol)
        self.agent()
        self.titled: list[tuple[str, str]] = []
        self.host: AgentHost = make_host(self.given, **host)
        self.page = Page(self.host, "mine")

    def endpoint(self, name: str, protocol: str, *, needs_key: bool = True) -> None:
        self.given.endpoints[name] = Endpoint.model_validate(
            {"id": name, "base_url": self.api.base, "api": protocol, "needs_key": needs_key}
        )

    def agent(self, **settings: Any) -> None:
        self.given.agents["mine"] = AssistantAgent.model_validate({"id": "mine", "endpoint": "local", **settings})

    def asked(self) -> Json:
        """The body of the last model call."""
        return [asked.body for asked in self.api.asked if asked.path in ("/v1/responses", "/v1/chat/completions")][-1]


@pytest.fixture
def house(api: ModelsApi, protocol: str) -> Iterator[House]:
    made = House(api, protocol)
    yield made
    made.host.close(10)


@pytest.fixture
def responses(api: ModelsApi) -> Iterator[House]:
    """An assistant that speaks Responses."""
    made = House(api, "responses")
    yield made
    made.host.close(10)


# --- beside a plain server --------------------------------------------------------------------


class Plain(ChatKitServer[Any]):
    """The SDK's own recipe, with the same model and our ids (the store's last defence is not compared here)."""

    def __init__(self, api: ModelsApi, protocol: str) -> None:
        super().__init__(ReferenceStore())
        client = AsyncOpenAI(api_key=KEY, base_url=f"{api.base}/v1")
        kind = OpenAIResponsesModel if protocol == "responses" else OpenAIChatCompletionsModel
        self.client = client
        self.agent = Agent(name="plain", model=kind(DEFAULT_MODEL, client), model_settings=ModelSettings())

    async def respond(self, thread: Any, input_user_message: Any, context: Any) -> AsyncIterator[ThreadStreamEvent]:
        items = await self.store.load_thread_items(thread.id, None, 100, "asc", context)
        inner: AgentContext[Any] = AgentContext(thread=thread, store=self.store, request_context=context)
        result = Runner.run_streamed(
            self.agent,
            await simple_to_agent_input([items.data[-1]]),
            context=inner,
            run_config=RunConfig(tracing_disabled=True),
        )
        async for event in TurnIds().stream(stream_agent_response(inner, result)):
            yield event


async def plain_events(api: ModelsApi, protocol: str, body: str) -> list[Json]:
    server = Plain(api, protocol)
    result = await server.process(body, ME)
    assert isinstance(result, StreamingResult)
    events = [read(piece.decode()) async for piece in result]
    await server.client.close()
    return events


@pytest.mark.parametrize(
    "answer",
    [
        Answer("A plain answer in *markdown*.\n\n- one\n- two"),
        Answer("Thought about.", reasoning=("First this, then that.", "And that.")),
        Answer("👩‍👩‍👧‍👦 שלום עולם مرحبا é", pieces=("👩‍👩", "‍👧‍👦 ", "שלום ", "עולם مرحبا", " e\u0301")),
        Answer("A picture:", tools=(Tool("image_generation"),)),
    ],
    ids=["text", "reasoning", "scripts", "image"],
)
def test_an_answer_streams_what_a_plain_server_streams(house: House, protocol: str, answer: Answer) -> None:
    import json

    if answer.tools and protocol != "responses":
        pytest.skip("Chat Completions has no such tool")
    house.page.say("is it ready")
    house.given.titles = False
    house.api.answer(answer, answer)
    body = json.dumps({"type": "threads.create", "params": {"input": message("question")}})
    theirs = asyncio.run(plain_events(house.api, protocol, body))
    ours = house.page.say("question").events
    titled = [event for event in ours if event["type"] == "thread.updated"]
    assert [event["thread"]["title"] for event in titled] == ["question"]  # the first words, which is ours
    assert Normal()(_without_titles(ours)) == Normal()(_without_titles(theirs))


def _without_titles(events: list[Json]) -> list[Json]:
    return [event for event in events if event["type"] != "thread.updated"]


# --- answers ----------------------------------------------------------------------------------


def test_an_answer_is_streamed_kept_and_sent_back_with_the_next_message(house: House) -> None:
    heard = house.page.say("first question")
    assert heard.said == "You said: first question"
    house.page.say("second question", heard.thread)
    sent = str(house.asked())
    assert sent.index("first question") < sent.index("You said: first question") < sent.index("second question")
    assert house.page.answers(heard.thread) == ["You said: first question", "You said: second question"]


def test_ids_are_ours_and_never_twice(api: ModelsApi, protocol: str) -> None:
    house = House(api, protocol, open_stores=lambda: open_stores(None, None))
    thread = house.page.say("one").thread
    for word in ("two", "three"):
        heard = house.page.say(word, thread)
        streamed = heard.done("assistant_message")[0]["id"]
        assert house.page.items(thread)[-1]["id"] == streamed
    ids = [item["id"] for item in house.page.items(thread)]
    assert len(set(ids)) == len(ids) == 6
    assert all(re.fullmatch(r"msg_[0-9a-f]{24}", one) for one in ids)
    house.host.close(10)


def test_a_hundred_messages(responses: House) -> None:
    thread = responses.page.say("number 0").thread
    for number in range(1, 100):
        assert responses.page.say(f"number {number}", thread).errors == []
    assert responses.page.answers(thread) == [f"You said: number {number}" for number in range(100)]
    assert "number 50" in str(responses.asked()["input"])


def notices(heard: Heard) -> list[str]:
    return [str(event["message"]) for event in map(read, heard.pieces) if event["type"] == "notice"]


def test_the_end_of_a_model_is_said_thirty_days_ahead_and_once(responses: House) -> None:
    today = datetime.now(UTC).date()
    responses.api.ends = {
        "gpt-5.4-mini": (today + timedelta(days=29)).isoformat(),
        "gpt-4.1": (today + timedelta(days=60)).isoformat(),
    }
    responses.endpoint("openai", "responses")
    responses.agent(endpoint="openai", model="gpt-4.1")
    page = responses.page
    for _ in range(3):
        assert notices(page.say("Hello")) == [], "not so far ahead"
    responses.agent(endpoint="openai", model="gpt-5.4-mini")
    said = [one for _ in range(4) for one in notices(page.say("Hello"))]
    (sentence,) = said
    assert "gpt-5.4-mini is retired on" in sentence
    assert sum(asked.path == "/v1/models" for asked in responses.api.asked) == 1, "the list is asked for once"


def test_an_answer_of_a_megabyte(house: House) -> None:
    text = "0123456789abcdef" * 65_536
    house.api.answer(Answer(text), Answer(text, pieces=tuple(text[i : i + 256] for i in range(0, len(text), 256))))
    heard = house.page.say("at once")
    assert heard.said == text
    heard = house.page.say("in pieces", heard.thread)
    assert heard.said == text
    assert house.page.answers(heard.thread) == [text, text]


def test_a_slow_answer_comes_word_by_word(house: House) -> None:
    house.api.answer(Answer("one two three", hold_after=2))
    heard = house.page.begin("slowly")
    heard.until_said("one two ")
    assert not heard.ends
    house.api.release()
    house.page.read(heard)
    assert heard.said == "one two three"


def test_a_refusal_is_shown_and_kept_as_text(house: House) -> None:
    house.api.answer(Answer(refusal="That I will not do."))
    heard = house.page.say("do it")
    assert heard.errors == []
    assert house.page.answers(heard.thread) == ["That I will not do."]


def test_tools_become_steps_with_what_they_found(responses: House) -> None:
    responses.agent(tools=ALL_TOOLS)
    responses.api.answer(
        Answer(
            "Forty-two.",
            tools=(
                Tool("web_search", query="the answer", sources=("https://example.org/a", "https://example.org/a")),
                Tool("file_search", query="the answer", sources=("notes.pdf",)),
                Tool("code_interpreter", code="print(6 * 7)", output="42"),
            ),
        )
    )
    heard = responses.page.say("what is it")
    (workflow,) = heard.done("workflow")
    web, files, code = workflow["workflow"]["tasks"]
    assert (web["type"], web["title"], web["queries"]) == ("web_search", "Searched the web", ["the answer"])
    assert [source["url"] for source in web["sources"]] == ["https://example.org/a"]
    assert (files["type"], files["sources"][0]["filename"]) == ("file", "notes.pdf")
    assert (code["title"], code["content"]) == ("Ran code", "```python\nprint(6 * 7)\n```\n\n```\n42\n```")
    assert {task["status_indicator"] for task in (web, files, code)} == {"complete"}
    assert [item["type"] for item in responses.page.items(heard.thread)] == [
        *("user_message", "workflow", "assistant_message")
    ]


def test_a_step_is_shown_while_it_runs_and_before_the_answer(responses: House) -> None:
    responses.agent(tools=ALL_TOOLS)
    responses.api.answer(Answer("Found.", tools=(Tool("web_search", query="x"), Tool("web_search", query="y"))))
    heard = responses.page.say("search")
    steps = [kind for kind in heard.kinds if kind.startswith(("workflow", "thread.item"))]
    assert steps == [
        "thread.item.done",  # what was asked
        *("thread.item.added", "workflow.task.updated", "workflow.task.added", "workflow.task.updated"),
        *("thread.item.done", "thread.item.added", "thread.item.done"),
    ]
    begun = next(e["item"] for e in heard.events if e["type"] == "thread.item.added")
    assert begun["workflow"]["tasks"][0]["status_indicator"] == "loading"
    assert begun["workflow"]["tasks"][0]["title"] == "Searching the web"


def test_a_step_that_failed_says_so(responses: House) -> None:
    responses.agent(tools=ALL_TOOLS)
    responses.api.answer(Answer("Well.", tools=(Tool("code_interpreter", code="1 / 0", failed=True),)))
    (workflow,) = responses.page.say("calculate").done("workflow")
    assert workflow["workflow"]["tasks"][0]["title"] == "Running code failed"


def test_sources_are_annotations(responses: House) -> None:
    responses.api.answer(
        Answer(
            "As they say.",
            citations=(
                {
                    "type": "url_citation",
                    "url": "https://example.org/a",
                    "title": "A",
                    "start_index": 0,
                    "end_index": 3,
                },
                {"type": "file_citation", "file_id": "file-1", "filename": "notes.pdf", "index": 6},
            ),
        )
    )
    heard = responses.page.say("who says so")
    assert heard.errors == []
    (kept,) = heard.done("assistant_message")
    assert [a["source"]["type"] for a in kept["content"][0]["annotations"]] == ["url", "file"]
    assert heard.kinds.count("assistant_message.content_part.annotation_added") == 2


def test_the_sdk_still_refuses_its_own_annotations(api: ModelsApi) -> None:
    """When this fails, the workaround in `model_streams.spoken` can go."""
    import json

    citation = {"type": "url_citation", "url": "https://example.org", "title": "A", "start_index": 0, "end_index": 3}
    api.answer(Answer("As they say.", citations=(citation,)))
    body = json.dumps({"type": "threads.create", "params": {"input": message("x")}})
    events = asyncio.run(plain_events(api, "responses", body))
    assert events[-1]["type"] == "error"


def test_a_picture_is_shown_and_sent_back_while_it_is_the_last(responses: House) -> None:
    responses.agent(tools=ALL_TOOLS)
    responses.api.answer(Answer(tools=(Tool("image_generation"),)), Answer(tools=(Tool("image_generation"),)))
    heard = responses.page.say("draw")
    assert heard.errors == []
    assert heard.done("generated_image")[0]["image"]["url"].endswith(PIXEL)
    responses.page.say("again", heard.thread)
    responses.page.say("thanks", heard.thread)
    assert str(responses.asked()["input"]).count(PIXEL) == 1


def test_chat_completions_show_reasoning_as_thoughts_too(api: ModelsApi) -> None:
    house = House(api, "chat_completions")
    api.answer(Answer("So.", reasoning=("hm, let me see",)))
    heard = house.page.say("think")
    assert heard.errors == []
    assert heard.said == "So."
    house.host.close(10)


# --- what is asked of the model ---------------------------------------------------------------


def test_instructions_and_model_are_the_agent_s(house: House) -> None:
    house.agent(instructions="Speak in rhymes.", model="gpt-4.1")
    house.page.say("hello")
    assert house.asked()["model"] == "gpt-4.1"
    assert "Speak in rhymes." in str(house.asked().get("instructions") or house.asked()["messages"][0])


def test_without_a_model_the_default_is_asked_for(house: House) -> None:
    house.page.say("hello")
    assert house.asked()["model"] == DEFAULT_MODEL


def test_another_script_s_model_is_used_where_it_is_one_of_the_agent_s(house: House) -> None:
    house.agent(models=["gpt-4.1"])
    house.page.approves = False
    house.page.say("hello", model="gpt-4.1")
    assert house.asked()["model"] == "gpt-4.1"
    house.page.say("hello", model="gpt-not-offered")
    assert house.asked()["model"] == DEFAULT_MODEL


def test_our_own_page_may_ask_for_any_model_of_the_endpoint_but_for_no_name_without_end(house: House) -> None:
    house.agent(models=["gpt-5"])
    house.page.say("hello", model="gpt-4.1")
    assert house.asked()["model"] == "gpt-4.1"
    house.page.say("hello", model="m" * 201)
    assert house.asked()["model"] == DEFAULT_MODEL


def test_the_composer_s_tool_is_asked_for_where_the_agent_has_it(responses: House) -> None:
    responses.agent(tools=ALL_TOOLS)
    for name in ("web_search", "file_search", "code_interpreter", "image_generation"):
        responses.page.say("hello", tool_choice={"id": name})
        assert responses.asked()["tool_choice"] == {"type": name}
    assert [tool["type"] for tool in responses.asked()["tools"]] == [
        *("web_search", "file_search", "code_interpreter", "image_generation")
    ]
    responses.agent()
    responses.page.say("hello", tool_choice={"id": "web_search"})
    assert "tool_choice" not in responses.asked()
    assert not responses.asked().get("tools")


def test_a_retry_uses_the_message_s_own_choices(responses: House) -> None:
    responses.agent(models=["gpt-4.1"])
    heard = responses.page.say("hello", model="gpt-4.1")
    (said,) = heard.done("user_message")
    responses.page.stream("threads.retry_after_item", thread_id=heard.thread, item_id=said["id"])
    assert responses.asked()["model"] == "gpt-4.1"


def test_hosted_tools_are_left_out_of_chat_completions(api: ModelsApi) -> None:
    house = House(api, "chat_completions")
    house.agent(tools=ALL_TOOLS)
    assert house.page.say("hello").errors == []
    assert not house.asked().get("tools")
    house.host.close(10)


def test_temperature_goes_only_where_the_model_takes_it(responses: House) -> None:
    """At OpenAI a reasoning model takes none; what another endpoint's model takes, its owner knows."""
    responses.given.endpoints["openai"] = responses.given.endpoints["local"].model_copy(update={"id": "openai"})
    responses.agent(endpoint="openai", temperature=0.3, model="gpt-5.4-mini")
    responses.page.say("hello")
    assert "temperature" not in responses.asked()
    responses.agent(endpoint="openai", temperature=0.3, model="gpt-4.1")
    responses.page.say("hello")
    assert responses.asked()["temperature"] == 0.3
    responses.agent(temperature=0.3, model="gpt-5.4-mini")
    responses.page.say("hello")
    assert responses.asked()["temperature"] == 0.3


def test_reasoning_effort_and_summaries(responses: House) -> None:
    responses.given.endpoints["openai"] = responses.given.endpoints["local"].model_copy(update={"id": "openai"})
    responses.agent(endpoint="openai", reasoning_effort="low", model="gpt-5.4-mini")
    responses.page.say("hello")
    assert responses.asked()["reasoning"] == {"effort": "low", "summary": "auto"}
    responses.agent(endpoint="openai", model="gpt-4.1")
    responses.page.say("hello")
    assert "reasoning" not in responses.asked()


def test_openai_keeps_no_copy_of_the_chat(responses: House) -> None:
    responses.page.say("hello")
    assert responses.asked()["store"] is False


@pytest.mark.parametrize(
    ("param", "there"), [("reasoning.summary", "summary"), ("temperature", "temperature"), ("store", "store")]
)
def test_a_parameter_that_a_model_refuses_is_left_out_from_then_on(responses: House, param: str, there: str) -> None:
    responses.agent(temperature=0.3, reasoning_effort="low")
    refusal = error(f"Unsupported parameter: '{param}' is not supported with this model.", "unsupported", param=param)
    responses.api.answer(Answer(status=400, error=refusal))
    assert responses.page.say("hello").errors == []
    first, second = responses.api.calls("/v1/responses")
    assert there in str(first.body)
    assert f"'{there}'" not in str(second.body)
    responses.page.say("again")
    assert len(responses.api.calls("/v1/responses")) == 3


def test_a_refused_parameter_that_is_needed_is_told(responses: House) -> None:
    responses.api.answer(Answer(status=400, error=error("Invalid 'input'.", "invalid", param="input")))
    heard = responses.page.say("hello")
    assert "Invalid 'input'." in heard.errors[0]["message"]
    assert len(responses.api.calls("/v1/responses")) == 1


def test_the_history_that_is_sent_has_bounds_and_begins_with_a_question(responses: House) -> None:
    responses.given.message_limit = 500_000
    thread = responses.page.say("the very first").thread
    for number in range(3):
        responses.page.say(f"{number} " + "x" * 180_000, thread) if number else responses.page.say("small", thread)
    heard = responses.page.say("y" * 300_000, thread)
    assert heard.errors == []
    sent = responses.asked()["input"]
    assert "the very first" not in str(sent)
    assert sent[0]["role"] == "user"
    assert "y" * 300_000 in str(sent[-1])


def test_attachments_go_to_the_model(api: ModelsApi, protocol: str) -> None:
    import base64

    house = House(api, protocol, open_stores=lambda: open_stores(None, None))
    context = house.host.context("mine")
    picture = base64.b64decode(PIXEL)
    files = {"notes.txt": "a line of Müller’s notes".encode("cp1252"), "dot.png": picture}

    async def add(stores: Stores) -> list[str]:
        made: list[str] = []
        for name, data in files.items():
            kind = "image/png" if name.endswith("png") else "text/plain"
            made.append((await stores.attachments.add(name, kind, data, context)).id)  # type: ignore[union-attr]
        return made

    ids = house.host.call(add)
    heard = house.page.say("look at these", attachments=tuple(ids))
    assert heard.errors == []
    assert len(heard.done("user_message")[0]["attachments"]) == 2
    sent = str(house.asked())
    assert "a line of Müller’s notes" in sent
    assert f"data:image/png;base64,{PIXEL}" in sent
    house.host.close(10)


# --- failures ---------------------------------------------------------------------------------

BROKEN = {
    "dropped": (Answer("one two three", drop_after=2), "The connection to 127.0.0.1 was lost."),
    "reset": (Answer(pieces=("one ", "two ", "three"), pause=0.05, drop_after=2, reset=True), "was lost"),
    "malformed": (Answer("one two three", malformed_after=2), "can’t be read"),
    "failed": (Answer("one two three", fail_after=2, error=error("x", "server_error")), "is having problems"),
    "rate": (
        Answer("one two three", fail_after=2, error=error("slow down", "rate_limit_exceeded"), error_event=True),
        "is not accepting more requests",
    ),
    "other": (Answer("one two three", fail_after=2, error=error("the oven is cold", "cold")), "the oven is cold"),
    "context": (
        Answer("one two three", fail_after=2, error=error("too long", "context_length_exceeded")),
        "too long for the model",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_failure_in_the_middle_is_a_sentence_and_what_was_said_is_kept(house: House, name: str) -> None:
    answer, sentence = BROKEN[name]
    house.api.answer(answer)
    heard = house.page.say("hello")
    assert sentence in heard.errors[0]["message"]
    assert heard.kinds[-1] == "error"
    assert house.page.answers(heard.thread) == ["one two "]
    assert heard.done("assistant_message")[0]["content"][0]["text"] == "one two "


def test_after_a_failure_the_same_message_can_be_tried_again(house: House) -> None:
    house.api.answer(BROKEN["dropped"][0])
    heard = house.page.say("hello")
    assert heard.errors[0]["allow_retry"] is True
    (said,) = heard.done("user_message")
    again = house.page.stream("threads.retry_after_item", thread_id=heard.thread, item_id=said["id"])
    assert again.said == "You said: hello"
    assert house.page.answers(heard.thread) == ["You said: hello"]


REFUSED = {
    "key": (401, error("Incorrect API key provided: sk-abc***xyz.", "invalid_api_key"), "did not accept"),
    "rate": (429, error("slow down", "rate_limit_exceeded"), "requests"),
    "down": (500, error("it broke", None, "server_error"), "is having problems"),
    "context": (400, error("This model's maximum context length is 8 tokens.", "context_length_exceeded"), "too long"),
    "other": (400, error("The moon is full.", "full_moon"), "The moon is full."),
    "forbidden": (403, error("Your organization may not.", None), "Your organization may not."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_failure_before_an_answer_is_a_sentence_and_leaves_the_question(house: House, name: str) -> None:
    status, body, sentence = REFUSED[name]
    house.api.always(Answer(status=status, error=body, headers={"Retry-After": "0"}))
    heard = house.page.say("hello")
    assert sentence in heard.errors[0]["message"]
    assert [item["type"] for item in house.page.items(heard.thread)] == ["user_message"]


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_there_is_no_storm_of_retries(house: House, status: int) -> None:
    house.api.always(Answer(status=status, error=error("no"), headers={"Retry-After": "0"}))
    house.page.say("hello")
    assert len([asked for asked in house.api.asked if asked.method == "POST"]) <= 2


def test_sentences_speak_of_openai_only_at_openai(responses: House) -> None:
    refused = Answer(status=401, error=error("no", "invalid_api_key"))
    responses.api.answer(refused, refused)
    assert responses.page.say("hello").errors[0]["message"].startswith("127.0.0.1 did not accept the key.")
    responses.given.endpoints["openai"] = responses.given.endpoints["local"].model_copy(update={"id": "openai"})
    responses.agent(endpoint="openai")
    assert responses.page.say("hello").errors[0]["message"].startswith("OpenAI did not accept this key.")


def test_silence_has_a_sentence_of_its_own_and_what_was_said_is_kept(api: ModelsApi, protocol: str) -> None:
    house = House(api, protocol, limits=QUICK)
    house.page.say("is it ready")
    api.answer(Answer("one two three", hold_after=2))
    heard = house.page.say("hello")
    assert "has sent nothing for 2 s." in heard.errors[0]["message"]
    assert house.page.answers(heard.thread) == ["one two "]
    assert api.hung_up.wait(20)
    house.host.close(10)


def test_silence_before_the_first_byte_has_the_same_sentence(api: ModelsApi, protocol: str) -> None:
    house = House(api, protocol, limits=QUICK)
    house.page.say("is it ready")
    api.answer(Answer("late", wait=4.0))
    assert "has sent nothing for 2 s." in house.page.say("hello").errors[0]["message"]
    house.host.close(10)


def test_an_empty_answer_has_a_sentence(house: House) -> None:
    house.api.answer(Answer(""))
    heard = house.page.say("hello")
    assert "sent an empty answer" in heard.errors[0]["message"]
    assert heard.errors[0]["allow_retry"] is True


@pytest.mark.parametrize(
    ("wire", "reason", "sentence"),
    [
        ("max_output_tokens", "length", "reached the model’s limit"),
        ("length", "length", "reached the model’s limit"),
        ("content_filter", "content_filter", "content filter stopped"),
    ],
)
def test_an_answer_that_was_cut_off_is_kept_marked_and_says_why(
    house: House, wire: str, reason: str, sentence: str
) -> None:
    house.api.answer(Answer("one two", incomplete=wire))
    heard = house.page.say("hello")
    assert heard.errors == []
    assert house.page.answers(heard.thread) == ["one two"]
    (card,) = heard.done("widget")
    assert sentence in card["widget"]["children"][0]["value"]
    assert [item["type"] for item in house.page.items(heard.thread)] == ["user_message", "assistant_message", "widget"]
    assert [told for event in heard.events if (told := incomplete_of(event))] == [{"reason": reason}]


def test_an_answer_that_was_cut_off_goes_on_with_a_button(house: House) -> None:
    house.api.answer(Answer("one tw", incomplete="length"))
    heard = house.page.say("count")
    (card,) = heard.done("widget")
    house.api.answer(Answer("o three"))
    again = press(house.page, card)
    assert again.said == "o three"
    assert "exactly where it stopped" in str(house.asked())
    assert str(house.asked()).index("one tw") < str(house.asked()).index("exactly where it stopped")
    kept = house.page.items(heard.thread)
    assert "onClickAction" not in str(kept)
    house.page.say("and now", heard.thread)
    sent = str(house.asked())
    assert "one two three" in sent  # the model reads it as one answer
    assert "exactly where" not in sent
    assert "is incomplete" not in sent


def test_a_card_of_an_older_answer_does_not_go_on(house: House) -> None:
    house.api.answer(Answer("one tw", incomplete="length"))
    heard = house.page.say("count")
    house.page.say("never mind", heard.thread)
    before = len(house.api.asked)
    again = press(house.page, heard.done("widget")[0])
    assert len(house.api.asked) == before
    assert "The chat has moved on." in str(again.events)


def test_an_answer_that_ends_before_its_first_word_says_why(house: House) -> None:
    house.api.answer(Answer("", incomplete="length"))
    assert "reached the model’s limit" in house.page.say("hello").errors[0]["message"]


def test_what_a_broken_connection_left_can_be_continued(house: House) -> None:
    house.api.answer(BROKEN["dropped"][0])
    heard = house.page.say("count")
    assert len(heard.errors) == 1
    (card,) = heard.done("widget")
    assert card["widget"]["id"] == "cut.interrupted"
    house.api.answer(Answer("three"))
    assert press(house.page, card).said == "three"


def press(page: Page, card: Json) -> Heard:
    """The last button of a card."""
    button = card["widget"]["children"][-1]["children"][-1]
    return page.stream(
        "threads.custom_action", thread_id=card["thread_id"], item_id=card["id"], action=button["onClickAction"]
    )


def test_a_model_that_is_not_there_is_named_with_where_to_choose_another(house: House) -> None:
    house.agent(model="gpt-of-tomorrow")
    told = house.page.say("hello").errors[0]["message"]
    assert "does not offer the model gpt-of-tomorrow" in told
    assert "under Agents" in told


def test_a_key_without_the_default_model_hears_its_name(house: House) -> None:
    house.api.models.remove(DEFAULT_MODEL)
    assert DEFAULT_MODEL in house.page.say("hello").errors[0]["message"]


@pytest.mark.parametrize(
    "answer",
    [Answer(body=HTML, headers={"Content-Type": "text/html"}), Answer(body='{"hello": "world"}')],
    ids=["web page", "other json"],
)
def test_what_is_no_openai_server_is_told_so(house: House, answer: Answer) -> None:
    house.api.always(answer)
    assert "does not answer like an OpenAI-compatible endpoint" in house.page.say("hello").errors[0]["message"]


def test_nobody_at_the_address(house: House) -> None:
    house.page.say("is it ready")
    house.given.endpoints["local"] = house.given.endpoints["local"].model_copy(
        update={"base_url": "http://127.0.0.1:9", "needs_key": False}
    )
    assert "refused the connection" in house.page.say("hello").errors[0]["message"]


def test_a_missing_key_is_told_and_nothing_is_asked(house: House) -> None:
    house.given.keys.clear()
    heard = house.page.say("hello")
    assert heard.errors[0]["message"].startswith(f"There is no key for {house.api.base} yet.")
    assert house.api.asked == []
    assert KeyMissing.code == "key_missing"


def test_an_endpoint_that_needs_no_key_is_sent_none(house: House) -> None:
    protocol = house.given.endpoints["local"].api
    house.endpoint("local", protocol, needs_key=False)
    assert house.page.say("hello").errors == []
    assert "authorization" not in house.api.asked[-1].headers


def test_a_key_that_is_changed_holds_from_the_next_message_on(house: House) -> None:
    house.page.say("hello")
    house.given.keys[house.api.base] = "sk-another-0123456789"
    house.page.say("hello")
    assert house.api.asked[-1].headers["authorization"] == "Bearer sk-another-0123456789"


def test_checklist_07_the_key_is_in_no_event_log_or_database(
    api: ModelsApi, protocol: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level("INFO")
    house = House(api, protocol, open_stores=lambda: open_stores(tmp_path / "threads.sqlite", tmp_path / "files"))
    refusal = Answer(status=401, error=error(f"Incorrect API key provided: {KEY}.", "invalid_api_key"))
    repeated = Answer("one two", fail_after=1, error=error(f"The key {KEY} is broken.", "odd"))
    api.answer(Answer("fine"), refusal, repeated, BROKEN["dropped"][0])
    heard = [house.page.say(f"number {number}") for number in range(4)]
    house.host.close(10)
    assert len([one for one in heard if one.errors]) == 3
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"number 3" in kept
    for shape in (KEY, KEY[3:11]):
        assert shape not in str([one.events for one in heard])
        assert shape not in caplog.text
        assert shape.encode() not in kept
    assert "Traceback" not in str([one.events for one in heard])


# --- stop -------------------------------------------------------------------------------------


def test_stop_in_the_middle_of_a_word_reaches_the_model_and_keeps_the_beginning(house: House) -> None:
    house.api.answer(Answer(pieces=("Hel", "lo wor", "ld"), hold_after=2))
    heard = house.page.begin("greet")
    heard.until_said("Hello wor")
    house.host.cancel(heard.stream)
    assert house.api.hung_up.wait(20)
    heard.until(lambda: heard.ends == 1)
    assert house.page.answers(heard.thread) == ["Hello wor"]
    assert heard.errors == []


def test_after_a_stop_the_model_is_told_and_the_chat_goes_on(house: House) -> None:
    house.api.answer(Answer("one two three", hold_after=1))
    heard = house.page.begin("count")
    heard.until_said("one ")
    house.host.cancel(heard.stream)
    heard.until(lambda: heard.ends == 1)
    assert house.page.say("and now", heard.thread).said == "You said: and now"
    assert "cancelled the stream" in str(house.asked())


def test_stop_before_the_first_word(house: House) -> None:
    house.page.say("is it ready")
    house.api.answer(Answer("one", hold_after=0))
    heard = house.page.begin("count")
    assert house.api.holding.wait(20)
    house.host.cancel(heard.stream)
    assert house.api.hung_up.wait(20)
    heard.until(lambda: heard.ends == 1)
    assert [item["type"] for item in house.page.items(heard.thread)] == ["user_message"]


def test_closing_the_app_hangs_up_and_keeps_what_was_said(api: ModelsApi, protocol: str) -> None:
    store = ReferenceStore()
    house = House(api, protocol, open_stores=lambda: Stores(store, None, lambda: None))
    api.answer(Answer("one two three", hold_after=2))
    heard = house.page.begin("count")
    heard.until_said("one two ")
    house.host.close(10)
    assert api.hung_up.wait(20)
    again = Page(make_host(house.given, open_stores=lambda: Stores(store, None, lambda: None)), "mine")
    assert again.answers(heard.thread) == ["one two "]
    again.host.close(10)


def test_a_page_that_takes_nothing_stops_the_model(api: ModelsApi, protocol: str) -> None:
    house = House(api, protocol, limits=Limits(pieces=20, unread=0.4))
    house.page.say("is it ready")
    api.answer(Answer(pieces=tuple(f"{n} " for n in range(40)), hold_after=40))
    heard = house.page.begin("count")
    heard.until(lambda: heard.ends == 1)
    assert "stopped responding" in heard.errors[0]["message"]
    assert api.hung_up.wait(20)
    assert house.page.answers(heard.thread)[0].startswith("0 1 2 ")
    house.host.close(10)


def test_nothing_of_a_run_is_left_when_it_has_ended(house: House) -> None:
    house.api.answer(Answer("one two three", hold_after=1), BROKEN["dropped"][0])
    heard = house.page.begin("count")
    heard.until_said("one ")
    house.host.cancel(heard.stream)
    heard.until(lambda: heard.ends == 1)
    house.page.say("and fail")
    house.page.say("and go well")

    async def tasks(stores: Stores) -> list[str]:
        for _ in range(20):
            await asyncio.sleep(0.01)
        here = asyncio.current_task()
        return [str(task) for task in asyncio.all_tasks() if task is not here]

    assert house.host.call(tasks) == []


# --- titles -----------------------------------------------------------------------------------


class Titled:
    def __init__(self) -> None:
        self.told = threading.Event()
        self.which: list[tuple[str, str]] = []

    def __call__(self, agent_id: str, thread_id: str) -> None:
        self.which.append((agent_id, thread_id))
        self.told.set()


@pytest.fixture
def titled() -> Titled:
    return Titled()


@pytest.fixture
def titling(api: ModelsApi, protocol: str, titled: Titled) -> Iterator[House]:
    made = House(api, protocol, on_thread=titled)
    made.given.titles = True
    yield made
    made.host.close(10)


def title_of(page: Page, thread: str) -> Any:
    return page.ask("threads.get_by_id", thread_id=thread).get("title")


def test_a_title_is_made_beside_the_answer(titling: House, titled: Titled) -> None:
    titling.api.answer(Answer("Paris."), Answer("“The capital of France.”"))
    heard = titling.page.say("Which city is the capital of France, and since when?")
    assert titled.told.wait(20)
    assert titled.which == [("mine", heard.thread)]
    assert title_of(titling.page, heard.thread) == "The capital of France"


def test_a_title_has_no_thoughts_in_it(titling: House, titled: Titled) -> None:
    titling.api.answer(Answer("Paris."), Answer("<think>A title, hm.</think>\n\nThe capital of France"))
    heard = titling.page.say("Which city?")
    assert titled.told.wait(20)
    assert title_of(titling.page, heard.thread) == "The capital of France"


def test_a_title_never_holds_up_the_answer(titling: House, titled: Titled) -> None:
    titling.api.answer(Answer("Paris."), Answer("late title", wait=1.5))
    heard = titling.page.say("Which city?")
    assert heard.said == "Paris."
    assert not titled.told.is_set()
    assert titled.told.wait(20)
    assert title_of(titling.page, heard.thread) == "late title"


def test_a_title_that_comes_during_the_answer_is_told_in_the_stream(titling: House, titled: Titled) -> None:
    titling.api.answer(Answer("one two three", hold_after=1), Answer("Counting"))
    heard = titling.page.begin("count")
    assert titled.told.wait(20)
    titling.api.release()
    titling.page.read(heard)
    assert [e["thread"]["title"] for e in heard.events if e["type"] == "thread.updated"] == ["Counting"]


def test_a_title_that_fails_is_silent_and_the_first_words_stand(titling: House, titled: Titled) -> None:
    titling.api.answer(Answer("Paris."), *[Answer(status=500, error=error("no"))] * 2)
    heard = titling.page.say("Which city is it?")
    assert heard.errors == []
    assert titled.told.wait(20)
    assert title_of(titling.page, heard.thread) == "Which city is it?"


def test_a_title_that_a_person_gave_stays(titling: House) -> None:
    titling.api.answer(Answer("one two three", hold_after=1), Answer("Counting", wait=0.5))
    heard = titling.page.begin("count")
    heard.until_said("one ")
    titling.page.ask("threads.update", thread_id=heard.thread, title="Mine")
    titling.api.release()
    titling.page.read(heard)
    path = "/v1/responses" if titling.given.endpoints["local"].api == "responses" else "/v1/chat/completions"
    # The title is asked for beside the answer, which does not wait for it.
    until(lambda: len(titling.api.calls(path)) == 2)
    titling.page.say("and on", heard.thread)
    assert title_of(titling.page, heard.thread) == "Mine"


def test_a_later_message_asks_for_no_title_again(titling: House, titled: Titled) -> None:
    heard = titling.page.say("hello")
    assert titled.told.wait(20)
    before = len(titling.api.asked)
    titling.page.say("again", heard.thread)
    assert len(titling.api.asked) == before + 1


def test_without_titles_the_first_words_are_the_title_and_nothing_more_is_asked(house: House) -> None:
    heard = house.page.say("A question of some length that goes on and on until nobody remembers how it began")
    assert title_of(house.page, heard.thread) == "A question of some length that goes on and on until nobody…"
    assert len(house.api.asked) == 1


# --- dictation --------------------------------------------------------------------------------


def test_dictation_goes_to_the_model_for_it(house: House) -> None:
    house.given.transcription_model = "whisper-1"
    house.api.answer(Answer("what was spoken"))
    answer = house.page.ask("input.transcribe", audio_base64="AAAA", mime_type="audio/webm;codecs=opus")
    assert answer == {"text": "what was spoken"}
    asked = house.api.calls("/v1/audio/transcriptions")[-1]
    assert b"whisper-1" in asked.raw
