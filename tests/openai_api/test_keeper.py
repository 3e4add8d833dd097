"""The owner of hosted sessions: minted ahead, one at a time, never handed out twice, cancelled when not wanted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import Any

import httpx
import pytest

from desktop.app.diagnostics import Counters
from desktop.common.errors import InternalError, PageGone
from desktop.keys import Keys, MemoryStore, origin_of
from desktop.keys.errors import KeyMissing
from desktop.openai_api import sessions
from desktop.openai_api.client import ApiClient
from desktop.openai_api.errors import ConnectionRefused, KeyRejected, ServiceDown, WorkflowGone, WorkflowNotFound
from desktop.openai_api.keeper import STALE_FAILURE, USABLE, SessionKeeper
from desktop.settings.errors import AgentNotSet
from desktop.settings.layers import SettingsStore
from desktop.settings.model import WorkflowAgent
from tests.standins.api import KEY, WORKFLOW, WORKFLOWS, ApiStandIn

SOON = 20
"""Seconds within which a thread has to end at all."""
TODAY = date(2026, 11, 20)


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 5_000.0

    def __call__(self) -> float:
        return self.now


class Planned:
    """A timer that was started: it rings when told to."""

    def __init__(self, seconds: float, ring: Callable[[], None]) -> None:
        self.seconds = seconds
        self.ring = ring
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def wait_until_cancelled(self) -> None:
        assert self._cancelled.wait(SOON)


class Line(httpx.BaseTransport):
    """The way to the API, real sockets, with a gate in it; counts how many requests are on it at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.waiting = threading.Semaphore(0)
        self.on_request: Callable[[], object] = lambda: None
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            self.waiting.release()
            assert self.open.wait(SOON)
            self.on_request()
            return self._inner.handle_request(request)
        finally:
            with self._lock:
                self._at_once -= 1

    def close(self) -> None:
        """Shared by every client of a test; closed at its end."""

    def really_close(self) -> None:
        self.open.set()
        self._inner.close()


class Desk:
    """A keeper with everything around it."""

    def __init__(self, api: ApiStandIn, settings: SettingsStore, make_client: Callable[..., ApiClient]) -> None:
        self.api = api
        self.settings = settings
        self.keys = Keys("default", "chatkit-desktop-test", MemoryStore())
        self.counters = Counters()
        self.clock = Clock()
        self.timers: list[Planned] = []
        self.line = Line()
        self.made: list[tuple[str, str]] = []
        self.today = TODAY
        self._make = make_client
        self.keeper = SessionKeeper(
            settings,
            self.keys,
            self._client,
            self.counters,
            monotonic=self.clock,
            today=lambda: self.today,
            timer=self._timer,
        )
        self.pool = ThreadPoolExecutor(16)

    def _client(self, base: str, key: str) -> ApiClient:
        self.made.append((base, key))
        return self._make(base, key, transport=self.line)

    def _timer(self, seconds: float, ring: Callable[[], None]) -> Planned:
        self.timers.append(Planned(seconds, ring))
        return self.timers[-1]

    def ready(self) -> Desk:
        """With a key and an agent."""
        self.settings.update({"network.api_base": self.api.base})
        self.settings.replace_agent(WorkflowAgent(workflow_id=WORKFLOW))
        self.keys.save(origin_of(self.api.base), KEY, keep="session")
        return self

    def ask(self) -> str:
        return self.keeper.client_secret("test")[0]

    def ask_aside(self) -> Future[str]:
        return self.pool.submit(self.ask)

    def settle(self) -> None:
        """Until everything that the keeper does in the background is done."""
        for thread in threading.enumerate():
            if thread.name in ("mint", "cancel-session", "cancel-sessions"):
                thread.join(SOON)
                assert not thread.is_alive()

    def mints(self) -> int:
        return self.api.paths("POST").count("/v1/chatkit/sessions")

    def cancels(self) -> list[str]:
        return [path.split("/")[4] for path in self.api.paths("POST") if path.endswith("/cancel")]

    def statuses(self) -> list[str]:
        return [session["status"] for session in self.api.world.sessions.values()]

    def secret_of(self, index: int) -> str:
        return str(list(self.api.world.sessions.values())[index]["client_secret"])


@pytest.fixture
def bare(api: ApiStandIn, settings: SettingsStore, make_client: Callable[..., ApiClient]) -> Iterator[Desk]:
    made = Desk(api, settings, make_client)
    yield made
    made.line.open.set()
    made.pool.shutdown()
    made.settle()
    made.line.really_close()


@pytest.fixture
def desk(bare: Desk) -> Desk:
    return bare.ready()


# --- minting --------------------------------------------------------------------------------------


def test_an_ask_waits_for_the_mint_that_began_before_it(desk: Desk) -> None:
    desk.line.open.clear()
    desk.keeper.prefetch()
    assert desk.line.waiting.acquire(timeout=SOON)
    desk.keeper.prefetch()
    asked = desk.ask_aside()
    desk.line.open.set()
    assert asked.result(SOON) == desk.secret_of(0)
    assert desk.mints() == 1


def test_without_a_mint_ahead_an_ask_mints(desk: Desk) -> None:
    secret, expires_at = desk.keeper.client_secret()
    [session] = desk.api.world.sessions.values()
    assert (secret, expires_at) == (session["client_secret"], session["expires_at"])
    assert session["user"] == desk.settings.current.user_ids["workflow"]


def test_every_ask_gets_a_secret_that_nobody_had(desk: Desk) -> None:
    desk.keeper.prefetch()
    secrets = [desk.ask() for _ in range(4)]
    assert len(set(secrets)) == 4
    assert desk.mints() == 4


def test_two_asks_at_once_get_two_different_secrets(desk: Desk) -> None:
    desk.line.open.clear()
    desk.keeper.prefetch()
    first, second = desk.ask_aside(), desk.ask_aside()
    desk.line.open.set()
    assert {first.result(SOON), second.result(SOON)} == {desk.secret_of(0), desk.secret_of(1)}
    assert desk.mints() == 2


def test_many_asks_at_once_get_as_many_secrets_minted_one_at_a_time(desk: Desk) -> None:
    desk.line.open.clear()
    asked = [desk.ask_aside() for _ in range(12)]
    desk.line.open.set()
    assert len({one.result(SOON) for one in asked}) == 12
    assert desk.mints() == 12
    assert desk.line.most_at_once == 1


def test_the_user_id_made_for_the_first_mint_does_not_throw_that_mint_away(desk: Desk) -> None:
    assert desk.settings.current.user_ids == {}
    desk.keeper.prefetch()
    desk.ask()
    assert (desk.mints(), desk.cancels()) == (1, [])


def test_connections_are_kept_one_client_serves_all_mints(desk: Desk) -> None:
    desk.ask()
    desk.ask()
    assert desk.keeper.api() is desk.keeper.api()
    assert desk.made == [(desk.api.base, KEY)]


def test_what_was_minted_is_counted_and_no_secret_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        secret = desk.ask()
        desk.keeper.cancel_all()
    assert secret not in caplog.text
    assert KEY not in caplog.text
    assert "ek_" not in caplog.text


# --- ahead of need --------------------------------------------------------------------------------


def test_the_next_one_is_minted_shortly_before_the_last_one_ends(desk: Desk) -> None:
    desk.ask()
    [timer] = desk.timers
    assert timer.seconds == 540  # ten minutes but one
    desk.clock.now += 540
    timer.ring()
    desk.settle()
    assert desk.mints() == 2
    desk.clock.now += 60
    assert desk.ask() == desk.secret_of(1), "no wait: it lay ready"
    assert desk.mints() == 2
    assert [planned.seconds for planned in desk.timers] == [540, 480]


def test_a_window_that_asks_for_nothing_more_stops_minting(desk: Desk) -> None:
    desk.ask()
    desk.timers[0].ring()
    desk.settle()
    desk.clock.now += 10_000
    assert len(desk.timers) == 1, "one that nobody took is followed by none"
    assert desk.mints() == 2


def test_only_one_timer_runs_at_a_time(desk: Desk) -> None:
    for _ in range(3):
        desk.ask()
    assert [timer.cancelled for timer in desk.timers] == [True, True, False]


def test_a_secret_that_lay_too_long_is_not_handed_out(desk: Desk) -> None:
    desk.keeper.prefetch()
    desk.settle()
    desk.clock.now += 600 - USABLE + 1
    assert desk.ask() == desk.secret_of(1)
    assert desk.mints() == 2


def test_a_secret_with_enough_life_left_is(desk: Desk) -> None:
    desk.keeper.prefetch()
    desk.settle()
    desk.clock.now += 600 - USABLE - 1
    assert desk.ask() == desk.secret_of(0)
    assert desk.mints() == 1


def test_a_life_shorter_than_its_mint_takes_is_handed_out_all_the_same(desk: Desk) -> None:
    desk.settings.update({"session.expires_after_seconds": 1})

    def dawdle() -> None:
        desk.clock.now += 5

    desk.line.on_request = dawdle
    assert desk.ask() == desk.secret_of(0)
    assert desk.mints() == 1, "minting until one is quick would never end"


def test_a_session_that_a_check_minted_is_handed_out_first(desk: Desk) -> None:
    client = desk.keeper.api()
    agent = desk.settings.current.agent()
    assert isinstance(agent, WorkflowAgent)
    user = desk.settings.user_id(agent.id)
    body = sessions.session_body(desk.settings.current, agent, user)
    proved = sessions.create(client, body, monotonic=desk.clock)
    desk.keeper.adopt(proved, client)
    assert desk.ask() == proved.client_secret
    assert desk.mints() == 1
    assert desk.keeper.cancel_all() == 1
    assert desk.statuses() == ["cancelled"]


# --- failures -------------------------------------------------------------------------------------


def test_a_failure_is_told_and_not_kept(desk: Desk) -> None:
    desk.api.fail("key_rejected", times=1)
    with pytest.raises(KeyRejected):
        desk.ask()
    assert desk.ask() == desk.secret_of(0)


def test_two_asks_for_one_mint_both_hear_that_it_failed(desk: Desk) -> None:
    desk.api.fail("key_rejected")
    desk.line.open.clear()
    desk.keeper.prefetch()
    first, second = desk.ask_aside(), desk.ask_aside()
    desk.line.open.set()
    for asked in (first, second):
        with pytest.raises(KeyRejected):
            asked.result(SOON)
    desk.api.heal()
    assert desk.ask()


def test_a_mint_ahead_that_has_just_failed_is_what_the_ask_hears(desk: Desk) -> None:
    desk.api.fail("key_rejected", times=1)
    desk.keeper.prefetch()
    desk.settle()
    with pytest.raises(KeyRejected):
        desk.ask()
    assert desk.mints() == 1


def test_one_that_failed_a_while_ago_is_tried_again(desk: Desk) -> None:
    desk.api.fail("server_error_500", times=1)
    desk.keeper.prefetch()
    desk.settle()
    desk.clock.now += STALE_FAILURE + 1
    assert desk.ask() == desk.secret_of(0)


def test_one_that_still_fails_is_tried_once_more_and_told(desk: Desk) -> None:
    desk.api.fail("server_error_500")
    desk.keeper.prefetch()
    desk.settle()
    desk.clock.now += STALE_FAILURE + 1
    with pytest.raises(ServiceDown):
        desk.ask()
    assert desk.mints() == 2


def test_a_mint_ahead_is_tried_again_after_one_that_failed(desk: Desk) -> None:
    desk.api.fail("server_error_500", times=1)
    desk.keeper.prefetch()
    desk.settle()
    desk.keeper.prefetch()
    desk.settle()
    assert desk.ask() == desk.secret_of(0)
    assert desk.mints() == 2


def test_without_a_key_nothing_is_sent(desk: Desk) -> None:
    desk.keys.remove(origin_of(desk.api.base))
    with pytest.raises(KeyMissing) as caught:
        desk.ask()
    assert caught.value.values["origin"] == origin_of(desk.api.base)
    assert desk.api.requests == []


def test_without_an_agent_nothing_is_sent(bare: Desk) -> None:
    bare.settings.update({"network.api_base": bare.api.base})
    bare.keys.save(origin_of(bare.api.base), KEY, keep="session")
    with pytest.raises(AgentNotSet):
        bare.ask()
    assert bare.api.requests == []


def test_a_defect_is_told_and_hangs_nobody(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    def burst() -> None:
        raise ZeroDivisionError

    desk.line.on_request = burst
    with pytest.raises(InternalError):
        desk.ask()
    desk.line.on_request = lambda: None
    assert desk.ask()


# --- a workflow that is gone ----------------------------------------------------------------------


def test_a_workflow_that_never_was_is_not_found(desk: Desk) -> None:
    desk.api.world.workflows.clear()
    with pytest.raises(WorkflowNotFound):
        desk.ask()
    assert desk.settings.current.workflow_worked == {}


def test_one_that_had_worked_is_gone(desk: Desk) -> None:
    desk.ask()
    desk.settle()
    desk.api.world.workflows.clear()
    with pytest.raises(WorkflowGone):
        desk.ask()


def test_after_the_last_day_every_missing_workflow_is_gone(desk: Desk) -> None:
    desk.today = date(2026, 12, 1)
    desk.api.world.workflows.clear()
    with pytest.raises(WorkflowGone):
        desk.ask()


def test_that_it_worked_is_noted_once_a_day(desk: Desk) -> None:
    noted: list[frozenset[str]] = []
    desk.settings.subscribe(lambda names: noted.append(names) if "user_ids.workflow" not in names else None)
    desk.ask()
    desk.ask()
    desk.settle()
    assert desk.settings.current.workflow_worked == {WORKFLOW: "2026-11-20"}
    desk.today = date(2026, 11, 21)
    desk.ask()
    desk.settle()
    assert desk.settings.current.workflow_worked == {WORKFLOW: "2026-11-21"}
    assert noted == [frozenset({f"workflow_worked.{WORKFLOW}"})] * 2
    assert desk.cancels() == [], "a note is no change of what sessions are minted from"


# --- when what they are minted from changes -------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"session.requests_per_minute": 7},
        {"session.history.enabled": False},
        {"network.timeout_seconds": 30},
        {"active_agent": "workflow"},
    ],
)
def test_a_change_of_what_sessions_are_minted_from_drops_and_cancels_them(desk: Desk, change: dict[str, Any]) -> None:
    desk.ask()
    desk.keeper.prefetch()
    desk.settle()
    desk.settings.update(change)
    desk.settle()
    assert desk.statuses() == ["cancelled", "cancelled"]
    assert desk.timers[-1].cancelled
    assert desk.ask() == desk.secret_of(2)


def test_a_change_of_anything_else_drops_nothing(desk: Desk) -> None:
    desk.keeper.prefetch()
    desk.settle()
    desk.settings.update({"zoom": 1.2, "chat.greeting": "Hello", "log_level": "DEBUG"})
    assert desk.ask() == desk.secret_of(0)
    assert desk.statuses() == ["active"]


def test_another_workflow_takes_over_and_the_sessions_of_the_last_one_are_cancelled(desk: Desk) -> None:
    desk.ask()
    desk.settings.replace_agent(WorkflowAgent(id="other", workflow_id=WORKFLOWS[1]))
    desk.ask()
    desk.settle()
    made = list(desk.api.world.sessions.values())
    assert [session["workflow"]["id"] for session in made] == [WORKFLOW, WORKFLOWS[1]]
    assert [session["status"] for session in made] == ["cancelled", "active"]
    assert made[0]["user"] != made[1]["user"]


def test_an_ask_that_waits_while_the_settings_change_gets_a_session_of_the_new_ones(desk: Desk) -> None:
    desk.line.open.clear()
    asked = desk.ask_aside()
    assert desk.line.waiting.acquire(timeout=SOON)
    desk.settings.update({"session.requests_per_minute": 7})
    desk.line.open.set()
    assert asked.result(SOON) == desk.secret_of(1)
    desk.settle()
    made = list(desk.api.world.sessions.values())
    assert [(session["max_requests_per_1_minute"], session["status"]) for session in made] == [
        (60, "cancelled"),
        (7, "active"),
    ]


def test_an_ask_that_waits_does_not_hear_a_failure_of_settings_that_no_longer_hold(desk: Desk) -> None:
    desk.settings.update({"network.api_base": "http://127.0.0.1:9"})
    desk.keys.save("http://127.0.0.1:9", KEY, keep="session")
    desk.line.open.clear()
    asked = desk.ask_aside()
    assert desk.line.waiting.acquire(timeout=SOON)
    desk.settings.update({"network.api_base": desk.api.base})
    desk.line.open.set()
    assert asked.result(SOON) == desk.secret_of(0)


def test_a_failure_of_settings_that_hold_is_heard(desk: Desk) -> None:
    desk.settings.update({"network.api_base": "http://127.0.0.1:9"})
    desk.keys.save("http://127.0.0.1:9", KEY, keep="session")
    with pytest.raises(ConnectionRefused):
        desk.ask()


def test_forget_me_ends_the_sessions_of_the_user_before(desk: Desk) -> None:
    desk.ask()
    desk.settings.forget_user("workflow")
    desk.ask()
    desk.settle()
    before, after = desk.api.world.sessions.values()
    assert (before["status"], after["status"]) == ("cancelled", "active")
    assert before["user"] != after["user"] == desk.settings.current.user_ids["workflow"]


def test_forget_me_while_a_session_is_minted_leaves_none_of_the_user_before(desk: Desk) -> None:
    desk.line.open.clear()
    asked = desk.ask_aside()
    assert desk.line.waiting.acquire(timeout=SOON)
    desk.settings.forget_user("workflow")
    desk.line.open.set()
    assert asked.result(SOON) == desk.secret_of(1)
    desk.settle()
    before, after = desk.api.world.sessions.values()
    assert (before["status"], after["status"]) == ("cancelled", "active")
    assert after["user"] == desk.settings.current.user_ids["workflow"]


def test_a_user_id_made_for_another_agent_ends_nothing(desk: Desk) -> None:
    desk.ask()
    desk.settings.user_id("another")
    desk.settle()
    assert desk.statuses() == ["active"]


def test_to_forget_returns_at_once_and_cancels_behind(desk: Desk) -> None:
    desk.ask()
    desk.line.open.clear()
    desk.keeper.forget()  # the line is closed: whoever waited for it would hang
    desk.line.open.set()
    desk.settle()
    assert desk.statuses() == ["cancelled"]
    desk.keeper.forget()
    assert len(desk.cancels()) == 1, "once is enough"


# --- the end --------------------------------------------------------------------------------------


def test_checklist_08_removing_the_key_cancels_every_live_session(desk: Desk) -> None:
    for _ in range(3):
        desk.ask()
    desk.keeper.prefetch()
    desk.settle()
    assert desk.keeper.cancel_all(SOON) == 4
    desk.keys.remove(origin_of(desk.api.base))
    desk.keeper.forget()
    assert desk.statuses() == ["cancelled"] * 4
    before = len(desk.api.requests)
    with pytest.raises(KeyMissing):
        desk.ask()
    assert len(desk.api.requests) == before
    assert desk.timers[-1].cancelled


def test_checklist_08_a_session_that_is_minted_meanwhile_does_not_outlive_its_key(desk: Desk) -> None:
    desk.ask()
    assert desk.line.waiting.acquire(timeout=SOON)
    desk.line.open.clear()
    desk.keeper.prefetch()
    assert desk.line.waiting.acquire(timeout=SOON)
    cancelled = desk.pool.submit(desk.keeper.cancel_all, SOON)
    desk.timers[0].wait_until_cancelled()
    desk.line.open.set()
    cancelled.result(SOON)
    assert desk.statuses() == ["cancelled", "cancelled"], "cancel_all has waited for it"


def test_cancelling_ends_within_its_limit_against_a_server_that_says_nothing(desk: Desk) -> None:
    for _ in range(3):
        desk.ask()
    desk.api.fail("slow", on="/cancel")  # until the stand-in stops: whoever waited for it would hang
    assert desk.keeper.cancel_all(0.1) == 0
    desk.api.stop()


def test_what_can_be_cancelled_in_time_is_though_one_of_them_hangs(desk: Desk) -> None:
    for _ in range(3):
        desk.ask()
    desk.api.fail("slow", times=1, on="/cancel")
    assert desk.keeper.cancel_all(2) == 2
    desk.api.stop()


def test_a_session_that_cannot_be_cancelled_stops_nobody(desk: Desk) -> None:
    desk.ask()
    desk.ask()
    desk.api.fail("server_error_500", times=1, on="/cancel")
    assert desk.keeper.cancel_all(SOON) == 1
    assert sorted(desk.statuses()) == ["active", "cancelled"]


def test_what_has_ended_by_itself_is_not_cancelled(desk: Desk) -> None:
    desk.ask()
    desk.clock.now += 601
    desk.ask()
    assert desk.keeper.cancel_all(SOON) == 1
    assert len(desk.cancels()) == 1


def test_with_nothing_to_cancel_nothing_is_sent(desk: Desk) -> None:
    assert desk.keeper.cancel_all() == 0
    assert desk.api.requests == []


def test_after_cancelling_the_next_ask_mints_again(desk: Desk) -> None:
    desk.ask()
    desk.keeper.cancel_all(SOON)
    assert desk.ask() == desk.secret_of(1)


def test_after_the_end_nothing_is_minted(desk: Desk) -> None:
    desk.ask()
    desk.keeper.close(SOON)
    assert desk.statuses() == ["cancelled"]
    desk.keeper.prefetch()
    desk.timers[0].ring()
    with pytest.raises(PageGone):
        desk.ask()
    desk.settle()
    assert desk.mints() == 1


def test_an_ask_that_waits_at_the_end_gets_no_session(desk: Desk) -> None:
    desk.ask()
    assert desk.line.waiting.acquire(timeout=SOON)
    desk.line.open.clear()
    asked = desk.ask_aside()
    assert desk.line.waiting.acquire(timeout=SOON)
    closing = desk.pool.submit(desk.keeper.close, SOON)
    desk.timers[0].wait_until_cancelled()
    desk.line.open.set()
    with pytest.raises(PageGone):
        asked.result(SOON)
    closing.result(SOON)
    assert desk.statuses() == ["cancelled", "cancelled"]


# --- checklist 31 ---------------------------------------------------------------------------------


def keys_seen(api: ApiStandIn) -> set[str]:
    return {seen["headers"].get("authorization", "") for seen in api.requests}


def test_checklist_31_another_address_gets_no_key_and_no_request(desk: Desk) -> None:
    desk.ask()
    with ApiStandIn() as other:
        desk.settings.update({"network.api_base": other.base})
        with pytest.raises(KeyMissing) as caught:
            desk.ask()
        with pytest.raises(KeyMissing):
            desk.keeper.api()
        desk.settle()
        assert caught.value.values["origin"] == origin_of(other.base)
        assert other.requests == []
    assert desk.statuses() == ["cancelled"], "where it was minted, with the key it was minted with"


def test_checklist_31_each_address_gets_its_own_key_alone(desk: Desk) -> None:
    other_key = "sk-other-0123456789abcdefghijklmnop"
    with ApiStandIn() as other:
        desk.keys.save(origin_of(other.base), other_key, keep="session")
        desk.ask()
        desk.settings.update({"network.api_base": other.base})
        desk.ask()
        desk.settings.update({"network.api_base": desk.api.base})
        desk.ask()
        desk.settle()
        assert keys_seen(other) == {f"Bearer {other_key}"}
        assert keys_seen(desk.api) == {f"Bearer {KEY}"}
        assert other.paths("POST")[-1].endswith("/cancel")


def test_checklist_31_a_new_key_for_the_same_address_is_used_from_the_next_ask_on(desk: Desk) -> None:
    desk.ask()
    desk.keys.save(origin_of(desk.api.base), f"{KEY}-new", keep="session")
    desk.ask()
    assert [seen["headers"]["authorization"] for seen in desk.api.requests] == [f"Bearer {KEY}", f"Bearer {KEY}-new"]
