"""The client: every fault becomes its own error, retries are bounded, the key goes to its origin alone."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from desktop.common.errors import AppError
from desktop.common.texts import Catalogue
from desktop.openai_api import sessions
from desktop.openai_api.client import ApiClient, Endpoint
from desktop.openai_api.errors import (
    BadAnswer,
    CaptivePortal,
    ClockWrong,
    ConnectionLost,
    ConnectionRefused,
    KeyRejected,
    KeyRestricted,
    NameNotFound,
    PlainUnasked,
    ProxyAuthRequired,
    ProxyFailed,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    ServiceDown,
    TimedOut,
    WorkflowGone,
    WorkflowNotFound,
)
from desktop.settings.errors import SettingsInvalid
from desktop.settings.model import Settings, WorkflowAgent
from tests.openai_api.conftest import Waits
from tests.standins.api import FAULTS, KEY, WORKFLOW, ApiStandIn

Make = Callable[..., ApiClient]
BODY = sessions.session_body(Settings(), WorkflowAgent(workflow_id=WORKFLOW), "user-0001")

EXPECTED: dict[str, type[AppError]] = {
    "key_rejected": KeyRejected,
    "key_restricted": KeyRestricted,
    "workflow_not_found": WorkflowNotFound,
    "workflow_gone_404": WorkflowNotFound,  # `or_gone` knows more; see test_sessions
    "workflow_gone_403": KeyRestricted,
    "workflow_gone_410": WorkflowGone,
    "rate_limited": RateLimited,
    "rate_limited_no_header": RateLimited,
    "quota_exceeded": QuotaExceeded,
    "bad_request": RequestRejected,
    "server_error_500": ServiceDown,
    "server_error_503": ServiceDown,
    "overloaded_html_502": ServiceDown,
    "not_json": BadAnswer,
    "json_but_wrong": BadAnswer,
    "empty_body": BadAnswer,
    "html_200": CaptivePortal,
    "html_403": CaptivePortal,
    "redirect_elsewhere": CaptivePortal,
    "redirect_same": BadAnswer,
    "511": CaptivePortal,
    "proxy_auth": ProxyAuthRequired,
    "nested_error_string": RequestRejected,
    "nested_details_string": RequestRejected,
    "nested_details_error": RequestRejected,
    "nested_details_error_message": RequestRejected,
    "nested_message": RequestRejected,
    "slow": TimedOut,
    "dribble": TimedOut,
    "reset": ConnectionLost,
    "reset_midway": ConnectionLost,
    "truncated": BadAnswer,
    "wrong_clock": ClockWrong,
}


def test_every_fault_of_the_stand_in_has_its_expected_error() -> None:
    assert set(EXPECTED) == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_checklist_23_each_fault_over_real_http_becomes_its_own_error(
    api: ApiStandIn, make_client: Make, fault: str
) -> None:
    client = make_client(api.base, timeout=0.4 if fault in ("slow", "dribble") else 10)
    api.fail(fault)
    with pytest.raises(AppError) as caught:
        sessions.create(client, BODY)
    error = caught.value
    assert type(error) is EXPECTED[fault]
    whole = f"{error!r} {error} {error.detail} {dict(error.values)} {vars(error)}"
    assert KEY not in whole
    assert KEY[:11] not in whole
    for language in ("en", "fr"):
        described = error.describe(Catalogue(language))
        assert described["message"]
        assert KEY[:11] not in str(described)
    assert error.__cause__ is None
    assert error.__context__ is None, "httpx's exception holds the request, and that holds the key"
    assert len(api.requests) == 1
    api.heal()
    assert sessions.create(make_client(api.base), BODY).client_secret


def test_checklist_23_rate_and_quota_are_told_apart_though_both_are_429(api: ApiStandIn, client: ApiClient) -> None:
    found = []
    for fault in ("rate_limited", "quota_exceeded"):
        api.fail(fault, times=1)
        with pytest.raises(AppError) as caught:
            sessions.create(client, BODY)
        found.append(caught.value.code)
    assert found == ["rate_limited", "quota_exceeded"]


def test_checklist_23_a_refused_connection_is_named(make_client: Make) -> None:
    with ApiStandIn() as gone:
        base = gone.base
    with pytest.raises(ConnectionRefused) as caught:
        sessions.create(make_client(base), BODY)
    assert caught.value.values["host"] == "127.0.0.1"


@pytest.mark.parametrize("host", ["no-such-name.invalid", f"{'a' * 64}.invalid", "a..invalid", "xn--a.invalid"])
def test_checklist_23_a_name_that_can_not_be_found_is_named(make_client: Make, host: str) -> None:
    with pytest.raises(NameNotFound) as caught:
        sessions.create(make_client(f"https://{host}"), BODY)
    assert caught.value.values["host"] == host


def test_checklist_23_a_proxy_with_a_name_that_can_not_be_found_is_named(make_client: Make) -> None:
    with pytest.raises(ProxyFailed):
        sessions.create(make_client("https://api.test", proxy=f"http://{'a' * 64}.invalid:3128"), BODY)


def test_checklist_23_retries_are_bounded_and_wait_a_random_time_under_a_doubling_ceiling(
    api: ApiStandIn, make_client: Make, waits: Waits
) -> None:
    api.fail("server_error_503")
    with pytest.raises(ServiceDown):
        sessions.create(make_client(api.base, retries=6, random=lambda: 1.0), BODY)
    assert waits == [0.5, 1, 2, 4, 8, 8]
    assert len(api.requests) == 7
    waits.clear()
    with pytest.raises(ServiceDown):
        sessions.create(make_client(api.base, retries=2, random=lambda: 0.25), BODY)
    assert waits == [0.125, 0.25]


@pytest.mark.parametrize(
    "fault", ["rate_limited_no_header", "server_error_500", "server_error_503", "overloaded_html_502", "reset"]
)
def test_checklist_23_what_may_pass_is_tried_again(
    api: ApiStandIn, make_client: Make, waits: Waits, fault: str
) -> None:
    api.fail(fault, times=2)
    assert sessions.create(make_client(api.base, retries=3), BODY).client_secret
    assert len(waits) == 2


@pytest.mark.parametrize(
    "fault",
    ["quota_exceeded", "key_rejected", "key_restricted", "workflow_not_found", "bad_request", "html_200", "not_json",
     "redirect_elsewhere", "slow"],
)  # fmt: skip
def test_checklist_23_what_will_not_pass_is_not_tried_again(
    api: ApiStandIn, make_client: Make, waits: Waits, fault: str
) -> None:
    api.fail(fault)
    with pytest.raises(AppError):
        sessions.create(make_client(api.base, retries=3, timeout=0.4 if fault == "slow" else 10), BODY)
    assert waits == []
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({"Retry-After": "7"}, 7.0), ({"Retry-After": "0"}, 0.0), ({"Retry-After": "1", "retry-after-ms": "250"}, 0.25),
     ({"Retry-After": "soon"}, 0.0), ({"Retry-After": "-3"}, 0.0), ({"Retry-After": "inf"}, 0.0)],
)  # fmt: skip
def test_checklist_23_retry_after_in_seconds_is_obeyed(
    api: ApiStandIn, make_client: Make, waits: Waits, headers: dict[str, str], wait: float
) -> None:
    api.fail("rate_limited_no_header", times=1, headers=headers)
    sessions.create(make_client(api.base, retries=1), BODY)
    assert waits == [wait]


def test_checklist_23_retry_after_as_a_date_is_measured_by_the_servers_clock(make_client: Make, waits: Waits) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if not waits:
            at = 1_000_000_000
            headers = {
                "Date": email.utils.formatdate(at, usegmt=True),
                "Retry-After": email.utils.formatdate(at + 30, usegmt=True),
            }
            return httpx.Response(503, headers=headers, json={})
        return httpx.Response(200, json={"done": True})

    client = make_client("https://api.test", transport=httpx.MockTransport(answer), retries=1, clock=lambda: 5.0)
    assert client.request("GET", "/models") == {"done": True}
    assert waits == [30]


def test_checklist_23_a_longer_wait_than_a_person_has_is_said_at_once(
    api: ApiStandIn, make_client: Make, waits: Waits
) -> None:
    api.fail("rate_limited", headers={"Retry-After": "61"})
    with pytest.raises(RateLimited) as caught:
        sessions.create(make_client(api.base, retries=3), BODY)
    assert caught.value.retry_after == 61
    assert waits == []


def test_closing_ends_a_wait_between_retries(api: ApiStandIn) -> None:
    api.fail("rate_limited", headers={"Retry-After": "60"})
    client = ApiClient(Endpoint(api.base), KEY, retries=3)
    ended: list[AppError] = []

    def ask() -> None:
        try:
            client.request("GET", "/models")
        except AppError as error:
            ended.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    while not api.requests:
        thread.join(0.01)
    client.close()
    thread.join(30)
    assert isinstance(ended[0], ConnectionLost | RateLimited)


def test_a_wrong_clock_is_not_taken_for_a_wrong_key_and_the_skew_is_kept(api: ApiStandIn, make_client: Make) -> None:
    client = make_client(api.base, clock=lambda: time.time() + 3600)
    sessions.create(client, BODY)  # a call that succeeds needs no right clock
    assert client.clock_skew is not None
    assert 3000 < client.clock_skew < 4200
    api.fail("key_rejected")
    with pytest.raises(ClockWrong):
        sessions.create(client, BODY)


def test_many_threads_may_use_one_client(api: ApiStandIn, client: ApiClient) -> None:
    found: list[str] = []

    def mint() -> None:
        found.extend(sessions.create(client, BODY).id for _ in range(10))

    workers = [threading.Thread(target=mint) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(set(found)) == 80


def test_an_answer_beyond_all_measure_is_cut_off(make_client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.openai_api.client.LARGEST_ANSWER", 1000)
    client = make_client(
        "https://api.test", transport=httpx.MockTransport(lambda _: httpx.Response(200, text="1" * 2000))
    )
    with pytest.raises(BadAnswer):
        client.request("GET", "/models")


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"7", b"[" * 100_000, b"\xff\xfe", b'{"a":'])
def test_only_a_json_object_is_an_answer(make_client: Make, body: bytes) -> None:
    client = make_client("https://api.test", transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    with pytest.raises(BadAnswer):
        client.request("GET", "/models")


# --- where the key goes -----------------------------------------------------------------------


def seen_by(*standins: ApiStandIn) -> list[Any]:
    return [request["headers"].get("authorization") for standin in standins for request in standin.requests]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("path", ["", "/v1/chatkit/sessions"])
def test_checklist_31_a_redirect_is_not_followed_with_the_key(
    api: ApiStandIn, make_client: Make, status: int, path: str
) -> None:
    with ApiStandIn() as other:
        target = other.base.replace("127.0.0.1", "localhost") + path
        api.fail("redirect_elsewhere", status=status, headers={"Location": target})
        with pytest.raises(CaptivePortal):
            sessions.create(make_client(api.base, retries=2), BODY)
        api.fail("redirect_elsewhere", status=status, headers={"Location": other.base + path})
        api.faults.pop(0)
        with pytest.raises((CaptivePortal, BadAnswer)):
            sessions.create(make_client(api.base, retries=2), BODY)
        assert other.requests == []
    assert seen_by(api) == [f"Bearer {KEY}"] * 2


def test_checklist_31_a_key_goes_to_the_origin_of_its_client_only(api: ApiStandIn, make_client: Make) -> None:
    with ApiStandIn() as other:
        sessions.create(make_client(api.base, "sk-first"), BODY)
        sessions.create(make_client(other.base, "sk-second"), BODY)
        assert seen_by(api) == ["Bearer sk-first"]
        assert seen_by(other) == ["Bearer sk-second"]


@pytest.mark.parametrize(
    "path", ["@evil.test/", ":99@evil.test/x", "//evil.test/x", "https://evil.test/x", "/../../x", "", ".evil.test/x"]
)
def test_checklist_31_no_path_leads_to_another_origin(path: str) -> None:
    seen: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200, json={})

    client = ApiClient(Endpoint("https://api.test"), KEY, transport=httpx.MockTransport(answer))
    try:
        client.request("GET", path)
    except ValueError:
        assert seen == []
    else:
        assert [url.host for url in seen] == ["api.test"]


@pytest.mark.parametrize("base", ["http://api.test", "http://192.168.1.2:8080", "ftp://api.test", "api.test", "",
                                  "https://user:pw@api.test", "http://localhost.evil.test"])  # fmt: skip
def test_checklist_31_an_address_that_would_carry_the_key_in_the_clear_is_refused(base: str) -> None:
    with pytest.raises((SettingsInvalid, PlainUnasked)):
        ApiClient(Endpoint(base), KEY)


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_the_address_is_taken_with_and_without_v1(api: ApiStandIn, make_client: Make, ending: str) -> None:
    sessions.create(make_client(api.base + ending), BODY)
    assert api.paths() == ["/v1/chatkit/sessions"]


def test_the_headers_are_the_ones_the_api_asks_for(api: ApiStandIn, client: ApiClient) -> None:
    sessions.create(client, BODY)
    headers = api.requests[0]["headers"]
    assert headers["openai-beta"] == "chatkit_beta=v1"
    assert headers["user-agent"].startswith("chatkit-desktop/")
    assert headers["content-type"] == "application/json"
    assert "cookie" not in headers


@pytest.mark.parametrize("key", ["", "sk-é", "sk-a\nb", "sk-a\r\nX-Evil: 1"])
def test_a_key_that_is_no_header_value_is_refused_before_anything_is_sent(
    api: ApiStandIn, make_client: Make, key: str
) -> None:
    with pytest.raises(KeyRejected) as caught:
        sessions.create(make_client(api.base, key), BODY)
    assert api.requests == []
    assert not key or key not in caught.value.detail


def test_the_key_is_in_no_repr(client: ApiClient) -> None:
    assert KEY not in repr(client)
    assert "hunter2" not in repr(Endpoint("https://api.test", proxy_password="hunter2"))


def test_an_endpoint_that_asks_for_no_key_is_sent_none(api: ApiStandIn, make_client: Make) -> None:
    client = make_client(api.base, "")
    client.keyless = True
    with pytest.raises(KeyRejected):  # the stand-in's own 401
        client.request("GET", "/models")
    assert "authorization" not in api.requests[0]["headers"]
