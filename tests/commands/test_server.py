"""A ChatKit server from a terminal: `ask` and `doctor`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.commands.doctor import Doctor
from desktop.keys import Keys, MemoryStore
from desktop.settings.agents import ServerAgent
from desktop.settings.servers import server_secret
from tests.commands.test_ask import Terminal
from tests.standins.chatkit_server import ChatKitStandIn

TOKEN = "tk-Sentinel7-never-to-be-seen-0123456789"


@pytest.fixture
def server() -> Iterator[ChatKitStandIn]:
    with ChatKitStandIn(TOKEN) as standin:
        yield standin


def terminal(folder: Path, server: ChatKitStandIn, token: str = TOKEN, **options: object) -> Terminal:
    made = Terminal(data_dir=str(folder), component_url=f"{server.origin}/chatkit.js", **options)
    made.context.keys = Keys("default", "test", MemoryStore())
    agent = ServerAgent(id="team", url=server.url)
    made.context.settings_store.replace_agent(agent)
    if token:
        made.context.keys.save_secret(server_secret(agent), token)
    return made


def test_a_question_is_answered_and_the_chat_goes_on(tmp_path: Path, server: ChatKitStandIn) -> None:
    first = terminal(tmp_path, server, json=True)
    assert first.ask("Hello") == 0
    report = json.loads(first.out.getvalue())
    assert report["response"].startswith("You said: Hello.")
    second = terminal(tmp_path, server)
    assert second.ask("Again", report["thread_id"]) == 0
    assert second.out.getvalue().startswith("You said: Again.")
    third = terminal(tmp_path, server)
    assert third.ask("Once more", f"team/{report['thread_id']}") == 0  # as `threads list` names it
    assert server.types() == ["threads.create", "threads.add_user_message", "threads.add_user_message"]


def test_a_server_that_refuses_or_breaks_off_is_told_in_a_sentence(tmp_path: Path, server: ChatKitStandIn) -> None:
    refused = terminal(tmp_path, server, token="wrong")
    assert refused.ask("Hello") == 1
    assert refused.err.getvalue().startswith("127.0.0.1:")
    assert "did not accept the token" in refused.err.getvalue()
    server.mode = "gone"
    broken = terminal(tmp_path, server)
    assert broken.ask("Hello") == 1
    assert broken.out.getvalue().startswith("You said: Hello.")
    assert "disconnected in the middle of the answer" in broken.err.getvalue()
    assert TOKEN not in refused.err.getvalue() + broken.err.getvalue() + broken.out.getvalue()


def test_checklist_30_doctor_reaches_the_server_and_asks_nothing_of_openai(
    tmp_path: Path, server: ChatKitStandIn
) -> None:
    checks = {check.name: check for check in Doctor(terminal(tmp_path, server).context).examine()}
    assert checks["agent"].ok
    assert server.url in checks["agent"].detail
    assert all(checks[name].ok for name in ("key", "network", "tls", "clock", "session"))
    server.mode = "html"
    checks = {check.name: check for check in Doctor(terminal(tmp_path, server).context).examine()}
    assert not checks["agent"].ok
    assert "does not answer like a ChatKit server" in checks["agent"].detail


def test_a_server_that_fails_without_words_is_told_with_its_code(tmp_path: Path, server: ChatKitStandIn) -> None:
    server.mode = "silent_error"
    spoken = terminal(tmp_path, server)
    assert spoken.ask("Hello") == 1
    assert "cut the answer off: no reason given." in spoken.err.getvalue()
    written = terminal(tmp_path, server, json=True)
    assert written.ask("Hello") == 1
    error = json.loads(written.out.getvalue())["error"]
    assert (error["code"], error["retryable"], error["detail"]) == ("answer_failed", True, "stream.error")
    server.mode = "gone"
    gone = terminal(tmp_path, server, json=True)
    assert gone.ask("Hello") == 1
    assert json.loads(gone.out.getvalue())["error"]["code"] == "server_gone"


@pytest.mark.parametrize("approve", [[], ["once"]])
def test_checklist_39_a_servers_widget_that_looks_like_our_card_is_no_question(
    tmp_path: Path, server: ChatKitStandIn, approve: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.mode = "false_card"
    made = terminal(tmp_path, server, json=True)
    made.approve = approve
    assert made.ask("Hello") == 0
    assert "waiting" not in json.loads(made.out.getvalue())
    assert "threads.custom_action" not in server.types()
