"""MCP servers in the settings: what is refused and where, and what their secrets are kept under."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desktop.common.errors import Phrase
from desktop.common.locations import Locations
from desktop.common.texts import Catalogue
from desktop.settings.brand import Brand, parse_brand
from desktop.settings.errors import BrandInvalid, SettingsInvalid
from desktop.settings.file import SettingsFile
from desktop.settings.layers import SettingsStore, plain
from desktop.settings.mcp import Approved, McpServer, first_problem, mcp_secret, problem_in, same_server

TOKEN = "ghp_0123456789abcdefghijklmnop"


def stdio(**given: Any) -> McpServer:
    return McpServer.model_validate({"id": "files", "transport": "stdio", "command": "files-server", **given})


def http(url: str = "https://mcp.example/mcp", **given: Any) -> McpServer:
    return McpServer.model_validate({"id": "far", "transport": "http", "url": url, **given})


@pytest.mark.parametrize(
    "server",
    [
        stdio(),
        stdio(args=["--root", "/home/me", "-y", "@scope/server"], env={"LOG_LEVEL": "debug", "SORT_KEY": "created_at"}),
        stdio(secrets=["GITHUB_TOKEN"], env={"KEY_FILE": "/home/me/.ssh/id_ed25519", "SSH_KEY": "~/.ssh/id_ed25519"}),
        stdio(args=["--token-file", "/run/token"], always=["read"]),
        http(),
        http("http://127.0.0.1:8000/mcp"),
        http("https://mcp.example/mcp/?team=7"),
        http(secrets=["Authorization"], headers={"X-Team": "green"}),
    ],
)
def test_servers_as_people_have_them_are_taken(server: McpServer) -> None:
    assert problem_in(server) is None


@pytest.mark.parametrize(
    ("server", "place", "problem"),
    [
        (stdio(command=" "), ("command",), "mcp_command"),
        (http(""), ("url",), "api_base_empty"),
        (http("http://mcp.example/mcp"), ("url",), "api_base_scheme"),
        (http("ftp://mcp.example/mcp"), ("url",), "api_base_scheme"),
        (http("https://me:word@mcp.example/mcp"), ("url",), "mcp_url"),
        (http("https://mcp.example/mcp#part"), ("url",), "mcp_url"),
        (stdio(env={"1A": "x"}), ("env",), "mcp_variable"),
        (stdio(secrets=["X-Key"]), ("secrets", 0), "mcp_variable"),
        (http(secrets=["Host"]), ("secrets", 0), "mcp_header"),
        (http(headers={"X Y": "z"}), ("headers",), "mcp_header"),
        (http(headers={"X-Y": "a\r\nb"}), ("headers", "X-Y"), "form_plain"),
        (stdio(secrets=["A", "A"]), ("secrets", 1), "mcp_twice"),
        (http(secrets=["X-Team"], headers={"x-team": "green"}), ("secrets", 0), "mcp_twice"),
    ],
)
def test_what_can_not_be_is_refused_at_its_field(server: McpServer, place: tuple[Any, ...], problem: str) -> None:
    assert problem_in(server) is not None
    found = problem_in(server)
    assert found is not None
    assert (found[0], found[1].key) == (place, f"problems.{problem}")


@pytest.mark.parametrize(
    ("server", "place"),
    [
        (stdio(env={"A": TOKEN}), ("env", "A")),
        (stdio(env={"API_KEY": "correct-horse-battery"}), ("env", "API_KEY")),
        (stdio(args=["--verbose", TOKEN]), ("args", 1)),
        (stdio(args=["--api-key", "correct-horse-battery"]), ("args", 1)),
        (stdio(args=["--token=correct-horse-battery"]), ("args", 0)),
        (stdio(args=["postgresql://me:word@db.example/app"]), ("args", 0)),
        (http(headers={"Authorization": "Bearer 0123456789abcdef"}), ("headers", "Authorization")),
        (http(headers={"Authorization": "0123456789abcdef"}), ("headers", "Authorization")),
        (http(headers={"X-Api-Key": "correct-horse-battery"}), ("headers", "X-Api-Key")),
        (http("https://mcp.example/mcp?token=correct-horse-battery"), ("url",)),
        (http(f"https://mcp.example/{TOKEN}/mcp"), ("url",)),
    ],
)
def test_checklist_07_a_value_shaped_like_a_secret_is_refused_and_not_repeated(
    server: McpServer, place: tuple[Any, ...], texts: Catalogue
) -> None:
    found = problem_in(server)
    assert found is not None
    assert (found[0], found[1].key) == (place, "problems.mcp_secret")
    said = found[1].spell(texts)
    assert TOKEN not in said
    assert "correct-horse" not in said


def test_two_servers_of_one_id_are_refused() -> None:
    found = first_problem([stdio(), stdio(command="other")])
    assert found == (("mcp_servers", 1, "id"), Phrase("problems.mcp_same_id", {"id": "files"}))


def test_checklist_31_a_secret_belongs_to_the_origin_it_was_entered_for() -> None:
    token = mcp_secret(http(), "Authorization")
    assert token == "mcp|far|https://mcp.example|Authorization"
    assert mcp_secret(http("https://mcp.example/other?x=1"), "Authorization") == token
    assert mcp_secret(http("https://evil.example/mcp"), "Authorization") != token
    assert mcp_secret(http("https://mcp.example:8443/mcp"), "Authorization") != token
    assert mcp_secret(stdio(), "TOKEN") == "mcp|files|stdio|TOKEN"
    with pytest.raises(SettingsInvalid):
        mcp_secret(http("http://mcp.example/mcp"), "Authorization")


def test_what_was_approved_holds_for_the_same_program_and_address_alone() -> None:
    assert same_server(stdio(), stdio(name="Files", env={"A": "b"}))
    assert not same_server(stdio(), stdio(args=["--everything"]))
    assert not same_server(http(), http("https://other.example/mcp"))
    assert not same_server(stdio(), http())


# --- in the layers -----------------------------------------------------------------------------------


def store(profile: Locations, content: object = None, brand: Brand | None = None) -> SettingsStore:
    if content is not None:
        profile.folder.mkdir(parents=True, exist_ok=True)
        profile.settings.write_text(json.dumps(content), encoding="utf-8")
    return SettingsStore(SettingsFile(profile.settings), brand or Brand())


def test_a_bad_server_of_the_file_is_left_out_whole_and_its_field_is_named(profile: Locations) -> None:
    """Without one of its words a program is another program."""
    bad = {"id": "a", "transport": "stdio", "command": "run", "args": ["--only", TOKEN]}
    made = store(profile, {"mcp_servers": [bad, plain(http())]})
    assert [server.id for server in made.current.mcp_servers] == ["far"]
    assert [notice.field for notice in made.notices] == ["mcp_servers.0.args.1"]
    made.update({"zoom": 1.5})
    assert json.loads(profile.settings.read_text(encoding="utf-8"))["mcp_servers"][0] == bad


def test_a_change_is_saved_and_a_bad_one_refused_with_its_field(profile: Locations) -> None:
    made = store(profile)
    made.update({"mcp_servers": [stdio(always=["read"]), http()]})
    kept = [server.always for server in store(profile).current.mcp_servers]
    assert kept == [[Approved(tool="read")], []], "a name alone is of an earlier version, and asks once more"
    with pytest.raises(SettingsInvalid) as caught:
        made.update({"mcp_servers": [stdio(env={"GITHUB_TOKEN": TOKEN})]})
    assert caught.value.field == "mcp_servers.0.env.GITHUB_TOKEN"
    assert TOKEN not in str(caught.value)
    assert len(made.current.mcp_servers) == 2
    assert TOKEN not in profile.settings.read_text(encoding="utf-8")


def test_a_maker_can_name_servers_and_a_bad_one_is_the_brands_fault(profile: Locations) -> None:
    good = {"settings": {"mcp_servers": [plain(http())]}}
    assert [one.id for one in store(profile, brand=parse_brand(good)).current.mcp_servers] == ["far"]
    with pytest.raises(BrandInvalid) as caught:
        parse_brand({"settings": {"mcp_servers": [{"id": "a", "transport": "http", "url": "http://mcp.example"}]}})
    assert caught.value.values["name"] == "settings.mcp_servers.0.url"


def test_the_file_of_before_has_none(profile: Locations, tmp_path: Path) -> None:
    assert store(profile, {"agents": [{"kind": "assistant", "id": "a"}]}).current.mcp_servers == []
