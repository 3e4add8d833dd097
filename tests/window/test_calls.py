"""Reading the text of a call: how deep, how large, and what is still known of one that is too much."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.window.calls import DEEPEST, JSON, LOOKED_AT, Unread, is_deeper, read
from tests.window.test_bridge import ANYTHING

LARGEST = 300_000
"""In the place of the real limit, which takes its time."""
ENVELOPE = '{"funcName": "call", "params": %s, "id": "7"}'
CALL = '{"page_key": "the key", "id": "7", "method": "echo", "params": %s}'


def nested(levels: int, *, names: bool = False, core: str = "1") -> str:
    """JSON text of `levels` lists, or objects, around `core`."""
    return '{"a":' * levels + core + "}" * levels if names else "[" * levels + core + "]" * levels


def refused(why: Unread) -> dict[str, Any]:
    return {"page_key": "the key", "id": "7", "method": "echo", "params": why}


@given(value=ANYTHING)
def test_what_is_within_the_limits_is_read_as_json_reads_it(value: object) -> None:
    assert read(json.dumps(value)) == value
    assert JSON.loads(json.dumps(value)) == value


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("levels", [DEEPEST, 999, 1_000, 100_000])
def test_checklist_40_a_call_that_is_too_deep_keeps_all_but_its_parameters(levels: int, names: bool) -> None:
    deep = nested(levels, names=names)
    assert read(CALL % deep) == refused(Unread.TOO_DEEP)
    assert read(ENVELOPE % (CALL % deep)) == {"funcName": "call", "params": refused(Unread.TOO_DEEP), "id": "7"}
    assert read(CALL % f'{{"first": {deep}, "second": {deep}}}') == refused(Unread.TOO_DEEP)


def test_the_limit_is_exact_and_counts_no_bracket_in_a_text() -> None:
    assert read(CALL % nested(DEEPEST - 1))["params"] == json.loads(nested(DEEPEST - 1))
    assert read(CALL % nested(DEEPEST)) == refused(Unread.TOO_DEEP)
    for text in ("[" * 5_000, '"]' * 300 + "[" * 300, "\\" * 301 + "{" * 999, '\\"' * 500 + "[" * 500):
        assert read(CALL % json.dumps([text])) == {**refused(Unread.TOO_DEEP), "params": [text]}
    wide = [[], {}] * 10_000
    assert read(CALL % json.dumps(wide))["params"] == wide


def test_checklist_40_wherever_a_call_is_too_deep_its_parameters_are_not_there() -> None:
    deep = nested(3_000)
    assert read(f'{{"page_key": "the key", "id": "7", "method": {deep}, "params": {{}}}}') == {
        **refused(Unread.TOO_DEEP),
        "method": json.loads(nested(DEEPEST - 1, core="null")),
    }
    assert read(f'{{"id": {deep}, "params": {{"text": "x"}}}}')["params"] is Unread.TOO_DEEP
    assert isinstance(read(deep), list)


@pytest.mark.parametrize(
    "params",
    [
        '{"text": "%s"}' % ("x" * LARGEST),
        '{"text": "%s"}' % ('\\"[' * (LARGEST // 3)),
        json.dumps([[]] * (LARGEST // 3)),
        "[%s0]" % ("1," * (LARGEST // 2)),
        '{"%s": 1}' % ("n" * LARGEST),
        nested(LARGEST // 2),
        json.dumps("x" * LARGEST),
    ],
    ids=["text", "escapes", "lists", "numbers", "name", "deep", "no object"],
)
def test_checklist_10_a_call_that_is_too_large_to_be_read_keeps_all_but_its_parameters(params: str) -> None:
    assert read(CALL % params, LARGEST) == refused(Unread.TOO_LARGE)
    assert read(ENVELOPE % (CALL % params), LARGEST) == {
        "funcName": "call",
        "params": refused(Unread.TOO_LARGE),
        "id": "7",
    }


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "{", '{"a": ', "[" * 5_000, "[" * 5_000 + "}" * 5_000, "]" * 5_000, '"' + "[" * 5_000, '["\\'],
)
def test_what_is_no_json_is_refused_as_json_refuses_it(text: str) -> None:
    with pytest.raises(ValueError):  # the reader's own, whose words are not ours
        read(text)


def test_what_is_too_much_to_look_at_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="characters"):
        read(CALL % json.dumps("x" * LARGEST * LOOKED_AT), LARGEST)
    with pytest.raises(ValueError, match="characters"):  # and what would be as large without its parts
        read(json.dumps({f"n{number}": 1 for number in range(LARGEST // 8)}), LARGEST)


@given(text=st.text(alphabet='[]{}",:\\a1', max_size=400), levels=st.integers(1, 5))
def test_how_deep_a_text_goes_is_what_reading_it_finds(text: str, levels: int) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        return
    assert is_deeper(text, levels) == (depth(value) > levels)


@given(value=ANYTHING, levels=st.integers(0, 6))
def test_how_deep_a_value_goes_is_what_its_text_says(value: object, levels: int) -> None:
    assert is_deeper(json.dumps(value), levels) == (depth(value) > levels)


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)
