"""ChatKit servers in the agents page: checked first, their token kept in the keyring."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desktop.keys.errors import KeyringDenied, KeyringMissing
from desktop.pages.agents.page import AgentsPage
from desktop.settings.agents import ServerAgent
from desktop.settings.servers import server_secret
from tests.pages.app_parts import Asked, House, Keyring
from tests.standins.chatkit_server import ChatKitStandIn

TOKEN = "tk-Sentinel7-never-to-be-seen-0123456789"


@pytest.fixture
def server() -> Iterator[ChatKitStandIn]:
    with ChatKitStandIn(TOKEN) as standin:
        yield standin


def agents(house: House) -> Asked:
    return Asked(AgentsPage(house.services).page(), house.texts)


def save(ask: Asked, number: int = 1, **given: Any) -> dict[str, Any]:
    return dict(ask("servers.save", number=number, **given))


def kept(house: House) -> list[ServerAgent]:
    return [one for one in house.settings.current.agents if isinstance(one, ServerAgent)]


Saved = tuple[House, Asked, ServerAgent]


@pytest.fixture
def saved(make_house: Callable[..., House], server: ChatKitStandIn) -> Saved:
    """A profile with the server and its token, and the page that they were saved in."""
    house = make_house()
    ask = agents(house)
    save(ask, url=server.url, token=TOKEN)
    [agent] = kept(house)
    return house, ask, agent


def entry(agent: ServerAgent) -> str:
    return f"default|secret|{server_secret(agent)}"


def test_a_server_is_asked_before_it_is_saved_and_its_token_goes_to_the_keyring(
    make_house: Callable[..., House], server: ChatKitStandIn
) -> None:
    house = make_house()
    ask = agents(house)
    outcome = save(ask, url=server.url, token=f" Bearer {TOKEN}\n", headers="X-Team: blue\n\n", name="Team")
    assert outcome["error"] is None
    assert server.types() == ["threads.list"]
    assert server.heard[0]["headers"]["x-team"] == "blue"
    [agent] = kept(house)
    assert (agent.name, agent.headers) == ("Team", {"X-Team": "blue"})
    assert house.keyring.get(entry(agent)) == TOKEN
    assert house.settings.current.agent() == agent
    assert ("show_chat", ()) in house.app.asked
    told = ask("servers.get", id=agent.id)
    assert told["token"]["present"] is True
    assert told["headers"] == "X-Team: blue"
    assert outcome["state"]["agents"][0]["kind"] == "server"


def test_checklist_01_the_token_is_in_nothing_that_crosses_and_in_no_file(
    make_house: Callable[..., House], server: ChatKitStandIn
) -> None:
    house = make_house()
    ask = agents(house)
    save(ask, url=server.url, token=TOKEN)
    agent = kept(house)[0].id
    server.mode = "teapot"
    save(ask, 2, id=agent, url=server.url)
    server.mode = "chatkit"
    save(ask, 3, id=agent, url=server.url, token="wrong")
    for method in ("servers.get", "agents.get"):
        ask(method, id=agent)
    ask("agents.start")
    assert not ask.found(TOKEN)
    assert TOKEN not in house.on_disk()
    assert TOKEN not in repr(house.settings.current)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": "http://chat.example.com/"}, "url"),
        ({"url": "https://me:pw@chat.example.com/"}, "url"),
        ({"url": "localhost:1/chatkit", "headers": "no colon"}, "headers"),
        ({"url": "localhost:1/chatkit", "headers": "X-Key: sk-abcdefghijklmnop"}, "headers"),
        ({"url": "localhost:1/chatkit", "headers": "A: 1\na: 2"}, "headers"),
        ({"url": "localhost:1/chatkit", "token_header": "a b"}, "token_header"),
        ({"url": "localhost:1/chatkit", "token": "two words"}, "token"),
        ({"url": "localhost:1/chatkit", "token": "ké"}, "token"),
    ],
)
def test_what_is_typed_wrongly_is_said_at_its_field_and_can_not_be_saved(
    make_house: Callable[..., House], given: dict[str, Any], field: str
) -> None:
    house = make_house()
    outcome = save(agents(house), **given)
    assert outcome["error"]["field"] == field
    assert outcome["can_save"] is False
    assert kept(house) == []


def test_a_server_that_can_not_be_used_now_is_saved_only_on_a_second_word(
    make_house: Callable[..., House], server: ChatKitStandIn
) -> None:
    house = make_house()
    ask = agents(house)
    outcome = save(ask, url=server.url, token="wrong")
    assert outcome["error"]["field"] == "token"
    assert "did not accept this token" in outcome["error"]["message"]
    assert outcome["can_save"] is True
    assert save(ask, 2, url=server.url, unchecked=True)["error"]["message"].endswith("asks for a token.")
    assert kept(house) == []
    server.mode = "html"
    outcome = save(ask, 3, url=server.url, token=TOKEN)
    assert outcome["error"]["code"] == "server_unfit"
    assert save(ask, 4, url=server.url, token=TOKEN, unchecked=True)["error"] is None
    assert len(kept(house)) == 1


def test_checklist_09_a_token_that_is_refused_leaves_the_one_before(saved: Saved, server: ChatKitStandIn) -> None:
    house, ask, agent = saved
    assert save(ask, 2, id=agent.id, url=server.url, token="wrong")["error"]["field"] == "token"
    assert house.keyring.get(entry(agent)) == TOKEN


def test_checklist_31_another_address_gets_no_token_of_the_old_one_which_is_deleted(saved: Saved) -> None:
    house, ask, before = saved
    with ChatKitStandIn() as other:
        assert save(ask, 2, id=before.id, url=other.url)["error"] is None
        assert "authorization" not in other.heard[0]["headers"]
    [after] = kept(house)
    assert after.id == before.id
    assert house.keyring.get(entry(before)) is None
    assert ("reload_chat", ()) in house.app.asked


def test_checklist_08_removing_the_agent_deletes_its_token(saved: Saved) -> None:
    house, ask, agent = saved
    ask("agents.remove", id=agent.id)
    assert house.keyring.get(entry(agent)) is None
    assert kept(house) == []


def test_a_token_is_removed_alone_and_a_copy_of_an_agent_has_none(saved: Saved) -> None:
    house, ask, agent = saved
    ask("agents.duplicate", id=agent.id)
    assert ask("servers.get", id=kept(house)[1].id)["token"]["present"] is False
    assert ask("servers.remove_token", id=agent.id)["present"] is False
    assert house.keyring.get(entry(agent)) is None


def test_without_a_keyring_the_token_is_kept_for_the_session_and_a_refusal_saves_nothing(
    make_house: Callable[..., House], server: ChatKitStandIn
) -> None:
    house = make_house(keyring=Keyring(refuses=KeyringDenied()))
    ask = agents(house)
    assert save(ask, url=server.url, token=TOKEN)["error"]["code"] == "keyring_denied"
    assert kept(house) == []
    assert save(ask, 2, url=server.url, token=TOKEN, keep="session")["error"] is None
    assert server.types() == ["threads.list"]  # the proof still holds
    assert ask("servers.get", id=kept(house)[0].id)["token"]["present"] is True


def test_a_server_that_wants_no_token_needs_no_keyring(make_house: Callable[..., House]) -> None:
    house = make_house(keyring=Keyring(KeyringMissing()))
    with ChatKitStandIn() as server:
        outcome = save(agents(house), url=server.url)
        assert outcome["error"] is None, json.dumps(outcome)
