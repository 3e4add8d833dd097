"""The API stand-in, checked by OpenAI's own client: what it accepts and answers is what the SDK's types say."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pydantic
import pytest
from openai.types.beta.chatkit import ChatKitThread, ChatSession, ThreadDeleteResponse
from openai.types.beta.chatkit.chatkit_thread_item_list import ChatKitThreadItemList
from openai.types.model import Model

from tests.rig.processes import Child
from tests.standins.api import FAULTS, KEY, WORKFLOW, ApiStandIn

ROOT = Path(__file__).resolve().parents[2]
BODY: dict[str, Any] = {"user": "u-1", "workflow": {"id": WORKFLOW}}


@pytest.fixture
def sdk(api: ApiStandIn) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{api.base}/v1", api_key=KEY, max_retries=0, timeout=10) as client:
        yield client


def exactly(model: type[pydantic.BaseModel], raw: Any) -> None:
    """`raw` is a `model`, with right types and no field that the SDK does not know."""

    def known(value: Any, where: str) -> None:
        if isinstance(value, pydantic.BaseModel):
            assert not value.model_extra, f"{where}: {sorted(value.model_extra or ())}"
            for name in type(value).model_fields:
                known(getattr(value, name), f"{where}.{name}")
        elif isinstance(value, list):
            for entry in value:
                known(entry, where)

    known(model.model_validate(raw, strict=True), model.__name__)


def control(api: ApiStandIn, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{api.base}/__control", data), timeout=10) as answer:
        return json.load(answer)


def test_the_official_client_creates_and_cancels_a_session(sdk: openai.OpenAI) -> None:
    made = sdk.beta.chatkit.sessions.create(
        user="u-1",
        workflow={"id": WORKFLOW, "version": "3", "state_variables": {"a": 1, "b": True, "c": 0.5, "d": "x"}},
        expires_after={"anchor": "created_at", "seconds": 30},
        rate_limits={"max_requests_per_1_minute": 7},
        chatkit_configuration={"history": {"enabled": True, "recent_threads": 3}, "file_upload": {"enabled": True}},
    )
    assert made.status == "active"
    assert made.max_requests_per_1_minute == made.rate_limits.max_requests_per_1_minute == 7
    assert made.chatkit_configuration.history.recent_threads == 3
    assert sdk.beta.chatkit.sessions.cancel(made.id).status == "cancelled"


def test_a_session_has_the_defaults_of_the_api_where_nothing_is_said(sdk: openai.OpenAI) -> None:
    made = sdk.beta.chatkit.sessions.create(user="u-1", workflow={"id": WORKFLOW})
    assert made.max_requests_per_1_minute == 10
    assert made.chatkit_configuration.automatic_thread_titling.enabled
    assert made.chatkit_configuration.file_upload.enabled is False
    assert made.chatkit_configuration.file_upload.max_files == 10
    assert made.chatkit_configuration.history.enabled
    assert made.workflow.tracing.enabled


def test_every_answer_is_exactly_what_the_sdk_knows(sdk: openai.OpenAI, api: ApiStandIn) -> None:
    chatkit = sdk.beta.chatkit
    raw = chatkit.sessions.with_raw_response.create(user="u", workflow={"id": WORKFLOW}).http_response.json()
    exactly(ChatSession, raw)
    exactly(ChatSession, chatkit.sessions.with_raw_response.cancel(raw["id"]).http_response.json())
    thread_id = api.world.add_thread("u", "A title")
    api.world.add_one_of_each(thread_id)
    for thread in chatkit.threads.with_raw_response.list().http_response.json()["data"]:
        exactly(ChatKitThread, thread)
    exactly(ChatKitThread, chatkit.threads.with_raw_response.retrieve(thread_id).http_response.json())
    items = chatkit.threads.with_raw_response.list_items(thread_id).http_response.json()
    exactly(ChatKitThreadItemList, items)
    assert len({item["type"] for item in items["data"]}) == 6
    exactly(ThreadDeleteResponse, chatkit.threads.with_raw_response.delete(thread_id).http_response.json())
    for model in sdk.models.with_raw_response.list().http_response.json()["data"]:
        exactly(Model, model)


def test_the_official_client_pages_through_threads_in_both_orders(sdk: openai.OpenAI, api: ApiStandIn) -> None:
    made = [api.world.add_thread("u", f"T{number}", created_at=1_700_000_000 + number) for number in range(25)]
    api.world.add_thread("somebody else")
    threads = sdk.beta.chatkit.threads
    assert [thread.id for thread in threads.list(user="u", order="asc", limit=10)] == made
    assert [thread.id for thread in threads.list(user="u", limit=7)] == made[::-1]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"user": ""}, 400),
        ({"user": None}, 400),
        ({"workflow": {}}, 400),
        ({"workflow": {"id": "wf_missing"}}, 404),
        ({"workflow": {"id": WORKFLOW, "version": 3}}, 400),
        ({"workflow": {"id": WORKFLOW, "colour": "red"}}, 400),
        ({"workflow": {"id": WORKFLOW, "state_variables": {"a": [1]}}}, 400),
        ({"workflow": {"id": WORKFLOW, "state_variables": {"a" * 65: 1}}}, 400),
        ({"workflow": {"id": WORKFLOW, "state_variables": {f"v{n}": n for n in range(65)}}}, 400),
        ({"expires_after": {"seconds": 60}}, 400),
        ({"expires_after": {"anchor": "created_at", "seconds": 601}}, 400),
        ({"expires_after": {"anchor": "created_at", "seconds": 0}}, 400),
        ({"rate_limits": {"max_requests_per_1_minute": 0}}, 400),
        ({"chatkit_configuration": {"file_upload": {"max_file_size": 513}}}, 400),
        ({"chatkit_configuration": {"history": {"recent_threads": None}}}, 400),
        ({"surprise": 1}, 400),
    ],
)
def test_a_body_that_the_api_would_refuse_is_refused(sdk: openai.OpenAI, change: dict[str, Any], status: int) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        sdk.post("/chatkit/sessions", body={**BODY, **change}, cast_to=object,
                 options={"headers": {"OpenAI-Beta": "chatkit_beta=v1"}})  # fmt: skip
    assert caught.value.status_code == status


def test_without_the_beta_header_nothing_is_answered(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="OpenAI-Beta"):
        sdk.post("/chatkit/sessions", body=BODY, cast_to=object)


@pytest.mark.parametrize("key", ["wrong", "sk-wrong-one", "sk-revoked"])
def test_a_wrong_key_is_refused_with_the_official_code(api: ApiStandIn, key: str) -> None:
    with openai.OpenAI(base_url=f"{api.base}/v1", api_key=key, max_retries=0) as sdk:
        with pytest.raises(openai.AuthenticationError) as caught:
            sdk.beta.chatkit.sessions.create(user="u", workflow={"id": WORKFLOW})
    assert caught.value.code == "invalid_api_key"


def talk(api: ApiStandIn, secret: str, **body: Any) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{api.base}/v1/chatkit/conversation",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_client_secret_works_until_it_is_cancelled_or_expired(sdk: openai.OpenAI, api: ApiStandIn) -> None:
    first, second, third = (sdk.beta.chatkit.sessions.create(**BODY) for _ in range(3))
    status, said = talk(api, first.client_secret, text="hello")
    assert (status, said["ok"], said["text"]) == (200, True, "You said: hello")
    assert [thread.id for thread in sdk.beta.chatkit.threads.list(user="u-1")] == [said["thread_id"]]
    sdk.beta.chatkit.sessions.cancel(first.id)
    api.expire(second.id)
    for secret in (first.client_secret, second.client_secret, "ek_unknown", KEY):
        status, said = talk(api, secret, text="hello")
        assert status == 401
        assert said["error"]["message"]
    assert talk(api, third.client_secret, text="hello")[0] == 200
    with api.world.lock:
        api.world.offset += 601
    assert talk(api, third.client_secret, text="hello")[0] == 401


def test_a_session_allows_only_its_requests_a_minute(sdk: openai.OpenAI, api: ApiStandIn) -> None:
    made = sdk.beta.chatkit.sessions.create(**BODY, rate_limits={"max_requests_per_1_minute": 2})
    assert [talk(api, made.client_secret, text="x")[0] for _ in range(3)] == [200, 200, 429]


def test_a_frame_on_another_origin_may_ask(api: ApiStandIn) -> None:
    request = urllib.request.Request(f"{api.base}/v1/chatkit/conversation", method="OPTIONS")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "authorization" in answer.headers["Access-Control-Allow-Headers"]


def test_another_process_can_drive_it(api: ApiStandIn, sdk: openai.OpenAI) -> None:
    made = control(api, {"threads": [{"user": "u", "title": "T", "messages": 2}]})["threads"]
    assert sdk.beta.chatkit.threads.retrieve(made[0]).title == "T"
    control(api, {"fail": "quota_exceeded", "times": 1, "on": "sessions"})
    sdk.models.list()
    with pytest.raises(openai.RateLimitError):
        sdk.beta.chatkit.sessions.create(**BODY)
    assert sdk.beta.chatkit.sessions.create(**BODY).status == "active"
    control(api, {"expire": True})
    seen = control(api)
    assert [session["status"] for session in seen["sessions"]] == ["expired"]
    assert seen["requests"][-1]["headers"]["authorization"] == f"Bearer {KEY}"
    assert seen["requests"][-1]["body"] == BODY
    control(api, {"forget": True, "fail": "slow"})
    assert control(api, {"heal": True})["ok"]
    assert control(api)["requests"] == []
    with pytest.raises(urllib.error.HTTPError) as refused:
        control(api, {"fail": "no such fault"})
    refused.value.close()


def test_the_faults_the_tests_rely_on_are_there() -> None:
    wanted = """key_rejected key_restricted workflow_not_found workflow_gone_404 workflow_gone_403 workflow_gone_410
    rate_limited quota_exceeded bad_request server_error_500 server_error_503 overloaded_html_502 slow reset truncated
    not_json html_200 redirect_elsewhere 511 empty_body wrong_clock nested_message"""
    assert set(wanted.split()) <= set(FAULTS)


def test_it_comes_back_on_its_own_port(api: ApiStandIn, sdk: openai.OpenAI) -> None:
    made = sdk.beta.chatkit.sessions.create(**BODY)
    base = api.base
    api.stop()
    with pytest.raises(openai.APIConnectionError):
        sdk.models.list()
    api.start()
    assert api.base == base
    assert sdk.beta.chatkit.sessions.cancel(made.id).status == "cancelled"


def test_it_runs_as_a_program_of_its_own() -> None:
    words = [sys.executable, "-m", "tests.standins.api", "--workflow", "wf_mine"]
    with Child(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.line())
            with openai.OpenAI(base_url=f"{said['base']}/v1", api_key=said["key"], max_retries=0) as sdk:
                assert sdk.beta.chatkit.sessions.create(user="u", workflow={"id": said["workflow"]}).client_secret
        finally:
            process.kill()


def test_it_stops_while_a_request_is_waiting(api: ApiStandIn) -> None:
    api.fail("slow")
    ended = threading.Event()

    def ask() -> None:
        try:
            talk(api, KEY, text="x")
        except (OSError, ValueError):
            pass
        ended.set()

    threading.Thread(target=ask, daemon=True).start()
    while not api.requests:
        ended.wait(0.01)
    api.stop()
    assert ended.wait(20)
