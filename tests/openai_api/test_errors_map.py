"""What a server's words become: the right sentence is found, and no secret in it survives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.common.errors import AppError
from desktop.openai_api.errors import KeyRejected, KeyRestricted, RequestRejected, ServiceDown
from desktop.openai_api.errors_map import About, clock_skew, error_text, of_answer, retry_after, scrub

ABOUT = About(host="api.test", path="/chatkit/sessions", secrets=("my-odd-key-123",))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": "one", "message": "five"}, "one"),
        ({"error": {"message": "two"}, "details": "three", "message": "five"}, "two"),
        ({"error": {}, "details": "three", "message": "five"}, "three"),
        ({"details": {"error": "four"}, "message": "five"}, "four"),
        ({"details": {"error": {"message": "four"}}, "message": "five"}, "four"),
        ({"error": None, "details": {"error": {}}, "message": "five"}, "five"),
        ({"error": {"message": 7}}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_the_text_of_an_error_is_read_in_the_documented_order(body: Any, text: str) -> None:
    assert error_text(body) == text


@pytest.mark.parametrize(
    "secret",
    ["sk-proj-abcdefghijkl", "sk-abc*******wxyz", "ek_68aa_secret", "my-odd-key-123", "Bearer abc.def",
     "Basic dXNlcjpwdw==",
     "http://user:hunter2@proxy.test", "Incorrect API key provided: plainword"],
)  # fmt: skip
def test_checklist_07_no_secret_of_a_servers_text_survives(secret: str) -> None:
    cleaned = scrub(f"before {secret} after", ABOUT.secrets)
    for part in ("sk-proj", "abc*", "wxyz", "ek_68", "my-odd", "abc.def", "dXNl", "hunter2", "plainword"):
        assert part not in cleaned
    assert cleaned.startswith("before")
    assert cleaned.endswith("after")


def test_the_text_of_a_server_is_kept_short_and_on_one_line() -> None:
    cleaned = scrub("a\nb\t" + "c" * 1000)
    assert cleaned.startswith("a b c")
    assert len(cleaned) == 300


@given(status=st.integers(300, 599), body=st.binary(max_size=200), headers=st.dictionaries(
    st.sampled_from(["content-type", "location", "retry-after", "retry-after-ms", "date", "x-request-id"]),
    st.text(max_size=40)))  # fmt: skip
def test_any_answer_becomes_an_error_of_the_tree(status: int, body: bytes, headers: dict[str, str]) -> None:
    error = of_answer(status, headers, body, ABOUT, now=1.0)
    assert isinstance(error, AppError)
    assert error.code
    if isinstance(error, ServiceDown | RequestRejected):
        assert error.values["status"] == status


def test_a_404_that_speaks_of_no_workflow_is_not_called_one() -> None:
    error = of_answer(404, {}, b'{"error": {"message": "Invalid URL (POST /v1/chatkit/sessions)"}}', ABOUT, 0)
    assert isinstance(error, RequestRejected)


def test_a_country_that_is_not_served_is_not_the_keys_fault() -> None:
    body = b'{"error": {"code": "unsupported_country_region_territory", "message": "Country not supported"}}'
    error = of_answer(403, {}, body, ABOUT, 0)
    assert isinstance(error, RequestRejected)
    assert error.values["problem"] == "Country not supported"
    assert isinstance(of_answer(403, {}, b"{}", ABOUT, 0), KeyRestricted)


def test_a_clock_that_is_a_little_off_does_not_hide_a_wrong_key() -> None:
    headers = {"date": "Fri, 20 Nov 2026 10:00:00 GMT"}
    assert clock_skew(headers, 1_795_168_800 + 299) == 299
    assert isinstance(of_answer(401, headers, b"{}", ABOUT, 1_795_168_800 + 299), KeyRejected)
    assert isinstance(of_answer(401, {"date": "garbage"}, b"{}", ABOUT, 0), KeyRejected)


def test_retry_after_in_the_past_means_now() -> None:
    assert retry_after({"retry-after": "Fri, 20 Nov 2026 10:00:00 GMT"}, 4e9) == 0
    assert retry_after({"retry-after": "-1"}, 0) is None
    assert retry_after({}, 0) is None
