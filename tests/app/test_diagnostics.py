"""Counters, and the text of "Copy diagnostics"."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop import __version__
from desktop.agents.errors import AnswerFailed
from desktop.agents.mcp.errors import McpEnded
from desktop.app.diagnostics import ERRORS_KEPT, OPEN, Counters, _shown, _told, diagnostics_text
from desktop.common import logs
from desktop.common.locations import Locations
from desktop.openai_api.errors import KeyRejected, RateLimited
from desktop.settings.brand import Brand
from desktop.settings.file import SettingsFile
from desktop.settings.layers import Row, SettingsStore

KEY = "sk-proj-Diagn0stics12345678_sentinel"


def test_counters_say_what_was_counted() -> None:
    now = [100.0]
    counters = Counters(clock=lambda: now[0])
    counters.add("sessions_minted")
    counters.add("active_streams", 2)
    counters.add("active_streams", -1)
    counters.add("renderer_crashes")
    for seconds in (0.2, 0.1, 0.4):
        counters.latency("mint", seconds)
    counters.error(KeyRejected("401 invalid_api_key"))
    counters.error(KeyRejected())
    counters.error(RateLimited())
    now[0] = 160.0
    found = counters.snapshot()
    assert found["uptime_seconds"] == 60.0
    assert (found["sessions_minted"], found["active_streams"], found["messages"]) == (1, 1, 0)
    assert found["renderer_crashes"] == 1
    assert found["errors"] == {"key_rejected": 2, "rate_limited": 1}
    assert found["latencies"] == {"mint": {"count": 3, "min_ms": 100.0, "median_ms": 200.0, "max_ms": 400.0}}
    assert json.loads(json.dumps(found)) == found


def test_only_the_last_errors_are_kept_and_without_secrets() -> None:
    counters = Counters()
    for number in range(ERRORS_KEPT + 5):
        counters.error(KeyRejected(f"number {number} with sk-0123456789abcdef"))
    last = counters.snapshot()["last_errors"]
    assert len(last) == ERRORS_KEPT
    assert "number 24" in last[-1]
    assert "0123456789" not in " ".join(last)


def test_counters_of_many_threads_add_up() -> None:
    counters = Counters()

    def work() -> None:
        for _ in range(1000):
            counters.add("messages")
            counters.latency("bridge", 0.001)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = counters.snapshot()
    assert (found["messages"], found["latencies"]["bridge"]["count"]) == (4000, 500)


@pytest.fixture
def telling(profile: Locations, monkeypatch: pytest.MonkeyPatch) -> str:
    """The diagnostics of a profile that is full of private things."""
    monkeypatch.setenv("HOME", str(profile.folder))
    logs.add_secret(KEY)
    store = SettingsStore(SettingsFile(profile.settings), Brand())
    store.update(
        {
            "agents": [{"workflow_id": "wf_private1", "name": "Private name"}],
            "chat.greeting": "Private greeting",
            "chat.prompts": [{"label": "Private label", "prompt": "Private prompt"}],
            "chat.theme.radius": "pill",
            "network.proxy": "http://privateuser@proxy.private.example:3128",
            "network.ca_file": str(Path.home() / "private.pem"),
            "network.api_base": "https://private.example/path-private-1234",
            "assistant.transcription_model": "private-model",
            "chat.theme.typography.font_family": "Private Sans",
            "endpoints": [{"id": "private", "base_url": "https://private.example/t/private-token"}],
            "mcp_servers": [
                {
                    "id": "private",
                    "transport": "stdio",
                    "command": "/opt/private/server",
                    "args": ["--dsn", "host=db.private"],
                    "env": {"PRIVATE_MODE": "private"},
                    "folder": "/srv/private",
                },
                {"id": "private2", "transport": "http", "url": "https://private.example/s/private-in-the-path/mcp"},
            ],
        }
    )
    user = store.user_id("workflow")
    counters = Counters()
    counters.error(KeyRejected(f"Incorrect API key provided: {KEY}"))
    counters.error(
        McpEnded("private words of /opt/private/server --dsn private: ConnectionRefusedError 111", server="x")
    )
    counters.error(AnswerFailed("502 https://private.example/t/private-token: private words, privateError"))
    text = diagnostics_text(
        settings=store,
        counters=counters,
        engine="gtk",
        profile="default",
        facts={"data folder": Path.home() / "data", "key": "in the keyring"},
    )
    assert user not in text
    return text


def test_checklist_07_diagnostics_hold_no_key(telling: str) -> None:
    assert "key_rejected" in telling
    for trace in (KEY, KEY[3:11], KEY[11:]):
        assert trace not in telling


def test_diagnostics_say_what_helps(telling: str) -> None:
    for said in (
        __version__,
        "engine: gtk",
        "profile: default",
        "chat.theme.radius = 'pill'",
        "pywebview 6.2",
        "pydantic",
    ):
        assert said in telling
    assert "~/data" in telling


def test_of_private_settings_diagnostics_say_only_that_they_are_set(telling: str, profile: Locations) -> None:
    assert "rivate" not in telling.replace(str(profile.folder), "")
    assert "agents = (set, 1) workflow" in telling
    assert "mcp_servers = (set, 2) stdio http" in telling
    assert "endpoints = (set, 1)" in telling
    assert "network.api_base = (set)" in telling
    assert "chat.greeting = (set)" in telling
    assert str(profile.folder) not in telling


def test_of_an_error_diagnostics_say_the_code_and_what_kind_it_was(telling: str) -> None:
    assert " mcp_ended ConnectionRefusedError 111\n" in telling
    assert " answer_failed 502\n" in telling


def test_every_setting_that_is_shown_is_a_setting(settings: SettingsStore) -> None:
    assert {row.name for row in settings.rows()} >= OPEN


def test_checklist_43_a_setting_that_nobody_thought_of_is_not_shown(settings: SettingsStore) -> None:
    """Whatever text, list or table comes to the settings: only what is listed is told."""
    for row in settings.rows():
        for value in ("private-text", ["private-text"], {"private-name": "private-text"}, [{"private": ["private"]}]):
            told = _shown(Row(row.name, value, "file"))
            assert "private" not in told or (row.name in OPEN and isinstance(value, str)), row.name


@given(words=st.text(max_size=60), secret=st.text("abcdefghijklmnopqrstuvwxyz0123456789/-_.", min_size=12, max_size=40))
def test_checklist_43_no_word_of_a_detail_is_told(words: str, secret: str) -> None:
    found = _told(f"{words} {secret} {words} ReadError 404 [Errno 110] {secret}")
    assert secret not in found
    assert all(said in found for said in ("ReadError", "404", "Errno 110"))
