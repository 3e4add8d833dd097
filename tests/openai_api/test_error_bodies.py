"""The words of an error, whatever shape a server gives them."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.openai_api import error_bodies
from desktop.openai_api.errors_map import scrub

WORDS = "no room for the model"


@pytest.mark.parametrize(
    "body",
    [
        WORDS,
        {"error": WORDS},
        {"error": {"message": WORDS}},
        {"error": True, "message": WORDS},
        {"error": {"error": {"message": WORDS}}},
        [{"error": {"code": 503, "message": WORDS}}],
        {"errors": [{"message": WORDS}]},
        {"errors": [WORDS]},
        {"errors": {"model": [WORDS]}},
        {"detail": WORDS},
        {"detail": {"error": WORDS}},
        {"detail": [{"loc": ["body", "model"], "msg": WORDS}]},
        {"details": {"error": {"message": WORDS}}},
        {"message": WORDS},
        {"object": "error", "message": WORDS},
        {"type": "error", "error": {"type": "overloaded_error", "message": WORDS}},
        {"title": "Bad", "status": 400, "detail": WORDS},
        {"error": {"message": "Provider returned error", "metadata": {"raw": json.dumps({"error": WORDS})}}},
        {"error": json.dumps({"message": WORDS})},
        {"error_description": WORDS},
        {"msg": WORDS, "code": 1301},
        {"fault": {"faultstring": "x", "message": WORDS}},
    ],
)
def test_the_words_are_found(body: Any) -> None:
    assert WORDS in error_bodies.words(body)
    assert WORDS in error_bodies.said(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"plain words", "plain words"),
        (b"  \r\n", ""),
        (b"\x00\x01\x02\x03\x04\x05", ""),
        (b"<!DOCTYPE html><title>Gone\n away</title>", "Gone away"),
        (b"<html><body>no title</body></html>", ""),
        (b'data: {"error": "in a stream"}\n\n', "in a stream"),
        (b'\xef\xbb\xbf{"error": "after a mark"}', "after a mark"),
        (b'{"error": "\\u001b[31mred\\u001b[0m \\u202eturned"}', "red turned"),
        (b"\xff\xfe broken \xff", "\ufffd\ufffd broken \ufffd"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_read_too(body: bytes, words: str) -> None:
    assert error_bodies.said(body) == words


@pytest.mark.parametrize(
    "words", ["", "Not Found", "404 Not Found", "Internal Server Error", "error", "HTTP 502: Bad Gateway"]
)
def test_a_status_in_words_tells_nothing(words: str) -> None:
    assert not error_bodies.tells(words)


def test_other_words_tell_something() -> None:
    assert error_bodies.tells("model 'x' not found, try pulling it first")


def test_the_code_and_the_status_are_found_where_they_are_nested() -> None:
    body = [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "type": "quota"}}]
    assert error_bodies.status(body) == 429
    assert "quota" in error_bodies.codes(body)


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        ({"error": "x"}, True),
        ({"object": "error", "message": "x"}, True),
        ({"detail": "x"}, True),
        ([{"error": "x"}], True),
        ({"error": None, "choices": []}, False),
        ({"choices": [], "message": "x"}, False),
        ({"message": {"content": "x"}}, False),
        ({}, False),
        ([], False),
    ],
)
def test_an_error_is_told_from_an_answer(body: Any, is_one: bool) -> None:
    assert error_bodies.is_error(body) is is_one


NAMES = st.sampled_from(["error", "errors", "message", "detail", "loc", "code", "raw"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_no_json_is_a_defect_and_what_is_told_is_one_short_line(body: Any) -> None:
    told = scrub(error_bodies.said(json.dumps(body).encode()))
    assert len(told) <= 300
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in told)
    error_bodies.told(body)
    error_bodies.status(body)


@given(st.binary(max_size=300))
def test_no_bytes_are_a_defect(body: bytes) -> None:
    assert "\n" not in error_bodies.said(body)


def test_errors_nested_without_end_are_read_within_bounds() -> None:
    body: Any = "x"
    for _ in range(500):
        body = {"error": body}
    assert error_bodies.words(body) == ""
    assert error_bodies.said(b'{"error":' * 100_000) != "x"
