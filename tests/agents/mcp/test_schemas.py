"""Lists of tools as servers send them: what a model is told of each can be sent, whatever stands in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, dictionaries, integers, lists, none, recursive, sampled_from, text
from jsonschema import Draft202012Validator

from desktop.agents.mcp.greeting import introduced
from desktop.agents.mcp.naming import LONGEST, MOST_OFFERED, names, parameters
from desktop.agents.mcp.schemas import MOST_OF_A_SCHEMA, as_object, mended

WORDS = (
    *(
        "type",
        "properties",
        "required",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "enum",
        "$ref",
        "$defs",
        "definitions",
    ),
    *(
        "additionalProperties",
        "exclusiveMinimum",
        "minimum",
        "description",
        "if",
        "then",
        "const",
        "$schema",
        "id",
        "a",
    ),
)
KINDS = ("object", "array", "string", "any", "Object", "#/$defs/a", "#", "https://x.example/schema", "")
anything = recursive(
    none() | booleans() | integers() | sampled_from(KINDS),
    lambda part: lists(part, max_size=4) | dictionaries(sampled_from(WORDS), part, max_size=6),
    max_leaves=25,
)


def sendable(schema: dict[str, Any]) -> None:
    """As OpenAI's APIs want it."""
    assert schema["type"] == "object"
    assert isinstance(schema["properties"], dict)
    assert not {"anyOf", "oneOf", "allOf", "enum", "not", "const", "$ref"} & set(schema)
    Draft202012Validator.check_schema(schema)
    assert len(json.dumps(schema)) <= MOST_OF_A_SCHEMA * 6

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if part.get("type") == "array":
                assert isinstance(part["items"], dict)
            for one in part.values():
                walk(one)
        for one in part if isinstance(part, list) else ():
            walk(one)

    walk({name: one for name, one in schema.items() if name == "properties"})


@given(anything)
def test_parameters_described_in_any_way_can_be_sent_to_a_model(schema: Any) -> None:
    made, _ = as_object(schema)
    sendable(made)
    assert parameters(made) == made, "what was mended once is not changed again"


@given(
    lists(dictionaries(sampled_from(("name", "description", "inputSchema", "icons")), anything, max_size=4) | anything)
)
def test_a_list_of_any_tools_keeps_those_that_have_a_name(tools: list[Any]) -> None:
    result, remarks = mended({"tools": tools, "nextCursor": 5})
    assert "nextCursor" not in result
    assert len(result["tools"]) + sum(one.left_out for one in remarks) == len(tools)
    for tool in result["tools"]:
        sendable(tool["inputSchema"])
        assert isinstance(tool["description"], str)


def test_a_good_description_is_left_as_it_is() -> None:
    good = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"a": {"type": "string", "enum": ["x"]}, "b": {"$ref": "#/$defs/b"}, "id": {"type": "integer"}},
        "required": ["a"],
        "$defs": {"b": {"type": "array", "items": {"type": "number", "minimum": 1}}},
        "additionalProperties": False,
    }
    made, changed = as_object(good)
    assert not changed
    assert made == {name: part for name, part in good.items() if name != "$schema"}


def test_alternatives_at_the_root_become_one_object_and_are_told_in_words() -> None:
    made, changed = as_object(
        {
            "anyOf": [
                {"properties": {"id": {"type": "string"}, "deep": {"type": "boolean"}}, "required": ["id", "deep"]},
                {"properties": {"path": {"type": "string"}}, "required": ["path", "deep"]},
            ],
            "allOf": [{"properties": {"all": {"type": "integer"}}, "required": ["all"]}],
        }
    )
    assert changed
    assert set(made["properties"]) == {"id", "deep", "path", "all"}
    assert sorted(made["required"]) == ["all", "deep"]
    assert made["description"] == "Give one of these sets of parameters: id, deep or path, deep."


def test_a_reference_at_the_root_is_followed() -> None:
    made, _ = as_object({"$ref": "#/definitions/In", "definitions": {"In": {"properties": {"q": {"type": "string"}}}}})
    assert made["properties"] == {"q": {"type": "string"}}


def test_a_draft_of_before_is_put_into_todays_words() -> None:
    made, _ = as_object(
        {
            "type": "object",
            "properties": {
                "n": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
                "pair": {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]},
                "list": {"type": "array"},
                "any": {"type": "any"},
            },
        }
    )
    assert made["properties"] == {
        "n": {"type": "integer", "exclusiveMinimum": 0},
        "pair": {"type": "array", "items": {}},
        "list": {"type": "array", "items": {}},
        "any": {},
    }


def test_parameters_that_are_described_at_too_great_length_lose_the_descriptions_first() -> None:
    long = {
        "type": "object",
        "properties": {f"p{n}": {"type": "string", "description": "d" * 2_000} for n in range(50)},
    }
    made, _ = as_object(long)
    assert made["properties"]["p7"] == {"type": "string"}
    huge = {"type": "object", "properties": {f"p{n}" * 100: {"type": "string"} for n in range(5_000)}}
    assert as_object(huge)[0] == {"type": "object", "properties": {}}


def test_a_schema_without_end_ends() -> None:
    deep: dict[str, Any] = {"type": "object"}
    for _ in range(500):
        deep = {"type": "object", "properties": {"a": deep}}
    sendable(as_object(deep)[0])


def test_alternatives_that_name_each_other_many_times_over_end() -> None:
    again = [{"$ref": "#/$defs/a"}] * 50
    sendable(as_object({"anyOf": again, "$defs": {"a": {"anyOf": again, "allOf": again, "oneOf": again}}})[0])


@given(lists(text(max_size=80), max_size=300))
def test_what_a_model_calls_tools_is_what_its_api_takes(tools: list[str]) -> None:
    made = names([(f"s{n % 3}", tool) for n, tool in enumerate(tools)], taken=["taken"])
    assert len(made) <= MOST_OFFERED - 1
    assert all(0 < len(name) <= LONGEST and name.isascii() for name in made)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") for name in made)
    assert len(set(made.values())) == len(made)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ({"protocolVersion": "2024-10-07"}, "2024-11-05"),
        ({"protocolVersion": "2025-07-01"}, "2025-06-18"),
        ({"protocolVersion": "2030-01-01"}, "2025-11-25"),
        ({"protocolVersion": 1, "capabilities": None, "serverInfo": "x", "_meta": 3}, "2024-11-05"),
        ({"protocolVersion": "2025-03-26", "capabilities": {"tools": True, "logging": None}}, "2025-03-26"),
    ],
)
def test_a_greeting_that_lacks_something_is_one(said: dict[str, Any], version: str) -> None:
    made = introduced(said)
    assert made["protocolVersion"] == version
    assert made["serverInfo"]["name"]
    assert all(isinstance(one, dict) for one in made["capabilities"].values())
