"""The first-launch page: what crosses to it, what it imports, and what it saves."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from desktop.common.errors import BadParams
from desktop.common.locations import assets_dir
from desktop.common.page import Sources
from desktop.common.texts import Catalogue
from desktop.keys.errors import KeyringMissing, KeyringSlow, KeyShape
from desktop.openai_api.lifetime import WORKFLOWS_END
from desktop.pages.common.key_status import tell_waiting
from desktop.pages.setup.page import SetupPage
from tests.pages.app_parts import SENTINEL, Asked, House, Keyring
from tests.pages.modules import all_imports, html_of, missing
from tests.standins.api import KEY, WORKFLOW, ApiStandIn

Make = Callable[..., House]
FIXED = {"settings": {"agents": [{"workflow_id": WORKFLOW}]}, "fixed": ["agents"]}


def asked_of(house: House) -> Asked:
    return Asked(SetupPage(house.services).page(), house.texts)


def check(ask: Asked, **params: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ask("setup.check", **{"number": 1, "key": KEY, "workflow": WORKFLOW, **params})
    return answer


# --- what the page is ---------------------------------------------------------------------------


def test_the_page_may_ask_for_these_methods_and_no_other(house: House) -> None:
    assert sorted(SetupPage(house.services).page().methods) == [
        "app.open_link",
        "app.open_server",
        "help.open",
        "setup.address",
        "setup.cancel",
        "setup.check",
        "setup.check_endpoint",
        "setup.check_key",
        "setup.close",
        "setup.demo",
        "setup.drop_key",
        "setup.import_dotenv",
        "setup.import_env_key",
        "setup.key_status",
        "setup.start",
    ]


def test_checklist_03_the_page_that_takes_the_key_runs_no_remote_script(house: House) -> None:
    page = SetupPage(house.services).page()
    assert page.sources == Sources()
    scripts = {"pages/setup/setup.js", *all_imports("pages/setup/setup.js")}
    assert scripts <= set(page.files)
    for name in ("pages/setup/setup.html", *page.files):
        path = assets_dir() / name
        assert path.is_file(), name
        if path.suffix in (".html", ".css") or name in scripts:
            text = html_of("setup") if path.suffix == ".html" else path.read_text(encoding="utf-8")
            text = text.replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", text), name
    html = html_of("setup")
    assert re.findall(r"<script[^>]*>", html) == ['<script type="module" src="setup.js">']
    assert not re.search(r"\son\w+=|\sstyle=", html)


def test_every_file_that_a_script_imports_is_among_the_files_of_the_page(house: House) -> None:
    assert missing(SetupPage(house.services).page().files) == []


@pytest.mark.parametrize(
    "params",
    [
        {"number": 0},
        {"number": 1, "keep": "file"},
        {"number": 1, "key": "k" * 20_001},
        {"number": 1, "workflow": 5},
        {"number": 1, "surprise": True},
    ],
)
def test_other_parameters_are_refused(house: House, params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        asked_of(house)("setup.check", **params)


# --- what crosses -------------------------------------------------------------------------------


def test_checklist_01_no_answer_of_the_setup_page_holds_a_key(
    make_house: Make, api: ApiStandIn, tmp_path: Path
) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"OPENAI_API_KEY={SENTINEL}\nCHATKIT_WORKFLOW_ID={WORKFLOW}\n", encoding="utf-8")
    house = make_house(base=api.base, environ={"OPENAI_API_KEY": SENTINEL})
    house.keys.save(api.base, SENTINEL)
    house.app.file = str(dotenv)
    ask = asked_of(house)
    ask("setup.start")
    ask("setup.key_status")
    ask("setup.import_env_key")
    ask("setup.import_dotenv")
    for fault in ("key_rejected", "workflow_not_found", "server_error_500", "reset"):
        api.fail(fault)
        check(ask, key=SENTINEL)
    api.heal()
    check(ask, key="", use_pending=True)
    check(ask, key=f"{SENTINEL} and more")
    ask("setup.drop_key")
    ask("setup.cancel", number=1)
    ask("setup.close")
    ask("app.open_link", link="keys")

    for secret in (SENTINEL, SENTINEL[3:], SENTINEL[3:11]):
        assert not ask.found(secret)
        assert secret not in repr(house.app.asked)
        assert secret not in house.on_disk()
    assert ask.found("setup.submit"), "the search finds what did cross"


# --- what the page is told ----------------------------------------------------------------------


def test_the_page_is_told_where_the_key_would_go(house: House, api: ApiStandIn) -> None:
    start = asked_of(house)("setup.start")
    assert start["host"] == api.base.removeprefix("http://")
    assert start["asks_workflow"]
    assert not start["again"]
    status = asked_of(house)("setup.key_status")
    assert status == {"lasting": True, "present": False, "where": "nowhere", "store": "Secret Service", "problem": None}


def test_opened_again_it_shows_the_workflow_and_that_a_key_is_stored(house: House, api: ApiStandIn) -> None:
    check(asked_of(house), version="2")
    ask = asked_of(house)
    start = ask("setup.start")
    assert (start["again"], start["workflow"], start["version"]) == (True, WORKFLOW, "2")
    assert ask("setup.key_status")["present"]
    assert check(ask, key="", workflow="wf_standin0002")["error"] is None
    assert house.keys.read(api.base) == KEY


def test_where_the_brand_fixes_the_agent_only_the_key_is_asked_for(make_house: Make, api: ApiStandIn) -> None:
    house = make_house(base=api.base, brand=FIXED)
    ask = asked_of(house)
    assert not ask("setup.start")["asks_workflow"]
    assert check(ask, workflow="")["error"] is None
    assert "agents" not in house.on_disk()
    assert house.app.names() == ["show_chat"]


def test_a_workflow_of_the_environment_is_shown_and_not_asked_for(make_house: Make, api: ApiStandIn) -> None:
    house = make_house(base=api.base, environ={"CHATKIT_WORKFLOW_ID": WORKFLOW})
    ask = asked_of(house)
    start = ask("setup.start")
    assert (start["asks_workflow"], start["workflow_from"], start["workflow"]) == (False, "environment", WORKFLOW)
    assert check(ask, workflow="wf_ignored")["error"] is None
    assert "wf_ignored" not in house.on_disk()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_words_name_the_day_on_which_workflows_end(language: str) -> None:
    texts = Catalogue(language)
    month = {"en": "November", "fr": "novembre"}[language]
    day = f"{WORKFLOWS_END.day} {month} {WORKFLOWS_END.year}"
    for key in ("setup.ends", "setup.ended", "settings.agent_ends", "settings.agent_ended"):
        assert day in texts.get(key)


# --- imports ------------------------------------------------------------------------------------


def test_the_environments_key_is_offered_and_taken_only_when_asked(make_house: Make, api: ApiStandIn) -> None:
    house = make_house(base=api.base, environ={"OPENAI_API_KEY": KEY})
    ask = asked_of(house)
    assert ask("setup.start")["env_name"] == "OPENAI_API_KEY"
    refused = check(ask, key="")
    assert refused["error"]["code"] == "key_missing"
    assert not api.paths("POST")
    assert ask("setup.import_env_key") == {"name": "OPENAI_API_KEY"}
    assert check(ask, key="", use_pending=True)["error"] is None
    assert house.keys.read(api.base) == KEY


def test_an_imported_key_can_be_dropped_again(make_house: Make, api: ApiStandIn) -> None:
    ask = asked_of(make_house(base=api.base, environ={"OPENAI_API_KEY": KEY}))
    ask("setup.import_env_key")
    ask("setup.drop_key")
    assert check(ask, key="", use_pending=True)["error"]["code"] == "key_missing"


def test_a_starters_env_fills_the_fields_and_names_what_it_ignores(
    house: House, api: ApiStandIn, tmp_path: Path
) -> None:
    path = tmp_path / ".env"
    path.write_text(
        f"OPENAI_API_KEY='{KEY}'\nCHATKIT_WORKFLOW_ID={WORKFLOW}\nCHATKIT_API_BASE={api.base}/v1\nPORT=3000\n",
        encoding="utf-8",
    )
    house.app.file = str(path)
    ask = asked_of(house)
    assert ask("setup.import_dotenv") == {
        "key": True, "workflow": WORKFLOW, "version": "", "file": ".env", "api_host": "",
        "found": ["OPENAI_API_KEY", "CHATKIT_WORKFLOW_ID"], "ignored": ["PORT"],
    }  # fmt: skip
    assert check(ask, key="", use_pending=True)["error"] is None


def test_closing_the_file_dialog_changes_nothing(house: House) -> None:
    assert asked_of(house)("setup.import_dotenv") is None


def test_checklist_31_a_files_key_goes_to_the_files_address_alone(
    make_house: Make, api: ApiStandIn, tmp_path: Path
) -> None:
    path = tmp_path / ".env"
    path.write_text(f"OPENAI_API_KEY={KEY}\nCHATKIT_API_BASE={api.base}\n", encoding="utf-8")

    house = make_house()
    house.app.file = str(path)
    ask = asked_of(house)
    assert ask("setup.import_dotenv")["api_host"] == api.base.removeprefix("http://")
    assert check(ask, key="", use_pending=True)["error"] is None
    assert house.settings.current.network.api_base == api.base

    elsewhere = make_house(command_line={"network.api_base": "https://proxy.example"})
    elsewhere.app.file = str(path)
    ask = asked_of(elsewhere)
    found = ask("setup.import_dotenv")
    assert (found["key"], found["ignored"]) == (False, ["CHATKIT_API_BASE", "OPENAI_API_KEY"])
    assert check(ask, key="", use_pending=True)["error"]["code"] == "key_missing"


# --- the check ----------------------------------------------------------------------------------


def test_what_works_is_saved_and_the_chat_opens(house: House, api: ApiStandIn) -> None:
    ask = asked_of(house)
    assert check(ask) == {"error": None, "can_save": False, "cancelled": False}
    assert house.app.names() == ["show_chat"]
    assert house.services.state.key_known(api.base)
    secret, _ = house.keeper.client_secret()
    assert api.paths("POST").count("/v1/chatkit/sessions") == 1, "the chat gets the session of the check"
    assert not ask.found(secret)


def test_a_failure_stays_on_the_page(house: House) -> None:
    answer = check(asked_of(house), workflow="wf_of_another_project")
    assert answer["error"]["field"] == "workflow"
    assert "wf_of_another_project" in answer["error"]["message"]
    assert house.app.names() == []


def test_where_the_network_is_away_saving_anyway_is_offered(make_house: Make) -> None:
    house = make_house(base="http://127.0.0.1:1")
    ask = asked_of(house)
    assert check(ask)["can_save"]
    assert house.app.names() == []
    assert check(ask, number=2, unchecked=True)["error"] is None
    assert house.app.names() == ["show_chat"]


@pytest.mark.parametrize("trouble", [KeyringMissing(), KeyringSlow(seconds="3")])
def test_checklist_06_without_a_keyring_the_key_can_be_kept_for_this_session_only(
    make_house: Make, api: ApiStandIn, trouble: Any
) -> None:
    house = make_house(base=api.base, keyring=Keyring(trouble=trouble))
    ask = asked_of(house)
    told = ask("setup.key_status")
    assert told["problem"]["code"] == trouble.code
    assert told["problem"]["message"]
    refused = check(ask)
    assert refused["error"]["code"] == trouble.code
    assert not refused["can_save"]
    assert check(ask, keep="session")["error"] is None
    assert house.keys.status(api.base).where == "session"
    assert not house.services.state.key_known(api.base)
    for path in house.locations.folder.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()


def test_a_keyring_that_asks_the_person_is_announced(house: House) -> None:
    tell_waiting(house.services)
    assert ("emit", ("setup", "keyring.waiting", {"store": "Secret Service"})) in house.app.asked


def test_only_the_pages_own_links_open(house: House) -> None:
    ask = asked_of(house)
    ask("app.open_link", link="workflows")
    assert house.app.asked == [("open_external", (house.brand.links.workflows,))]
    with pytest.raises(BadParams):
        ask("app.open_link", link="https://elsewhere.example")


def test_the_shape_of_a_key_is_named_in_the_persons_language(make_house: Make, api: ApiStandIn) -> None:
    answers = [
        check(asked_of(make_house(base=api.base, language=language)), key="wf_1234")["error"]
        for language in ("en", "fr")
    ]
    assert [answer["code"] for answer in answers] == [KeyShape.code] * 2
    assert answers[0]["message"] != answers[1]["message"]


@pytest.mark.parametrize("endpoint", ["openai", "own"])
def test_a_code_agent_that_came_with_the_app_asks_for_its_key_alone(make_house: Make, endpoint: str) -> None:
    agent = {"kind": "code", "id": "fern", "file": "agents/fern.py", "endpoint": endpoint}
    own = {"id": "own", "base_url": "https://models.example", "needs_key": True}
    brand = {"settings": {"agents": [agent], "endpoints": [own]}, "fixed": ["agents"]}
    told = asked_of(make_house(brand=brand))("setup.start")
    assert (told["way"], told["asks_workflow"], told["workflow_from"]) == ("key", False, "brand")
    assert told["host"] == ("api.openai.com" if endpoint == "openai" else "models.example")
