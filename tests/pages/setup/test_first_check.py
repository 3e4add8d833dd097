"""The check behind first launch and "Replace key": shapes, order, and what is saved when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.common.errors import AppError, BadParams, Phrase
from desktop.keys.errors import KeyringDenied, KeyringLocked
from desktop.openai_api.client import ApiClient
from desktop.openai_api.sessions import ChatSession
from desktop.pages.common.check_run import FieldError
from desktop.pages.settings.page import SettingsPage
from desktop.pages.setup.first_check import Draft, FirstCheck, clean_version, clean_workflow_id, placed
from desktop.pages.setup.page import SetupPage
from desktop.settings.model import WorkflowAgent
from tests.pages.app_parts import House, Keyring
from tests.standins.api import KEY, WORKFLOW, ApiStandIn

WRONG = "sk-wrong-0123456789abcdefghijklmnopqrstuv"
UNREACHABLE = "http://127.0.0.1:1"


Make = Callable[..., House]


class Hands:
    """What a check hands on, and what it leaves to be done behind its back (done at once)."""

    def __init__(self) -> None:
        self.adopted: list[ChatSession] = []
        self.forgotten = 0

    def adopt(self, session: ChatSession, _client: ApiClient) -> None:
        self.adopted.append(session)

    def forget(self) -> None:
        self.forgotten += 1


def check_of(house: House, hands: Hands | None = None, **rest: Any) -> FirstCheck:
    if hands:
        rest |= {"adopt": hands.adopt, "forget": hands.forget}
    return FirstCheck(
        house.keys, house.settings, house.make_client,
        background=lambda work: work(), today=lambda: date(2026, 11, 20), **rest,
    )  # fmt: skip


def wanted(check: FirstCheck, key: str = KEY, workflow: str | None = WORKFLOW, **rest: Any) -> Callable[[], Draft]:
    return lambda: check.draft(key=key, workflow=workflow, **rest)


# --- shapes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "wf_abc123", "  wf_abc123 ", "wf_\nabc123\r\n", '"wf_abc123"', "`wf_abc123`",
        "https://platform.openai.com/agent-builder/edit?version=3&workflow=wf_abc123",
    ],
)  # fmt: skip
def test_a_workflow_id_is_taken_out_of_what_was_copied_around_it(typed: str) -> None:
    assert clean_workflow_id(typed) == "wf_abc123"


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "setup.workflow_empty"),
        (" \n", "setup.workflow_empty"),
        ("sk-proj-abcdef", "setup.workflow_is_key"),
        ("asst_abc123", "setup.workflow_no_prefix"),
        ("https://platform.openai.com/agent-builder", "setup.workflow_no_prefix"),
        ("wf_ab", "setup.workflow_short"),
        ("wf_abc/def", "setup.workflow_bad_chars"),
        ("wf_" + "a" * 201, "setup.workflow_bad_chars"),
    ],
)
def test_another_shape_of_workflow_id_is_named(typed: str, problem: str) -> None:
    with pytest.raises(FieldError) as refused:
        clean_workflow_id(typed)
    assert refused.value.field == "workflow"
    assert refused.value.values["problem"] == Phrase(problem)


@pytest.mark.parametrize(("typed", "number"), [("", None), (" ", None), ("3", "3"), (" 12\n", "12"), ("v4", "4")])
def test_a_version_is_a_number_or_nothing(typed: str, number: str | None) -> None:
    assert clean_version(typed) == number


@pytest.mark.parametrize("typed", ["latest", "Latest", "3.1", "three", "-1", "²"])
def test_a_version_that_the_chat_would_fail_with_is_refused(typed: str) -> None:
    with pytest.raises(FieldError) as refused:
        clean_version(typed)
    assert refused.value.field == "version"


@given(st.text(max_size=300))
def test_whatever_is_typed_gives_a_valid_agent_or_a_sentence(text: str) -> None:
    try:
        workflow, version = clean_workflow_id(text), clean_version(text[:5])
    except FieldError:
        return
    WorkflowAgent(workflow_id=workflow, version=version)


# --- order ------------------------------------------------------------------------------------


def test_what_was_checked_is_kept_and_its_session_handed_on(house: House, api: ApiStandIn) -> None:
    hands = Hands()
    check = check_of(house, hands)

    outcome = check.run(1, wanted(check, f"  {KEY}\n", version="3"), "keyring")

    assert outcome.error is None
    assert house.keys.read(api.base) == KEY
    agent = house.settings.current.agent()
    assert agent is not None
    assert (agent.workflow_id, agent.version) == (WORKFLOW, "3")
    assert house.settings.current.workflow_worked == {WORKFLOW: "2026-11-20"}
    assert [session.user for session in hands.adopted] == [house.settings.current.user_ids["workflow"]]
    assert hands.forgotten == 1
    assert house.services.state.key_known(api.base)


def test_a_session_that_nobody_takes_over_is_cancelled(house: House, api: ApiStandIn) -> None:
    check = check_of(house)
    assert check.run(1, wanted(check), "keyring").error is None
    assert [session["status"] for session in api.world.sessions.values()] == ["cancelled"]


@pytest.mark.parametrize(
    ("key", "workflow", "code", "field"),
    [
        (WRONG, WORKFLOW, "key_rejected", "key"),
        (KEY, "wf_of_another_project", "workflow_not_found", "workflow"),
        ("wf_standin0001", WORKFLOW, "key_shape", "key"),
        (KEY, "asst_1", "settings_invalid", "workflow"),
        ("", WORKFLOW, "key_missing", "key"),
    ],
)
def test_what_is_wrong_is_named_at_its_field_and_nothing_is_saved(
    house: House, key: str, workflow: str, code: str, field: str
) -> None:
    check = check_of(house)
    before = house.on_disk()

    outcome = check.run(1, wanted(check, key, workflow), "keyring")

    assert outcome.error is not None
    told = placed(outcome.error, house.texts)
    assert (told["code"], told["field"]) == (code, field)
    assert told["message"]
    assert not outcome.can_save
    assert house.on_disk() == before
    assert house.keyring.get(f"default|{house.settings.current.network.api_base}") is None


@pytest.mark.parametrize(
    ("fault", "code", "field"),
    [
        ("key_restricted", "key_restricted", "key"),
        ("rate_limited_no_header", "rate_limited", None),
        ("quota_exceeded", "quota_exceeded", None),
        ("server_error_500", "service_down", None),
        ("html_200", "captive_portal", None),
        ("not_json", "bad_answer", None),
    ],
)
def test_faults_of_the_network_and_the_account_belong_to_no_field(
    house: House, api: ApiStandIn, fault: str, code: str, field: str | None
) -> None:
    api.fail(fault)
    check = check_of(house)
    outcome = check.run(1, wanted(check), "keyring")
    assert outcome.error is not None
    told = placed(outcome.error, house.texts)
    assert (told["code"], told["field"]) == (code, field)


def test_the_keyring_is_written_only_after_the_api_has_said_yes(house: House, api: ApiStandIn) -> None:
    assert isinstance(house.keyring, Keyring)
    api.fail("key_rejected", times=1)
    check = check_of(house)
    check.run(1, wanted(check), "keyring")
    assert house.keyring.log == []
    check.run(2, wanted(check), "keyring")
    assert house.keyring.log == ["set"]


def test_checklist_09_a_new_key_that_is_refused_leaves_the_old_one(house: House, api: ApiStandIn) -> None:
    check = check_of(house)
    check.run(1, wanted(check), "keyring")
    assert check.run(2, wanted(check, WRONG, None), "keyring").error is not None
    assert house.keys.read(api.base) == KEY


def test_an_empty_key_field_keeps_the_stored_key(house: House, api: ApiStandIn) -> None:
    house.keys.save(api.base, KEY)
    check = check_of(house)
    assert check.run(1, wanted(check, ""), "keyring").error is None
    assert isinstance(house.keyring, Keyring)
    assert house.keyring.log == ["set"]  # the test's own


# --- the keyring refuses ----------------------------------------------------------------------


def test_where_the_keyring_refuses_nothing_is_written_and_the_session_serves_the_next_try(
    make_house: Make, api: ApiStandIn
) -> None:
    house = make_house(base=api.base, keyring=Keyring(refuses=KeyringDenied("no")))
    hands = Hands()
    check = check_of(house, hands)
    before = house.on_disk()

    assert isinstance(check.run(1, wanted(check), "keyring").error, KeyringDenied)
    assert house.on_disk() == before

    assert check.run(2, wanted(check), "session").error is None
    assert api.paths("POST").count("/v1/chatkit/sessions") == 1
    assert len(hands.adopted) == 1
    assert not house.services.state.key_known(api.base)
    assert house.keys.status(api.base).where == "session"


def test_a_session_that_was_waiting_for_the_keyring_is_cancelled_when_something_else_is_typed(
    make_house: Make, api: ApiStandIn
) -> None:
    house = make_house(base=api.base, keyring=Keyring(refuses=KeyringLocked()))
    check = check_of(house)
    check.run(1, wanted(check), "keyring")
    check.run(2, wanted(check, WRONG), "keyring")
    assert [session["status"] for session in api.world.sessions.values()] == ["cancelled"]


# --- saving without a check -------------------------------------------------------------------


def test_where_no_answer_came_back_the_same_values_may_be_saved_unchecked(make_house: Make) -> None:
    house = make_house(base=UNREACHABLE)
    check = check_of(house)
    assert check.run(1, wanted(check), "keyring").can_save
    assert check.run(2, wanted(check), "keyring", unchecked=True).error is None
    assert house.keys.read(UNREACHABLE) == KEY
    agent = house.settings.current.agent()
    assert agent is not None
    assert agent.workflow_id == WORKFLOW
    assert house.settings.current.workflow_worked == {}


def test_other_values_are_checked_however_much_the_page_asks(make_house: Make) -> None:
    house = make_house(base=UNREACHABLE)
    check = check_of(house)
    assert check.run(1, wanted(check), "keyring", unchecked=True).error is not None
    assert check.run(2, wanted(check, WRONG), "keyring", unchecked=True).error is not None
    assert house.keys.read(UNREACHABLE) is None


def test_a_key_that_openai_refused_cannot_be_saved_unchecked(house: House, api: ApiStandIn) -> None:
    check = check_of(house)
    assert not check.run(1, wanted(check, WRONG), "keyring").can_save
    assert check.run(2, wanted(check, WRONG), "keyring", unchecked=True).error is not None
    assert house.keys.read(api.base) is None


# --- cancelling -------------------------------------------------------------------------------


def under_way(check: FirstCheck, api: ApiStandIn) -> tuple[threading.Thread, list[Any]]:
    """The check number 7, which has reached the API, and where its outcome will be."""
    outcomes: list[Any] = []
    run = threading.Thread(target=lambda: outcomes.append(check.run(7, wanted(check), "keyring")))
    run.start()
    while not api.paths("POST"):
        time.sleep(0.005)
    return run, outcomes


def test_a_check_that_is_cancelled_saves_nothing_and_makes_room_at_once(make_house: Make, api: ApiStandIn) -> None:
    house = make_house(base=api.base)
    api.fail("slow", times=1, seconds=1)
    check = check_of(house)
    before = house.on_disk()
    run, outcomes = under_way(check, api)

    with pytest.raises(BadParams):
        check.run(8, wanted(check), "keyring")
    assert not check.cancel(8)
    assert check.cancel(7)
    assert check.run(9, wanted(check, WRONG), "keyring").error is not None
    run.join(60)

    assert [outcome.cancelled for outcome in outcomes] == [True]
    assert house.on_disk() == before
    assert house.keys.read(api.base) is None
    assert not check.cancel(7)
    assert {session["status"] for session in api.world.sessions.values()} <= {"cancelled"}


def test_when_nobody_looks_any_more_a_check_ends_and_nothing_is_saved(make_house: Make, api: ApiStandIn) -> None:
    house = make_house(base=api.base)
    api.fail("slow", times=1, seconds=1)
    check = check_of(house)
    before = house.on_disk()
    run, outcomes = under_way(check, api)
    check.gone()
    run.join(60)
    assert [outcome.cancelled for outcome in outcomes] == [True]
    assert house.on_disk() == before
    assert house.keys.read(api.base) is None
    check.gone()


def test_when_nobody_looks_any_more_a_session_that_waited_for_the_keyring_is_cancelled(
    make_house: Make, api: ApiStandIn
) -> None:
    house = make_house(base=api.base, keyring=Keyring(refuses=KeyringLocked()))
    check = check_of(house)
    check.run(1, wanted(check), "keyring")
    assert [session["status"] for session in api.world.sessions.values()] == ["active"]
    check.gone()
    assert [session["status"] for session in api.world.sessions.values()] == ["cancelled"]


@pytest.mark.parametrize("page", [SetupPage, SettingsPage])
def test_a_page_that_is_gone_leaves_no_session_behind(
    page: type[SetupPage | SettingsPage], make_house: Make, api: ApiStandIn
) -> None:
    house = make_house(base=api.base, keyring=Keyring(refuses=KeyringLocked()))
    check = check_of(house)
    check.run(1, wanted(check), "keyring")
    page(house.services, check=check).page().on_gone()
    assert [session["status"] for session in api.world.sessions.values()] == ["cancelled"]


def test_a_defect_does_not_leave_the_check_busy_for_ever(house: House) -> None:
    check = check_of(house)

    def broken() -> Draft:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check.run(1, broken, "keyring")
    assert check.run(2, wanted(check), "keyring").error is None


# --- where a key goes -------------------------------------------------------------------------


def test_checklist_31_a_key_is_kept_for_the_address_it_was_checked_at(make_house: Make, api: ApiStandIn) -> None:
    house = make_house()
    check = check_of(house)
    assert check.run(1, wanted(check, api_base=f"{api.base}/v1/"), "keyring").error is None
    assert house.settings.current.network.api_base == api.base
    assert house.keys.read(api.base) == KEY
    assert house.keys.read("https://api.openai.com") is None


def test_a_draft_shows_its_key_to_nobody(house: House) -> None:
    assert KEY not in repr(check_of(house).draft(key=KEY, workflow=WORKFLOW))


def test_without_an_agent_a_key_alone_cannot_be_checked(house: House) -> None:
    check = check_of(house)
    outcome = check.run(1, wanted(check, KEY, None), "keyring")
    assert isinstance(outcome.error, AppError)
    assert outcome.error.code == "agent_not_set"
