"""`ask` at model servers with habits: what is not all there is, is said to be so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_ask import Terminal
from tests.standins.habits import Habits, Reply, chat, responses, sse


@pytest.fixture
def server() -> Iterator[Habits]:
    with Habits() as made:
        yield made


def asked(server: Habits, folder: Path, api: str, *, as_json: bool = True) -> tuple[int, Terminal]:
    """Exit code and terminal of a question to an assistant at `server`."""
    settings: dict[str, Any] = {
        "agents": [{"kind": "assistant", "id": "mine", "endpoint": "local", "model": "m"}],
        "endpoints": [{"id": "local", "base_url": server.base, "api": api}],
        "active_agent": "mine",
        "assistant.titles": False,
    }
    terminal = Terminal(data_dir=str(folder), json=as_json)
    terminal.context.settings_store.update(settings)
    code = terminal.ask("count")
    terminal.context.close()
    return code, terminal


CUT = {
    "length": ("chat_completions", chat({"content": "One, two"}, finish="length"), "length"),
    "filter": ("chat_completions", chat({"content": "One, two"}, finish="content_filter"), "content_filter"),
    "no end": ("chat_completions", chat({"content": "One, two"}, finish=None, done=False), "interrupted"),
    "no end of Responses": ("responses", sse(responses("One, two", done=False)), "interrupted"),
}


@pytest.mark.parametrize("name", CUT)
def test_an_answer_that_is_not_finished_says_so(server: Habits, tmp_path: Path, name: str) -> None:
    api, body, reason = CUT[name]
    server.answer(Reply(body))
    code, terminal = asked(server, tmp_path, api)
    report = json.loads(terminal.out.getvalue())
    assert code == 0, report
    assert (report["response"], report["incomplete"]) == ("One, two", {"reason": reason})


def test_a_finished_answer_says_nothing_of_it_and_has_no_tags(server: Habits, tmp_path: Path) -> None:
    server.answer(Reply(chat({"content": "<think>Hm.</think>One, "}, {"content": [{"text": "two"}]}), kind=None))
    code, terminal = asked(server, tmp_path, "chat_completions")
    report = json.loads(terminal.out.getvalue())
    assert (code, report["response"]) == (0, "One, two")
    assert "incomplete" not in report


def test_what_the_server_says_is_on_the_terminal(server: Habits, tmp_path: Path) -> None:
    server.always = Reply('{"error": "no room for the model"}', 500, "application/json", {"Retry-After": "0"})
    code, terminal = asked(server, tmp_path, "chat_completions", as_json=False)
    assert code == 1
    assert "no room for the model" in terminal.err.getvalue()
