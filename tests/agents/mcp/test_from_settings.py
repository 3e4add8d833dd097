"""What agents' MCP servers are by the profile's settings and keyring."""

from __future__ import annotations

import pytest

from desktop.agents.from_settings import SettingsSources
from desktop.common.locations import Locations
from desktop.settings.agents import AssistantAgent, CodeAgent
from desktop.settings.brand import Brand, parse_brand
from desktop.settings.errors import SettingsInvalid
from desktop.settings.file import SettingsFile
from desktop.settings.layers import SettingsStore, plain
from desktop.settings.mcp import Approved, McpServer

FILES = McpServer(id="files", transport="stdio", command="files", secrets=["TOKEN"])
FAR = McpServer(id="far", transport="http", url="https://mcp.example/mcp", secrets=["Authorization"])


class Secrets:
    def read(self, origin: str) -> str | None:
        raise AssertionError(origin)

    def secret(self, name: str) -> str | None:
        return {"mcp|files|stdio|TOKEN": "one", "mcp|far|https://mcp.example|Authorization": "two"}.get(name)


def made(profile: Locations, brand: Brand | None = None) -> tuple[SettingsStore, SettingsSources]:
    store = SettingsStore(SettingsFile(profile.settings), brand or Brand())
    return store, SettingsSources(store, Secrets())


def test_an_agent_has_the_servers_that_it_names_with_their_secrets(profile: Locations) -> None:
    store, sources = made(profile)
    agents = [
        AssistantAgent(id="a", mcp_servers=["far", "gone"]),
        CodeAgent(id="c", file="x.py", mcp_servers=["files"]),
    ]
    store.update({"agents": agents, "mcp_servers": [FILES, FAR]})
    assert [server.id for server in sources.mcp_servers("a")] == ["far"]
    assert [server.id for server in sources.mcp_servers("c")] == ["files"]
    assert sources.mcp_secret(FILES, "TOKEN") == "one"
    assert sources.mcp_secret(FAR, "Authorization") == "two"


def test_checklist_31_a_secret_of_another_address_is_not_given(profile: Locations) -> None:
    _, sources = made(profile)
    assert sources.mcp_secret(FAR.model_copy(update={"url": "https://evil.example/mcp"}), "Authorization") is None


def test_a_yes_for_always_is_kept_for_exactly_this_program(profile: Locations) -> None:
    store, sources = made(profile)
    store.update({"mcp_servers": [FILES, FAR]})
    sources.mcp_always(FILES, "read", "a" * 64)
    sources.mcp_always(FILES, "read", "b" * 64)
    sources.mcp_always(FAR.model_copy(update={"url": "https://other.example/mcp"}), "read", "a" * 64)
    again, _ = made(profile)
    assert [server.always for server in again.current.mcp_servers] == [[Approved(tool="read", digest="b" * 64)], []]


def test_a_yes_for_always_to_what_the_maker_fixed_can_not_be_kept(profile: Locations) -> None:
    brand = parse_brand({"fixed": ["mcp_servers"], "settings": {"mcp_servers": [plain(FAR)]}})
    _, sources = made(profile, brand)
    with pytest.raises(SettingsInvalid):
        sources.mcp_always(FAR, "read", "a" * 64)
