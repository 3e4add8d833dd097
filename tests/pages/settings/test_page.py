"""The settings page: what it shows, what it saves and refuses, and what cannot be undone."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from desktop.agents.models.names import DEFAULT_MODEL
from desktop.common.errors import BadParams
from desktop.common.locations import assets_dir
from desktop.common.page import Sources
from desktop.keys.errors import KeyringMissing, KeyShape
from desktop.openai_api.lifetime import workflows_over
from desktop.pages.settings.hosts import rows
from desktop.pages.settings.page import AGENT_FIELDS, FIELDS, SettingsPage
from desktop.settings.agents import AssistantAgent, Endpoint
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from desktop.settings.model import WorkflowAgent
from tests.pages.app_parts import SENTINEL, Asked, House, Keyring
from tests.pages.modules import html_of, missing
from tests.standins.api import KEY, WORKFLOW, ApiStandIn

Make = Callable[..., House]
OTHER = "sk-another-0123456789abcdefghijklmnopqrst"
WRONG = "sk-wrong-0123456789abcdefghijklmnopqrstuv"


def asked_of(house: House) -> Asked:
    return Asked(SettingsPage(house.services).page(), house.texts)


@pytest.fixture
def settled(house: House, api: ApiStandIn) -> House:
    """A house with an agent and a key."""
    house.settings.replace_agent(WorkflowAgent(workflow_id=WORKFLOW))
    house.keys.save(api.base, KEY)
    house.services.state.set_key_known(api.base, True)
    house.app.asked.clear()
    return house


def save(house: House, **changes: Any) -> dict[str, Any]:
    return dict(asked_of(house)("settings.save", changes={name.replace("__", "."): to for name, to in changes.items()}))


# --- what the page is ---------------------------------------------------------------------------


def test_the_page_may_ask_for_these_methods_and_no_other(house: House) -> None:
    assert sorted(SettingsPage(house.services).page().methods) == [
        "agent.check",
        "app.open_agents",
        "app.open_link",
        "app.open_setup",
        "data.delete_all",
        "diagnostics.copy",
        "help.open",
        "key.cancel",
        "key.remove",
        "key.replace",
        "key.status",
        "logs.open",
        "proxy.remove_password",
        "proxy.save_password",
        "settings.close",
        "settings.pick_ca_file",
        "settings.save",
        "settings.start",
        "user.forget",
    ]


def test_checklist_03_the_page_that_takes_a_new_key_runs_no_remote_script(house: House) -> None:
    page = SettingsPage(house.services).page()
    assert page.sources == Sources()
    html = html_of("settings")
    assert re.findall(r"<script[^>]*>", html) == ['<script type="module" src="settings.js">']
    assert not re.search(r"\son\w+=|\sstyle=", html)
    for name in page.files:
        assert (assets_dir() / name).is_file(), name


def test_every_file_that_a_script_imports_is_among_the_files_of_the_page(house: House) -> None:
    assert missing(SettingsPage(house.services).page().files) == []


def test_every_setting_that_may_be_changed_has_its_field_on_the_page(settled: House) -> None:
    files = SettingsPage(settled.services).page().files
    code = "".join((assets_dir() / name).read_text(encoding="utf-8") for name in files if name.endswith(".js"))
    shown = asked_of(settled)("settings.start")["fields"]
    assert sorted(shown) == sorted((*FIELDS, *AGENT_FIELDS))
    for name in shown:
        assert f'"{name}"' in code, name


# --- what crosses -------------------------------------------------------------------------------


def test_checklist_01_no_answer_of_the_settings_page_holds_a_key(house: House, api: ApiStandIn) -> None:
    house.settings.replace_agent(WorkflowAgent(workflow_id=WORKFLOW))
    house.keys.save(api.base, SENTINEL)
    ask = asked_of(house)
    ask("settings.start")
    ask("key.status")
    ask("agent.check")
    ask("settings.save", changes={"chat.greeting": "Hello"})
    api.fail("key_rejected", times=1)
    ask("key.replace", number=1, key=SENTINEL)
    ask("key.replace", number=2, key=SENTINEL)
    ask("proxy.save_password", password=SENTINEL)
    ask("key.status")
    with pytest.raises(SettingsInvalid):
        ask("settings.save", changes={"network.proxy": f"http://me:{SENTINEL}@proxy.example:1"})
    with pytest.raises(SettingsInvalid):
        ask("settings.save", changes={"agent.workflow_id": SENTINEL})
    ask("diagnostics.copy")
    ask("key.remove")

    for secret in (SENTINEL, SENTINEL[3:], SENTINEL[3:11]):
        assert not ask.found(secret)
        assert secret not in repr(house.app.asked)
        assert secret not in house.on_disk()
    assert ask.found("versions and counters"), "the search finds what did cross"


# --- values and their layers --------------------------------------------------------------------


def test_each_value_comes_with_its_layer_and_with_what_locks_it(make_house: Make) -> None:
    house = make_house(
        brand={
            "settings": {"chat": {"greeting": "Bonjour"}, "session": {"requests_per_minute": 30}},
            "fixed": ["chat.greeting"],
        },
        environ={"CHATKIT_API_BASE": "https://proxy.example/v1", "CHATKIT_WORKFLOW_ID": WORKFLOW},
        command_line={"log_level": "DEBUG"},
    )
    house.settings.update({"zoom": 1.25})
    fields = asked_of(house)("settings.start")["fields"]
    assert fields["chat.greeting"] == {"value": "Bonjour", "layer": "brand", "locked": "brand"}
    assert fields["session.requests_per_minute"] == {"value": 30, "layer": "brand", "locked": ""}
    assert fields["network.api_base"]["locked"] == "environment"
    assert fields["agent.workflow_id"] == {"value": WORKFLOW, "layer": "environment", "locked": "environment"}
    assert fields["log_level"] == {"value": "DEBUG", "layer": "command_line", "locked": "command_line"}
    assert fields["zoom"] == {"value": 1.25, "layer": "settings", "locked": ""}
    assert fields["language"] == {"value": "auto", "layer": "default", "locked": ""}


def test_a_file_of_a_newer_app_can_be_looked_at_and_not_changed(make_house: Make, tmp_path: Path) -> None:
    first = make_house()
    first.locations.folder.mkdir(parents=True)
    first.locations.settings.write_text('{"version": 99}', encoding="utf-8")
    house = House(first.locations.folder.parents[1])
    start = asked_of(house)("settings.start")
    assert {known["locked"] for known in start["fields"].values()} == {"file"}
    assert [notice["code"] for notice in start["notices"]] == ["settings_newer"]
    with pytest.raises(SettingsInvalid):
        save(house, zoom=2)
    assert house.on_disk() == '{"version": 99}'


# --- saving -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("language", "fr"),
        ("zoom", 1.5),
        ("chat.theme.scheme", "dark"),
        ("chat.theme.light.accent", {"primary": "#7c3aed", "level": 2}),
        ("chat.theme.typography.base_size", 17),
        ("chat.greeting", "Hello"),
        ("chat.prompts", [{"label": "Plan", "prompt": "Plan a trip", "icon": "globe"}]),
        ("chat.history.show_delete", False),
        ("session.history.recent_threads", 5),
        ("session.file_upload.enabled", True),
        ("network.timeout_seconds", 30),
        ("agent.name", "Helper"),
        ("agent.version", "7"),
        ("agent.tracing.enabled", False),
    ],
)
def test_a_change_is_saved_at_once_and_answered_as_it_is_now(settled: House, name: str, value: Any) -> None:
    answer = asked_of(settled)("settings.save", changes={name: value})
    assert answer["fields"][name]["value"] == value
    assert answer["fields"][name]["layer"] == "settings"
    again = House(settled.locations.folder.parents[1])
    assert asked_of(again)("settings.start")["fields"][name]["value"] == value


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("language", "de", "language"),
        ("zoom", 9, "zoom"),
        ("chat.greeting", "g" * 201, "chat.greeting"),
        ("chat.theme.dark.accent", {"primary": "red", "level": 1}, "chat.theme.dark.accent.primary"),
        ("chat.prompts", [{"label": "a", "prompt": "b"}, {"label": "", "prompt": "x"}], "chat.prompts.1.label"),
        ("session.expires_after_seconds", 601, "session.expires_after_seconds"),
        ("session.requests_per_minute", "many", "session.requests_per_minute"),
        ("network.api_base", "http://elsewhere.example", "network.api_base"),
        ("network.proxy", "http://me:secret@proxy.example:1", "network.proxy"),
        ("network.ca_file", "/no/such/file.pem", "network.ca_file"),
        ("agent.workflow_id", "hello", "agent.workflow_id"),
        ("agent.workflow_id", None, "agent.workflow_id"),
        ("agent.version", "latest", "agent.version"),
        ("agent.name", "n" * 61, "agent.name"),
    ],
)
def test_what_is_invalid_is_told_at_its_field_and_changes_nothing_on_disk(
    settled: House, name: str, value: Any, field: str
) -> None:
    before, current = settled.on_disk(), settled.settings.current
    with pytest.raises(SettingsInvalid) as refused:
        asked_of(settled)("settings.save", changes={name: value})
    told = refused.value.describe(settled.texts)
    assert told["field"] == field
    assert told["message"]
    assert told["hint"] == "", "one sentence below the field"
    assert settled.on_disk() == before
    assert settled.settings.current == current
    assert settled.app.names() == []


def test_a_setting_that_does_not_exist_is_refused(settled: House) -> None:
    for name in ("user_ids.workflow", "agents", "workflow_worked", "chat", "__class__", "version"):
        with pytest.raises(BadParams):
            asked_of(settled)("settings.save", changes={name: "x"})


def test_a_locked_setting_is_refused(make_house: Make) -> None:
    house = make_house(environ={"CHATKIT_API_BASE": "https://proxy.example"})
    with pytest.raises(SettingsInvalid):
        save(house, network__api_base="https://api.openai.com")


def test_going_back_to_the_default_leaves_no_trace_in_the_file(settled: House) -> None:
    save(settled, chat__greeting="Hello")
    assert "greeting" in settled.on_disk()
    save(settled, chat__greeting="")
    assert "greeting" not in settled.on_disk()
    save(settled, zoom=1.5)
    assert save(settled, zoom=None)["fields"]["zoom"] == {"value": 1.0, "layer": "default", "locked": ""}


def test_a_default_over_another_value_of_the_brand_is_kept(make_house: Make) -> None:
    house = make_house(brand={"settings": {"chat": {"greeting": "Bonjour"}}})
    assert save(house, chat__greeting="")["fields"]["chat.greeting"]["value"] == ""


def test_another_workflow_loads_the_chat_again_and_another_greeting_does_not(settled: House) -> None:
    save(settled, chat__greeting="Hello")
    assert settled.app.names() == []
    save(settled, agent__workflow_id="wf_standin0002")
    assert settled.app.names() == ["reload_chat"]


def test_without_an_agent_there_is_nothing_of_an_agent_to_change(house: House) -> None:
    start = asked_of(house)("settings.start")
    assert not start["agent"]
    assert not any(name.startswith("agent.") for name in start["fields"])
    with pytest.raises(BadParams):
        save(house, agent__name="x")


def test_a_certificate_file_must_hold_certificates(settled: House, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("hello", encoding="utf-8")
    with pytest.raises(SettingsInvalid):
        save(settled, network__ca_file=str(path))
    path.write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    assert save(settled, network__ca_file=str(path))["fields"]["network.ca_file"]["value"] == str(path)


# --- the key ------------------------------------------------------------------------------------


def test_the_stored_key_and_workflow_can_be_checked(settled: House, api: ApiStandIn) -> None:
    assert asked_of(settled)("agent.check") == {"works": True}
    api.fail("workflow_not_found")
    with pytest.raises(Exception, match=r".") as refused:
        asked_of(settled)("agent.check")
    over = workflows_over(datetime.now(UTC).date())
    assert getattr(refused.value, "code", "") == ("workflow_gone" if over else "workflow_not_found")


def test_checklist_09_replacing_a_key_checks_the_new_one_first(settled: House, api: ApiStandIn) -> None:
    ask = asked_of(settled)
    refused = ask("key.replace", number=1, key=WRONG)
    assert (refused["error"]["code"], refused["error"]["field"]) == ("key_rejected", "key")
    assert not refused["can_save"]
    assert settled.keys.read(api.base) == KEY
    assert settled.app.names() == []

    assert ask("key.replace", number=2, key=f" {OTHER}\n")["error"] is None
    assert settled.keys.read(api.base) == OTHER
    assert settled.app.names() == ["reload_chat"]


def test_an_empty_new_key_is_not_the_old_one(settled: House, api: ApiStandIn) -> None:
    assert asked_of(settled)("key.replace", number=1, key=" \n")["error"]["code"] == KeyShape.code
    assert not api.paths("POST")


def test_a_replaced_keys_sessions_are_cancelled(settled: House, api: ApiStandIn) -> None:
    settled.keeper.client_secret()
    asked_of(settled)("key.replace", number=1, key=OTHER)
    settled.keeper.cancel_all(60)  # the new one; the old one was cancelled in the background
    for _ in range(6_000):
        if all(session["status"] == "cancelled" for session in api.world.sessions.values()):
            break
        time.sleep(0.005)
    assert [session["status"] for session in api.world.sessions.values()] == ["cancelled", "cancelled"]


def test_checklist_08_removing_the_key_deletes_it_and_cancels_its_sessions(settled: House, api: ApiStandIn) -> None:
    settled.keeper.client_secret()
    status = asked_of(settled)("key.remove")

    assert (status["present"], status["where"]) == (False, "nowhere")
    assert settled.keyring.get(f"default|{api.base}") is None
    assert settled.keys.read(api.base) is None
    assert [session["status"] for session in api.world.sessions.values()] == ["cancelled"]
    (emitted, (page, event, told)), then = settled.app.asked
    assert (emitted, page, event, told["code"], then) == (
        "emit",
        "chat",
        "key.removed",
        "key_missing",
        ("show_setup", ()),
    )
    assert not settled.services.state.key_known(api.base)


def test_a_proxy_password_goes_to_the_keyring_and_not_to_the_file(settled: House) -> None:
    ask = asked_of(settled)
    assert ask("proxy.save_password", password="hidden") == {"where": "keyring"}
    assert settled.keys.secret("proxy") == "hidden"
    assert ask("key.status")["proxy_password"]
    assert "hidden" not in settled.on_disk()
    ask("proxy.remove_password")
    assert not ask("key.status")["proxy_password"]


def test_checklist_06_without_a_keyring_a_proxy_password_lasts_for_the_session(make_house: Make) -> None:
    house = make_house(keyring=Keyring(trouble=KeyringMissing()))
    assert asked_of(house)("proxy.save_password", password="hidden") == {"where": "session"}
    assert house.keys.secret("proxy") == "hidden"
    assert "hidden" not in house.on_disk()


# --- privacy ------------------------------------------------------------------------------------


def test_forget_me_makes_a_new_user_at_once(settled: House, api: ApiStandIn) -> None:
    settled.keeper.client_secret()
    old = settled.settings.current.user_ids["workflow"]
    settled.services.state.set_last_thread("workflow", "cthr_1")

    asked_of(settled)("user.forget")

    assert settled.settings.current.user_ids["workflow"] != old
    assert settled.services.state.last_thread("workflow") is None
    assert [session["status"] for session in api.world.sessions.values()] == ["cancelled"]
    assert settled.app.names() == ["reload_chat"]
    settled.keeper.client_secret()
    assert old not in json.dumps(api.requests[-1])


def test_forget_me_needs_somebody_to_forget(house: House) -> None:
    with pytest.raises(AgentNotSet):
        asked_of(house)("user.forget")


@pytest.mark.parametrize(("language", "word"), [("en", "delete"), ("fr", "SUPPRIMER ")])
def test_checklist_24_everything_is_deleted_only_with_the_word_typed(
    make_house: Make, api: ApiStandIn, language: str, word: str
) -> None:
    house = make_house(base=api.base, language=language)
    house.settings.replace_agent(WorkflowAgent(workflow_id=WORKFLOW))
    house.keys.save(api.base, KEY)
    house.keys.save_secret("proxy", "hidden")
    house.keeper.client_secret()
    ask = asked_of(house)
    for wrong in ("", "yes", "delet", "löschen"):
        with pytest.raises(SettingsInvalid) as refused:
            ask("data.delete_all", word=wrong)
        assert refused.value.describe(house.texts)["field"] == "word"
    assert house.app.names() == []
    assert house.keys.read(api.base) == KEY

    ask("data.delete_all", word=word)

    assert house.keys.read(api.base) is None
    assert house.keys.secret("proxy") is None
    assert [session["status"] for session in api.world.sessions.values()] == ["cancelled"]
    assert house.app.names() == ["delete_all_data"]


def test_data_can_be_deleted_where_there_is_no_keyring(make_house: Make) -> None:
    house = make_house(keyring=Keyring(trouble=KeyringMissing()))
    asked_of(house)("data.delete_all", word="DELETE")
    assert house.app.names() == ["delete_all_data"]


@pytest.mark.parametrize("builtin", [True, False])
def test_the_hosts_of_the_view_in_use_are_named_with_their_purpose(house: House, builtin: bool) -> None:
    house.app.builtin = builtin
    told = asked_of(house)("settings.start")["hosts"]
    wanted = rows(house.settings.current, builtin=builtin)
    assert [entry["host"] for entry in told["rows"]] == [host for host, _ in wanted]
    assert all(entry["purpose"] for entry in told["rows"])
    assert ("ChatKit" in told["lead"]) is not builtin


def test_only_who_has_a_workflow_is_told_of_sessions(house: House) -> None:
    ask = asked_of(house)
    assert ask("settings.start")["workflows"] is False
    house.settings.replace_agent(WorkflowAgent(workflow_id=WORKFLOW))
    assert ask("settings.start")["workflows"] is True


# --- about --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("publisher", "rights", "told"),
    [
        ("Fern and Moss", "© 2026 The gardeners", "Fern and Moss · © 2026 The gardeners"),
        ("Fern and Moss", "© 2026 Fern and Moss", "© 2026 Fern and Moss"),
        ("Fern and Moss", "", "Fern and Moss"),
        ("", "", ""),
    ],
)
def test_it_says_whose_app_it_is(make_house: Make, publisher: str, rights: str, told: str) -> None:
    house = make_house(brand={"app": {"publisher": publisher, "copyright": rights}})
    assert asked_of(house)("settings.start")["makers"] == told


def test_only_links_that_the_brand_has_are_shown_and_open(make_house: Make) -> None:
    house = make_house(brand={"links": {"help": "https://help.example", "status": ""}})
    ask = asked_of(house)
    links = ask("settings.start")["links"]
    assert "help" in links
    assert "status" not in links
    ask("app.open_link", link="help")
    assert house.app.asked == [("open_external", ("https://help.example",))]
    for link in ("status", "javascript:alert(1)"):
        with pytest.raises(BadParams):
            ask("app.open_link", link=link)


def test_the_rest_is_handed_to_the_desk(house: House) -> None:
    ask = asked_of(house)
    for method in ("logs.open", "app.open_setup", "settings.close", "settings.pick_ca_file"):
        ask(method)
    assert house.app.names() == ["open_folder", "show_setup", "close_window", "pick_file"]
    assert ask("diagnostics.copy") == {"text": "versions and counters"}


# --- agents inside the app ----------------------------------------------------------------------


def test_an_agent_in_the_app_is_shown_in_short(house: House) -> None:
    house.settings.replace_agent(AssistantAgent(id="writer", name="Writer", endpoint="gone"))
    start = asked_of(house)("settings.start")
    assert not start["agent"]
    assert start["other"] == {
        "kind": "assistant",
        "name": "Writer",
        "model": DEFAULT_MODEL,
        "host": "gone (missing)",
    }
    asked_of(house)("app.open_agents")
    assert house.app.names() == ["show_agents"]


def test_the_key_of_an_assistant_is_replaced_by_one_that_may_use_its_model(house: House, api: ApiStandIn) -> None:
    house.settings.replace_agent(AssistantAgent(id="writer", model="gpt-standin"))
    house.keys.save(api.base, KEY)
    ask = asked_of(house)
    assert ask("key.replace", number=1, key=WRONG)["error"]["field"] == "key"
    assert house.keys.read(api.base) == KEY
    assert ask("key.replace", number=2, key=OTHER)["error"] is None
    assert house.keys.read(api.base) == OTHER


def test_the_other_chat_page_takes_effect_at_once(house: House) -> None:
    house.settings.replace_agent(AssistantAgent(id="writer"))
    house.app.asked.clear()
    save(house, assistant__builtin_view=True, assistant__message_limit=500)
    assert house.settings.current.assistant.message_limit == 500
    assert house.app.names() == ["reload_chat"]


def test_deleting_everything_takes_the_keys_of_all_endpoints_along(house: House, api: ApiStandIn) -> None:
    house.settings.update({"endpoints": [Endpoint(id="mine", base_url="http://127.0.0.1:11434", needs_key=True)]})
    for base in (api.base, "http://127.0.0.1:11434"):
        house.keys.save(base, KEY)
    asked_of(house)("data.delete_all", word="delete")
    assert house.keys.read(api.base) is None
    assert house.keys.read("http://127.0.0.1:11434") is None
