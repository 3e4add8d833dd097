"""From exceptions to sentences, where no model API is needed to make them."""

from __future__ import annotations

import json
import socket
import ssl
from typing import Any

import httpx2
import openai
import pytest
from chatkit.store import NotFoundError

from desktop.agents.errors import AnswerFailed, ContextTooLong, ModelNotFound
from desktop.agents.models import failures
from desktop.agents.models.errors import EndpointBusy, EndpointDown, EndpointKeyRejected, EndpointRefused, EndpointUnfit
from desktop.agents.models.failures import Asked
from desktop.common.errors import AgentsMissing, AppError, InternalError
from desktop.common.texts import Catalogue
from desktop.keys.errors import KeyMissing
from desktop.openai_api.errors import (
    BadAnswer,
    ConnectionLost,
    ConnectionRefused,
    KeyRejected,
    NameNotFound,
    ProxyAuthRequired,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    ServiceDown,
    ThreadNotFound,
    TimedOut,
    TlsUntrusted,
)

ASKED = Asked(host="gateway.example.org", model="some-model", seconds=30, secrets=("sk-secret-0123456789",))
OPENAI = Asked(host="api.openai.com", model="some-model", openai=True)
REQUEST = httpx2.Request("POST", "https://gateway.example.org/v1/responses")


def status(code: int, body: Any, headers: dict[str, str] | None = None) -> openai.APIStatusError:
    """The exception that the SDK makes of an answer."""
    response = httpx2.Response(code, json=body, headers=headers, request=REQUEST)
    inner = body.get("error", body) if isinstance(body, dict) else body
    return openai.APIStatusError("as it came", response=response, body=inner)


def said(message: str = "so", code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "some_type", "param": None, "code": code}}


@pytest.mark.parametrize(
    ("error", "elsewhere", "at_openai"),
    [
        (status(401, said("no", "invalid_api_key")), EndpointKeyRejected, KeyRejected),
        (status(403, said("not you")), EndpointRefused, EndpointRefused),
        (status(404, said("The model `some-model` does not exist")), ModelNotFound, ModelNotFound),
        (status(404, said("no", "model_not_found")), ModelNotFound, ModelNotFound),
        (status(404, {}), EndpointUnfit, EndpointUnfit),
        (status(400, said("bad input")), EndpointRefused, RequestRejected),
        (status(400, said("x", "context_length_exceeded")), ContextTooLong, ContextTooLong),
        (status(422, said("odd")), EndpointRefused, RequestRejected),
        (status(429, said("slow", "rate_limit_exceeded")), EndpointBusy, RateLimited),
        (status(429, said("empty", "insufficient_quota")), EndpointBusy, QuotaExceeded),
        (status(500, said("broken")), EndpointDown, ServiceDown),
        (status(503, said("busy")), EndpointDown, ServiceDown),
    ],
)
def test_an_answer_that_says_no(
    error: openai.APIStatusError, elsewhere: type[AppError], at_openai: type[AppError]
) -> None:
    assert type(failures.of(error, ASKED)) is elsewhere
    assert type(failures.of(error, OPENAI)) is at_openai


def caused(outer: BaseException, *inner: BaseException) -> BaseException:
    """`outer`, from the first of `inner`, from the second …"""
    previous = outer
    for cause in inner:
        previous.__cause__ = cause
        previous = cause
    return outer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (openai.APITimeoutError(request=REQUEST), TimedOut),
        (
            caused(openai.APIConnectionError(request=REQUEST), httpx2.ConnectError("no"), socket.gaierror(-2, "none")),
            NameNotFound,
        ),
        (
            caused(openai.APIConnectionError(request=REQUEST), httpx2.ConnectError("no"), ConnectionRefusedError()),
            ConnectionRefused,
        ),
        (
            caused(openai.APIConnectionError(request=REQUEST), ssl.SSLCertVerificationError(1, "unable to get")),
            TlsUntrusted,
        ),
        (caused(openai.APIConnectionError(request=REQUEST), httpx2.ReadError("gone")), ConnectionLost),
        (httpx2.RemoteProtocolError("cut"), ConnectionLost),
        (caused(openai.APIConnectionError(request=REQUEST), httpx2.ProxyError("407 no")), ProxyAuthRequired),
        (json.JSONDecodeError("x", "y", 0), BadAnswer),
        (ModuleNotFoundError("No module named 'agents'"), AgentsMissing),
        (NotFoundError("thr_1"), ThreadNotFound),
        (RuntimeError("anything"), InternalError),
        (KeyMissing(origin="https://x"), KeyMissing),
    ],
)
def test_what_never_answered(error: BaseException, kind: type[AppError]) -> None:
    assert type(failures.of(error, ASKED)) is kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"code": "context_length_exceeded"}, ContextTooLong),
        ({"code": "rate_limit_exceeded"}, EndpointBusy),
        ({"code": "server_error"}, EndpointDown),
        ({"error": {"code": "model_not_found"}}, ModelNotFound),
        ({"code": "something_else"}, AnswerFailed),
        (None, AnswerFailed),
    ],
)
def test_what_is_reported_inside_an_answer(body: object, kind: type[AppError]) -> None:
    assert type(failures.of_body(body, "in its own words", ASKED)) is kind


def test_every_failure_is_a_whole_sentence_in_both_languages_and_holds_no_secret() -> None:
    made = [
        failures.of(status(code, said(f"key sk-secret-0123456789 {code}")), asked)
        for code in (400, 401, 403, 404, 409, 422, 429, 500, 529)
        for asked in (ASKED, OPENAI)
    ]
    for failure in made:
        for language in ("en", "fr"):
            told = failure.describe(Catalogue(language))
            assert "{" not in told["message"] + told["hint"]
            assert "secret" not in json.dumps(told)


def test_a_request_that_the_sdk_refuses_is_told_without_its_input() -> None:
    from chatkit.types import ChatKitReq
    from pydantic import TypeAdapter, ValidationError

    with pytest.raises(ValidationError) as raised:
        TypeAdapter(ChatKitReq).validate_json('{"type": "threads.get_by_id", "params": {"thread_id": ["a secret"]}}')
    told = failures.bad_request(raised.value).describe(Catalogue("en"))
    assert "thread_id" in told["message"]
    assert "a secret" not in str(told)
