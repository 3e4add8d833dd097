"""Addresses of model servers as people have them, checked over real HTTP: paths of their own, lists of any shape, http
in the own network."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from desktop.agents.from_settings import SettingsSources
from desktop.openai_api.errors import PlainUnasked
from desktop.pages.agents.page import AgentsPage
from desktop.pages.settings.page import SettingsPage
from desktop.pages.setup.page import SetupPage
from desktop.settings.agents import AssistantAgent, Endpoint
from desktop.settings.brand import parse_brand
from desktop.settings.errors import BrandInvalid
from tests.pages.app_parts import Asked, House
from tests.standins.api import KEY, WORKFLOW, ApiStandIn
from tests.standins.endpoint import EndpointStandIn
from tests.standins.habits import Habits, Reply, chat

Make = Callable[..., House]
LLAMA = "llama3.2:latest"


def asked_of(house: House) -> Asked:
    return Asked(SetupPage(house.services).page(), house.texts)


def check(ask: Asked, address: str, **params: Any) -> dict[str, Any]:
    return dict(ask("setup.check_endpoint", **{"number": 1, "address": address, "model": LLAMA, **params}))


def endpoint_of(house: House) -> Endpoint:
    (endpoint,) = house.settings.current.endpoints
    return endpoint


def paths(server: EndpointStandIn) -> list[str]:
    return [f"{method} {path}" for method, path, _, _ in server.requests]


# --- paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "typed", "kept", "whole"),
    [
        ("/v1", "", "", None),
        ("/v1", "/v1/", "", None),
        ("/v1", "/v1/chat/completions", "", None),
        ("/v1", "/v1/models/", "", None),
        ("", "", "", True),
        ("", "/chat/completions", "", True),
        ("/v1beta/openai", "/v1beta/openai/", "/v1beta/openai", None),
        ("/v1beta/openai", "/v1beta/openai/chat/completions", "/v1beta/openai", None),
        ("/api/paas/v4", "/api/paas/v4", "/api/paas/v4", None),
        ("/api/paas/v4", "/api/paas/v4/responses", "/api/paas/v4", None),
        ("/compatible-mode/v1", "/compatible-mode/v1", "/compatible-mode", None),
        ("/gateway", "/gateway/", "/gateway", True),
        ("/gateway/v1", "/gateway", "/gateway", None),
        ("/api/v3/v1", "/api/v3", "/api/v3", False),
        ("/deep/er/v1", "//deep//er//", "/deep/er", None),
    ],
)
def test_an_address_is_taken_as_it_was_typed_or_with_v1(
    house: House, root: str, typed: str, kept: str, whole: bool | None
) -> None:
    with EndpointStandIn(root=root) as server:
        answer = check(asked_of(house), server.base + typed)
        assert answer["error"] is None, paths(server)
        assert endpoint_of(house) == Endpoint(id="127-0-0-1", base_url=server.base + kept, whole=whole)
        assert paths(server)[-1] == f"POST {root}/chat/completions"


def test_an_address_with_a_path_is_tried_as_typed_first(house: House) -> None:
    with EndpointStandIn(root="/gateway/v1") as server:
        check(asked_of(house), f"{server.base}/gateway")
        assert paths(server)[:2] == ["GET /gateway/models", "GET /gateway/v1/models"]


def test_what_was_tried_is_said(house: House) -> None:
    with EndpointStandIn(kind="website") as server:
        error = check(asked_of(house), f"{server.base}/api")["error"]
    assert error["field"] == "address"
    assert error["message"].endswith(f"Tried: {server.base}/api and {server.base}/api/v1.")


def test_a_query_goes_along_with_every_call_and_the_key_as_azure_wants_it(house: House) -> None:
    root, query = "/openai/deployments/mine", {"api-version": "2024-10-21"}
    with EndpointStandIn(("mine",), root=root, query=query, keys={"azure-key-1234"}, lists=False, lax=True) as server:
        ask = asked_of(house)
        typed = f"{server.base}{root}/chat/completions?api-version=2024-10-21"
        assert check(ask, typed, key="azure-key-1234", model="", saves=False)["error"]["field"] == "model"
        assert check(ask, typed, key="azure-key-1234", model="mine", number=2)["error"] is None
        assert endpoint_of(house).base_url == f"{server.base}{root}?api-version=2024-10-21"
        assert all("api-version=2024-10-21" in path for path in paths(server))
        assert house.keys.read(server.base) == "azure-key-1234"
        assert "azure-key" not in house.on_disk()


@pytest.mark.parametrize(
    "typed",
    [
        "https://user:pass-word-1@host.example/v1",
        "https://host.example/v1?key=AIzaSyD-0123456789abcdef",
        "https://host.example/v1?api_key=abc",
        "https://host.example/v1?x=sk-0123456789abcdef0123",
        "https://host.example/sk-0123456789abcdef0123/v1",
        "https://host.example/v1?code=abc",
    ],
)
def test_a_key_in_an_address_is_refused_in_a_sentence_and_written_nowhere(house: House, typed: str) -> None:
    answer = check(asked_of(house), typed)
    assert answer["error"]["field"] == "address"
    assert "Leave it out" in answer["error"]["message"]
    assert house.on_disk() == "" or "host.example" not in house.on_disk()
    assert "0123456789" not in str(answer)


# --- lists ----------------------------------------------------------------------------------------

ONE_AND_TWO = [{"id": "one"}, {"id": "two"}]


@pytest.mark.parametrize(
    ("listing", "models"),
    [
        (ONE_AND_TWO, ["one", "two"]),
        (["one", "two"], ["one", "two"]),
        ({"data": ["one", "two"]}, ["one", "two"]),
        ({"models": [{"name": "one"}, {"model": "two"}]}, ["one", "two"]),
        ({"models": ["one", {"id": "two"}]}, ["one", "two"]),
        ({"object": "list", "data": [], "models": ONE_AND_TWO}, ["one", "two"]),
        ({"data": {"one": {}, "two": {}}}, ["one", "two"]),
        ({"data": [{"id": "one"}, {"id": "one"}, {"id": 5}, None, {"id": "two"}]}, ["one", "two"]),
        ({"data": [{"id": "one", "created": 1}, {"id": "two", "created": 2}]}, ["two", "one"]),
        ({"data": [{"id": "nomic-embed-text"}, {"id": "one"}, {"id": "whisper-large-v3"}]}, ["one"]),
        ({"data": [{"id": "b", "type": "embeddings"}, {"id": "one", "type": "llm"}]}, ["one"]),
        ({"data": [{"id": "x", "architecture": {"output_modalities": ["image"]}}, {"id": "one"}]}, ["one"]),
        ({"data": [{"id": f"m{n:04}"} for n in range(2500)]}, [f"m{n:04}" for n in range(500)]),
    ],
)
def test_a_list_of_any_shape_is_read(house: House, listing: Any, models: list[str]) -> None:
    with EndpointStandIn(listing=listing, lax=True) as server:
        answer = check(asked_of(house), server.base, model="", saves=False)
    assert (answer["error"], answer["models"]) == (None, models)


@pytest.mark.parametrize(
    "listing", [{"object": "list", "data": None}, {"object": "list", "data": []}, [], {"models": []}]
)
def test_a_server_without_a_model_says_how_one_comes_there_and_can_be_saved(house: House, listing: Any) -> None:
    with EndpointStandIn((), listing=listing) as server:
        ask = asked_of(house)
        looked = check(ask, server.base, model="", saves=False)
        assert looked["error"]["field"] == "model"
        assert "ollama pull" in looked["error"]["message"]
        refused = check(ask, server.base, number=2)
        assert "does not offer the model" in refused["error"]["message"]
        server.models = (LLAMA,)
        assert check(ask, server.base, number=3)["error"] is None


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 501])
def test_without_a_list_a_typed_model_is_asked_itself(house: House, status: int) -> None:
    with EndpointStandIn(lists=status, root="/own") as server:
        ask = asked_of(house)
        assert check(ask, f"{server.base}/own", model="", saves=False)["error"]["field"] == "model"
        assert check(ask, f"{server.base}/own", number=2)["error"] is None
        assert endpoint_of(house).whole is True


def test_a_model_that_is_not_listed_is_taken_where_it_answers(house: House) -> None:
    with EndpointStandIn(("gpt-4o",), lax=True) as server:
        assert check(asked_of(house), server.base, model="my-deployment")["error"] is None


def test_a_model_far_down_in_a_long_list_is_found(house: House) -> None:
    names = tuple(f"m{n:04}" for n in range(3000))
    with EndpointStandIn(names) as server:
        assert check(asked_of(house), server.base, model="m2999")["error"] is None
        assert "messages" not in server.requests[-1][3], "it is listed, so no answer is asked for"


def test_a_list_in_pages_is_read_to_its_end(house: House) -> None:
    names = [f"m{n:03}" for n in range(250)]

    def page(asked: dict[str, str]) -> dict[str, Any]:
        begin = names.index(asked["after"]) + 1 if "after" in asked else 0
        part = names[begin : begin + 100]
        return {"data": [{"id": one} for one in part], "has_more": begin + 100 < 250, "last_id": part[-1]}

    with EndpointStandIn(listing=page, lax=True) as server:
        assert check(asked_of(house), server.base, model="", saves=False)["models"] == names


def test_a_list_that_never_ends_is_given_up(house: House) -> None:
    with EndpointStandIn(listing={"data": [{"id": "one"}], "has_more": True}, lax=True) as server:
        assert check(asked_of(house), server.base, model="", saves=False)["models"] == ["one"]
        assert len(server.requests) < 10


def test_what_was_found_stays_at_hand_in_the_composer(house: House) -> None:
    with EndpointStandIn(tuple(f"m{n:02}" for n in range(40))) as server:
        check(asked_of(house), server.base, model="m05")
    agent = house.settings.current.agent()
    assert isinstance(agent, AssistantAgent)
    assert agent.models == [f"m{n:02}" for n in range(21) if n != 5]


# --- http in the own network ------------------------------------------------------------------------


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names lead to: the resolver of the tests."""
    known: dict[str, list[str]] = {}

    def lookup(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        if host not in known and not host.startswith("127."):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in known.get(host, [host])]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return known


def test_http_in_the_own_network_is_asked_about_once_for_each_address(
    house: House, names: dict[str, list[str]]
) -> None:
    names["ollama"] = ["127.0.0.1"]
    with EndpointStandIn() as server:
        ask, address = asked_of(house), f"http://ollama:{server.port}"
        asked = check(ask, address)
        assert (asked["error"]["code"], asked["error"]["field"]) == ("plain_unasked", "address")
        assert not asked["can_save"]
        assert server.requests == [], "nothing goes there before the yes"
        assert check(ask, address, number=2, plain=True)["error"] is None
        assert house.settings.current.network.plain_origins == [address]
        assert check(ask, f"ollama:{server.port}/v1", number=3)["error"] is None, "asked once"
        assert set(server.hosts) == {f"ollama:{server.port}"}
        assert check(ask, f"http://ollama:{server.port + 1}", number=4)["error"]["code"] == "plain_unasked"


def test_a_name_of_the_own_network_that_leads_out_of_it_gets_nothing(house: House, names: dict[str, list[str]]) -> None:
    names["ollama"] = ["198.51.100.7"]
    answer = check(asked_of(house), "http://ollama:11434", plain=True)
    assert answer["error"]["code"] == "outside_network"


def test_a_name_that_changes_its_mind_is_looked_at_anew(house: House, names: dict[str, list[str]]) -> None:
    with EndpointStandIn() as server:
        ask, address = asked_of(house), f"http://nas.local:{server.port}"
        names["nas.local"] = ["203.0.113.9", "127.0.0.1"]
        assert check(ask, address, plain=True)["error"] is None, "its address in the own network is taken"
        names["nas.local"] = ["203.0.113.9"]
        assert check(ask, address, number=2)["error"]["code"] == "outside_network"


@pytest.mark.parametrize("typed", ["http://models.example", "http://198.51.100.4:11434", "http://[2001:db8::1]/v1"])
def test_a_public_address_over_http_stays_refused_whatever_is_said(house: House, typed: str) -> None:
    answer = check(asked_of(house), typed, plain=True)
    assert answer["error"]["field"] == "address"
    assert "https://" in answer["error"]["message"]
    assert house.settings.current.network.plain_origins == []


def test_https_to_a_server_that_speaks_http_says_so_and_offers_http(house: House) -> None:
    with EndpointStandIn() as server:
        error = check(asked_of(house), f"https://127.0.0.1:{server.port}/v1")["error"]
    assert (error["code"], error["detail"]) == ("tls_plain", f"http://127.0.0.1:{server.port}")
    assert "without encryption" in error["message"]


# --- elsewhere ------------------------------------------------------------------------------------


def test_the_settings_page_asks_about_the_api_address_too(house: House) -> None:
    ask = Asked(SettingsPage(house.services).page(), house.texts)
    before = house.settings.current.network.api_base
    changes = {"network.api_base": "http://gateway.lan:8080/v1"}
    with pytest.raises(PlainUnasked) as asked:
        ask("settings.save", changes=changes)
    assert asked.value.field == "network.api_base"
    assert house.settings.current.network.api_base == before
    ask("settings.save", changes=changes, plain=True)
    assert house.settings.current.network.api_base == "http://gateway.lan:8080"
    assert house.settings.current.network.plain_origins == ["http://gateway.lan:8080"]


def test_an_api_address_of_a_terminal_in_the_own_network_is_asked_about_before_a_key_goes_there(
    make_house: Make,
) -> None:
    with ApiStandIn() as api:
        house = make_house(command_line={"network.api_base": f"http://api.home.arpa:{urlsplit(api.base).port}"})
        ask = asked_of(house)
        given = {"key": KEY, "workflow": WORKFLOW}
        assert ask("setup.check", number=1, **given)["error"]["code"] == "plain_unasked"
        assert ask("setup.check_key", number=2, key=KEY)["error"]["code"] == "plain_unasked"
        settings = Asked(SettingsPage(house.services).page(), house.texts)
        assert settings("key.replace", number=3, key=KEY)["error"]["code"] == "plain_unasked"
        assert api.requests == []
        assert ask("setup.check", number=4, plain=True, **given)["error"] is None
        assert settings("key.replace", number=5, key=KEY, plain=True)["error"] is None
        assert api.requests


def test_an_mcp_server_and_a_chatkit_server_in_the_own_network_are_asked_about(house: House) -> None:
    ask = Asked(AgentsPage(house.services).page(), house.texts)
    mcp = {"transport": "http", "url": "http://tools.lan/mcp", "name": "Tools"}
    assert ask("mcp.save", number=1, **mcp)["error"]["code"] == "plain_unasked"
    told = ask("servers.save", number=2, url="http://chat.lan/chatkit")
    assert (told["error"]["code"], told["error"]["field"]) == ("plain_unasked", "url")
    assert house.settings.current.network.plain_origins == []


def test_a_settings_file_a_brand_and_a_command_line_name_the_address_they_allow(make_house: Make) -> None:
    endpoint = {"id": "nas", "base_url": "http://nas.local:11434"}
    allowed = {"settings": {"endpoints": [endpoint], "network": {"plain_origins": ["http://nas.local:11434/"]}}}
    house = make_house(brand=allowed, command_line={"network.plain_origins": ["http://other.local"]})
    network = house.settings.current.network
    assert network.allows("http://nas.local:11434/v1")
    assert network.allows("http://other.local:80/x"), "a yes of a launch stands beside those that are kept"
    assert not network.allows("http://nas.local")
    assert not network.allows("http://ollama:11434")
    assert network.allows("https://models.example")
    sources = SettingsSources(house.settings, house.keys)
    assert sources.route("http://nas.local:11434/v1").plain
    assert not sources.route("http://ollama:11434").plain


@pytest.mark.parametrize(
    "address", ["http://models.example/v1", "https://u:p@models.example", "https://models.example?key=abcdefgh"]
)
def test_a_brand_or_a_settings_file_with_such_an_endpoint_is_not_taken(
    make_house: Make, tmp_path: Path, address: str
) -> None:
    with pytest.raises(BrandInvalid):
        parse_brand({"settings": {"endpoints": [{"id": "one", "base_url": address}]}})
    file = tmp_path / "0" / "profiles" / "default" / "settings.json"
    file.parent.mkdir(parents=True, mode=0o700)
    good = {"id": "good", "base_url": "https://models.example/v1"}
    file.write_text(json.dumps({"version": 1, "endpoints": [{"id": "one", "base_url": address}, good]}))
    house = make_house()
    assert [one.id for one in house.settings.current.endpoints] == ["good"]
    assert [notice.code for notice in house.settings.notices] == ["settings_invalid"]


def test_the_agents_page_says_which_models_end(house: House) -> None:
    day = (datetime.now(UTC).date() + timedelta(days=10)).isoformat()
    with EndpointStandIn(listing={"data": [{"id": "old", "shutdown_date": day}, {"id": "new"}]}, lax=True) as server:
        check(asked_of(house), server.base, model="new")
        ask = Asked(AgentsPage(house.services).page(), house.texts)
        told = ask("agents.models", id=endpoint_of(house).id)
    assert told["models"] == ["new", "old"]
    assert told["ending"] == {"old": f"The model old is retired on {day}."}


# --- what a server says to a key ------------------------------------------------------------------

SECRET = "plainkey-of-no-shape-7731"
REFUSALS = {
    "the key itself": (f"The subscription of {SECRET} has ended.", "The subscription of … has ended."),
    "its ends": ("Key plai****7731 belongs to another team.", "Key … belongs to another team."),
    "its beginning": ("Key plainkey-of... belongs to another team.", "Key … belongs to another team."),
    "no key": ("Only from the office's network.", "Only from the office's network."),
}


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_key_is_told_with_the_servers_own_words_and_nothing_of_the_key(
    house: House, status: int, name: str
) -> None:
    words, wanted = REFUSALS[name]
    refusal = Reply(json.dumps({"error": {"message": words}}), status, "application/json")
    with Habits() as server:
        server.models = server.always = refusal
        for model in (LLAMA, ""):
            error = check(asked_of(house), server.base, model=model, key=SECRET, saves=bool(model))["error"]
            assert wanted in error["message"]
            assert "plainkey" not in json.dumps(error)
            assert "7731" not in json.dumps(error)


def test_a_server_that_says_no_more_than_its_status_is_not_quoted(house: House) -> None:
    with Habits() as server:
        server.models = server.always = Reply('{"error": "Unauthorized"}', 401, "application/json")
        error = check(asked_of(house), server.base, key=SECRET)["error"]
        assert error["message"] == "127.0.0.1 did not accept this key. Check that it was copied whole."


@pytest.mark.parametrize("kind", ["a stream", "JSON"])
def test_an_error_that_comes_as_an_answer_is_one(house: House, kind: str) -> None:
    said = json.dumps({"error": {"message": f"no room for {SECRET}"}})
    with Habits() as server:
        server.models = Reply("{}", 404, "application/json")
        server.always = Reply(f"data: {said}\n\n") if kind == "a stream" else Reply(said, kind="application/json")
        error = check(asked_of(house), server.base, key=SECRET)["error"]
        assert "no room for …" in error["message"]


STREAMS = {
    "as told": Reply(": hello\n\n" + chat({"content": "Hi"})),
    "called JSON": Reply(chat({"content": "Hi"}), kind="application/json"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_server_that_answers_with_a_stream_that_nobody_asked_for_is_one(house: House, name: str) -> None:
    with Habits() as server:
        server.models, server.always = Reply("{}", 404, "application/json"), STREAMS[name]
        assert check(asked_of(house), server.base)["error"] is None
        assert endpoint_of(house).base_url == server.base
