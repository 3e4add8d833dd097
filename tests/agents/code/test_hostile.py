"""What a file may try against the app that it runs beside: words of the protocol, other chats, links on the disk."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.code.bench import Bench, bench
from tests.rig.systems import link
from tests.standins.models_api import Answer

pytestmark = pytest.mark.slow

COUNTS = """
seen = []

async def run_workflow(given):
    seen.append(given["input_as_text"])
    return {"output_text": " ".join(seen)}
"""
PRINTS = """
import json, os, struct

async def run_workflow(given):
    for message in (
        {"type": "text", "key": "k", "delta": "planted"},
        {"type": "ask", "id": "1", "title": "planted"},
        {"type": "end"},
    ):
        body = json.dumps(message).encode()
        for handle in (1, 2):
            os.write(handle, struct.pack(">I", len(body)) + body)
    return {"output_text": "My own words."}
"""
LOOKS = """
import os

async def run_workflow(given):
    held = []
    for handle in os.listdir("/proc/self/fd"):
        try:
            held.append(os.readlink(f"/proc/self/fd/{handle}"))
        except OSError:
            pass
    return {"output_text": " ".join(held)}
"""
WRITES = """
import json, os, struct

def run_workflow(given):
    if given["input_as_text"] != "attack":
        return {"output_text": "good again"}
    body = json.dumps(%s).encode()
    for handle in range(3, 64):
        try:
            os.write(handle, struct.pack(">I", len(body)) + body)
        except OSError:
            pass
    return {"output_text": "done"}
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Bench]:
    """Its processes are started as the app does."""
    with bench(tmp_path / "my_agent") as made:
        yield made


def test_what_a_file_remembers_is_the_chats_own(code: Bench) -> None:
    code.holds(COUNTS)
    one = code.say("a")
    other = code.say("x")
    assert code.say("b", one.thread).said == "a b"
    assert code.say("y", other.thread).said == "x y"


def test_words_of_the_protocol_that_are_printed_are_output_and_nothing_else(code: Bench) -> None:
    code.holds(PRINTS)
    heard = code.say()
    assert (heard.said, heard.done("widget"), heard.errors) == ("My own words.", [], [])


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads /proc, which is Linux’s")
def test_checklist_28_a_child_holds_nothing_of_the_apps_but_the_two_pipes_it_was_given(
    started: Bench, tmp_path: Path
) -> None:
    started.holds(LOOKS)
    with socket.socket() as held, (tmp_path / "database").open("w") as database:
        for mine in (held, database):
            os.set_inheritable(mine.fileno(), True)  # as a library may do
        words = started.say().said.split()
        own = {os.readlink(f"/proc/self/fd/{one}") for one in _handles()}
    own -= _mapped()
    shared = {one for one in words if one in own and not one.startswith(("anon_inode:", os.devnull))}
    assert len(shared) == 2
    assert all(one.startswith("pipe:") for one in shared), shared


def _handles() -> list[str]:
    return [one for one in os.listdir("/proc/self/fd") if Path(f"/proc/self/fd/{one}").is_symlink()]


def _mapped() -> set[str]:
    """Libraries: some hold themselves open (libffi from 3.5 on), in each process by itself."""
    return {line.split()[-1] for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()}


def test_what_is_no_answer_of_the_childs_is_a_sentence_and_the_next_message_is_answered(code: Bench) -> None:
    for message in (
        {"type": "failed", "error": {"code": "key_missing", "values": {}, "own": {"describe": 1, "values": 2}}},
        {"type": "failed", "error": [1]},
        {"type": "task", "key": [1], "task": {"type": "custom", "title": {"a": 1}}},
        {"type": "text", "key": None, "delta": {"a": 1}},
        {"type": "call", "id": 5, "server": "nobody's", "tool": {"a": 1}},
    ):
        code.holds(WRITES % json.dumps(message).replace("null", "None"))
        heard = code.say("attack")
        # What it says out of turn spoils its own answers, and nothing else.
        assert all(error["message"] and "Traceback" not in error["message"] for error in heard.errors)
        assert "good again" in [code.say("good", heard.thread).said for _ in range(2)], message


def test_checklist_28_a_link_in_the_place_of_an_approved_file_asks_again(code: Bench) -> None:
    code.write('WORDS = "approved"', "helpers.py")
    code.holds('import helpers\nfrom agents import Agent\nagent = Agent(name="Mine", instructions=helpers.WORDS)')
    elsewhere = code.write('WORDS = "other"', "elsewhere/helpers.py")
    (code.folder / "helpers.py").unlink()
    link(code.folder / "helpers.py", elsewhere)
    assert "has changed since" in code.say().errors[0]["message"]
    assert code.children == []
    elsewhere.write_text('WORDS = "approved"')  # the same bytes: it is what a person saw
    code.api.answer(Answer(text="fine"))
    assert code.say().said == "fine"
