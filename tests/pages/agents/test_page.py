"""The page for agents and endpoints: what it shows, what it saves and refuses, and whose key goes where."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desktop.common.page import Sources
from desktop.pages.agents.page import LOOK_FIELDS, AgentsPage
from desktop.pages.common.check_run import FieldError
from desktop.settings.agents import AssistantAgent, DemoAgent, Endpoint
from desktop.settings.base import Prompt
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from desktop.settings.model import WorkflowAgent
from tests.pages.app_parts import SENTINEL, Asked, House
from tests.pages.modules import html_of, missing
from tests.standins.api import KEY, WORKFLOW, ApiStandIn
from tests.standins.endpoint import EndpointStandIn

Make = Callable[..., House]
LLAMA = "llama3.2:latest"


@pytest.fixture
def server() -> Iterator[EndpointStandIn]:
    with EndpointStandIn() as standin:
        yield standin


@pytest.fixture
def furnished(house: House) -> House:
    """A house with an agent of each kind; the assistant opens."""
    house.settings.replace_agent(WorkflowAgent(id="flow", name="Support", workflow_id=WORKFLOW))
    house.settings.replace_agent(DemoAgent(id="demo"))
    house.settings.replace_agent(AssistantAgent(id="writer", name="Writer"))
    house.app.asked.clear()
    return house


def asked_of(house: House) -> Asked:
    return Asked(AgentsPage(house.services).page(), house.texts)


def change(ask: Asked, agent: str, **changes: Any) -> dict[str, Any]:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return dict(ask("agents.save", id=agent, changes=named))


def refused(ask: Asked, agent: str, **changes: Any) -> tuple[str | None, str]:
    """The field and the sentence of what was not saved."""
    with pytest.raises(SettingsInvalid) as caught:
        change(ask, agent, **changes)
    return caught.value.field, json.loads(ask.crossed[-1])["message"]


def assistant(house: House, agent: str = "writer") -> AssistantAgent:
    found = next(one for one in house.settings.current.agents if one.id == agent)
    assert isinstance(found, AssistantAgent)
    return found


# --- what the page is ---------------------------------------------------------------------------


def test_checklist_03_the_page_that_takes_keys_runs_no_remote_script(house: House) -> None:
    page = AgentsPage(house.services).page()
    assert page.sources == Sources()
    html = html_of("agents")
    assert re.findall(r"<script[^>]*>", html) == ['<script type="module" src="agents.js">']
    assert not re.search(r"\son\w+=|\sstyle=", html)
    assert missing(page.files) == []


def test_the_page_is_told_every_agent_and_which_one_opens(furnished: House) -> None:
    start = asked_of(furnished)("agents.start")
    assert [(one["id"], one["kind"]) for one in start["agents"]] == [
        ("flow", "workflow"),
        ("demo", "demo"),
        ("writer", "assistant"),
    ]
    assert start["active"] == "writer"
    assert start["endpoints"][0]["built_in"]
    assert (start["locked"], start["chooses"], start["notices"]) == ("", True, [])


# --- adding, copying, removing, choosing --------------------------------------------------------


def test_the_first_agent_that_is_added_opens(house: House) -> None:
    answer = asked_of(house)("agents.add", kind="assistant")
    assert house.settings.current.active_agent == answer["id"]
    assert house.app.names() == ["reload_chat"]


def test_a_further_agent_does_not_open_by_itself(furnished: House) -> None:
    answer = asked_of(furnished)("agents.add", kind="demo")
    assert answer["state"]["active"] == "writer"
    assert furnished.app.names() == []


def test_a_workflow_is_added_with_its_id_and_refused_without(furnished: House) -> None:
    ask = asked_of(furnished)
    with pytest.raises(FieldError) as caught:
        ask("agents.add", kind="workflow", workflow_id="68a1")
    assert caught.value.field == "workflow_id"
    added = ask("agents.add", kind="workflow", workflow_id=f" '{WORKFLOW}' ")["id"]
    found = next(one for one in furnished.settings.current.agents if one.id == added)
    assert isinstance(found, WorkflowAgent)
    assert found.workflow_id == WORKFLOW


def test_a_copy_has_everything_but_the_id_and_the_end_of_its_name(furnished: House) -> None:
    long = "n" * 60
    furnished.settings.replace_agent(AssistantAgent(id="writer", name=long, instructions="Be brief.", model="gpt-x"))
    copied = assistant(furnished, asked_of(furnished)("agents.duplicate", id="writer")["id"])
    assert (copied.instructions, copied.model) == ("Be brief.", "gpt-x")
    assert copied.name.endswith("n (copy)")
    assert len(copied.name) == 60
    assert furnished.settings.current.active_agent == "writer"


def test_two_hundred_agents_are_the_most_and_the_next_is_refused_in_a_sentence(house: House) -> None:
    house.settings.update({"agents": [{"kind": "demo", "id": f"d{n}", "name": "n" * 60} for n in range(200)]})
    ask = asked_of(house)
    assert len(ask("agents.start")["agents"]) == 200
    with pytest.raises(FieldError):
        ask("agents.add", kind="assistant")
    assert "200 agents already" in ask.crossed[-1]


def test_the_active_agent_that_is_removed_leaves_its_place_to_another(furnished: House) -> None:
    ask = asked_of(furnished)
    ask("agents.remove", id="writer")
    assert [one.id for one in furnished.settings.current.agents] == ["flow", "demo"]
    assert furnished.settings.current.active_agent == "flow"
    assert furnished.app.names() == ["reload_chat"]
    ask("agents.remove", id="flow")
    assert ask("agents.remove", id="demo")["agents"] == []


def test_an_id_is_never_given_to_another_agent(house: House) -> None:
    """Chats lie under it."""
    ask = asked_of(house)
    first = ask("agents.add", kind="assistant")["id"]
    ask("agents.remove", id=first)
    assert ask("agents.add", kind="assistant")["id"] != first


def test_an_agent_is_chosen_and_the_chat_begins_anew_with_it(furnished: House) -> None:
    assert asked_of(furnished)("agents.choose", id="demo")["active"] == "demo"
    assert furnished.settings.current.agent() == DemoAgent(id="demo")
    assert furnished.app.names() == ["reload_chat"]


@pytest.mark.parametrize("method", ["get", "duplicate", "remove", "choose"])
def test_an_agent_that_is_gone_is_named_as_such(furnished: House, method: str) -> None:
    with pytest.raises(AgentNotSet):
        asked_of(furnished)(f"agents.{method}", id="nobody")


# --- changing -----------------------------------------------------------------------------------


def test_what_is_typed_is_kept_as_the_settings_have_it(furnished: House) -> None:
    ask = asked_of(furnished)
    answer = change(
        ask,
        "writer",
        agent__name="  Editor ",
        agent__instructions="Be brief.\n",
        agent__model=" gpt-x ",
        agent__models="gpt-a\n gpt-b, gpt-a\n",
        agent__reasoning_effort="low",
        agent__temperature=0.5,
        agent__tools__web_search=True,
        agent__tools__vector_store_ids="vs_1\nvs_2",
        agent__greeting="Hello",
        agent__prompts=[{"label": "A", "prompt": "B", "icon": None}],
    )
    made = assistant(furnished)
    assert (made.name, made.instructions, made.model) == ("Editor", "Be brief.\n", "gpt-x")
    assert made.models == ["gpt-a", "gpt-b"]
    assert (made.reasoning_effort, made.temperature, made.greeting) == ("low", 0.5, "Hello")
    assert made.tools.web_search
    assert made.tools.vector_store_ids == ["vs_1", "vs_2"]
    assert made.prompts == [Prompt(label="A", prompt="B")]
    assert answer["fields"]["agent.models"]["value"] == "gpt-a\ngpt-b"


def test_empty_is_as_it_would_be_without(furnished: House) -> None:
    ask = asked_of(furnished)
    change(ask, "writer", agent__greeting="x", agent__temperature=1, agent__reasoning_effort="high", agent__prompts=[])
    change(ask, "writer", agent__greeting=" ", agent__temperature=None, agent__reasoning_effort="", agent__prompts=None)
    assert assistant(furnished) == AssistantAgent(id="writer", name="Writer")


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("agent.temperature", 9, "It must be 2 or less."),
        ("agent.temperature", "warm", "It must be a number."),
        ("agent.name", "n" * 61, "60"),
        ("agent.tools.vector_store_ids", "vs_1\nfile_2", "starts with vs_"),
        ("agent.models", "\n".join(f"m{n}" for n in range(21)), "20"),
        ("agent.greeting", "g" * 201, "200"),
        ("agent.instructions", "i" * 50_001, "50"),
        ("agent.endpoint", "No Such", ""),
    ],
)
def test_what_can_not_be_is_said_at_its_field_and_not_saved(
    furnished: House, field: str, value: Any, says: str
) -> None:
    before = furnished.on_disk()
    named, message = refused(asked_of(furnished), "writer", **{field.replace(".", "__"): value})
    assert named == field
    assert says in message
    assert furnished.on_disk() == before


def test_a_prompts_problem_names_the_prompt(furnished: House) -> None:
    prompts = [{"label": "A", "prompt": "B"}, {"label": "l" * 81, "prompt": "B"}]
    named, _ = refused(asked_of(furnished), "writer", agent__prompts=prompts)
    assert named == "agent.prompts.1.label"


def test_a_field_of_another_kind_is_refused(furnished: House) -> None:
    assert refused(asked_of(furnished), "demo", agent__instructions="x")[0] == "agent.instructions"


def test_the_look_is_the_profiles(furnished: House) -> None:
    ask = asked_of(furnished)
    answer = change(ask, "writer", chat__theme__radius="sharp")
    assert furnished.settings.current.chat.theme.radius == "sharp"
    assert set(LOOK_FIELDS) <= set(answer["fields"])
    named, _ = refused(ask, "writer", chat__theme__light__accent={"primary": "red", "level": 1})
    assert named == "chat.theme.light.accent"


# --- settings that name what is not there -------------------------------------------------------


def test_an_unknown_agent_is_said_and_the_first_one_opens(furnished: House) -> None:
    furnished.settings.update({"active_agent": "nobody"})
    start = asked_of(furnished)("agents.start")
    assert start["notices"] == ["The agent “nobody” from the settings does not exist. Support opens instead."]
    assert start["active"] == "flow"


def test_an_unknown_endpoint_is_said_and_another_can_be_chosen(furnished: House) -> None:
    furnished.settings.replace_agent(AssistantAgent(id="writer", endpoint="gone"))
    ask = asked_of(furnished)
    assert [one["missing"] for one in ask("agents.start")["agents"]] == [False, False, True]
    assert ask("agents.models", id="gone")["problem"]
    answer = change(ask, "writer", agent__endpoint="openai")
    assert not answer["state"]["agents"][2]["missing"]


# --- who may change what ------------------------------------------------------------------------


def test_agents_that_come_with_the_app_are_shown_and_locked(make_house: Make) -> None:
    brand = {"settings": {"agents": [{"kind": "assistant", "id": "ours"}]}, "fixed": ["agents"]}
    ask = asked_of(make_house(brand=brand))
    assert (ask("agents.start")["locked"], ask("agents.start")["chooses"]) == ("brand", False)
    assert ask("agents.get", id="ours")["fields"]["agent.name"]["locked"] == "brand"
    for method, params in (("save", {"changes": {"agent.name": "x"}}), ("remove", {}), ("duplicate", {})):
        with pytest.raises(SettingsInvalid):
            ask(f"agents.{method}", id="ours", **params)


def test_the_environments_agent_is_locked_and_never_saved(make_house: Make) -> None:
    house = make_house(environ={"CHATKIT_WORKFLOW_ID": WORKFLOW})
    ask = asked_of(house)
    assert not ask("agents.start")["chooses"]
    assert ask("agents.get", id="environment")["fields"]["agent.name"]["locked"] == "environment"
    with pytest.raises(SettingsInvalid):
        ask("agents.remove", id="environment")
    added = ask("agents.add", kind="assistant")["id"]
    assert change(ask, added, agent__name="Mine")["fields"]["agent.name"]["value"] == "Mine"
    assert WORKFLOW not in house.on_disk()


# --- endpoints ----------------------------------------------------------------------------------


def save_endpoint(ask: Asked, address: str, **params: Any) -> dict[str, Any]:
    return dict(ask("endpoints.save", **{"number": 1, "address": address, **params}))


def test_an_endpoint_is_checked_by_real_calls_and_then_saved(house: House, server: EndpointStandIn) -> None:
    answer = save_endpoint(asked_of(house), f"{server.base}/v1", name="Mine")
    assert answer["error"] is None
    assert house.settings.current.endpoints == [Endpoint(id=answer["id"], name="Mine", base_url=server.base)]
    assert [path for _, path, _, _ in server.requests] == ["/v1/models", "/v1/chat/completions"]


def test_an_endpoint_that_is_no_openai_server_is_not_saved(house: House, server: EndpointStandIn) -> None:
    server.kind = "website"
    answer = save_endpoint(asked_of(house), server.base)
    assert (answer["error"]["field"], answer["can_save"]) == ("address", False)
    assert "does not answer like an OpenAI-compatible server" in answer["error"]["message"]
    assert house.settings.current.endpoints == []


def test_the_same_endpoint_twice_is_refused(house: House, server: EndpointStandIn) -> None:
    ask = asked_of(house)
    save_endpoint(ask, server.base)
    assert save_endpoint(ask, server.base, number=2)["error"]["field"] == "address"


def test_checklist_01_an_endpoints_key_goes_in_is_replaced_and_never_comes_out(
    house: House, server: EndpointStandIn
) -> None:
    server.keys = {SENTINEL, "another-key"}
    ask = asked_of(house)
    made = save_endpoint(ask, server.base, key=SENTINEL)["id"]
    assert ask("endpoints.key", id=made)["present"]
    assert house.settings.current.endpoints[0].needs_key
    assert save_endpoint(ask, server.base, id=made, number=2, key="wrong")["error"]["field"] == "key"
    assert house.keys.read(server.base) == SENTINEL, "the old key stays until the new one works"
    assert save_endpoint(ask, server.base, id=made, number=3, key="another-key")["error"] is None
    assert house.keys.read(server.base) == "another-key"
    assert not ask("endpoints.remove_key", id=made)["present"]
    assert not ask.found(SENTINEL)
    assert SENTINEL not in house.on_disk()


def test_a_removed_endpoint_takes_its_key_along_unless_another_has_the_same_origin(
    house: House, server: EndpointStandIn
) -> None:
    ask = asked_of(house)
    server.protocols = ("chat_completions", "responses")
    one = save_endpoint(ask, server.base, key="company-key")["id"]
    other = save_endpoint(ask, server.base, number=2, api="responses")["id"]
    assert one != other
    ask("endpoints.remove", id=one)
    assert house.keys.read(server.base) == "company-key"
    ask("endpoints.remove", id=other)
    assert house.keys.read(server.base) is None
    assert house.settings.current.endpoints == []


def test_the_models_of_an_endpoint_are_listed_with_its_key(house: House, server: EndpointStandIn) -> None:
    ask = asked_of(house)
    server.keys = {"company-key"}
    made = save_endpoint(ask, server.base, key="company-key")["id"]
    assert ask("agents.models", id=made) == {"models": [LLAMA, "qwen3:8b"], "ending": {}, "problem": ""}


def test_models_that_can_not_be_had_leave_a_sentence(house: House) -> None:
    answer = asked_of(house)("agents.models", id="openai")
    assert answer["models"] == []
    assert answer["problem"].startswith("There is no key for")


# --- a hosted workflow --------------------------------------------------------------------------


def test_a_workflow_can_be_checked_without_being_the_one_that_opens(furnished: House, api: ApiStandIn) -> None:
    furnished.keys.save(api.base, KEY)
    assert asked_of(furnished)("agents.check", id="flow") == {"works": True}
    assert api.paths("POST")[0] == "/v1/chatkit/sessions"
