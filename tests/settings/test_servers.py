"""ChatKit servers in the settings: addresses, headers, and the name that a token is kept under."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desktop.common.errors import Phrase
from desktop.settings.agents import ServerAgent
from desktop.settings.brand import Brand
from desktop.settings.errors import SettingsInvalid
from desktop.settings.file import SettingsFile
from desktop.settings.layers import SettingsStore
from desktop.settings.servers import normalise_server_url, origin_of_url, problem_in, server_secret


def server(**given: Any) -> ServerAgent:
    return ServerAgent.model_validate({"id": "team", "url": "https://chat.example.com/chatkit", **given})


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://Chat.Example.com/chatkit", "https://chat.example.com/chatkit"),
        ("https://chat.example.com:443/a/b/", "https://chat.example.com/a/b/"),
        ("chat.example.com/chatkit", "https://chat.example.com/chatkit"),
        ("localhost:8000/chatkit", "http://localhost:8000/chatkit"),
        ("  `http://127.0.0.1:8000/v1` ", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/"),
    ],
)
def test_an_address_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert normalise_server_url(typed) == kept


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("", "api_base_empty"),
        ("http://chat.example.com/chatkit", "api_base_scheme"),
        ("ftp://chat.example.com/chatkit", "api_base_scheme"),
        ("https://me:pw@chat.example.com/chatkit", "server_url"),
        ("https://me@chat.example.com/chatkit", "server_url"),
        ("https://chat.example.com/chatkit?token=1", "server_url"),
        ("https://chat.example.com/chatkit#top", "server_url"),
        ("https://chat.example.com/a b", "server_url"),
        ("https://chat.example.com/a/../b", "server_url"),
        ("https://chat.example.com\\evil/", "server_url"),
        ("https://[::1", "server_url"),
        ("https://a;b/", "server_url"),
    ],
)
def test_an_address_that_is_none_is_refused_with_a_sentence(typed: str, key: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        normalise_server_url(typed)
    assert refused.value.values["problem"] == Phrase(f"problems.{key}")


@pytest.mark.parametrize(
    ("given", "place", "key"),
    [
        ({"headers": {"Authorization": "x"}}, "headers", "server_secret"),
        ({"headers": {"authorization": "x"}, "token_header": "X-Key"}, "headers", "server_secret"),
        ({"headers": {"X-Key": "x"}, "token_header": "x-key"}, "headers", "server_secret"),
        ({"headers": {"X-Anything": "sk-abcdefghijklmnop"}}, "headers", "server_secret"),
        ({"headers": {"x-api-key": "0123456789abcdef"}}, "headers", "server_secret"),
        ({"headers": {"Host": "evil.example"}}, "headers", "server_header"),
        ({"headers": {"Cookie": "a=b"}}, "headers", "server_header"),
        ({"headers": {"X-Team": "a", "x-team": "b"}}, "headers", "server_header"),
        ({"headers": {"X Team": "a"}}, "headers", "server_header"),
        ({"headers": {"X-Team": "a\r\nHost: evil"}}, "headers", "server_header_value"),
        ({"headers": {"X-Team": "é"}}, "headers", "server_header_value"),
        ({"token_header": "Content-Type"}, "token_header", "server_header"),
        ({"token_header": "a:b"}, "token_header", "server_header"),
        ({"url": "http://chat.example.com/"}, "url", "api_base_scheme"),
    ],
)
def test_checklist_07_a_connection_holds_nothing_secret_and_nothing_that_breaks_a_request(
    given: dict[str, Any], place: str, key: str
) -> None:
    found = problem_in(server(**given))
    assert found is not None
    assert found[0] == (place,)
    assert found[1].key == f"problems.{key}"


def test_plain_headers_are_fine() -> None:
    assert problem_in(server(headers={"X-Team": "blue", "Accept-Language": "fr"}, token_header="X-Api-Key")) is None


def test_checklist_31_a_token_is_kept_by_agent_and_origin() -> None:
    assert server_secret(server()) == "server|team|https://chat.example.com"
    assert server_secret(server(url="https://chat.example.com/other")) == server_secret(server())
    assert server_secret(server(url="https://evil.example.com/chatkit")) != server_secret(server())
    assert server_secret(server(id="other")) != server_secret(server())
    assert server_secret(server(url="http://localhost:8000/")) != server_secret(server(url="http://localhost:8001/"))


def test_an_origin_has_no_port_of_its_scheme() -> None:
    assert origin_of_url("https://a.example:443/x?y") == origin_of_url("https://A.example") == "https://a.example"
    assert origin_of_url("http://[::1]:80/") == "http://[::1]"
    assert origin_of_url("https://a.example:8443") == "https://a.example:8443"


def test_a_server_of_the_file_that_can_not_be_used_is_named_and_left_out(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    bad = {"kind": "server", "id": "bad", "url": "https://chat.example.com/", "headers": {"x-key": "sk-abcdefghijklm"}}
    good = {"kind": "server", "id": "good", "url": "https://chat.example.com/chatkit"}
    file.write_text(json.dumps({"version": 1, "agents": [bad, good]}), encoding="utf-8")
    store = SettingsStore(SettingsFile(file), Brand())
    assert [agent.id for agent in store.current.agents] == ["good"]
    assert [notice.code for notice in store.notices] == ["settings_invalid"]
    assert "abcdefghijklm" not in str(store.notices[0].values)
