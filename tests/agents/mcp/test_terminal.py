"""`ask` with an assistant that has MCP servers: what was approved for always runs, the rest is asked for."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from desktop.settings.agents import AssistantAgent, Endpoint
from tests.agents.mcp.conftest import stdio
from tests.commands.test_ask import Terminal
from tests.standins.models_api import Answer, Call, ModelsApi


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


def ready(api: ModelsApi, folder: Path, *always: str) -> Terminal:
    terminal = Terminal(data_dir=str(folder))
    terminal.context.settings_store.update(
        {
            "agents": [AssistantAgent(id="mine", endpoint="local", mcp_servers=["tools"])],
            "endpoints": [Endpoint(id="local", base_url=api.base, api="responses")],
            "mcp_servers": [stdio(always=list(always))],
            "assistant.titles": False,
        }
    )
    api.answer(Answer(calls=(Call("echo", {"text": "hello"}),)), Answer("Done."))
    return terminal


def output(api: ModelsApi) -> str:
    (found,) = [item["output"] for item in api.asked[-1].body["input"] if item.get("type") == "function_call_output"]
    return str(found)


def test_a_tool_that_is_always_allowed_runs(api: ModelsApi, tmp_path: Path) -> None:
    terminal = ready(api, tmp_path, "echo")
    assert terminal.ask("echo") == 0
    assert terminal.out.getvalue() == "Done.\n"
    assert output(api) == "echo: hello"


def test_where_nobody_can_be_asked_the_answer_is_no(api: ModelsApi, tmp_path: Path) -> None:
    terminal = ready(api, tmp_path)
    assert terminal.ask("echo") == 0
    assert "Tools: echo" in terminal.err.getvalue()
    assert '"text": "hello"' in terminal.err.getvalue()
    assert "not approved" in output(api)


def test_the_person_at_the_terminal_is_asked(api: ModelsApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = ready(api, tmp_path)
    monkeypatch.setattr("sys.stdin", Keyboard("yes\n"))
    monkeypatch.setattr("sys.stderr", Keyboard())
    assert terminal.ask("echo") == 0
    assert output(api) == "echo: hello"
