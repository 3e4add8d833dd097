"""The settings in effect: which layer wins, what is ignored and named, what a change does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desktop.common.errors import AppError, Phrase
from desktop.common.locations import Locations
from desktop.common.texts import Catalogue
from desktop.settings.base import Prompt
from desktop.settings.brand import Brand, parse_brand
from desktop.settings.errors import BrandInvalid, SettingsDamaged, SettingsInvalid, SettingsNewer, SettingsUnwritable
from desktop.settings.file import SettingsFile
from desktop.settings.layers import ENVIRONMENT_AGENT, SettingsStore
from desktop.settings.model import Accent, Settings, WorkflowAgent

Make = Callable[..., SettingsStore]


@pytest.fixture
def make(profile: Locations) -> Make:
    """A store over a file with this content."""

    def store(
        file: object = None,
        brand: dict[str, Any] | None = None,
        environ: dict[str, str] | None = None,
        typed: dict[str, Any] | None = None,
    ) -> SettingsStore:
        if file is not None:
            profile.folder.mkdir(parents=True, exist_ok=True)
            profile.settings.write_text(file if isinstance(file, str) else json.dumps(file), encoding="utf-8")
        return SettingsStore(
            SettingsFile(profile.settings),
            parse_brand(brand) if brand else Brand(),
            environ=environ,
            command_line=typed,
        )

    return store


def saved(profile: Locations) -> Any:
    return json.loads(profile.settings.read_text(encoding="utf-8"))


# --- layers ------------------------------------------------------------------------------------------


def test_with_nothing_set_the_defaults_are_in_effect(make: Make, profile: Locations) -> None:
    store = make()
    assert store.current == Settings()
    assert {row.layer for row in store.rows()} == {"default"}
    assert store.notices == []
    assert not profile.folder.exists()


def test_command_line_over_environment_over_settings_over_brand_over_default(make: Make) -> None:
    brand = {"settings": {"network": {"api_base": "https://brand.example", "timeout_seconds": 30}, "zoom": 1.5}}
    file = {"network": {"api_base": "https://file.example"}, "zoom": 2}
    environ = {"CHATKIT_API_BASE": "https://environment.example/v1/"}
    typed = {"network.api_base": "http://localhost:8000/v1"}
    stores = [
        make(file, brand, environ, typed),
        make(file, brand, environ),
        make(file, brand),
        make({}, brand),
        make({}),
    ]
    assert [(store.current.network.api_base, store.layer_of("network.api_base")) for store in stores] == [
        ("http://localhost:8000", "command_line"),
        ("https://environment.example", "environment"),
        ("https://file.example", "settings"),
        ("https://brand.example", "brand"),
        ("https://api.openai.com", "default"),
    ]
    assert stores[0].current.network.timeout_seconds == 30
    assert stores[0].layer_of("network.timeout_seconds") == "brand"


def test_dicts_are_merged_and_lists_replaced(make: Make) -> None:
    brand = {"settings": {"chat": {"theme": {"radius": "pill"}, "prompts": [{"label": "A", "prompt": "a"}]}}}
    store = make({"chat": {"theme": {"density": "compact"}, "prompts": []}}, brand)
    assert (store.current.chat.theme.radius, store.current.chat.theme.density) == ("pill", "compact")
    assert store.current.chat.prompts == []


def test_every_setting_is_a_row_with_its_layer(make: Make) -> None:
    store = make({"zoom": 2, "agents": [{"workflow_id": "wf_12345"}]}, environ={"DEBUG": "true"})
    rows = {row.name: row for row in store.rows()}
    assert (rows["zoom"].value, rows["zoom"].layer) == (2, "settings")
    assert rows["agents"].value == [{"kind": "workflow", "id": "workflow", "workflow_id": "wf_12345"}]
    assert rows["log_level"].layer == "environment"
    assert json.loads(json.dumps([row.value for row in store.rows()]))


@pytest.mark.parametrize("given", ["https://proxy.example", "https://proxy.example/", "https://proxy.example/v1/"])
def test_the_api_base_is_taken_with_and_without_v1(given: str, make: Make) -> None:
    assert make(environ={"CHATKIT_API_BASE": given}).current.network.api_base == "https://proxy.example"


@pytest.mark.parametrize(
    ("value", "level"),
    [("1", "DEBUG"), ("True", "DEBUG"), ("0", "INFO"), ("", "INFO"), ("false", "INFO"), ("express:*", "INFO")],
)
def test_debug_in_the_environment_means_the_log_level(value: str, level: str, make: Make) -> None:
    assert make(environ={"DEBUG": value}).current.log_level == level


def test_a_workflow_of_the_environment_opens_and_the_others_stay(make: Make) -> None:
    agents = [{"id": "mine", "workflow_id": "wf_mine1"}]
    store = make({"agents": agents}, environ={"CHATKIT_WORKFLOW_ID": "wf_environment"})
    agent = store.current.agent()
    assert agent is not None
    assert (agent.id, agent.workflow_id) == (ENVIRONMENT_AGENT, "wf_environment")
    assert [known.id for known in store.current.agents] == [ENVIRONMENT_AGENT, "mine"]
    assert store.layer_of("agents") == "environment"


def test_a_workflow_of_the_environment_that_is_known_keeps_its_agent_and_its_user(make: Make) -> None:
    agents = [{"id": "one", "workflow_id": "wf_one11"}, {"id": "two", "workflow_id": "wf_two22"}]
    store = make({"agents": agents, "active_agent": "one"}, environ={"CHATKIT_WORKFLOW_ID": "wf_two22"})
    agent = store.current.agent()
    assert agent is not None
    assert agent.id == "two"


@pytest.mark.parametrize(
    ("environ", "typed", "name", "layer"),
    [
        ({"CHATKIT_API_BASE": "http://api.openai.com"}, {}, "network.api_base", "environment"),
        ({"CHATKIT_WORKFLOW_ID": "nonsense"}, {}, "agents.0.workflow_id", "environment"),
        ({}, {"network.api_base": "http://evil.example"}, "network.api_base", "command_line"),
        ({}, {"log_level": "LOUD"}, "log_level", "command_line"),
        ({}, {"netwrok.api_base": "x"}, "netwrok", "command_line"),
    ],
)
def test_a_bad_value_of_command_line_or_environment_stops_and_names_field_and_layer(
    environ: dict[str, str], typed: dict[str, Any], name: str, layer: str, make: Make
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        make({}, environ=environ, typed=typed)
    assert (caught.value.name, caught.value.layer) == (name, layer)


# --- what is ignored ---------------------------------------------------------------------------------


def test_checklist_24_an_unknown_key_is_named_with_the_nearest_right_one_and_stays_in_the_file(
    make: Make, profile: Locations, texts: Catalogue
) -> None:
    store = make({"chat": {"greating": "Hello"}, "zoom": 2})
    (notice,) = store.notices
    assert notice.field == "chat.greating"
    assert "“greeting”" in notice.describe(texts)["message"]
    assert store.current.zoom == 2
    store.update({"zoom": 1.5})
    assert saved(profile) == {"version": 1, "chat": {"greating": "Hello"}, "zoom": 1.5}


def test_checklist_24_a_bad_value_is_ignored_named_and_left_in_the_file(
    make: Make, profile: Locations, texts: Catalogue
) -> None:
    store = make({"zoom": "huge", "chat": {"greeting": "Hello"}})
    (notice,) = store.notices
    assert notice.field == "zoom"
    assert notice.describe(texts)["message"].startswith("The setting “Zoom”")
    assert (store.current.zoom, store.current.chat.greeting) == (1.0, "Hello")
    store.update({"language": "fr"})
    assert saved(profile)["zoom"] == "huge"
    assert list(profile.folder.glob("settings.damaged-*")) == []


def test_checklist_24_a_bad_value_that_is_written_over_is_kept_aside_first(make: Make, profile: Locations) -> None:
    content = {"chat": 5, "language": "fr"}
    store = make(content)
    store.update({"chat.greeting": "Hello"})
    assert saved(profile) == {"version": 1, "chat": {"greeting": "Hello"}, "language": "fr"}
    (aside,) = profile.folder.glob("settings.damaged-*")
    assert json.loads(aside.read_text()) == content


def test_many_bad_values_are_named_one_by_one_where_they_stand(make: Make, profile: Locations) -> None:
    content = {
        "agents": [
            {"workflow_id": "no id"},
            {"id": "good", "workflow_id": "wf_good1"},
            {"id": "good", "workflow_id": "wf_twice"},
            {"id": "extra", "workflow_id": "wf_extra", "colour": "red"},
        ],
        "chat": {"theme": {"light": {"accent": {"level": 2}}}, "prompts": [{"label": ""}]},
        "network": {"proxy": "http://user:secret@proxy:3128", "api_base": "ftp://x"},
    }
    store = make(content)
    assert [notice.field for notice in store.notices] == [
        "network.api_base",
        "network.proxy",
        "agents.0.workflow_id",
        "agents.3.colour",
        "chat.theme.light.accent",
        "chat.prompts.0.label",
        "agents.2",
    ]
    assert [agent.id for agent in store.current.agents] == ["good", "extra"]
    assert "secret" not in repr([(n.detail, n.values) for n in store.notices])
    store.update({"zoom": 2})
    assert saved(profile) == {"version": 1, **content, "zoom": 2}
    assert [agent.id for agent in store.current.agents] == ["good", "extra"]


def test_a_file_with_nothing_but_nonsense_is_kept_aside(make: Make, profile: Locations) -> None:
    store = make({f"name{number}": number for number in range(500)})
    assert [type(notice) for notice in store.notices] == [SettingsDamaged]
    assert len(list(profile.folder.glob("settings.damaged-*"))) == 1
    assert store.current == Settings()


def test_a_damaged_file_is_said_and_the_brand_is_in_effect(make: Make) -> None:
    store = make("{", {"settings": {"zoom": 2}})
    assert [type(notice) for notice in store.notices] == [SettingsDamaged]
    assert store.current.zoom == 2


def test_checklist_24_on_a_newer_versions_file_the_app_runs_and_changes_nothing(make: Make, profile: Locations) -> None:
    content = '{"version": 7, "zoom": 3}'
    store = make(content)
    assert isinstance(store.read_only, SettingsNewer)
    assert store.current.zoom == 1.0
    for change in (
        lambda: store.update({"zoom": 2}),
        lambda: store.replace_agent(WorkflowAgent(workflow_id="wf_12345")),
    ):
        with pytest.raises(SettingsNewer):
            change()
    user = store.user_id("workflow")
    assert store.user_id("workflow") == user
    assert profile.settings.read_text() == content


# --- changes -----------------------------------------------------------------------------------------


def test_a_change_is_saved_and_in_effect_and_none_goes_back(make: Make, profile: Locations) -> None:
    store = make({}, {"settings": {"chat": {"greeting": "From the brand"}}})
    store.update({"chat.greeting": "Mine", "chat.theme.light.accent": Accent(primary="#112233")})
    assert saved(profile) == {
        "version": 1,
        "chat": {"greeting": "Mine", "theme": {"light": {"accent": {"primary": "#112233"}}}},
    }
    assert make().current.chat.greeting == "Mine"
    store.update({"chat.greeting": None, "chat.theme.light.accent": None})
    assert store.current.chat.greeting == "From the brand"
    assert saved(profile) == {"version": 1}


def test_a_list_of_models_is_saved_as_plain_values(make: Make, profile: Locations) -> None:
    make().update({"chat.prompts": [Prompt(label="Hi", prompt="Hello")]})
    assert saved(profile)["chat"]["prompts"] == [{"label": "Hi", "prompt": "Hello"}]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("zoom", 9),
        ("zoom", "wide"),
        ("network.api_base", "http://api.openai.com"),
        ("network.api_base", "https://user:pass@api.openai.com"),
        ("network.proxy", "http://user:secret@proxy:3128"),
        ("network.proxy", "gopher://proxy"),
        ("chat.theme.light.accent", {"primary": "red"}),
        ("chat.nonsense", 1),
        ("nonsense", 1),
        ("session.expires_after_seconds", 601),
        ("language", "de"),
        ("agents", [{"workflow_id": "wf_12345", "version": "latest"}]),
    ],
)
def test_a_bad_change_is_refused_with_its_field_and_changes_nothing(
    name: str, value: object, make: Make, profile: Locations, texts: Catalogue, french: Catalogue
) -> None:
    store = make({"zoom": 1.5})
    before = profile.settings.read_bytes()
    with pytest.raises(SettingsInvalid) as caught:
        store.update({"chat.greeting": "Hello", name: value})
    assert (caught.value.field or "").startswith(name)
    for catalogue in (texts, french):
        assert "secret" not in json.dumps(caught.value.describe(catalogue))
    assert profile.settings.read_bytes() == before
    assert (store.current.zoom, store.current.chat.greeting) == (1.5, "")


def test_a_change_under_the_environment_is_checked_and_saved_though_not_in_effect(
    make: Make, profile: Locations
) -> None:
    store = make({}, environ={"CHATKIT_API_BASE": "http://localhost:1"})
    store.update({"network.api_base": "https://saved.example/v1/"})
    assert saved(profile)["network"]["api_base"] == "https://saved.example"
    assert store.current.network.api_base == "http://localhost:1"
    with pytest.raises(SettingsInvalid):
        store.update({"network.api_base": "nonsense"})


def test_what_somebody_else_wrote_meanwhile_is_not_lost(make: Make, profile: Locations) -> None:
    store = make({"zoom": 2})
    profile.settings.write_text('{"zoom": 2, "language": "fr"}')
    store.update({"chat.greeting": "Hello"})
    assert saved(profile) == {"version": 1, "zoom": 2, "language": "fr", "chat": {"greeting": "Hello"}}
    assert store.current.language == "fr"


def test_a_folder_that_cannot_be_written_is_said_and_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SettingsStore(SettingsFile(tmp_path / "file" / "settings.json"), Brand())
    with pytest.raises(SettingsUnwritable):
        store.update({"zoom": 2})
    assert store.current.zoom == 1.0


def test_listeners_hear_the_names_until_they_stop(make: Make) -> None:
    store = make()
    heard: list[frozenset[str]] = []
    stop = store.subscribe(heard.append)
    store.update({"zoom": 2, "language": "fr"})
    with pytest.raises(SettingsInvalid):
        store.update({"zoom": 99})
    stop()
    store.update({"zoom": 1})
    assert heard == [frozenset({"zoom", "language"})]


def test_a_listener_may_read_and_change_settings_in_another_thread(make: Make) -> None:
    """The lock is not held while listeners are called."""
    store = make()

    def listener(names: frozenset[str]) -> None:
        if "zoom" in names:
            thread = threading.Thread(target=lambda: store.update({"language": "fr"}))
            thread.start()
            thread.join()

    store.subscribe(listener)
    store.update({"zoom": 2})
    assert store.current.language == "fr"


def test_changes_of_many_threads_are_all_kept(make: Make, profile: Locations) -> None:
    store = make()
    threads = [threading.Thread(target=store.user_id, args=(f"agent{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(saved(profile)["user_ids"]) == [f"agent{number}" for number in range(8)]


# --- agents and users --------------------------------------------------------------------------------


def test_an_agent_is_added_opened_and_replaced_by_its_id(make: Make) -> None:
    store = make()
    store.replace_agent(WorkflowAgent(id="one", workflow_id="wf_one11"))
    store.replace_agent(WorkflowAgent(id="two", workflow_id="wf_two22"))
    store.replace_agent(WorkflowAgent(id="one", workflow_id="wf_new11", name="New"), activate=False)
    assert [(agent.id, agent.workflow_id) for agent in store.current.agents] == [
        ("one", "wf_new11"),
        ("two", "wf_two22"),
    ]
    assert store.current.active_agent == "two"
    assert make().current.agents == store.current.agents


def test_the_agent_of_the_environment_is_never_saved(make: Make, profile: Locations) -> None:
    store = make({}, environ={"CHATKIT_WORKFLOW_ID": "wf_environment"})
    store.replace_agent(WorkflowAgent(id="one", workflow_id="wf_one11"))
    assert [agent["id"] for agent in saved(profile)["agents"]] == ["one"]


def test_a_user_id_is_made_once_and_stays(make: Make) -> None:
    user = make().user_id("workflow")
    assert len(user) >= 20
    assert make().user_id("workflow") == user
    assert make().user_id("another") != user


def test_forget_me_makes_a_new_one_at_once(make: Make) -> None:
    store = make()
    old = store.user_id("workflow")
    new = store.forget_user("workflow")
    assert new != old
    assert store.user_id("workflow") == make().user_id("workflow") == new


def test_a_user_id_that_cannot_be_saved_lasts_for_this_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SettingsStore(SettingsFile(tmp_path / "file" / "settings.json"), Brand())
    user = store.user_id("workflow")
    assert store.user_id("workflow") == user
    assert [type(notice) for notice in store.notices] == [SettingsUnwritable]


def test_values_with_dots_in_their_names_are_named_right(make: Make, profile: Locations) -> None:
    content = {"agents": [{"workflow_id": "wf_12345", "state_variables": {"a.b": [1], "ok": "x"}}]}
    store = make(content)
    agent = store.current.agent()
    assert agent is not None
    assert agent.state_variables == {"ok": "x"}
    assert len(store.notices) == 1
    store.update({"zoom": 2})
    assert saved(profile)["agents"] == content["agents"]


# --- fixed by the maker ------------------------------------------------------------------------------

FIXED = {
    "fixed": ["agents", "network.api_base"],
    "settings": {"agents": [{"workflow_id": "wf_makers"}], "network": {"api_base": "https://maker.example"}},
}


def test_what_the_maker_fixed_no_layer_changes(make: Make) -> None:
    store = make(
        {"agents": [{"workflow_id": "wf_users1"}], "network": {"api_base": "https://file.example"}},
        FIXED,
        {"CHATKIT_API_BASE": "http://localhost:1", "CHATKIT_WORKFLOW_ID": "wf_environment"},
    )
    assert [agent.workflow_id for agent in store.current.agents] == ["wf_makers"]
    assert store.current.network.api_base == "https://maker.example"
    assert store.is_fixed("agents")
    assert not store.is_fixed("zoom")


@pytest.mark.parametrize("name", ["agents", "network.api_base", "network", "agents.0.name"])
def test_changing_what_is_fixed_is_refused(name: str, make: Make) -> None:
    with pytest.raises(SettingsInvalid):
        make({}, FIXED).update({name: None})


def test_the_command_line_cannot_change_what_is_fixed(make: Make) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        make({}, FIXED, typed={"network.api_base": "https://other.example"})
    assert caught.value.layer == "command_line"


def test_a_brand_that_is_unsound_by_itself_is_the_brands_fault(profile: Locations) -> None:
    brand = Brand.model_construct(settings={"zoom": 99}, fixed=[])
    with pytest.raises(BrandInvalid):
        SettingsStore(SettingsFile(profile.settings), brand)


def test_every_notice_can_be_said_in_both_languages(make: Make, texts: Catalogue, french: Catalogue) -> None:
    store = make(
        {
            "language": "xx",
            "zoom": 99,
            "log_level": 3,
            "agents": [{}],
            "user_ids": {"a": "x"},
            "session": {"expires_after_seconds": 0, "requests_per_minute": "many", "thread_titles": "perhaps"},
            "chat": {
                "greeting": "x" * 300,
                "prompts": [{"label": "a", "prompt": "b"}] * 13,
                "theme": {"light": {"accent": {"primary": "red"}}, "typography": {"base_size": 99}},
                "locale": "english please",
            },
        }
    )
    notices: list[AppError] = store.notices
    assert len(notices) == 13
    for notice in notices:
        for catalogue in (texts, french):
            told = notice.describe(catalogue)
            assert "{" not in told["message"] + told["hint"]
            assert isinstance(notice.values["title"], Phrase)
            assert (notice.field == "agents.0") == (notice.values["title"].spell(catalogue) == "Agents")


def test_a_change_is_made_from_what_another_app_has_just_written(make: Make) -> None:
    one, other = make(), make()
    other.update({"zoom": 1.5})
    one.change(lambda settings: {"zoom": settings.zoom + 0.5})
    assert one.current.zoom == 2.0
