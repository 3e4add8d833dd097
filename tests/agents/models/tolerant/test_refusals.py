"""What a server refuses by name, left out of what it is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desktop.agents.models.tolerant.refusals import Refusals, less, refused
from desktop.agents.models.tolerant.requests import tool_names, with_strings

SENT: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "developer", "content": "be kind"}, {"role": "user", "content": "hello"}],
    "temperature": 1,
    "reasoning": {"effort": "low", "summary": "auto"},
    "reasoning_effort": "low",
    "parallel_tool_calls": True,
    "stream_options": {"include_usage": True},
    "store": False,
    "include": ["x"],
    "metadata": {"a": "b"},
    "max_completion_tokens": 5,
    "tool_choice": "auto",
    "service_tier": "auto",
    "verbosity": "low",
    "tools": [{"type": "function", "function": {"name": "look", "strict": True}}],
}


@pytest.mark.parametrize(
    ("status", "body", "names"),
    [
        (400, {"error": {"message": "bad", "param": "reasoning.summary"}}, ["reasoning.summary"]),
        (400, {"error": {"message": "bad", "param": "include[0]"}}, ["include"]),
        (400, {"error": {"message": "Unsupported parameter: 'store'."}}, ["store"]),
        (400, {"error": "Unrecognized request argument supplied: parallel_tool_calls"}, ["parallel_tool_calls"]),
        (400, {"message": "Extra inputs are not permitted: stream_options, store"}, ["stream_options", "store"]),
        (
            422,
            {"detail": [{"loc": ["body", "stream_options"], "msg": "extra fields not permitted"}]},
            ["stream_options"],
        ),
        (422, {"detail": [{"loc": ["body", "tools", 0, "function", "strict"], "msg": "no"}]}, ["strict"]),
        (400, {"detail": "service_tier is not supported"}, ["service_tier"]),
        (400, {"error": {"message": "Use 'max_tokens' instead of 'max_completion_tokens'"}}, ["max_completion_tokens"]),
        (400, {"error": {"message": "Invalid role: 'developer' is not supported"}}, ["developer"]),
        (400, {"error": "`tool_choice` must be one of none"}, ["tool_choice"]),
        (500, {"error": "got an unexpected keyword argument 'metadata'"}, ["metadata"]),
        (400, {"error": {"message": "verbosity: unknown field"}}, ["verbosity"]),
        (400, {"error": {"message": "The moon is full."}}, []),
        (400, {"error": {"message": "The store is closed today."}}, []),
        (500, {"error": {"message": "cannot reach the metadata server"}}, []),
        (400, {"error": {"message": "'messages' is invalid", "param": "messages"}}, []),
        (400, {"error": {"message": "Unsupported parameter: 'top_k'"}}, []),
    ],
)
def test_what_a_refusal_names_is_found(status: int, body: Any, names: list[str]) -> None:
    assert refused(SENT, status, json.dumps(body).encode()) == names


def test_what_is_named_is_left_out_and_the_rest_stays() -> None:
    assert less(SENT, ["reasoning.summary"])["reasoning"] == {"effort": "low"}
    assert less(SENT, ["max_completion_tokens"])["max_tokens"] == 5
    assert "strict" not in str(less(SENT, ["strict"]))
    assert less(SENT, ["developer"])["messages"][0]["role"] == "system"
    system = {"messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"}]}
    assert less(system, ["system"])["messages"] == [{"role": "user", "content": "be kind\n\nhello"}]
    assert SENT["reasoning"] == {"effort": "low", "summary": "auto"}


def test_it_is_remembered_for_that_model_at_that_address_alone() -> None:
    refusals = Refusals()
    refusals.remember(("here", "m"), ["store"])
    refusals.remember(("here", "m"), ["temperature"])
    assert refusals.known(("here", "m")) == ("store", "temperature")
    assert refusals.known(("here", "n")) == refusals.known(("there", "m")) == ()


def test_texts_are_sent_as_strings_and_other_parts_as_they_are() -> None:
    text = {"type": "input_text", "text": "a"}
    picture = {"type": "input_image", "image_url": "data:"}
    body = {
        "input": [
            {"role": "user", "content": [text, {**text, "text": "b"}]},
            {"role": "system", "content": [text]},
            {"role": "user", "content": [text, picture]},
            {"type": "function_call_output", "call_id": "c", "output": [text]},
            {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        ]
    }
    made = json.loads(with_strings(json.dumps(body).encode()))["input"]
    assert [one.get("content", one.get("output")) for one in made[:4]] == ["a\n\nb", "a", [text, picture], "a"]
    assert made[4] == body["input"][4]
    plain = b'{"messages": [{"role": "user", "content": "a"}]}'
    assert with_strings(plain) is plain


def test_the_names_of_tools_are_read_in_both_protocols() -> None:
    tools = [{"type": "function", "name": "a"}, {"type": "function", "function": {"name": "b"}}, {"type": "web_search"}]
    assert tool_names(json.dumps({"tools": tools}).encode()) == {"a", "b"}
