"""Sessions: what is asked for is what the official types allow, whatever the settings; minting and cancelling."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from openai.types.beta.chatkit import session_create_params
from pydantic import TypeAdapter

from desktop.common.errors import AppError
from desktop.openai_api import sessions
from desktop.openai_api.client import ApiClient
from desktop.openai_api.errors import BadAnswer, KeyRestricted, WorkflowGone, WorkflowNotFound
from desktop.settings.model import Settings, WorkflowAgent
from tests.openai_api.conftest import Waits
from tests.standins.api import WORKFLOW, ApiStandIn, check_session_body

OFFICIAL: TypeAdapter[Any] = TypeAdapter(session_create_params.SessionCreateParams)


def assert_official(body: dict[str, Any]) -> None:
    """The SDK's TypedDict drops names it does not know, so nothing may have been dropped."""
    assert OFFICIAL.validate_python(body, strict=True) == body
    check_session_body(body)


YES_NO = (True, False)


@pytest.mark.parametrize("tracing", YES_NO)
@pytest.mark.parametrize("version", [None, "12"])
def test_every_combination_of_settings_is_a_body_the_official_types_accept(tracing: bool, version: str | None) -> None:
    combinations = itertools.product(
        ({}, {"a": "x", "b": 1, "c": 1.5, "d": False}), YES_NO, YES_NO, YES_NO, (None, 1, 1000), (1, 600), (1, 512)
    )
    for variables, titles, upload, history, recent, seconds, size in combinations:
        settings = Settings.model_validate(
            {
                "session": {
                    "expires_after_seconds": seconds,
                    "thread_titles": titles,
                    "file_upload": {"enabled": upload, "max_file_size": size},
                    "history": {"enabled": history, "recent_threads": recent},
                }
            }
        )
        agent = WorkflowAgent.model_validate(
            {"workflow_id": WORKFLOW, "version": version, "state_variables": variables,
             "tracing": {"enabled": tracing}}
        )  # fmt: skip
        body = sessions.session_body(settings, agent, "user-0001")
        assert_official(body)
        assert ("version" in body["workflow"]) == (version is not None)
        assert body["workflow"]["tracing"] == {"enabled": tracing}
        config = body["chatkit_configuration"]
        assert config["automatic_thread_titling"] == {"enabled": titles}
        assert config["file_upload"] == {"enabled": upload, "max_file_size": size, "max_files": 10}
        assert config["history"].get("recent_threads") == recent
        assert body["expires_after"] == {"anchor": "created_at", "seconds": seconds}


def test_good_defaults_stand_in_the_body() -> None:
    body = sessions.session_body(Settings(), WorkflowAgent(workflow_id=WORKFLOW), "user-0001")
    assert body["rate_limits"] == {"max_requests_per_1_minute": 60}
    assert body["chatkit_configuration"]["file_upload"]["enabled"] is False
    assert body["chatkit_configuration"]["history"] == {"enabled": True}


@given(
    variables=st.dictionaries(
        st.text(min_size=1, max_size=64),
        st.one_of(
            st.text(max_size=200), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
        ),
        max_size=64,
    ),
    rate=st.integers(1, 10_000),
    seconds=st.integers(1, 600),
    files=st.integers(1, 50),
    user=st.text(min_size=1, max_size=64),
)
@profile(deadline=None, max_examples=60)
def test_any_settings_make_a_body_the_official_types_accept(
    variables: dict[str, Any], rate: int, seconds: int, files: int, user: str
) -> None:
    settings = Settings.model_validate(
        {
            "session": {
                "requests_per_minute": rate,
                "expires_after_seconds": seconds,
                "file_upload": {"max_files": files},
            }
        }
    )
    agent = WorkflowAgent.model_validate({"workflow_id": WORKFLOW, "state_variables": variables})
    body = sessions.session_body(settings, agent, user)
    assert_official(body)
    assert body["workflow"]["state_variables"] == variables
    for name, value in variables.items():
        assert type(body["workflow"]["state_variables"][name]) is type(value)


def minting_body(**session: Any) -> dict[str, Any]:
    settings = Settings.model_validate({"session": session})
    return sessions.session_body(settings, WorkflowAgent(workflow_id=WORKFLOW), "user-0001")


def test_a_session_is_minted_and_its_life_is_counted_on_the_monotonic_clock(api: ApiStandIn, client: ApiClient) -> None:
    api.world.offset = -86_400 * 365  # a year between the clocks changes nothing
    made = sessions.create(client, minting_body(expires_after_seconds=200), monotonic=lambda: 1000.0)
    assert made.client_secret.startswith("ek_")
    assert made.life.left(1000.0) == 200
    assert made.life.left(1201.0) == 0
    assert made.life.renew_at == 1180.0
    assert made.client_secret not in repr(made)


def test_a_cancelled_session_is_no_longer_active(api: ApiStandIn, client: ApiClient) -> None:
    made = sessions.create(client, minting_body())
    sessions.cancel(client, made.id)
    assert api.world.sessions[made.id]["status"] == "cancelled"


@pytest.mark.parametrize("bad", ["", "..", "a/b", "cksess_1/../2", "x?y", "é"])
def test_a_session_id_that_could_lead_elsewhere_is_not_sent(api: ApiStandIn, client: ApiClient, bad: str) -> None:
    with pytest.raises(BadAnswer):
        sessions.cancel(client, bad)
    assert api.requests == []


def test_minting_is_tried_again_and_cancelling_is_not(
    api: ApiStandIn, make_client: Callable[..., ApiClient], waits: Waits
) -> None:
    client = make_client(api.base, retries=3)
    api.fail("server_error_503", times=2)
    made = sessions.create(client, minting_body())
    assert len(api.requests) == 3
    api.fail("server_error_503", times=1)
    with pytest.raises(AppError):
        sessions.cancel(client, made.id)
    assert len(api.requests) == 4


def test_an_answer_without_a_secret_is_named_and_not_used(api: ApiStandIn, client: ApiClient) -> None:
    api.fail("json_but_wrong")
    with pytest.raises(BadAnswer) as caught:
        sessions.create(client, minting_body())
    assert "client_secret" in caught.value.detail


BEFORE, AFTER = date(2026, 11, 29), date(2026, 11, 30)


@pytest.mark.parametrize(
    ("fault", "worked", "today", "expected"),
    [
        ("workflow_not_found", False, BEFORE, WorkflowNotFound),
        ("workflow_gone_404", True, BEFORE, WorkflowGone),
        ("workflow_gone_404", False, AFTER, WorkflowGone),
        ("workflow_gone_403", True, BEFORE, WorkflowGone),
        ("workflow_gone_403", False, AFTER, WorkflowGone),
        ("workflow_gone_403", False, BEFORE, KeyRestricted),
        ("workflow_gone_410", False, BEFORE, WorkflowGone),
        ("key_restricted", True, AFTER, KeyRestricted),
    ],
)
def test_a_workflow_that_is_gone_is_told_from_one_never_found(
    api: ApiStandIn, client: ApiClient, fault: str, worked: bool, today: date, expected: type[AppError]
) -> None:
    api.fail(fault)
    with pytest.raises(AppError) as caught:
        sessions.create(client, minting_body(), worked_before=worked, today=today)
    assert type(caught.value) is expected
    if expected is not KeyRestricted:
        assert caught.value.values["workflow"] == WORKFLOW


def test_an_address_that_is_no_longer_there_counts_as_gone_after_the_last_day(
    client: ApiClient, api: ApiStandIn
) -> None:
    api.fail("bad_request", status=404, message="Invalid URL (POST /v1/chatkit/sessions)")
    with pytest.raises(WorkflowGone):
        sessions.create(client, minting_body(), today=AFTER)
