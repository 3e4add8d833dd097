"""`ask` with an assistant that has MCP servers: what was approved for always runs, the rest is asked for."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from desktop.common.unseen import RESET
from desktop.settings.agents import AssistantAgent, Endpoint
from desktop.settings.mcp import McpServer
from tests.agents.mcp.conftest import stdio
from tests.commands.test_ask import Terminal
from tests.standins.issuer import Issuer, protected
from tests.standins.models_api import Answer, Call, ModelsApi


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


def ready(api: ModelsApi, folder: Path, *always: str, says: str = "", **options: object) -> Terminal:
    """A terminal whose agent calls `echo`; `says`: its words before that."""
    terminal = Terminal(data_dir=str(folder), **options)
    terminal.context.settings_store.update(
        {
            "agents": [AssistantAgent(id="mine", endpoint="local", mcp_servers=["tools"])],
            "endpoints": [Endpoint(id="local", base_url=api.base, api="responses")],
            "mcp_servers": [stdio(always=list(always))],
            "assistant.titles": False,
        }
    )
    api.answer(Answer(says, calls=(Call("echo", {"text": "hello"}),)), Answer("Done."))
    return terminal


def output(api: ModelsApi) -> str:
    (found,) = [item["output"] for item in api.asked[-1].body["input"] if item.get("type") == "function_call_output"]
    return str(found)


def test_a_tool_that_is_always_allowed_runs(api: ModelsApi, tmp_path: Path) -> None:
    terminal = ready(api, tmp_path, "echo")
    assert terminal.ask("echo") == 0
    assert terminal.out.getvalue() == "Done.\n"
    assert output(api) == "echo: hello"


@pytest.mark.parametrize("as_json", [False, True])
def test_checklist_39_where_nobody_can_be_asked_it_waits_says_so_and_has_an_exit_code_of_its_own(
    api: ModelsApi, tmp_path: Path, as_json: bool
) -> None:
    terminal = ready(api, tmp_path, json=as_json)
    assert terminal.ask("echo") == 5
    assert len(api.asked) == 1, "nothing has run"
    if not as_json:
        assert "Tools: echo" in terminal.err.getvalue()
        assert '"text": "hello"' in terminal.err.getvalue()
        assert "--approve" in terminal.err.getvalue()
        return
    report = json.loads(terminal.out.getvalue())
    assert report["waiting"] == [{"kind": "tool", "server": "Tools", "tool": "echo", "arguments": {"text": "hello"}}]
    assert (report["response"], bool(report["thread_id"])) == ("", True)
    assert terminal.err.getvalue() == ""


@pytest.mark.parametrize("approve", ["once", "echo", "Tools/echo"])
def test_a_script_says_beforehand_what_may_run(api: ModelsApi, tmp_path: Path, approve: str) -> None:
    terminal = ready(api, tmp_path, json=True)
    terminal.approve = ["add", approve]
    assert terminal.ask("echo") == 0
    assert output(api) == "echo: hello"
    report = json.loads(terminal.out.getvalue())
    assert sorted(report) == ["response", "thread_id", "timestamp"]
    again = ready(api, tmp_path)
    assert again.ask("echo") == 5, "it was for that answer alone"


@pytest.mark.parametrize("approve", ["add", "Other/echo", "ech", "ONCE", ""])
def test_checklist_39_what_was_not_named_does_not_run(api: ModelsApi, tmp_path: Path, approve: str) -> None:
    terminal = ready(api, tmp_path)
    terminal.approve = [approve]
    assert terminal.ask("echo") == 5
    assert len(api.asked) == 1


@pytest.mark.parametrize(("typed", "given"), [("yes", "echo: hello"), ("no", "not approved"), ("", "not approved")])
def test_the_person_at_the_terminal_is_asked(
    api: ModelsApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, given: str
) -> None:
    terminal = ready(api, tmp_path)
    monkeypatch.setattr("sys.stdin", Keyboard(f"{typed}\n"))
    monkeypatch.setattr("sys.stderr", Keyboard())
    assert terminal.ask("echo") == 0
    assert given in output(api)


HIDES = "All done.\x1b[8m\x1b[2J\x1b]52;c;cm0gLXJm\x07\x9b8m\u202e\r\b"


def test_checklist_37_nothing_that_a_model_says_hides_the_question(
    api: ModelsApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = ready(api, tmp_path, says=HIDES)
    screen = Keyboard()
    terminal.context._out = terminal.context._err = screen
    monkeypatch.setattr("sys.stdin", Keyboard("yes\n"))
    monkeypatch.setattr("sys.stderr", screen)
    assert terminal.ask("echo") == 0
    shown = screen.getvalue()
    assert "⟨U+001B⟩[8m" in shown
    assert not re.search("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202e]", shown)
    before, _, after = shown.partition("\x1b")
    assert "Tools: echo" in before
    assert after.removeprefix(RESET[1:]).startswith("Approve?"), "the reset stands right before the question"
    assert shown.count("\x1b") == RESET.count("\x1b"), "and no other sequence anywhere"


def test_an_answer_that_was_cut_short_says_so(api: ModelsApi, tmp_path: Path) -> None:
    terminal = ready(api, tmp_path, json=True)
    api._scripts.clear()
    api.answer(Answer("Half an", incomplete="max_output_tokens"))
    assert terminal.ask("tell") == 0
    report = json.loads(terminal.out.getvalue())
    assert (report["response"], report["incomplete"]) == ("Half an", {"reason": "length"})


@pytest.mark.parametrize(
    ("status", "code", "again"), [(401, "endpoint_key_rejected", False), (500, "endpoint_down", True)]
)
def test_a_failure_of_the_endpoint_in_json_has_its_own_code(
    api: ModelsApi, tmp_path: Path, status: int, code: str, again: bool
) -> None:
    terminal = ready(api, tmp_path, json=True)
    api._scripts.clear()
    api.always(Answer(status=status, error={"error": {"message": "no"}}, headers={"Retry-After": "0"}))
    assert terminal.ask("tell") == 1
    error = json.loads(terminal.out.getvalue())["error"]
    assert (error["code"], error["retryable"]) == (code, again)


def test_a_server_that_wants_a_sign_in_is_said_in_a_sentence_and_the_question_is_answered(
    api: ModelsApi, tmp_path: Path
) -> None:
    with Issuer() as issuer, protected(issuer) as server:
        terminal = ready(api, tmp_path)
        far = McpServer(id="tools", name="Far", transport="http", url=server.url)
        terminal.context.settings_store.update({"mcp_servers": [far]})
        api._scripts.clear()
        api.answer(Answer("Without it."))
        assert terminal.ask("hello") == 0
        assert terminal.out.getvalue() == "Without it.\n"
        said = terminal.err.getvalue()
        assert "The MCP server Far asks you to sign in." in said
        assert "Agents page" in said
        assert "/authorize" not in issuer.paths(), "nobody is sent to a browser from there"
