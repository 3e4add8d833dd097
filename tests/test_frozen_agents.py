"""Code agents in the frozen app: the same executable again, as a process that runs a file; and the pip inside it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from desktop.settings.agents import AssistantAgent
from tests.agents.code.bench import until
from tests.agents.code.test_exports import ASKS, HEAD, NODE, RUN, body
from tests.agents.code.test_misbehaviour import FORKS, deed, sleepers
from tests.agents.code.wheels import make_wheel
from tests.agents.mcp.conftest import gone, pids, stdio
from tests.commands.test_ask import Terminal
from tests.rig.processes import Child
from tests.standins.models_api import KEY, Answer, Call, ModelsApi
from tests.test_frozen import LIMIT, home, run, screen

__all__ = ["home", "screen"]

pytestmark = [
    pytest.mark.window,
    pytest.mark.secret_service,
    pytest.mark.timeout(1200),  # the first of them waits for the build
    pytest.mark.skipif(sys.platform != "linux", reason="the frozen app is built on Linux only so far"),
]


class Person:
    """Somebody who has the frozen app, a key for the model API in the keyring, and a folder with an agent's file."""

    def __init__(self, app: Path, environ: dict[str, str], api: ModelsApi, folder: Path) -> None:
        self.app = app
        self.environ = environ
        self.api = api
        self.folder = folder / "my_agent"
        self.folder.mkdir()
        self.options = ("--api-base", api.base, "--data-dir", str(folder / "data"))
        self.file = self.folder / "agent.py"

    def ask(self, text: str = "hello", **more: str) -> tuple[int, dict[str, object]]:
        """The answer of the file to `text`; `more` goes into the app's environment."""
        words = ("ask", "--agent", str(self.file), "--yes", *self.options, text)
        return run(self.app, self.environ | more, *words)


@pytest.fixture
def person(frozen: Path, home: dict[str, str], tmp_path: Path) -> Iterator[Person]:
    with ModelsApi(key=KEY) as api:
        made = Person(frozen, home, api, tmp_path)
        assert run(frozen, home, "key", "set", *made.options, stdin=f"{KEY}\n")[0] == 0
        yield made
        run(frozen, home, "key", "remove", *made.options)


def test_an_unedited_export_with_a_file_beside_it_answers_in_the_frozen_app(person: Person) -> None:
    (person.folder / "helpers.py").write_text('WORDS = "from beside"')
    person.file.write_text(
        "from .helpers import WORDS\n" + HEAD + RUN + NODE + body('return {"output_text": f"{WORDS}"}')
    )
    person.api.answer(Answer(text="Once upon a time."))
    code, report = person.ask("Tell me a story")
    assert (code, report.get("response")) == (0, "Once upon a time.from beside"), report
    assert "Tell me a story" in json.dumps(person.api.last.body["input"])


def test_checklist_07_16_and_28_nothing_planted_misleads_the_frozen_process_and_it_holds_no_key(
    person: Person, tmp_path: Path
) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    for name in ("json", "agents", "sitecustomize", "usercustomize", "breakpoints", "secrets", "helpers"):
        (planted / f"{name}.py").write_text("raise SystemExit('planted code was run')\n")
    person.file.write_text(
        "import json, os, pathlib, sys, unittest.mock, xmlrpc.client, concurrent.futures, sqlite3, curses\n"
        "import agents, agents.mcp, openai, pydantic\n"
        "def run_workflow(given):\n"
        "    seen = dict(os.environ) | {'argv': sys.argv, 'path': sys.path}\n"
        "    for number in (os.getpid(), os.getppid()):\n"
        "        for name in ('environ', 'cmdline'):\n"
        "            seen[f'{name} {number}'] = pathlib.Path(f'/proc/{number}/{name}').read_text()\n"
        "    return 'Seen: ' + json.dumps(seen)\n"
    )
    misleading = {
        "PYTHONPATH": str(planted),
        "PYTHONHOME": str(planted),
        "PYTHONSTARTUP": str(planted / "json.py"),
        "PYTHONBREAKPOINT": "breakpoints.run",
        "PYTHONUSERBASE": str(planted),
        "PYTHONINSPECT": "1",
        "OPENAI_API_KEY": KEY,
        "MINE": f"x{KEY}x",
    }
    words = (str(person.app), "ask", "--agent", str(person.file), "--yes", *person.options, "hello")
    done = subprocess.run(
        words, cwd=planted, env=person.environ | misleading, capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr
    assert "planted code" not in done.stdout + done.stderr
    assert KEY not in done.stdout
    seen = json.loads(done.stdout.removeprefix("Seen: "))
    assert not [place for place in seen["path"] if str(planted) in place]
    # What the file starts in its turn is no part of the packaged app.
    assert not [name for name in seen if name.startswith("_PYI_")]
    assert str(person.app.parent) not in seen.get("LD_LIBRARY_PATH", "")


def test_a_missing_package_is_named_and_the_frozen_apps_own_pip_installs_it(person: Person, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    make_wheel(shelf, "wikipedia", 'WORDS = "The wind is from the west."\n')
    person.file.write_text("import wikipedia\ndef run_workflow(given):\n    return wikipedia.WORDS\n")
    code, report = person.ask()
    assert code == 1
    assert "packages install wikipedia" in json.dumps(report)
    nowhere = tmp_path / "no_programs"
    nowhere.mkdir()
    shop = person.environ | {"PATH": str(nowhere), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf)}
    code, report = run(person.app, shop, "packages", "install", "wikipedia", *person.options)
    assert code == 0, report
    assert str(report["folder"]).startswith(str(tmp_path / "data"))
    assert person.ask()[1].get("response") == "The wind is from the west."
    code, report = run(person.app, shop, "packages", "install", "not-on-the-shelf", *person.options)
    assert code == 1
    assert "not-on-the-shelf" in report["error"]["message"]


@contextmanager
def terminal(words: list[str], environ: dict[str, str]) -> Iterator[tuple[Child, int]]:
    """A program that has a terminal, and the other end of it."""
    import pty  # not there on Windows

    ours, theirs = pty.openpty()
    running = Child(words, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        yield running, ours
    finally:
        running.kill()
        running.wait()
        os.close(ours)


class Heard:
    """What a program writes to its terminal."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._seen = 0
        self.text = ""

    def until(self, words: str) -> None:
        """Waits for `words` behind those that were waited for before. Raises AssertionError."""
        ends = time.monotonic() + LIMIT
        while (found := self.text.find(words, self._seen)) < 0:
            assert time.monotonic() < ends, self.text
            if select.select([self._handle], [], [], 1)[0]:
                with suppress(OSError):
                    self.text += os.read(self._handle, 4096).decode(errors="replace")
        self._seen = found + len(words)


def test_checklist_28_consent_and_approvals_are_asked_in_the_terminal(person: Person) -> None:
    person.file.write_text(ASKS)
    person.api.answer(Answer(text="Written."))
    words = [str(person.app), "ask", "--agent", str(person.file), *person.options, "hello"]
    with terminal(words, person.environ) as (running, handle):
        heard = Heard(handle)
        heard.until(str(person.file))
        heard.until("SHA-256")
        heard.until("?")
        os.write(handle, b"yes\n")
        heard.until("Shall I write?")
        assert person.api.asked == []
        os.write(handle, b"yes\n")
        heard.until("Written.")
        heard.until("Send it as well?")
        os.write(handle, b"yes\n")
        heard.until("Sent.")
        assert running.wait(LIMIT) == 0


def test_no_process_is_left_when_the_frozen_app_is_killed(person: Person, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    person.file.write_text(deed(f"{FORKS}\nopen({str(marker)!r}, 'w').close()\nwhile True: pass"))
    words = [str(person.app), "ask", "--agent", str(person.file), "--yes", *person.options, "bad"]
    app = Child(words, env=person.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(marker.exists)
        below = psutil.Process(app.pid).children(recursive=True)
        assert len(below) >= 2
        until(lambda: len(sleepers()) == 3)
    finally:
        app.send_signal(signal.SIGKILL)
        app.wait()
    until(lambda: not sleepers() and not [one for one in below if one.is_running() and one.status() != "zombie"])


def test_checklist_07_an_mcp_servers_program_runs_beside_the_frozen_app_and_sees_nothing_of_it(
    person: Person, tmp_path: Path
) -> None:
    told = tmp_path / "pids"
    server = stdio("--pids", str(told), "--offspring", always=["environment"])
    terminal = Terminal(data_dir=str(tmp_path / "data"))
    agent = AssistantAgent(id="mine", mcp_servers=["tools"])
    terminal.context.settings_store.update({"agents": [agent], "mcp_servers": [server], "assistant.titles": False})
    terminal.context.close()
    person.api.answer(Answer(calls=(Call("environment"),)), Answer("Seen."))
    planted = {"OPENAI_API_KEY": KEY, "GITHUB_TOKEN": "hush"}
    code, report = run(person.app, person.environ | planted, "ask", *person.options, "look")
    assert (code, report.get("response")) == (0, "Seen."), report
    given = person.api.last.body["input"]
    (output,) = [one["output"] for one in given if one.get("type") == "function_call_output"]
    found = json.loads(output)
    assert "PATH" in found
    assert not {name for name in found if name.startswith(("LD_", "_PYI", "OPENAI", "GITHUB"))}
    assert KEY not in output
    assert all(gone(pid) for pid in pids(told, 2))
