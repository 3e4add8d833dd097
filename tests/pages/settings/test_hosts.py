"""The privacy section tells the truth about the agent and the view in use."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.pages.settings import hosts
from desktop.settings.model import Settings

ENDPOINT = {"id": "here", "base_url": "http://127.0.0.1:11434"}
TOOLS = {"id": "files", "transport": "http", "url": "https://tools.example/mcp"}
LOCAL = {"kind": "assistant", "id": "one", "endpoint": "here", "mcp_servers": ["files", "gone"]}


def settings(*agents: dict[str, Any]) -> Settings:
    return Settings.model_validate({"agents": list(agents), "endpoints": [ENDPOINT], "mcp_servers": [TOOLS]})


def test_the_demo_in_the_built_in_view_names_nobody_but_what_a_person_may_allow() -> None:
    made = settings({"kind": "demo", "id": "one"})
    assert hosts.lead(made, builtin=True) == "settings.hosts_none"
    assert hosts.rows(made, builtin=True) == [hosts.IMAGES]


def test_a_local_model_in_the_built_in_view_names_its_host_and_its_tools_alone() -> None:
    made = settings(LOCAL)
    assert hosts.lead(made, builtin=True) == "settings.hosts_builtin"
    assert [host for host, _ in hosts.rows(made, builtin=True)] == ["127.0.0.1:11434", "tools.example", "*"]


def test_chatkit_adds_its_own_hosts() -> None:
    made = settings(LOCAL)
    told = [host for host, _ in hosts.rows(made, builtin=False)]
    assert hosts.lead(made, builtin=False) == "settings.hosts_text"
    assert told[: len(hosts.CHATKIT)] == [host for host, _ in hosts.CHATKIT]
    assert "127.0.0.1:11434" in told


@pytest.mark.parametrize(
    ("agent", "host"),
    [
        ({"kind": "server", "id": "one", "url": "https://chat.example/chatkit"}, "chat.example"),
        ({"kind": "assistant", "id": "one"}, "api.openai.com"),
        ({"kind": "code", "id": "one", "file": "/a/agent.py"}, "api.openai.com"),
    ],
)
def test_who_answers_is_named(agent: dict[str, Any], host: str) -> None:
    assert [one for one, _ in hosts.answering(settings(agent))] == [host]


def test_an_endpoint_that_is_gone_is_nobody() -> None:
    assert hosts.answering(settings({"kind": "assistant", "id": "one", "endpoint": "gone"})) == []
