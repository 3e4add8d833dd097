"""The assistant at model servers with habits of their own, over real HTTP, through both protocols."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from desktop.agents.chatkit.unfinished import incomplete_of
from desktop.agents.host import AgentHost
from desktop.settings.agents import AssistantAgent, Endpoint
from tests.agents.talk import Given, Heard, Json, Page, make_host
from tests.standins.habits import Habits, Reply, chat, chunk, responses, sse

SAID = "Hello you"


class House:
    """Assistants at one server of habits: `chat` and `responses`."""

    def __init__(self, server: Habits) -> None:
        self.server = server
        self.given = Given(agents={}, endpoints={}, keys={server.base: "plain-secret-of-no-shape"})
        for name in ("chat", "responses"):
            api = "chat_completions" if name == "chat" else name
            self.given.endpoints[name] = Endpoint.model_validate(
                {"id": name, "base_url": server.base, "api": api, "needs_key": True}
            )
            self.given.agents[name] = AssistantAgent(id=name, endpoint=name, model="m")
        self.host: AgentHost = make_host(self.given)

    def say(self, reply: Reply | str, agent: str = "chat") -> Heard:
        self.server.answer(reply if isinstance(reply, Reply) else Reply(reply))
        return Page(self.host, agent).say("hello")


@pytest.fixture(scope="module")
def server() -> Iterator[Habits]:
    with Habits() as made:
        yield made


@pytest.fixture(scope="module")
def house(server: Habits) -> Iterator[House]:
    made = House(server)
    yield made
    made.host.close(10)


def thoughts(heard: Heard) -> str:
    """What the steps of an answer say that was thought."""
    found = [task for item in heard.done("workflow") for task in item["workflow"]["tasks"] if task["type"] == "thought"]
    return "".join(task["content"] for task in found)


def incomplete(heard: Heard) -> list[dict[str, str]]:
    return [told for event in heard.events if (told := incomplete_of(event))]


def one(delta: Json, **more: Any) -> str:
    return f"data: {json.dumps({**chunk(delta), **more})}\n\n"


def bare(**choice: Any) -> str:
    return f"data: {json.dumps({'choices': [choice]})}\n\n"


HELLO = ({"role": "assistant", "content": "Hello "}, {"content": "you"})
PLAIN = chat(*HELLO)
WHOLE = {
    "id": "c",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}],
}

USAGE = '{"usage": {"prompt_tokens": "1", "total_tokens": null}}'
LINES = "\n".join(json.dumps(event) for event in (chunk(HELLO[0]), chunk(HELLO[1], "stop")))
OLLAMA = (
    '{"model":"m","message":{"role":"assistant","content":"Hello you"},"done":false}\n'
    '{"message":{"content":""},"done":true,"done_reason":"stop"}\n'
)
CHAT: dict[str, Reply | str] = {
    "as OpenAI writes it": PLAIN,
    "content as a list": chat({"content": [{"type": "text", "text": "Hello "}]}, {"content": [{"text": "you"}]}),
    "retry and empty data": "retry: 3000\n\ndata:\n\n: ping\n\ndata: \n\n" + PLAIN,
    "carriage returns": PLAIN.replace("\n", "\r\n"),
    "old carriage returns": PLAIN.replace("\n", "\r"),
    "no blank lines": PLAIN.replace("\n\n", "\n"),
    "a byte order mark": "\ufeff" + PLAIN,
    "no [DONE]": chat(*HELLO, done=False),
    "no finish reason": chat(*HELLO, finish=None),
    "no space after data": PLAIN.replace("data: ", "data:"),
    "data twice": PLAIN.replace("data: {", "data: data: {"),
    "one JSON": Reply(json.dumps(WHOLE), kind="application/json"),
    "one JSON over many lines": Reply(json.dumps(WHOLE, indent=2), kind="text/plain"),
    "lines of JSON": Reply(LINES, kind="application/x-ndjson"),
    "no content type": Reply(PLAIN, kind=None),
    "another content type": Reply(PLAIN, kind="application/octet-stream"),
    "SSE said to be JSON": Reply(PLAIN, kind="application/json"),
    "one JSON said to be SSE": json.dumps(WHOLE),
    "no index": bare(delta={"content": SAID}) + bare(delta={}, finish_reason="stop"),
    "an index as text": bare(index="0", delta={"content": SAID}, finish_reason="stop"),
    "two choices": f"data: {json.dumps({'choices': [{'index': 1, 'delta': {'content': 'no'}}]})}\n\n" + PLAIN,
    "choices null": 'data: {"choices": null}\n\n' + PLAIN,
    "choices empty": 'data: {"choices": [], "prompt_filter_results": []}\n\n' + PLAIN,
    "usage alone": PLAIN.replace("data: [DONE]", f"data: {USAGE}\n\ndata: [DONE]"),
    "usage null": chat(*HELLO).replace('"model": "m"', '"model": "m", "usage": null'),
    "a whole message": bare(index=0, message={"role": "assistant", "content": SAID}, finish_reason="stop"),
    "a whole message at the end": one(HELLO[0]) + one(HELLO[1]) + bare(message={"content": SAID}, finish_reason="stop"),
    "content null": chat({"role": "assistant", "content": None}, *HELLO),
    "no role": chat({"content": "Hello "}, {"content": "you"}),
    "delta null": bare(index=0, delta=None) + PLAIN,
    "two in one line": f"data: {json.dumps(chunk(HELLO[0]))}{json.dumps(chunk(HELLO[1], 'stop'))}\n\n",
    "a name for every event": PLAIN.replace("data: {", "event: message\nid: 7\ndata: {"),
    "numbers as text": one({"content": SAID}, created="1700000000", id=7) + bare(delta={}, finish_reason="stop"),
    "unknown events": 'event: ping\ndata: {"type": "ping"}\n\n' + PLAIN + 'data: {"type": "bye"}\n\n',
    "NUL and space": "\n\n \x00\n" + PLAIN,
    "text of the protocol before": bare(index=0, text=SAID, finish_reason="stop"),
    "Ollama's own": OLLAMA,
}  # fmt: skip


@pytest.mark.parametrize("name", CHAT)
def test_chat_completions_of_any_habit_are_read(house: House, name: str) -> None:
    heard = house.say(CHAT[name])
    assert heard.errors == []
    assert heard.said == SAID
    assert incomplete(heard) == []


def test_bytes_that_are_no_letters_are_replaced_and_halves_of_letters_joined(house: House) -> None:
    pieces = [one({"content": "a"}).encode().replace(b'"a"', b'"a\xff"'), one({"content": "\ud83d"}).encode()]
    heard = house.say(Reply([*pieces, one({"content": "\ude42"}).encode(), bare(finish_reason="stop").encode()]))
    assert heard.said == "a\ufffd🙂"


def test_a_stream_in_single_bytes_is_read(house: House) -> None:
    data = chat({"content": "é🙂"}, {"content": "<think>no</think>"}).encode()
    assert house.say(Reply([data[at : at + 1] for at in range(len(data))])).said.startswith("é🙂")


WITHOUT: dict[str, list[str]] = {
    "sequence_number": ["sequence_number"],
    "item_id": ["item_id", "sequence_number"],
    "output_index": ["output_index"],
    "annotations": ["annotations", "logprobs"],
    "ids": ["id", "item_id"],
    "created_at": ["created_at", "model", "tools"],
    "status": ["status"],
    "nearly everything": [
        "id",
        "item_id",
        "output_index",
        "content_index",
        "sequence_number",
        "annotations",
        "logprobs",
    ],
}


def less(value: Any, names: list[str]) -> Any:
    """JSON without the fields of these names."""
    if isinstance(value, list):
        return [less(one, names) for one in value]
    if isinstance(value, dict):
        return {name: less(one, names) for name, one in value.items() if name not in names}
    return value


@pytest.mark.parametrize("name", WITHOUT)
def test_responses_without_what_is_not_needed_are_read(house: House, name: str) -> None:
    """llama.cpp leaves out `annotations`, others ids and numbers."""
    heard = house.say(sse(less(responses(SAID), WITHOUT[name])), "responses")
    assert heard.errors == []
    assert heard.said == SAID
    assert [item["content"][0]["text"] for item in heard.done("assistant_message")] == [SAID]
    assert incomplete(heard) == []


EVENTS = responses(SAID)
RESPONSES: dict[str, Reply | str] = {
    "as OpenAI writes it": sse(EVENTS, named=True),
    "types in the name alone": "".join(
        f"event: {e['type']}\ndata: {json.dumps({**e, 'type': None})}\n\n" for e in EVENTS
    ),
    "deltas alone": sse([EVENTS[3]]) + "data: [DONE]\n\n",
    "no delta": sse([event for event in EVENTS if not event["type"].endswith("delta")]),
    "the end alone": sse([EVENTS[-1]]),
    "one JSON": Reply(json.dumps(EVENTS[-1]["response"]), kind="application/json"),
    "an empty output at the end": sse([*EVENTS[:-1], {**EVENTS[-1], "response": {"output": []}}]),
    "unknown events": sse([{"type": "response.of_tomorrow", "x": 1}, {"type": "keepalive"}, *EVENTS]),
    "no blank lines": sse(EVENTS, named=True).replace("\n\n", "\n"),
    "content as text": sse([{**EVENTS[-1], "response": {"output": [{"type": "message", "content": SAID}]}}]),
    "numbers as text": sse(EVENTS).replace('"created_at": 1', '"created_at": "1"').replace('index": 0', 'index": "0"'),
}


@pytest.mark.parametrize("name", RESPONSES)
def test_responses_of_any_habit_are_read(house: House, name: str) -> None:
    heard = house.say(RESPONSES[name], "responses")
    assert heard.errors == []
    assert heard.said == SAID
    assert incomplete(heard) == []


# --- reasoning ----------------------------------------------------------------------------------

THOUGHT = {
    "reasoning_content": chat({"reasoning_content": "Hm, "}, {"reasoning_content": "so."}, *HELLO),
    "reasoning": chat({"reasoning": "Hm, so."}, *HELLO),
    "reasoning_details": chat({"reasoning_details": [{"type": "reasoning.text", "text": "Hm, so."}]}, *HELLO),
    "two names for the same": chat(
        {"reasoning": "Hm, so.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm, so."}]}, *HELLO
    ),
    "Mistral's parts": chat(
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm, so."}]}]},
        {"content": [{"type": "text", "text": SAID}]},
    ),
    "tags": chat({"content": "<thi"}, {"content": "nk>Hm, so.</th"}, {"content": "ink>\n\nHello you"}),
    "Gemini's tags": chat({"content": "<thought>Hm, so."}, {"content": "</thought>Hello you"}),
    "harmony": chat(
        {"content": "<|channel|>analysis<|message|>Hm, so.<|end|><|start|>assistant<|channel|>fin"},
        {"content": "al<|message|>Hello you<|return|>"},
    ),
    "a message with tags": json.dumps({"choices": [{"message": {"content": "<think>Hm, so.</think>Hello you"}}]}),
}


@pytest.mark.parametrize("name", THOUGHT)
def test_reasoning_stands_apart_from_the_answer(house: House, name: str) -> None:
    heard = house.say(THOUGHT[name])
    assert heard.errors == []
    assert (thoughts(heard), heard.said) == ("Hm, so.", SAID)


REASONED = {
    "tags": sse(responses("<think>Hm, so.</think>\n\nHello you")),
    "reasoning_text": sse(
        [
            {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs"}},
            {"type": "response.reasoning_text.delta", "item_id": "rs", "content_index": 0, "delta": "Hm, "},
            {"type": "response.reasoning_text.delta", "item_id": "rs", "content_index": 0, "delta": "so."},
            {"type": "response.reasoning_text.done", "item_id": "rs", "content_index": 0, "text": "Hm, so."},
            *responses(SAID)[1:],
        ]
    ),
    "reasoning that nobody announced": sse(
        [{"type": "response.reasoning_summary_text.delta", "delta": "Hm, so."}, *responses(SAID)]
    ),
}


@pytest.mark.parametrize("name", REASONED)
def test_reasoning_of_responses_stands_apart_from_the_answer(house: House, name: str) -> None:
    heard = house.say(REASONED[name], "responses")
    assert heard.errors == []
    assert (thoughts(heard), heard.said) == ("Hm, so.", SAID)


@pytest.mark.parametrize("agent", ["chat", "responses"])
def test_tags_in_a_block_of_code_are_said(house: House, agent: str) -> None:
    text = "It writes:\n\n```\n<think>\nHm\n</think>\nHello\n```\n"
    heard = house.say(chat({"content": text}) if agent == "chat" else sse(responses(text)), agent)
    assert (thoughts(heard), heard.said) == ("", text)


def test_reasoning_in_the_middle_of_an_answer_is_a_step_too(house: House) -> None:
    heard = house.say(chat({"content": "One.\n"}, {"content": "<think>Hm.</think>"}, {"content": "Two."}))
    assert (thoughts(heard), heard.said) == ("Hm.", "One.\nTwo.")
    heard = house.say(chat({"content": "<think>First.</think>One.\n"}, {"content": "<think>Hm.</think>Two."}))
    assert (thoughts(heard), heard.said) == ("First.Hm.", "One.\nTwo.")


# --- what ends too early ------------------------------------------------------------------------

CUT: dict[str, tuple[Reply | str, str, str]] = {
    "length": (chat(*HELLO, finish="length"), "chat", "length"),
    "Anthropic's length": (chat(*HELLO, finish="max_tokens"), "chat", "length"),
    "Google's length": (chat(*HELLO, finish="MAX_TOKENS"), "chat", "length"),
    "a filter": (chat(*HELLO, finish="content_filter"), "chat", "content_filter"),
    "Google's filter": (chat(*HELLO, finish="SAFETY"), "chat", "content_filter"),
    "an error": (chat(*HELLO, finish="error"), "chat", "error"),
    "an end without an end": (chat(*HELLO, finish=None, done=False), "chat", "interrupted"),
    "an end in an event": (chat(*HELLO, finish=None, done=False) + 'data: {"choi', "chat", "interrupted"),
    "one JSON": (json.dumps(WHOLE).replace('"stop"', '"length"'), "chat", "length"),
    "incomplete": (sse(responses(SAID, status="incomplete")), "responses", "interrupted"),
    "incomplete for its length": (
        sse(responses(SAID, status="incomplete")).replace(
            '"incomplete_details": null', '"incomplete_details": {"reason": "max_output_tokens"}'
        ),
        "responses",
        "length",
    ),
    "no end": (sse(responses(SAID, done=False)), "responses", "interrupted"),
}


@pytest.mark.parametrize("name", CUT)
def test_an_answer_that_is_not_all_there_is_is_kept_and_marked(house: House, name: str) -> None:
    reply, agent, reason = CUT[name]
    heard = house.say(reply, agent)
    assert heard.errors == []
    assert heard.said == SAID
    assert incomplete(heard) == [{"reason": reason}]


# --- the server's own words ---------------------------------------------------------------------

WORDS = "model requires more system memory (8.4 GiB) than is available"
BODIES: dict[str, Any] = {
    "OpenAI's": {"error": {"message": WORDS, "type": "api_error", "code": None}},
    "a text": {"error": WORDS},
    "Google's list": [{"error": {"code": 400, "message": WORDS, "status": "INVALID_ARGUMENT"}}],
    "a detail": {"detail": WORDS},
    "FastAPI's list": {"detail": [{"loc": ["body", "model"], "msg": WORDS, "type": "value_error"}]},
    "a message": {"message": WORDS},
    "vLLM's": {"object": "error", "message": WORDS, "type": "BadRequestError", "code": 400},
    "errors": {"errors": [{"message": WORDS}]},
    "errors as texts": {"errors": [WORDS]},
    "JSON in text": {"error": {"message": json.dumps({"error": {"message": WORDS}})}},
    "a provider's": {"error": {"message": "Provider returned error", "metadata": {"raw": WORDS}}},
}


@pytest.mark.parametrize("agent", ["chat", "responses"])
@pytest.mark.parametrize("status", [400, 404, 422, 500, 503, 200])
@pytest.mark.parametrize("name", ["OpenAI's", "a text", "FastAPI's list", "vLLM's"])
def test_the_servers_own_words_stand_in_the_sentence(house: House, name: str, status: int, agent: str) -> None:
    house.server.always = Reply(json.dumps(BODIES[name]), status, "application/json", {"Retry-After": "0"})
    told = Page(house.host, agent).say("hello").errors[0]["message"]
    house.server.always = None
    assert WORDS in told
    assert "/v1" not in told


@pytest.mark.parametrize("name", BODIES)
def test_words_are_found_in_any_shape_also_in_the_middle(house: House, name: str) -> None:
    before = house.say(Reply(json.dumps(BODIES[name]), 400, "application/json"))
    assert WORDS in before.errors[0]["message"]
    within = house.say(chat(*HELLO, finish=None, done=False) + f"data: {json.dumps(BODIES[name])}\n\n")
    assert WORDS in within.errors[0]["message"]
    assert within.said == SAID
    assert incomplete(within) == [{"reason": "error"}]
    named = sse(responses(SAID)[:4]) + f"event: error\ndata: {json.dumps(BODIES[name])}\n\n"
    heard = house.say(named, "responses")
    assert WORDS in heard.errors[0]["message"]
    assert heard.said == SAID


PAGE = "<html><head><title>No room &amp; no light</title></head></html>"
UGLY = f"\x1b[31mbad\u202e \x00key plain-secret-of-no-shape\x1b[0m{'x' * 900}"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(WORDS, 400, "text/plain"), WORDS),
        (Reply(WORDS, 200, "text/plain"), WORDS),
        (Reply(PAGE, 403, "text/html"), "No room & no light"),
        (Reply(f"event: error\ndata: {WORDS}\n\n"), WORDS),
        (Reply(json.dumps({"error": UGLY}), 400), "bad key …"),
    ],
    ids=["plain text", "plain text as an answer", "a page's title", "an event of words", "made plain and short"],
)  # fmt: skip
def test_words_that_are_no_json_are_told_too(house: House, reply: Reply, words: str) -> None:
    told = house.say(reply).errors[0]["message"]
    assert words in told
    assert "plain-secret" not in told
    assert len(told) < 600


def test_where_nothing_is_known_the_address_is_what_to_check(house: House) -> None:
    house.server.always = Reply('{"detail":"Not Found"}', 404, "application/json")
    heard = Page(house.host, "chat").say("hello")
    house.server.always = None
    assert "does not answer like an OpenAI-compatible endpoint" in heard.errors[0]["message"]


def test_a_request_that_is_too_large_is_not_told_to_wait(house: House) -> None:
    body = {"error": {"message": "Request too large for model: limit 6000", "code": "rate_limit_exceeded"}}
    heard = house.say(Reply(json.dumps(body), 413, "application/json"))
    told = heard.errors[0]
    assert "too large" in told["message"]
    assert "limit 6000" in told["message"]
    assert "Waiting won’t help." in told["message"]
    assert told["allow_retry"] is False


# --- what is asked ------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", ["chat", "responses"])
def test_plain_text_is_sent_as_a_string(house: House, agent: str) -> None:
    house.say(PLAIN if agent == "chat" else sse(EVENTS), agent)
    asked = house.server.asked[-1]
    assert [item["content"] for item in asked.get("messages", asked.get("input"))] == ["hello"]


REFUSALS = {
    "by param": ({"error": {"message": "no", "param": "temperature"}}, 400),
    "by its name in words": ({"error": {"message": "Unsupported parameter: 'temperature' is not supported."}}, 400),
    "without quotes": ({"detail": "temperature is not supported with this model"}, 400),
    "by FastAPI's place": ({"detail": [{"loc": ["body", "temperature"], "msg": "extra fields not permitted"}]}, 422),
    "by Python": ({"error": "create() got an unexpected keyword argument 'temperature'"}, 500),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_parameter_that_is_refused_is_left_out_and_remembered(name: str) -> None:
    body, status = REFUSALS[name]
    with Habits() as server:
        house = House(server)
        house.given.agents["chat"] = AssistantAgent(id="chat", endpoint="chat", model="m", temperature=0.5)
        server.refuses["temperature"] = Reply(json.dumps(body), status, "application/json")
        assert house.say(PLAIN).said == SAID
        assert ["temperature" in asked for asked in server.asked] == [True, False]
        assert house.say(PLAIN).said == SAID
        assert len(server.asked) == 3
        house.host.close(10)


def test_a_stale_connection_is_replaced_where_nothing_was_answered(house: House) -> None:
    house.say(Reply(PLAIN, closes_after=True))
    before = len(house.server.asked)
    assert house.say(PLAIN).said == SAID
    house.server.answer(Reply(unanswered=True))
    assert house.say(PLAIN).said == SAID
    assert len(house.server.asked) == before + 3


def test_an_answer_that_broke_in_the_middle_is_not_asked_again(house: House) -> None:
    before = len(house.server.asked)
    heard = house.say(Reply(chat(*HELLO, finish=None, done=False), reset=True))
    assert heard.said == SAID
    assert len(heard.errors) == 1
    assert incomplete(heard) == [{"reason": "interrupted"}]
    assert len(house.server.asked) == before + 1
