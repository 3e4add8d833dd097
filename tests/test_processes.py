"""What tests start is never waited for without a limit, and says where it hangs (tests/rig/processes.py)."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.rig.processes import Child, Hung, Lines, run

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
SOON = 30.0
SHORT = 1.0
"""Seconds that a program which hangs is given here."""

HANGS = """
import sys, time
print("begun", flush=True)
def where_it_hangs():
    time.sleep(600)
where_it_hangs()
"""

WAITS = {"run", "call", "check_call", "check_output"}
READS = {"read", "readline", "readlines"}
MAY_START = {
    "rig/processes.py",
    "standins/mcp_server.py",  # runs as a file by itself, and waits for none of what it starts
}
MAY_WAIT = {
    "agents/killing.py",  # is itself a child with a limit, and kills before it waits
}


def unbounded(source: str, where: str = "") -> Iterator[str]:
    """Every place where a child is waited for, or its output read, by something that has no limit."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="subprocess"), attr=attr), keywords=keywords):
                if attr in WAITS and not any(one.arg in ("timeout", None) for one in keywords):
                    yield f"{where}:{node.lineno}: subprocess.{attr} without a timeout"
                if attr == "Popen" and where not in MAY_START:
                    yield f"{where}:{node.lineno}: Popen: tests.rig.processes.Child is the one whose waits end"
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="stdout" | "stderr", value=owner), attr=attr)):
                if attr in READS and not (isinstance(owner, ast.Name) and owner.id == "sys"):
                    yield f"{where}:{node.lineno}: {attr} of a child's output: Child has line() and rest()"
            case ast.For(iter=ast.Attribute(attr="stdout" | "stderr")):
                yield f"{where}:{node.lineno}: a child's output line by line: Child has line()"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr="wait" | "waitpid" | "system" | "popen")):
                if where not in MAY_WAIT:
                    yield f"{where}:{node.lineno}: os.{node.func.attr} has no limit"  # type: ignore[attr-defined]
            case ast.ImportFrom(module="subprocess"):
                yield f"{where}:{node.lineno}: import subprocess itself, so that this can be seen"


def test_nothing_under_tests_waits_for_a_child_without_a_limit() -> None:
    found = [
        line
        for path in sorted(TESTS.rglob("*.py"))
        if "node_modules" not in path.parts
        for line in unbounded(path.read_text(encoding="utf-8"), path.relative_to(TESTS).as_posix())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "subprocess.run(['x'])",
        "subprocess.check_output(['x'], text=True)",
        "subprocess.Popen(['x'])",
        "process.stdout.readline()",
        "self.process.stderr.read()",
        "for line in process.stdout: pass",
        "os.waitpid(7, 0)",
        "from subprocess import run",
    ],
)
def test_a_wait_without_a_limit_is_seen(line: str) -> None:
    assert list(unbounded(line))


@pytest.mark.parametrize(
    "line",
    ["subprocess.run(['x'], timeout=3)", "sys.stdin.readline()", "process.line()", "subprocess.run(words, **options)"],
)
def test_a_wait_with_one_is_none_of_its_business(line: str) -> None:
    assert not list(unbounded(line))


def gone(pid: int) -> bool:
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def hangs() -> Iterator[Child]:
    with Child([sys.executable, "-c", HANGS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.line() == "begun\n"
        yield child


def test_a_line_that_does_not_come_ends_the_program_and_shows_where_it_hangs(hangs: Child) -> None:
    with pytest.raises(Hung) as failure:
        hangs.line(SHORT)
    assert "did not print a line within 1 s" in str(failure.value)
    if os.name == "posix":
        assert "where_it_hangs" in str(failure.value)
    assert gone(hangs.pid)


@pytest.mark.parametrize("ask", ["ended", "rest", "error_line"])
def test_every_wait_for_a_program_that_hangs_ends(hangs: Child, ask: str) -> None:
    with pytest.raises(Hung):
        getattr(hangs, ask)(SHORT)
    assert gone(hangs.pid)


def test_a_command_that_hangs_is_named_with_its_stacks() -> None:
    with pytest.raises(Hung, match="did not end within 3 s") as failure:
        run([sys.executable, "-c", HANGS], limit=3)
    if os.name == "posix":
        assert "where_it_hangs" in str(failure.value)


def test_a_command_that_ends_gives_what_it_printed() -> None:
    done = run([sys.executable, "-c", "print(input()[::-1])"], input="abc\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "cba\n", "")
    with pytest.raises(subprocess.CalledProcessError):
        run([sys.executable, "-c", "raise SystemExit(3)"], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals are POSIX's")
def test_one_that_was_stopped_and_one_that_hears_nothing_are_ended_with_what_they_started() -> None:
    deaf = textwrap.dedent(
        """
        import signal, subprocess, sys, time, faulthandler
        faulthandler.disable()
        signal.signal(signal.SIGABRT, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(child.pid, flush=True)
        time.sleep(600)
        """
    )
    with Child([sys.executable, "-c", deaf], stdout=subprocess.PIPE, text=True) as child:
        below = int(child.line())
        with pytest.raises(Hung):
            child.rest(SHORT)  # the one below holds the pipe as well
    assert gone(child.pid)
    assert gone(below)
    with Child([sys.executable, "-c", HANGS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        child.line()
        psutil.Process(child.pid).suspend()
        with pytest.raises(Hung, match="where_it_hangs"):
            child.line(SHORT)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a new session is POSIX's")
def test_a_stranger_who_holds_the_pipe_keeps_nobody_waiting() -> None:
    """One that left its parent is not found below it."""
    stranger = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    if os.fork() == 0:\n"
        "        print(os.getpid(), flush=True)\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "time.sleep(600)\n"
    )
    with Child([sys.executable, "-c", stranger], stdout=subprocess.PIPE, text=True) as child:
        pid = int(child.line())
        try:
            with pytest.raises(Hung):
                child.line(SHORT)
        finally:
            psutil.Process(pid).kill()


def test_lines_end_and_their_wait_too() -> None:
    read, write = os.pipe()
    with os.fdopen(read, encoding="utf-8") as stream:
        lines = Lines(stream.readline)
        os.write(write, b"one\n")
        assert lines.next(SOON) == "one\n"
        with pytest.raises(TimeoutError):
            lines.next(0.05)
        os.close(write)
        assert lines.next(SOON) == ""
        assert lines.next(SOON) == ""
        assert lines.join(SOON)


@pytest.mark.window
def test_an_app_that_answers_nothing_any_more_is_ended_and_its_stacks_are_shown(tmp_path: Path) -> None:
    from tests.rig.display import virtual_display
    from tests.rig.driver import Driver

    with virtual_display() as screen:
        app = Driver(None, ["--demo", "--data-dir", str(tmp_path)], screen.environment())
        app.wait_window("chat")
        below = psutil.Process(app.process.pid).children(recursive=True)
        psutil.Process(app.process.pid).suspend()
        with pytest.raises(Hung, match="did not answer 'windows' within 2 s") as failure:
            app.ask("windows", limit=2)
        assert "rig/launch.py" in str(failure.value), "the stacks of its threads"
        assert app.stop() == app.output(), "what it printed stays there to be read"
    assert all(gone(one.pid) for one in below)


WINDOW = """
import json, sys, time
import psutil
from tests.rig.display import virtual_display
from tests.rig.driver import Driver
from tests.rig.secret_service import secret_service
with virtual_display() as screen, secret_service() as environ:
    with Driver(None, ["--demo", "--data-dir", sys.argv[1]], screen.environment(environ)) as app:
        app.wait_window("chat")
        below = psutil.Process().children(recursive=True)
        print(json.dumps([[one.pid, one.name()] for one in below]), flush=True)
        time.sleep(600)
"""


@pytest.mark.window
@pytest.mark.secret_service
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody is told of a process's end")
def test_a_test_process_that_is_killed_leaves_no_window_no_screen_and_no_keyring_behind(tmp_path: Path) -> None:
    with Child([sys.executable, "-c", WINDOW, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            below = json.loads(child.line())
        finally:
            child.kill()
        child.ended()
    names = {name for _, name in below}
    assert {"Xvfb", "dbus-daemon"} < names, "the control: they were there"
    assert any(name.startswith("gnome-keyring-d") for name in names)
    assert [name for pid, name in below if not gone(pid)] == []
