"""The chat page's methods: what crosses to a page that runs OpenAI's script, and what it can set in motion."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from desktop.app.diagnostics import Counters
from desktop.common.errors import AppError
from desktop.common.locations import Locations, assets_dir
from desktop.common.texts import Catalogue
from desktop.keys.errors import KeyMissing
from desktop.openai_api.client import ApiClient, Endpoint
from desktop.openai_api.errors import KeyRejected
from desktop.pages.chat.errors import RendererCrashed
from desktop.pages.chat.page import ChatPage, Limits
from desktop.pages.common.services import Services
from desktop.settings.brand import Brand
from desktop.settings.errors import SettingsDamaged
from desktop.settings.model import Settings
from desktop.settings.state import State
from tests.pages.modules import html_of, missing
from tests.standins.api import KEY, ApiStandIn

SENTINEL = "sk-sentinel-never-to-be-seen-0123456789"
USER = "user_0123456789abcdef"
COMPONENT = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"


class Keeper:
    """Mints secrets out of thin air, or fails; holds the sentinel key as the real one does."""

    def __init__(self, client: ApiClient | None) -> None:
        self.key = SENTINEL
        self.reasons: list[str] = []
        self.error: AppError | None = None
        self._client = client

    def client_secret(self, reason: str = "mount") -> tuple[str, int]:
        self.reasons.append(reason)
        if self.error:
            raise self.error
        return f"ek_{len(self.reasons)}", 1_800_000_000

    def api(self) -> ApiClient:
        if self._client is None:
            raise KeyMissing(origin="https://api.openai.com")
        return self._client


class Application:
    """Notes what it is asked for; `wait` for what another thread asks."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.events: list[tuple[str, Any]] = []
        self._changed = threading.Condition()

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: self.asked.append((name, *args) if args else (name, None))

    def emit(self, page: str, event: str, data: Any) -> None:
        json.dumps(data)  # what crosses can be written
        if page != "chat":
            return
        with self._changed:
            self.events.append((event, data))
            self._changed.notify_all()

    def wait(self, until: Callable[[list[tuple[str, Any]]], bool], limit: float = 30) -> list[tuple[str, Any]]:
        with self._changed:
            assert self._changed.wait_for(lambda: until(self.events), limit), self.events
            return list(self.events)


class House:
    """A chat page and everything around it."""

    def __init__(self, folder: Path, api: ApiStandIn | None = None, settings: dict[str, Any] | None = None) -> None:
        self.client = ApiClient(Endpoint(base=api.base), KEY, retries=0) if api else None
        self.keeper = Keeper(self.client)
        self.app = Application()
        self.counters = Counters()
        self.state = State(folder / "state.json")
        self.locations = Locations(folder)
        values = {"agents": [{"workflow_id": "wf_abcdefgh"}], **(settings or {})}
        self.settings = SimpleNamespace(
            current=Settings.model_validate({"user_ids": {"workflow": USER}, **values}),
            notices=[],
            user_id=lambda _agent: USER,
            key=SENTINEL,
        )
        self.services = cast(
            Services,
            SimpleNamespace(
                brand=Brand(),
                profile="default",
                locations=self.locations,
                texts=Catalogue("en"),
                settings=self.settings,
                state=self.state,
                keys=SimpleNamespace(read=lambda _origin: SENTINEL),
                keeper=self.keeper,
                agents=SimpleNamespace(state="off", state_for=lambda _agent: "off"),
                counters=self.counters,
                app=self.app,
                make_client=None,
                diagnostics=lambda: "diagnostics",
                component_url=COMPONENT,
                environ={"OPENAI_API_KEY": SENTINEL},
            ),
        )
        self.page = ChatPage(self.services)

    def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """As the bridge does it: parameters checked, the value written as JSON."""
        found = self.page.page().methods[method]
        value = found.call(found.params.model_validate(params or {}))
        return json.loads(json.dumps(value))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def online(tmp_path: Path) -> Iterator[tuple[House, ApiStandIn]]:
    with ApiStandIn() as api:
        made = House(tmp_path, api)
        yield made, api
        if made.client:
            made.client.close()


# --- the page ---------------------------------------------------------------------------------


def test_the_page_lists_files_that_are_there_and_every_module_it_loads(house: House) -> None:
    page = house.page.page()
    for file in page.files:
        assert (assets_dir() / file).is_file(), file
    assert missing(page.files) == []


def test_only_the_component_and_the_api_are_let_into_the_page(house: House) -> None:
    sources = house.page.page().sources
    assert sources.script == sources.frame == ("https://cdn.platform.openai.com",)
    assert sources.connect == ("https://api.openai.com",)
    assert sources.inline_style


def test_the_html_has_no_script_style_or_handler_inside() -> None:
    html = html_of("chat")
    assert " style=" not in html
    assert "<style" not in html
    assert html.count("<script") == 1
    assert " on" not in "".join(part.split(">")[0] for part in html.split("<")).replace(" one", "")


# --- chat.start -------------------------------------------------------------------------------


def test_the_start_has_all_that_the_page_needs(house: House) -> None:
    told = house.call("chat.start")
    assert told["component"] == {"url": COMPONENT}
    assert told["themes"]["dark"]["colorScheme"] == "dark"
    assert told["limits"]["ready_ms"] == 10_000
    assert told["limits"]["backoff"] == [5, 10, 20, 40, 60]
    assert told["problem"] is None
    assert told["texts"]["common.try_again"] == "Try again"


def test_the_last_thread_is_reopened_unless_the_chat_failed_on_it(house: House) -> None:
    house.state.set_last_thread("workflow", "cthr_1")
    assert house.call("chat.start")["options"]["initialThread"] == "cthr_1"
    assert "initialThread" not in house.call("chat.start", {"without_thread": True})["options"]


def test_the_last_thread_stays_closed_where_the_settings_say_so(tmp_path: Path) -> None:
    house = House(tmp_path, settings={"chat": {"reopen_last_thread": False}})
    house.state.set_last_thread("workflow", "cthr_1")
    assert "initialThread" not in house.call("chat.start")["options"]


def test_without_an_agent_the_page_is_told_so(tmp_path: Path) -> None:
    told = House(tmp_path, settings={"agents": []}).call("chat.start")
    assert told["problem"]["code"] == "agent_not_set"
    assert told["options"] == {}


def test_a_renderer_that_crashed_twice_is_explained_in_place_of_the_chat(house: House) -> None:
    house.page = ChatPage(house.services, problem=RendererCrashed("twice"))
    assert house.call("chat.start")["problem"]["code"] == "renderer_crashed"


def test_what_is_wrong_with_the_settings_is_handed_over(house: House) -> None:
    house.settings.notices.append(SettingsDamaged(kept="settings.damaged.json"))
    notice = house.call("chat.start")["notices"][0]
    assert notice["code"] == "settings_damaged"
    assert "settings.damaged.json" in notice["message"] + notice["hint"]


# --- secrets ----------------------------------------------------------------------------------


def test_a_mint_gives_the_client_secret_and_its_end_and_nothing_else(house: House) -> None:
    assert house.call("session.mint", {"reason": "expiry"}) == {"client_secret": "ek_1", "expires_at": 1_800_000_000}
    assert house.call("session.mint")["client_secret"] == "ek_2"
    assert house.keeper.reasons == ["expiry", "mount"]


def test_a_mint_that_fails_raises_its_own_error(house: House) -> None:
    house.keeper.error = KeyRejected("401")
    with pytest.raises(KeyRejected):
        house.call("session.mint")


def test_checklist_01_nothing_that_the_chat_page_is_given_holds_the_key(house: House) -> None:
    params: dict[str, dict[str, Any]] = {
        "chat.ready": {"ms": 1},
        "chat.problem": {"code": "component_failed", "detail": "x"},
        "chat.thread": {"id": None},
        "chat.response": {"phase": "start"},
        "app.open_link": {"link": "status"},
        "chat.fall_back": {"code": "component_late"},
        "chatkit.request": {"body": "{}"},
        "stream.ack": {"id": "s1", "count": 1},
        "stream.cancel": {"id": "s1"},
        "attachment.begin": {"name": "a", "mime": "text/plain", "size": 1},
        "attachment.part": {"id": "a", "offset": 0, "data": ""},
        "attachment.end": {"id": "a"},
    }
    crossed = []
    for name in house.page.page().methods:
        try:
            crossed.append(json.dumps(house.call(name, params.get(name))))
        except AppError as error:
            crossed.append(json.dumps(error.describe(house.services.texts)))
    crossed += [json.dumps(entry) for entry in house.app.events]
    assert "ek_1" in "".join(crossed)  # the control: what does cross is found
    assert SENTINEL not in "".join(crossed)
    assert SENTINEL[3:11] not in "".join(crossed)


def test_checklist_10_the_chat_page_has_no_method_for_the_key_or_the_settings(house: House) -> None:
    names = set(house.page.page().methods)
    assert not [name for name in names if name.startswith(("key.", "settings.", "setup.", "user.", "data."))]


# --- problems ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("component_unreachable", "cdn.platform.openai.com"),
        ("component_late", "10"),
        ("component_failed", "made up"),
        ("component_blank", ""),
    ],
)
def test_a_problem_of_the_component_comes_back_as_a_sentence(house: House, code: str, words: str) -> None:
    told = house.call("chat.problem", {"code": code, "detail": "made up"})
    assert told["code"] == code
    assert words in told["message"] + told["hint"] + told["detail"]
    assert told["retryable"] is True
    assert house.counters.snapshot()["errors"] == {code: 1}


def test_what_the_person_does_not_see_is_counted_and_not_described(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert house.call("chat.problem", {"code": "csp", "detail": "script-src https://evil.example"}) == {}
        assert house.call("chat.problem", {"code": "component_failed", "detail": "later", "shown": False}) == {}
    assert house.counters.snapshot()["csp_violations"] == 1
    assert house.counters.snapshot()["component_errors"] == 1
    assert house.counters.snapshot()["errors"] == {}
    assert "evil.example" in caplog.text


def test_a_report_cannot_forge_a_line_of_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        house.call("chat.problem", {"code": "page", "detail": "one\n2026-11-20 - root - INFO - forged", "shown": False})
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_ready_is_counted_with_its_time(house: House) -> None:
    house.call("chat.ready", {"ms": 420})
    snapshot = house.counters.snapshot()
    assert snapshot["chats_ready"] == 1
    assert snapshot["latencies"]["chat_ready"]["median_ms"] == pytest.approx(420)


def test_messages_are_counted_and_answers_timed(house: House) -> None:
    for phase in ("start", "end", "end"):
        house.call("chat.response", {"phase": phase})
    snapshot = house.counters.snapshot()
    assert snapshot["messages"] == 1
    assert snapshot["latencies"]["answer"]["count"] == 1


# --- threads ----------------------------------------------------------------------------------


def test_the_window_title_follows_the_thread(online: tuple[House, ApiStandIn]) -> None:
    house, api = online
    thread = api.world.add_thread(USER, title="A weekend\n in Lyon")
    assert house.call("chat.thread", {"id": thread}) == {"title": "A weekend in Lyon"}
    assert house.app.asked == [("set_chat_title", ""), ("set_chat_title", "A weekend in Lyon")]
    assert house.state.last_thread("workflow") == thread
    assert house.call("chat.thread", {"id": None}) == {"title": None}
    assert house.state.last_thread("workflow") is None
    assert house.app.asked[-1] == ("set_chat_title", "")


def test_a_thread_without_a_title_asks_again_and_keeps_the_window_calm(online: tuple[House, ApiStandIn]) -> None:
    house, api = online
    thread = api.world.add_thread(USER)
    assert house.call("chat.thread", {"id": thread}) == {"title": None}
    api.world.threads[thread]["title"] = "Named since"
    assert house.call("chat.thread", {"id": thread}) == {"title": "Named since"}
    assert house.app.asked == [("set_chat_title", ""), ("set_chat_title", "Named since")]


def test_a_title_that_cannot_be_had_is_no_problem(house: House) -> None:
    assert house.call("chat.thread", {"id": "cthr_1"}) == {"title": None}
    assert house.state.last_thread("workflow") == "cthr_1"


# --- parameters -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("session.mint", {"reason": "because"}),
        ("session.mint", {"reason": "mount", "user": "somebody"}),
        ("chat.start", {"without_thread": "yes"}),
        ("chat.ready", {"ms": -1}),
        ("chat.ready", {"ms": "1"}),
        ("chat.problem", {"code": "key_rejected"}),
        ("chat.problem", {"code": "csp", "detail": "x" * 2_001}),
        ("chat.thread", {}),
        ("chat.thread", {"id": "../../etc/passwd"}),
        ("chat.thread", {"id": "x" * 201}),
        ("chat.response", {"phase": "middle"}),
        ("app.open_link", {"link": "https://evil.example"}),
        ("app.open_link", {"link": "__class__"}),
        ("chat.reload", {"url": "https://evil.example"}),
    ],
)
def test_parameters_of_another_shape_are_refused(house: House, method: str, params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        house.call(method, params)
    assert house.app.asked == []


def test_checklist_15_the_page_names_a_link_and_never_an_address(house: House) -> None:
    for link in ("status", "usage", "api_keys", "workflows"):
        house.call("app.open_link", {"link": link})
    assert [name for name, *_ in house.app.asked] == ["open_external"] * 4
    assert all(url.startswith("https://") for _, url in house.app.asked)


def test_what_the_page_asks_the_app_for_reaches_the_desk(house: House) -> None:
    for method in ("chat.reload", "app.open_settings", "app.open_setup", "archive.open", "app.open_diagnostics"):
        house.call(method)
    assert house.app.asked == [
        ("reload_chat", None),
        ("show_settings", None),
        ("show_setup", None),
        ("open_folder", "archive"),
        ("show_settings", "diagnostics"),
    ]


def test_checklist_43_the_page_that_runs_openais_script_is_never_given_the_diagnostics(house: House) -> None:
    """It asks; a person copies, in a window where that script is not."""
    assert "diagnostics.copy" not in house.page.page().methods
    assert house.call("app.open_diagnostics") is None
    assert [name for name in house.page.page().methods if "clipboard" in name or "copy" in name] == []


# --- what becomes of a workflow -----------------------------------------------------------------


def ahead(house: House, day: date) -> dict[str, str] | None:
    house.page = ChatPage(house.services, today=lambda: day)
    told: dict[str, str] | None = house.call("chat.start")["ahead"]
    return told


def test_the_end_of_workflows_is_told_ahead_and_not_again_once_it_was_put_away(house: House) -> None:
    told = ahead(house, date(2026, 11, 20))
    assert told is not None
    assert told["message"] == "OpenAI ends hosted workflows on 30 November 2026."
    assert ahead(house, date(2026, 11, 29)) == told, "until somebody puts it away"
    house.call("chat.ahead_seen")
    assert ahead(house, date(2026, 11, 29)) is None
    over = ahead(house, date(2026, 11, 30))
    assert over is not None, "once more when the day has come"
    assert "may stop at any time" in over["hint"]
    house.call("chat.ahead_seen")
    assert ahead(house, date(2027, 1, 1)) is None


def test_agents_inside_the_app_have_no_end_to_be_told_of(tmp_path: Path) -> None:
    house = House(tmp_path, settings={"agents": [{"kind": "demo", "id": "demo"}]})
    assert ahead(house, date(2026, 11, 20)) is None


@pytest.mark.parametrize(("way", "section"), [("", "road"), ("code", "road.code"), ("assistant", "road.assistant")])
def test_the_page_with_openais_script_can_only_have_the_window_for_agents_opened(
    house: House, way: str, section: str
) -> None:
    house.call("app.open_workflow_end", {"way": way})
    assert house.app.asked == [("show_agents", "workflow", section)]
    with pytest.raises(ValidationError):
        house.call("app.open_workflow_end", {"way": "code", "text": "print()"})
    assert not [name for name in house.page.page().methods if name.startswith("agents.")]


# --- the archive ------------------------------------------------------------------------------


def finished(events: list[tuple[str, Any]]) -> bool:
    return bool(events) and events[-1][1]["finished"]


def test_the_archive_tells_how_far_it_is_and_where_it_went(online: tuple[House, ApiStandIn]) -> None:
    house, api = online
    for number in range(3):
        api.world.add_thread(USER, title=f"Chat {number}", messages=2)
    api.world.add_thread("somebody-else")
    assert house.call("archive.start") == {"started": True}
    events = house.app.wait(finished)
    assert {name for name, _ in events} == {"archive.progress"}
    assert [(told["done"], told["total"]) for _, told in events if told["done"] == 0] == [(0, None), (0, 3)]
    last = events[-1][1]
    assert (last["done"], last["total"], last["failed"], last["error"]) == (3, 3, 0, None)
    assert last["folder"] == str(house.locations.archive)
    assert len(list(house.locations.archive.glob("*.json"))) == len(list(house.locations.archive.glob("*.html"))) == 3


def test_an_archive_that_cannot_be_made_says_why(online: tuple[House, ApiStandIn]) -> None:
    house, api = online
    api.fail("key_rejected")
    house.call("archive.start")
    last = house.app.wait(finished)[-1][1]
    assert last["error"]["code"] == "key_rejected"
    assert last["done"] == 0


def test_one_archive_runs_at_a_time_and_a_page_shown_anew_can_stop_it(online: tuple[House, ApiStandIn]) -> None:
    house, api = online
    for number in range(3):
        api.world.add_thread(USER, title=f"Chat {number}")
    api.fail("slow", seconds=0.2, on="/items")
    house.call("archive.start")
    house.app.wait(lambda events: any(told["total"] for _, told in events))
    house.page = ChatPage(house.services)
    assert house.call("archive.start") == {"started": False}
    house.call("archive.cancel")
    last = house.app.wait(finished)[-1][1]
    assert last["cancelled"] is True
    assert last["done"] < 3
    api.heal()
    deadline = time.monotonic() + 30
    while house.call("archive.start") == {"started": False}:
        assert time.monotonic() < deadline
    assert house.app.wait(lambda events: finished(events) and events[-1][1]["done"] == 3)


def test_without_a_key_the_archive_does_not_begin(house: House) -> None:
    with pytest.raises(KeyMissing):
        house.call("archive.start")


def test_the_times_of_the_page_can_be_set(house: House) -> None:
    house.page = ChatPage(house.services, limits=Limits(ready_ms=1_500, backoff=(1,)))
    told = house.call("chat.start")["limits"]
    assert (told["ready_ms"], told["backoff"]) == (1_500, [1])
    assert "2" in house.call("chat.problem", {"code": "component_late"})["message"]
