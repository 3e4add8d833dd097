"""Which page shows an agent's chats, by kind, endpoint and choice."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.settings.model import Settings
from desktop.settings.view import is_openai, view_of

ENDPOINTS = [
    {"id": "here", "base_url": "http://127.0.0.1:11434"},
    {"id": "eu", "base_url": "https://eu.api.openai.com/v1"},
    {"id": "alike", "base_url": "https://api.openai.com.example/v1"},
    {"id": "other", "base_url": "https://notopenai.com"},
]
WORKFLOW = {"kind": "workflow", "id": "one", "workflow_id": "wf_1234567890"}
DEMO = {"kind": "demo", "id": "one"}
CODE = {"kind": "code", "id": "one", "file": "/a/agent.py"}
SERVER = {"kind": "server", "id": "one", "url": "https://chat.example/chatkit"}


def assistant(endpoint: str = "openai") -> dict[str, Any]:
    return {"kind": "assistant", "id": "one", "endpoint": endpoint}


def settings(agent: dict[str, Any], *, builtin: bool = False) -> Settings:
    return Settings.model_validate(
        {"agents": [agent], "endpoints": ENDPOINTS, "assistant": {"builtin_view": builtin}},
    )


@pytest.mark.parametrize(
    ("agent", "wanted"),
    [
        (WORKFLOW, "chatkit"),
        (SERVER, "chatkit"),
        (assistant(), "chatkit"),
        (assistant("eu"), "chatkit"),
        (assistant("here"), "builtin"),
        (assistant("alike"), "builtin"),
        (assistant("other"), "builtin"),
        (assistant("gone"), "builtin"),
        (CODE, "builtin"),
        (DEMO, "builtin"),
    ],
)
def test_chatkit_shows_what_openai_and_chatkit_servers_answer(agent: dict[str, Any], wanted: str) -> None:
    made = settings(agent)
    assert view_of(made, made.agents[0]) == wanted


@pytest.mark.parametrize("agent", [SERVER, assistant(), assistant("here"), CODE, DEMO])
@pytest.mark.parametrize("builtin", [True, False])
def test_an_agents_own_choice_comes_first(agent: dict[str, Any], builtin: bool) -> None:
    for view in ("chatkit", "builtin"):
        made = settings({**agent, "view": view}, builtin=builtin)
        assert view_of(made, made.agents[0]) == view


@pytest.mark.parametrize("agent", [SERVER, assistant(), CODE, DEMO])
def test_the_choice_for_all_holds_for_agents_without_one(agent: dict[str, Any]) -> None:
    made = settings(agent, builtin=True)
    assert view_of(made, made.agents[0]) == "builtin"


def test_a_hosted_workflow_has_no_other_view() -> None:
    made = settings(WORKFLOW, builtin=True)
    assert view_of(made, made.agents[0]) == "chatkit"


def test_an_endpoint_is_openais_by_its_host_and_nothing_else() -> None:
    made = settings(DEMO)
    assert [one.id for one in made.endpoints if is_openai(made, one.id)] == ["eu"]
    assert is_openai(made, "openai")
    assert not is_openai(made, "gone")
