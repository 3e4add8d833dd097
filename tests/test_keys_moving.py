"""Secrets that an app of before left in the addresses of MCP servers: at the next start they are in the keyring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from desktop.common.locations import Locations
from desktop.common.texts import Catalogue
from desktop.keys import Keys, MemoryStore
from desktop.keys.errors import KeyringLocked
from desktop.keys.moving import move_secrets
from desktop.settings.brand import Brand
from desktop.settings.errors import SettingsInvalid
from desktop.settings.file import SettingsFile
from desktop.settings.layers import SettingsStore
from desktop.settings.mcp import mcp_secret

EXA = {"id": "exa", "transport": "http", "url": "https://mcp.exa.example/mcp?exaApiKey=1234-abcd", "always": ["search"]}
PLAIN = {"id": "plain", "transport": "http", "url": "https://plain.example/mcp?v=2"}


class Locked(MemoryStore):
    def set(self, *_: Any) -> None:
        raise KeyringLocked()


def opened(profile: Locations, *servers: dict[str, Any]) -> SettingsStore:
    if servers:
        profile.folder.mkdir(parents=True, exist_ok=True)
        profile.settings.write_text(json.dumps({"mcp_servers": servers}), encoding="utf-8")
    return SettingsStore(SettingsFile(profile.settings), Brand())


@pytest.fixture
def keys() -> Keys:
    return Keys("default", "test", MemoryStore())


def test_checklist_07_a_secret_in_an_address_of_the_file_moves_to_the_keyring_and_that_is_said(
    profile: Locations, keys: Keys
) -> None:
    settings = opened(profile, EXA, PLAIN)
    assert [one.id for one in settings.current.mcp_servers] == ["exa", "plain"], "the server works until then"
    [told] = move_secrets(settings, keys)
    exa, plain = settings.current.mcp_servers
    assert exa.url == "https://mcp.exa.example/mcp?exaApiKey=${secret:exaApiKey}"
    assert [one.tool for one in exa.always] == ["search"]
    assert keys.secret(mcp_secret(exa, "exaApiKey")) == "1234-abcd"
    assert plain.url == PLAIN["url"]
    assert "1234-abcd" not in "".join(path.read_text(encoding="utf-8") for path in files(profile.folder))
    assert told.describe(Catalogue("en"))["message"].startswith("A secret from the settings of the MCP server exa is")
    assert told in settings.notices
    assert move_secrets(settings, keys) == []


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "query", ["token=correct-horse-battery", "apiKey=ghp_0123456789abcdefghij", "code=AbCdEf0123456789x"]
)
def test_an_address_that_was_refused_before_is_taken_and_moved(profile: Locations, keys: Keys, query: str) -> None:
    settings = opened(profile, {"id": "a", "transport": "http", "url": f"https://a.example/mcp?{query}"})
    assert settings.notices == []
    assert len(move_secrets(settings, keys)) == 1
    assert "${secret:" in settings.current.mcp_servers[0].url


def test_where_the_keyring_refuses_the_file_stays_and_the_next_start_tries_again(
    profile: Locations, keys: Keys
) -> None:
    settings = opened(profile, EXA)
    assert move_secrets(settings, Keys("default", "test", Locked())) == []
    assert settings.current.mcp_servers[0].url == EXA["url"]
    assert len(move_secrets(opened(profile), keys)) == 1


def test_checklist_07_a_new_address_with_a_secret_is_refused_and_another_change_is_not(profile: Locations) -> None:
    settings = opened(profile, EXA)
    settings.update({"mcp_servers": [EXA | {"always": []}, PLAIN]})
    with pytest.raises(SettingsInvalid) as caught:
        settings.update({"mcp_servers": [PLAIN | {"url": "https://plain.example/mcp?authToken=correct-horse"}]})
    assert caught.value.field == "mcp_servers.0.url"
    assert "correct-horse" not in str(caught.value)
