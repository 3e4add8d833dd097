"""Files that misbehave: nothing of it reaches the app, Stop works, the next message is answered, nothing is left."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from desktop.agents.code.child import Passed
from tests.agents.code.bench import Bench, bench, forked, gone, until
from tests.rig.processes import Child
from tests.standins.models_api import KEY, Answer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
POSIX = os.name == "posix"
BAD = """
import asyncio, faulthandler, os, signal, sys, time

async def run_workflow(given):
    text = given["input_as_text"]
    if text == "good":
        return {"output_text": "good again"}
    open("begun", "w").close()
    await BAD()
    return {"output_text": "survived"}

"""
DEEDS = {
    "a busy loop": "while True: pass",
    "a long sleep": "time.sleep(3600)",
    "a loop that catches everything": """
while True:
    try:
        time.sleep(0.01)
        await asyncio.sleep(0.01)
    except BaseException:
        pass
""",
    "ignored signals": "for n in (2, 15):\n    signal.signal(n, signal.SIG_IGN)\nwhile True:\n    time.sleep(1)",
}
HANDLES = "for handle in range(3, 1000):\n    try:"


def deed(text: str) -> str:
    lines = "\n".join(f"    {line}" for line in text.strip().splitlines())
    return f"{BAD}async def BAD():\n{lines}\n"


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Bench]:
    """A bench that waits half a second for a run to stop."""
    with bench(tmp_path / "my_agent", stop=0.5, start=forked()) as made:
        yield made


@pytest.mark.parametrize("name", DEEDS)
def test_stop_ends_what_does_not_want_to_end_and_the_next_message_is_answered(quick: Bench, name: str) -> None:
    quick.holds(deed(DEEDS[name]))
    heard = quick.page.begin("bad")
    until(lambda: quick.children)
    until((quick.folder / "begun").exists)
    assert quick.page.ask("threads.list")["data"]  # the app answers all the while
    below = [one.pid for one in quick.children]
    quick.host.cancel(heard.stream)
    heard.until(lambda: heard.ends == 1)
    again = quick.say("good", heard.thread)
    assert (again.said, again.errors) == ("good again", [])
    until(lambda: all(gone(pid) for pid in below))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("os._exit(7)", "it exited with code 7"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV" if POSIX else "it exited with code 11"),
        ("faulthandler._sigsegv()", "SIGSEGV" if POSIX else "it exited with code 0xC0000005"),
        ("os.abort()", "SIGABRT" if POSIX else "it exited with code 3"),
        (f"{HANDLES} os.close(handle)\n    except OSError: pass\ntime.sleep(60)", "has stopped"),
        (f"{HANDLES} os.write(handle, b'x' * 1000)\n    except OSError: pass\ntime.sleep(60)", "has stopped"),
    ],
    ids=["exit", "killed", "segfault", "abort", "closes pipes", "garbles pipes"],
)
def test_a_process_that_ends_is_a_sentence_and_the_next_message_starts_a_new_one(
    code: Bench, text: str, words: str
) -> None:
    code.holds(deed(text))
    heard = code.say("bad")
    assert words in heard.errors[0]["message"]
    assert heard.errors[0]["allow_retry"] is True
    assert code.say("good", heard.thread).said == "good again"


@pytest.mark.parametrize("text", ["sys.exit(3)", "raise KeyboardInterrupt", "raise SystemExit", "raise MemoryError"])
def test_an_exit_in_the_middle_is_told_with_its_line(code: Bench, text: str) -> None:
    code.holds(deed(text))
    assert "failed on line" in code.say("bad").errors[0]["message"]


def test_a_gigabyte_of_output_holds_nothing_up_and_is_not_kept(code: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "desktop.agents.code.output")
    code.holds(deed("line = 'x' * 999_999\nfor _ in range(1000):\n    print(line)"))
    assert code.say("bad").said == "survived"
    assert sum(len(record.getMessage()) for record in caplog.records) < 2_000_000


def test_what_is_printed_goes_to_the_log_without_the_key_and_not_to_the_apps_output(
    code: Bench, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO, "desktop.agents.code.output")
    code.holds(
        deed(
            "import openai\n"
            "print('to the log', openai.AsyncOpenAI().api_key)\n"
            "os.write(1, b'raw\\n'); os.write(2, b'err\\n')\n"
            "sys.stdin.read()"
        )
    )
    assert code.say("bad").said == "survived"
    until(lambda: "err" in caplog.text)
    assert "to the log" in caplog.text
    assert KEY not in caplog.text
    assert capfd.readouterr().out == ""


def test_more_text_than_a_chat_can_hold_ends_the_run_with_a_sentence(code: Bench) -> None:
    code.holds(BAD + "async def BAD():\n    pass\n" + "async def run_workflow(given):\n    return 'x' * 1_500_000\n")
    assert "more than a chat can hold" in code.say("bad").errors[0]["message"]


# --- nothing is left --------------------------------------------------------------------------

NAPS = [str(1_000_000 + os.getpid() * 10 + number) for number in range(3)]
"""Seconds that nobody else on this machine sleeps."""
FORKS = (
    f"""
import subprocess
subprocess.Popen(["sleep", "{NAPS[0]}"])
subprocess.Popen(["sleep", "{NAPS[1]}"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "{NAPS[2]}"])
    os._exit(0)
"""
    if POSIX
    else f"""
import subprocess
nap = [sys.executable, "-c", "import sys, time; time.sleep(float(sys.argv[1]))"]
subprocess.Popen([*nap, "{NAPS[0]}"])
subprocess.Popen([*nap, "{NAPS[1]}"], creationflags=subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS)
subprocess.run([sys.executable, "-c", "import subprocess, sys; subprocess.Popen(sys.argv[1:])", *nap, "{NAPS[2]}"])
"""
)


def sleepers() -> list[int]:
    """The processes that `FORKS` leaves behind."""
    found = []
    for one in psutil.process_iter():
        try:
            words = one.cmdline()
        except (psutil.Error, OSError):  # it has just ended, or is of the system; wine says it in its own way
            continue
        if words[-1:] and words[-1] in NAPS and (words[0] == "sleep" or "python" in words[0]) and len(words) <= 4:
            found.append(one.pid)
    return found


@pytest.mark.skipif(sys.platform == "darwin", reason="what leaves its group can't be found there")
def test_what_a_file_has_started_ends_with_it_however_it_has_hidden(code: Bench) -> None:
    code.holds(deed(FORKS))
    assert code.say("bad").said == "survived"
    until(lambda: len(sleepers()) == 3)
    below = [one.pid for one in code.children]
    code.host.close(20)
    until(lambda: not sleepers() and all(gone(pid) for pid in below))


@pytest.mark.skipif(sys.platform == "darwin", reason="what leaves its group can't be found there")
def test_stop_ends_what_a_file_has_started_and_the_app_goes_on(quick: Bench) -> None:
    quick.holds(deed(f"{FORKS}\nwhile True: pass"))
    heard = quick.page.begin("bad")
    until(lambda: len(sleepers()) == 3)
    quick.host.cancel(heard.stream)
    heard.until(lambda: heard.ends == 1)
    until(lambda: not sleepers())
    assert quick.say("good", heard.thread).said == "good again"


@pytest.mark.skipif(sys.platform == "darwin", reason="what leaves its group can't be found there")
def test_nothing_is_left_when_the_app_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from tests.agents.code.bench import bench\n"
        "with bench(Path(sys.argv[1])) as made:\n"
        "    made.approve()\n"
        "    heard = made.page.begin('bad')\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(600)\n"
    )
    folder = tmp_path / "agent"
    folder.mkdir()
    marker = tmp_path / "marker"
    (folder / "agent.py").write_text(deed(f"{FORKS}\nopen({str(marker)!r}, 'w').close()\nwhile True: pass"))
    app = Child([sys.executable, "-c", code, str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        until(marker.exists)
        below = [one.pid for one in psutil.Process(app.pid).children(recursive=True)]
        assert len(below) >= 2
    finally:
        app.kill()
        app.wait()
        if app.stdout is not None:
            app.stdout.close()
    until(lambda: all(gone(pid) for pid in below) and not sleepers())


def test_stopping_while_a_question_is_open_and_closing_the_app_leaves_nothing(code: Bench) -> None:
    code.holds("def approval_request(m):\n    return True\nasync def run_workflow(g):\n    approval_request('a')\n")
    assert "Approve" in json.dumps(code.say().done("widget"))
    below = [one.pid for one in code.children]
    code.host.close(20)
    until(lambda: all(gone(pid) for pid in below))


def test_no_more_processes_wait_than_are_of_use(code: Bench) -> None:
    code.holds("async def run_workflow(given):\n    return 'fine'")
    for _ in range(5):
        assert code.say().said == "fine"
    until(lambda: len({one.ppid() for one in code.children if one.ppid() != os.getpid()}) <= 3)


# --- its environment --------------------------------------------------------------------------


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_checklist_07_a_childs_environment_and_arguments_hold_no_key(code: Bench) -> None:
    code.holds("async def run_workflow(given):\n    return 'fine'")
    code.say()
    children = code.children
    assert len(children) == 2
    for one in children:
        seen = Path(f"/proc/{one.pid}/cmdline").read_bytes()
        with suppress(PermissionError):  # the process is hidden from everybody but root
            seen += Path(f"/proc/{one.pid}/environ").read_bytes()
        assert KEY.encode() not in seen
        assert b"OPENAI_" not in seen


def test_checklist_31_the_key_goes_to_its_own_origin_alone(code: Bench, tmp_path: Path) -> None:
    from tests.standins.models_api import ModelsApi

    with ModelsApi() as other:
        code.holds(
            f"""
            from openai import AsyncOpenAI
            async def run_workflow(given):
                try:
                    elsewhere = AsyncOpenAI(base_url="{other.base}/v1")
                    await elsewhere.responses.create(model="m", input="a")
                except Exception as error:
                    return f"refused: {{type(error).__name__}}"
                return "asked"
            """
        )
        assert code.say().said.startswith("refused")
        assert KEY not in json.dumps([asked.headers for asked in other.asked])


def test_no_run_is_reported_to_anybody(code: Bench) -> None:
    code.holds(
        """
        from agents import Agent, Runner, trace
        agent = Agent(name="A", model="gpt-4.1")
        async def run_workflow(given):
            with trace("T"):
                await Runner.run(agent, "x")
        """
    )
    code.api.always(Answer(text="x"))
    code.say()
    time.sleep(0)
    code.host.close(20)
    assert {asked.path for asked in code.api.asked} <= {"/v1/responses", "/v1/models"}


def test_output_is_a_burst_and_then_a_trickle_with_a_word_about_the_rest() -> None:
    passed = Passed()
    first = passed.of(b"x" * 100_000)
    assert len(first) <= 64_000
    passed._room = 10.0
    assert passed.of(b"y" * 5) == b""  # not byte by byte, each with a word
    passed._room = 10_000.0
    assert passed.of(b"z" * 5) == b"\n[36005 bytes of output dropped]\nzzzzz"
