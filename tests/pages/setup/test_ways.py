"""First launch by a key alone, with another model, with the demo: what is checked and what is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desktop.agents.models.names import DEFAULT_MODEL
from desktop.common.errors import AppError
from desktop.keys.errors import KeyringMissing
from desktop.pages.common.check_run import FieldError
from desktop.pages.common.endpoint_check import clean_address
from desktop.pages.setup.page import SetupPage
from desktop.settings.agents import AssistantAgent, DemoAgent, Endpoint
from desktop.settings.model import WorkflowAgent
from tests.pages.app_parts import Asked, House, Keyring
from tests.standins.api import KEY, WORKFLOW
from tests.standins.endpoint import EndpointStandIn

Make = Callable[..., House]
LLAMA = "llama3.2:latest"


@pytest.fixture
def server() -> Iterator[EndpointStandIn]:
    """A model server that asks for no key."""
    with EndpointStandIn() as standin:
        yield standin


@pytest.fixture
def openai() -> Iterator[EndpointStandIn]:
    """OpenAI as far as a key is checked."""
    with EndpointStandIn((DEFAULT_MODEL, "gpt-5.6"), protocols=("responses", "chat_completions"), keys={KEY}) as one:
        yield one


def asked_of(house: House) -> Asked:
    return Asked(SetupPage(house.services).page(), house.texts)


def check_key(ask: Asked, **params: Any) -> dict[str, Any]:
    return dict(ask("setup.check_key", **{"number": 1, "key": KEY, **params}))


def check_endpoint(ask: Asked, address: str, **params: Any) -> dict[str, Any]:
    return dict(ask("setup.check_endpoint", **{"number": 1, "address": address, "model": LLAMA, **params}))


# --- chat with my key ---------------------------------------------------------------------------


def test_a_key_alone_makes_an_assistant_with_the_default_model(make_house: Make, openai: EndpointStandIn) -> None:
    house = make_house(base=openai.base)
    answer = check_key(asked_of(house))
    assert (answer["error"], answer["cancelled"]) == (None, False)
    assert house.settings.current.agent() == AssistantAgent(id="assistant")
    assert house.keys.read(openai.base) == KEY
    assert house.services.state.key_known(openai.base)
    assert house.app.names() == ["show_chat"]
    assert [path for _, path, _, _ in openai.requests] == ["/v1/models"], "the list is proof enough, and free"


def test_a_key_that_is_refused_is_not_saved(make_house: Make, openai: EndpointStandIn) -> None:
    house = make_house(base=openai.base)
    answer = check_key(asked_of(house), key="sk-other-0123456789abcdefghijklmnopq")
    assert (answer["error"]["code"], answer["error"]["field"], answer["can_save"]) == ("key_rejected", "key", False)
    assert house.keys.read(openai.base) is None
    assert house.settings.current.agents == []
    assert house.app.names() == []


def test_a_key_without_the_default_model_is_given_its_own_to_choose_from(
    make_house: Make, openai: EndpointStandIn
) -> None:
    openai.models = ("gpt-4.1-mini", "text-embedding-3-small")
    house = make_house(base=openai.base)
    ask = asked_of(house)
    answer = check_key(ask)
    assert answer["error"]["field"] == "model"
    assert DEFAULT_MODEL in answer["error"]["message"]
    assert answer["models"] == ["gpt-4.1-mini"]
    assert check_key(ask, number=2, model="gpt-4.1-mini")["error"] is None
    assert house.settings.current.agent() == AssistantAgent(id="assistant", model="gpt-4.1-mini")


def test_a_key_that_may_not_see_the_list_is_tried_with_the_shortest_answer(
    make_house: Make, openai: EndpointStandIn
) -> None:
    openai.lists = False
    house = make_house(base=openai.base)
    assert check_key(asked_of(house))["error"] is None
    method, path, _, body = openai.requests[-1]
    assert (method, path) == ("POST", "/v1/responses")
    assert (body["model"], body["store"], body["max_output_tokens"]) == (DEFAULT_MODEL, False, 16)


def test_another_key_keeps_the_assistant_as_it_is(make_house: Make, openai: EndpointStandIn) -> None:
    house = make_house(base=openai.base)
    mine = AssistantAgent(id="mine", instructions="Be brief.")
    house.settings.replace_agent(WorkflowAgent(workflow_id=WORKFLOW))
    house.settings.replace_agent(mine)
    ask = asked_of(house)
    assert (ask("setup.start")["way"], ask("setup.start")["again"]) == ("key", True)
    assert check_key(ask)["error"] is None
    assert house.settings.current.agent() == mine
    assert len(house.settings.current.agents) == 2


def test_without_a_network_it_can_be_saved_all_the_same(make_house: Make) -> None:
    house = make_house(base="http://127.0.0.1:1")
    ask = asked_of(house)
    assert check_key(ask)["can_save"]
    assert check_key(ask, number=2, unchecked=True)["error"] is None
    assert house.settings.current.agent() == AssistantAgent(id="assistant")


def test_checklist_06_without_a_keyring_the_key_is_kept_for_the_session(
    make_house: Make, openai: EndpointStandIn
) -> None:
    house = make_house(base=openai.base, keyring=Keyring(trouble=KeyringMissing()))
    ask = asked_of(house)
    assert check_key(ask)["error"]["code"] == "keyring_missing"
    assert house.settings.current.agents == [], "nothing is saved before the key is"
    assert check_key(ask, number=2, keep="session")["error"] is None
    assert house.keys.read(openai.base) == KEY
    assert len(openai.requests) == 1, "what was proved is not asked again"


# --- another model ------------------------------------------------------------------------------


def test_the_servers_models_are_asked_for_and_nothing_is_saved(house: House, server: EndpointStandIn) -> None:
    answer = check_endpoint(asked_of(house), server.base, model="", saves=False)
    assert (answer["error"], answer["models"]) == (None, [LLAMA, "qwen3:8b"])
    assert house.settings.current.endpoints == []
    assert house.app.names() == []


def test_a_model_of_ones_own_needs_no_key(house: House, server: EndpointStandIn) -> None:
    assert check_endpoint(asked_of(house), f"{server.base}/v1/")["error"] is None
    settings = house.settings.current
    assert settings.endpoints == [Endpoint(id="127-0-0-1", base_url=server.base)]
    agent = AssistantAgent(id="assistant", name=LLAMA, endpoint="127-0-0-1", model=LLAMA, models=["qwen3:8b"])
    assert settings.agent() == agent, "what else was found stays at hand"
    assert {authorization for _, _, authorization, _ in server.requests} == {""}
    assert house.app.names() == ["show_chat"]


def test_checklist_31_a_key_belongs_to_the_address_it_was_typed_for(
    make_house: Make, server: EndpointStandIn, openai: EndpointStandIn
) -> None:
    house = make_house(base=openai.base)
    house.keys.save(openai.base, KEY)
    server.keys = {"a-key-of-the-company"}
    ask = asked_of(house)
    refused = check_endpoint(ask, server.base)
    assert (refused["error"]["field"], refused["can_save"]) == ("key", False)
    assert check_endpoint(ask, server.base, number=2, key="a-key-of-the-company")["error"] is None
    assert all(KEY not in authorization for _, _, authorization, _ in server.requests)
    assert openai.requests == []
    assert house.keys.read(server.base) == "a-key-of-the-company"
    assert house.keys.read(openai.base) == KEY
    assert house.settings.current.endpoints[0].needs_key
    assert ask("setup.address", address=server.base)["key"] is True
    assert not ask.found("a-key-of-the-company")
    assert "a-key-of-the-company" not in house.on_disk()


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"kind": "website"}, "address", "does not answer like an OpenAI-compatible server"),
        ({"protocols": ("responses",)}, "api", "does not speak Chat Completions"),
        ({"kind": "lmstudio", "protocols": ("responses",)}, "api", "does not speak Chat Completions"),
        ({"models": ("other",)}, "model", "does not offer the model llama3.2:latest"),
        ({"keys": {"k"}}, "key", "asks for a key"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    house: House, server: EndpointStandIn, change: dict[str, Any], field: str, says: str
) -> None:
    for name, value in change.items():
        setattr(server, name, value)
    answer = check_endpoint(asked_of(house), server.base)
    assert answer["error"]["field"] == field
    assert says in answer["error"]["message"]
    assert not answer["can_save"]
    assert house.settings.current.endpoints == []


def test_a_server_that_is_not_running_is_said_so_and_can_be_saved(house: House) -> None:
    ask = asked_of(house)
    answer = check_endpoint(ask, "http://127.0.0.1:1")
    assert answer["error"]["message"] == "Nothing answers at 127.0.0.1:1."
    assert answer["can_save"]
    assert check_endpoint(ask, "http://127.0.0.1:1", number=2, unchecked=True)["error"] is None
    assert house.settings.current.endpoints[0].base_url == "http://127.0.0.1:1"


def test_a_gateway_without_a_list_is_asked_for_a_short_answer(house: House, server: EndpointStandIn) -> None:
    server.lists = False
    ask = asked_of(house)
    looked = check_endpoint(ask, server.base, model="", saves=False)
    assert looked["error"]["field"] == "model"
    assert check_endpoint(ask, server.base, number=2)["error"] is None
    assert server.requests[-1][3]["messages"][0]["content"] == "Hi"


def test_a_second_model_of_a_server_does_not_make_a_second_server(house: House, server: EndpointStandIn) -> None:
    ask = asked_of(house)
    check_endpoint(ask, server.base)
    assert ask("setup.start")["way"] == "endpoint"
    check_endpoint(ask, server.base, number=2, model="qwen3:8b")
    settings = house.settings.current
    assert (len(settings.endpoints), len(settings.agents)) == (1, 1)
    assert isinstance(settings.agents[0], AssistantAgent)
    assert (settings.agents[0].model, settings.agents[0].models) == ("qwen3:8b", [LLAMA])


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("localhost:11434", "http://localhost:11434"),
        (" http://127.0.0.1:1234/v1/ ", "http://127.0.0.1:1234"),
        ("gateway.example.com/openai", "https://gateway.example.com/openai"),
        ("https://gateway.example.com/v1/chat/completions", "https://gateway.example.com"),
    ],
)
def test_an_address_is_taken_as_people_write_it(typed: str, kept: str) -> None:
    assert clean_address(typed)[0] == kept


@pytest.mark.parametrize("typed", ["", "http://198.51.100.4:11434", "ftp://models", "https://a b", "https://u:p@host"])
def test_another_address_is_refused(typed: str) -> None:
    with pytest.raises(FieldError) as refused:
        clean_address(typed)
    assert refused.value.field == "address"


# --- the demo -----------------------------------------------------------------------------------


def test_the_demo_needs_nothing(house: House) -> None:
    ask = asked_of(house)
    assert ask("setup.start")["way"] == ""
    ask("setup.demo")
    assert house.settings.current.agent() == DemoAgent(id="demo")
    assert house.app.names() == ["show_chat"]


def test_the_demo_is_made_once(house: House) -> None:
    ask = asked_of(house)
    ask("setup.demo")
    check_endpoint(ask, "http://127.0.0.1:1")
    ask("setup.demo")
    assert len(house.settings.current.agents) == 1


# --- an agent that comes with the app -----------------------------------------------------------


def fixed(agent: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"settings": {"agents": [agent], **settings}, "fixed": ["agents"]}


def test_an_assistant_that_comes_with_the_app_asks_for_its_key_alone(make_house: Make, openai: EndpointStandIn) -> None:
    house = make_house(base=openai.base, brand=fixed({"kind": "assistant", "id": "ours"}))
    ask = asked_of(house)
    start = ask("setup.start")
    assert (start["way"], start["chooses"], start["again"]) == ("key", False, False)
    assert check_key(ask)["error"] is None
    assert "agents" not in house.on_disk()


def test_an_endpoint_that_comes_with_the_app_gets_the_key_that_is_typed(
    make_house: Make, server: EndpointStandIn
) -> None:
    server.keys = {"company-key"}
    brand = fixed(
        {"kind": "assistant", "id": "ours", "endpoint": "gateway", "model": LLAMA},
        endpoints=[{"id": "gateway", "base_url": server.base, "needs_key": True}],
    )
    house = make_house(brand=brand)
    ask = asked_of(house)
    assert ask("setup.start")["host"] == server.base.removeprefix("http://")
    assert check_key(ask, key="")["error"]["code"] == "key_missing"
    assert check_key(ask, number=2, key="company-key")["error"] is None
    assert house.keys.read(server.base) == "company-key"
    with pytest.raises(AppError):
        raise_of(check_endpoint(ask, server.base, number=3))


def raise_of(answer: dict[str, Any]) -> None:
    if answer["error"]:
        raise AppError(answer["error"]["code"])


def test_where_nothing_is_needed_nothing_is_asked(make_house: Make) -> None:
    house = make_house(brand=fixed({"kind": "demo", "id": "show"}))
    ask = asked_of(house)
    assert ask("setup.start")["way"] == "none"
    ask("setup.demo")
    assert house.on_disk() == ""
    assert house.app.names() == ["show_chat"]
