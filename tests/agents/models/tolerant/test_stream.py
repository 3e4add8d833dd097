"""Streams of model servers made into OpenAI's own, byte for byte and however they are cut; beside a plain oracle."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.agents.models.tolerant.stream import Protocol, Stream, Whole, whole
from tests.standins.habits import chat, chunk, response, responses, sse

Json = dict[str, Any]


def made(
    protocol: Protocol, data: bytes, cuts: list[int] | None = None, names: set[str] | None = None
) -> tuple[Stream, bytes]:
    """The stream after `data`, cut at `cuts`, and what came out."""
    stream = Stream(protocol, lambda: names or set())
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    out = b"".join(stream.feed(data[begin:end]) for begin, end in pairwise(places))
    return stream, out + stream.finish()


def events(out: bytes) -> list[Json]:
    """What came out, read as strictly as the SSE standard and JSON have it."""
    found = []
    for block in out.decode().split("\n\n"):
        if block and block != "data: [DONE]":
            assert block.startswith("data: ")
            assert "\n" not in block
            found.append(json.loads(block[6:]))
    return found


def answer(protocol: Protocol, data: bytes | str, cuts: list[int] | None = None, names: set[str] | None = None) -> Json:
    """{said, thought, calls, reason, error} of a stream, by a reader that knows OpenAI's shape alone."""
    stream, out = made(protocol, data.encode() if isinstance(data, str) else data, cuts, names)
    told: Json = {"said": "", "thought": "", "calls": {}, "reason": stream.reason, "error": None}
    for event in events(out):
        if "error" in event or event.get("type") == "error":
            told["error"] = (event.get("error") or event)["message"]
        elif protocol == "chat":
            assert event["object"] == "chat.completion.chunk"
            for choice in event["choices"]:
                assert choice["index"] == 0
                told["said"] += choice["delta"].get("content") or ""
                told["thought"] += choice["delta"].get("reasoning_content") or ""
                for call in choice["delta"].get("tool_calls", ()):
                    assert call["id"]
                    kept = told["calls"].setdefault(call["index"], ["", ""])
                    kept[0] += call["function"].get("name", "")
                    kept[1] += call["function"]["arguments"]
        elif event["type"] == "response.output_text.delta":
            told["said"] += event["delta"]
        elif event["type"] == "response.reasoning_summary_text.delta":
            told["thought"] += event["delta"]
        elif event["type"] == "response.output_item.done" and event["item"]["type"] == "function_call":
            assert event["item"]["call_id"]
            told["calls"][len(told["calls"])] = [event["item"]["name"], event["item"]["arguments"]]
    told["calls"] = [(name, json.loads(arguments)) for name, arguments in told["calls"].values()]
    return told


def call(name: str | None = None, arguments: Any = None, **more: Any) -> Json:
    return {"function": {"name": name, "arguments": arguments}, **more}


ONE = [("look", {"a": 1})]
TWO = [("look", {"a": 1}), ("tell", {"b": 2})]
LOOK, TELL = '{"a": 1}', '{"b": 2}'
CALLS: dict[str, tuple[list[list[Json]], list[Any]]] = {
    "as OpenAI": (
        [[call("look", "", index=0, id="c1")], [call(None, '{"a":', index=0)], [call(None, " 1}", index=0)]], ONE),
    "an empty id": ([[call("look", LOOK, index=0, id="")]], ONE),
    "no id, no index": ([[call("look", LOOK)]], ONE),
    "an object": ([[call("look", {"a": 1}, index=0, id="c1")]], ONE),
    "an object twice": ([[call("look", {"a": 1}, index=0)], [call("look", {"a": 1}, index=0)]], ONE),
    "the name with each piece": (
        [[call("look", '{"a"', index=0, id="c1")], [call("look", ": 1}", index=0, id="c1")]], ONE),
    "an empty name later": ([[call("look", '{"a"', index=0, id="c1")], [call("", ": 1}", index=0, id="")]], ONE),
    "the id with the second piece": ([[call("look", '{"a"', index=0)], [call(None, ": 1}", index=0, id="c1")]], ONE),
    "an index as text": ([[call("look", '{"a"', index="0", id="c1")], [call(None, ": 1}", index="0")]], ONE),
    "flat": ([[{"id": "c1", "name": "look", "arguments": LOOK}]], ONE),
    "no arguments": ([[call("look", None, index=0, id="c1")]], [("look", {})]),
    "two": ([[call("look", LOOK, index=0, id="c1")], [call("tell", TELL, index=1, id="c2")]], TWO),
    "two at once": ([[call("look", LOOK, index=0, id="c1"), call("tell", TELL, index=1, id="c2")]], TWO),
    "two at place 0": ([[call("look", LOOK, index=0, id="c1")], [call("tell", TELL, index=0, id="c2")]], TWO),
    "two without places": ([[call("look", LOOK, id="c1")], [call("tell", TELL, id="c2")]], TWO),
    "two without anything": ([[call("look", LOOK)], [call("tell", TELL)]], TWO),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("cuts", [[], list(range(0, 2000, 7))], ids=["whole", "in pieces"])
def test_calls_of_tools_are_put_together(name: str, cuts: list[int]) -> None:
    deltas, wanted = CALLS[name]
    data = chat(*({"tool_calls": delta} for delta in deltas), finish="tool_calls")
    assert answer("chat", data, cuts)["calls"] == wanted


def test_a_call_that_was_cut_off_is_none() -> None:
    data = chat({"content": "I look."}, {"tool_calls": [call("look", '{"a": ', index=0, id="c1")]}, finish="length")
    told = answer("chat", data)
    assert (told["said"], told["calls"], told["reason"]) == ("I look.", [], "length")
    item = {"type": "function_call", "name": "look", "id": "f1", "call_id": "c1", "arguments": ""}
    added = {"type": "response.output_item.added", "item": item}
    delta = {"type": "response.function_call_arguments.delta", "item_id": "f1", "delta": '{"a": '}
    assert answer("responses", sse([added, delta]))["calls"] == []


WRITTEN = {
    "Hermes": '<tool_call>\n{"name": "look", "arguments": {"a": 1}}\n</tool_call>',
    "parameters": '<tool_call>{"name": "look", "parameters": {"a": 1}}</tool_call>',
    "arguments as text": '<tool_call>{"name": "look", "arguments": "{\\"a\\": 1}"}</tool_call>',
    "unclosed": '<tool_call>{"name": "look", "arguments": {"a": 1}}',
    "Qwen's coder": "<tool_call>\n<function=look>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>",
    "Mistral": '[TOOL_CALLS][{"name": "look", "arguments": {"a": 1}}]',
    "Llama": '<|python_tag|>{"name": "look", "parameters": {"a": 1}}<|eom_id|>',
    "harmony": '<|channel|>commentary to=functions.look <|constrain|>json<|message|>{"a": 1}<|call|>',
}


@pytest.mark.parametrize("name", WRITTEN)
def test_calls_that_are_written_as_text_are_calls_where_there_is_such_a_tool(name: str) -> None:
    data = chat(*({"content": letter} for letter in WRITTEN[name]))
    told = answer("chat", data, names={"look"})
    assert (told["said"].strip(), told["calls"]) == ("", ONE)
    told = answer("responses", sse(responses(WRITTEN[name])), names={"look"})
    assert (told["said"].strip(), told["calls"]) == ("", ONE)
    assert answer("chat", data, names={"other"})["calls"] == []


def test_a_text_that_only_looks_like_a_call_is_said() -> None:
    text = 'Write <tool_call>{"name": "other"}</tool_call> here.'
    assert answer("chat", chat({"content": text}), names={"look"})["said"] == text


def test_calls_of_responses_without_ids_or_with_arguments_as_objects_are_calls() -> None:
    item = {"type": "function_call", "name": "look", "arguments": {"a": 1}}
    assert answer("responses", json.dumps(response("completed", [item])))["calls"] == ONE
    done = {"type": "response.output_item.done", "item": item}
    assert answer("responses", sse([done]) + "data: [DONE]\n\n")["calls"] == ONE


def test_what_is_not_streamed_is_put_right_too() -> None:
    message = {"content": [{"type": "text", "text": "<think>Hm.</think>Hello"}], "tool_calls": [call("look", {"a": 1})]}
    found = whole("chat", json.dumps({"choices": [{"message": message}]}).encode(), set())
    told = json.loads(found.body)["choices"][0]["message"]
    assert found.status == 0
    assert (told["content"], told["reasoning_content"]) == ("Hello", "Hm.")
    assert json.loads(told["tool_calls"][0]["function"]["arguments"]) == {"a": 1}
    assert whole("chat", b'{"error": {"message": "no", "code": 503}}', set()).status == 503
    assert whole("responses", b'{"detail": "no"}', set()).status == 400
    assert whole("chat", b"nothing", set()) == Whole(b"nothing")


def test_the_usual_stream_goes_through_as_it_is() -> None:
    data = chat({"content": "Hello "}, {"content": "you"}, {"content": " all"})
    # The first word might have begun a tag.
    assert data.encode().split(b"\n\n")[1] in made("chat", data.encode())[1]
    data = sse([*responses("a b")[:4], {**responses("x")[3], "delta": " d"}])
    assert data.encode().split(b"\n\n")[4] in made("responses", data.encode())[1]


# --- anything ---------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<[◁"), max_size=30)
FEW = settings(max_examples=50)
CUTS = st.lists(st.integers(min_value=0, max_value=10_000), max_size=12)
LINE = st.sampled_from(["\n", "\r\n", "\r"])
NOISE = st.sampled_from(["", ": ping\n", "retry: 10\n", "id: 7\n", "event: message\n", "data:\n\n"])


@st.composite
def spelled(draw: Any, event: Json) -> str:
    """An event as some server writes it."""
    text = json.dumps(event, ensure_ascii=draw(st.booleans()))
    return f"{draw(NOISE)}data:{draw(st.sampled_from(['', ' ']))}{text}{draw(st.sampled_from([chr(10), chr(10) * 2]))}"


@FEW
@given(
    st.data(),
    st.lists(st.tuples(st.sampled_from(["content", "reasoning", "reasoning_content"]), TEXT), max_size=8),
    CUTS,
)
def test_any_chat_stream_means_what_was_put_into_it(data: Any, pieces: list[tuple[str, str]], cuts: list[int]) -> None:
    deltas = [chunk({name: text}) for name, text in pieces]
    for event in deltas:
        for name in data.draw(st.sets(st.sampled_from(["id", "object", "created", "model"]))):
            del event[name]
        if data.draw(st.booleans()):
            del event["choices"][0]["index"]
    text = "".join(data.draw(spelled(event)) for event in [*deltas, chunk({}, "stop")])
    text = text.replace("\n", data.draw(LINE))
    told = answer("chat", ("\ufeff" if data.draw(st.booleans()) else "") + text, cuts)
    said = "".join(text for name, text in pieces if name == "content")
    assert told["said"] == said
    assert told["thought"] == "".join(text for name, text in pieces if name != "content")
    assert (told["reason"], told["error"]) == ("", None)


@FEW
@given(st.data(), TEXT.filter(str.strip), CUTS)
def test_any_responses_stream_means_what_was_put_into_it(data: Any, text: str, cuts: list[int]) -> None:
    kept = [
        event
        for event in responses(text)
        if event["type"].endswith((".delta", "completed")) or data.draw(st.booleans())
    ]
    for event in kept:
        for name in data.draw(
            st.sets(st.sampled_from(["sequence_number", "item_id", "output_index", "content_index"]))
        ):
            event.pop(name, None)
    told = answer("responses", "".join(data.draw(spelled(event)) for event in kept).encode(), cuts)
    assert (told["said"], told["reason"], told["error"]) == (text, "", None)


NAMES = st.sampled_from(
    [
        "choices",
        "delta",
        "message",
        "content",
        "tool_calls",
        "function",
        "arguments",
        "name",
        "id",
        "index",
        "type",
        "item",
        "response",
        "output",
        "error",
        "usage",
        "text",
        "part",
        "role",
        "item_id",
        "summary",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        NAMES, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip
KINDS = st.sampled_from(
    [
        *("response.created", "response.output_item.added", "response.output_item.done", "response.completed", "error"),
        *("response.output_text.delta", "response.output_text.done", "response.function_call_arguments.delta", "x"),
        *("response.reasoning_text.delta", "response.reasoning_summary_text.done", "response.content_part.done"),
    ]
)


@pytest.mark.parametrize("protocol", ["chat", "responses"])
@FEW
@given(st.lists(st.tuples(KINDS, JSON), max_size=5), CUTS)
def test_no_json_of_any_shape_is_a_defect(protocol: Protocol, given_: list[tuple[str, Any]], cuts: list[int]) -> None:
    data = "".join(
        f"data: {json.dumps({'type': kind, **body} if isinstance(body, dict) else body)}\n\n" for kind, body in given_
    )
    events(made(protocol, data.encode(), cuts)[1])


@pytest.mark.parametrize("protocol", ["chat", "responses"])
@FEW
@given(st.binary(max_size=300), CUTS)
def test_no_bytes_are_a_defect_and_cuts_change_nothing(protocol: Protocol, data: bytes, cuts: list[int]) -> None:
    assert made(protocol, data, cuts)[1] == made(protocol, data)[1]
