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

from desktop import errors
from desktop.agents.models import failures
from desktop.agents.models.failures import Asked
from desktop.common.texts import Catalogue
from desktop.errors import AppError

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
        (status(401, said("no", "invalid_api_key")), errors.EndpointKeyRejected, errors.KeyRejected),
        (status(403, said("not you")), errors.EndpointRefused, errors.EndpointRefused),
        (status(404, said("The model `some-model` does not exist")), errors.ModelNotFound, errors.ModelNotFound),
        (status(404, said("no", "model_not_found")), errors.ModelNotFound, errors.ModelNotFound),
        (status(404, {}), errors.EndpointUnfit, errors.EndpointUnfit),
        (status(400, said("bad input")), errors.EndpointRefused, errors.RequestRejected),
        (status(400, said("x", "context_length_exceeded")), errors.ContextTooLong, errors.ContextTooLong),
        (status(422, said("odd")), errors.EndpointRefused, errors.RequestRejected),
        (status(429, said("slow", "rate_limit_exceeded")), errors.EndpointBusy, errors.RateLimited),
        (status(429, said("empty", "insufficient_quota")), errors.EndpointBusy, errors.QuotaExceeded),
        (status(500, said("broken")), errors.EndpointDown, errors.ServiceDown),
        (status(503, said("busy")), errors.EndpointDown, errors.ServiceDown),
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
        (openai.APITimeoutError(request=REQUEST), errors.TimedOut),
        (
            caused(openai.APIConnectionError(request=REQUEST), httpx2.ConnectError("no"), socket.gaierror(-2, "none")),
            errors.NameNotFound,
        ),
        (
            caused(openai.APIConnectionError(request=REQUEST), httpx2.ConnectError("no"), ConnectionRefusedError()),
            errors.ConnectionRefused,
        ),
        (
            caused(openai.APIConnectionError(request=REQUEST), ssl.SSLCertVerificationError(1, "unable to get")),
            errors.TlsUntrusted,
        ),
        (caused(openai.APIConnectionError(request=REQUEST), httpx2.ReadError("gone")), errors.ConnectionLost),
        (httpx2.RemoteProtocolError("cut"), errors.ConnectionLost),
        (caused(openai.APIConnectionError(request=REQUEST), httpx2.ProxyError("407 no")), errors.ProxyAuthRequired),
        (json.JSONDecodeError("x", "y", 0), errors.BadAnswer),
        (ModuleNotFoundError("No module named 'agents'"), errors.AgentsMissing),
        (NotFoundError("thr_1"), errors.ThreadNotFound),
        (RuntimeError("anything"), errors.InternalError),
        (errors.KeyMissing(origin="https://x"), errors.KeyMissing),
    ],
)
def test_what_never_answered(error: BaseException, kind: type[AppError]) -> None:
    assert type(failures.of(error, ASKED)) is kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"code": "context_length_exceeded"}, errors.ContextTooLong),
        ({"code": "rate_limit_exceeded"}, errors.EndpointBusy),
        ({"code": "server_error"}, errors.EndpointDown),
        ({"error": {"code": "model_not_found"}}, errors.ModelNotFound),
        ({"code": "something_else"}, errors.AnswerFailed),
        (None, errors.AnswerFailed),
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
