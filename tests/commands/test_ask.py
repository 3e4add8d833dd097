"""`ask`: one question to an agent inside the app, from a terminal."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.app.context import Context
from desktop.commands import ask
from desktop.settings.model import WorkflowAgent


class Terminal:
    """A context whose output can be read."""

    def __init__(self, **options: object) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.approve: list[str] = []
        self.context = Context(argparse.Namespace(**options), environ={}, out=self.out, err=self.err)

    def ask(self, text: str, thread: str | None = None) -> int:
        return ask.run(self.context, argparse.Namespace(text=text, thread=thread, approve=self.approve))


@pytest.fixture
def demo() -> Iterator[Terminal]:
    terminal = Terminal(demo=True)
    yield terminal
    terminal.context.close()


def test_the_answer_is_written_as_it_comes_and_ends_with_a_line(demo: Terminal) -> None:
    assert demo.ask("help") == 0
    assert "**markdown**" in demo.out.getvalue()
    assert demo.out.getvalue().endswith("\n")
    assert demo.err.getvalue() == ""


def test_json_is_one_object_with_answer_thread_and_time() -> None:
    terminal = Terminal(demo=True, json=True)
    assert terminal.ask("help") == 0
    report = json.loads(terminal.out.getvalue())
    assert sorted(report) == ["response", "thread_id", "timestamp"]
    assert "**markdown**" in report["response"]
    assert report["thread_id"]
    terminal.context.close()


def test_an_answer_that_fails_keeps_its_beginning_and_says_why(demo: Terminal) -> None:
    assert demo.ask("error") == 1
    assert demo.out.getvalue().startswith("This answer begins")
    assert demo.err.getvalue().strip()


def test_a_failure_in_json_has_the_code_of_its_entry_and_tells_whether_another_try_helps() -> None:
    terminal = Terminal(demo=True, json=True)
    assert terminal.ask("error") == 1
    error = json.loads(terminal.out.getvalue())["error"]
    assert (error["code"], error["retryable"]) == ("answer_failed", True)
    terminal.context.close()


def test_an_empty_message_is_refused_with_a_sentence(demo: Terminal) -> None:
    assert demo.ask("  \n ") == 1
    assert demo.out.getvalue() == ""
    assert "The message is empty" in demo.err.getvalue()


def test_a_message_over_the_limit_is_refused_and_says_the_limit(demo: Terminal) -> None:
    limit = demo.context.settings.assistant.message_limit
    assert demo.ask("x" * (limit + 1)) == 1
    assert "32" in demo.err.getvalue()


def test_an_unknown_thread_is_a_sentence(demo: Terminal) -> None:
    assert demo.ask("hello", thread="thr_nobody") == 1
    assert demo.err.getvalue().strip()


def test_a_chat_goes_on_in_its_thread(tmp_path: Path) -> None:
    terminal = Terminal(data_dir=str(tmp_path), json=True)
    terminal.context.settings_store.update({"agents": [{"kind": "demo", "id": "demo"}], "active_agent": "demo"})
    assert terminal.ask("help") == 0
    thread = json.loads(terminal.out.getvalue())["thread_id"]
    again = Terminal(data_dir=str(tmp_path), json=True)
    assert again.ask("help", thread=thread) == 0
    assert json.loads(again.out.getvalue())["thread_id"] == thread


def test_an_agent_that_runs_at_openai_is_not_asked(tmp_path: Path) -> None:
    terminal = Terminal(data_dir=str(tmp_path))
    terminal.context.settings_store.replace_agent(WorkflowAgent(workflow_id="wf_abcdefgh"))
    assert terminal.ask("hello") == 2
    assert "runs at OpenAI" in terminal.err.getvalue()


def test_nothing_of_a_demo_is_left_on_disk() -> None:
    terminal = Terminal(demo=True)
    assert terminal.ask("help") == 0
    folder = terminal.context.locations.folder
    terminal.context.close()
    assert not folder.exists()
    assert not folder.parent.parent.exists()
