"""What the app's processes keep from others, and what is left of agents and servers that end their guard.

Promise 36 of the project's security checklist: keys in memory are written to no core file and read by no other program
of the person's; no child is given a proxy's password; nothing that an agent or a server starts outlives the app.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from desktop.agents.code.environment import clean, with_proxy
from desktop.openai_api.transport import Endpoint, choose_proxy
from tests.agents.code.bench import Bench, bench
from tests.rig.processes import Child

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl and /proc are Linux's")
SOON = 60

RUNAWAY = """
import os, signal, sys, time
guard, told = os.getppid(), sys.argv[1]
os.kill(guard, signal.SIGSTOP)  # so that it sees nothing of what comes
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open(told, "a") as file:
            file.write(f"{os.getpid()}\\n")
        os.execve("/bin/sleep", ["sleep", "600"], {})
    os._exit(0)
os.wait()
os.kill(guard, signal.SIGKILL)
time.sleep(600)
"""
"""A program that leaves its guard, its session and its environment, and ends the guard."""

APP = """
import asyncio, os, subprocess, sys
from pathlib import Path
from desktop.agents.mcp.program import Program
from desktop.settings.mcp import McpServer
from desktop.cli import leave
runaway, told, browser = sys.argv[1:]
server = McpServer(id="one", name="One", transport="stdio", command=sys.executable, args=[runaway, told])
async def run():
    program = Program(server, dict(os.environ), (), os.environ)
    program.start()
    # What was opened for the person, a browser, is no business of the app's end.
    subprocess.Popen(["sh", "-c", f"sleep 600 >/dev/null 2>&1 & echo $! > {browser}"], start_new_session=True).wait()
    while not Path(told).exists() or not Path(told).read_text().strip():
        await asyncio.sleep(0.02)
    print("guard gone" if program.wait(30) else "guard there", flush=True)
asyncio.run(run())
leave(0)
"""


@pytest.fixture
def code(tmp_path: Path) -> Iterator[Bench]:
    """Its processes are started as the app does."""
    with bench(tmp_path / "my_agent") as made:
        yield made


def until_gone(pid: int) -> bool:
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_checklist_36_a_server_that_ends_its_guard_does_not_outlive_the_app_and_a_browser_does(tmp_path: Path) -> None:
    runaway, told, browser = tmp_path / "runaway.py", tmp_path / "told", tmp_path / "browser"
    runaway.write_text(RUNAWAY)
    done = subprocess.run(
        [sys.executable, "-c", APP, str(runaway), str(told), str(browser)],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
    )
    opened = int(browser.read_text())
    try:
        assert done.stdout == "guard gone\n", done.stderr
        assert done.returncode == 0, done.stderr
        assert until_gone(int(told.read_text()))
        assert psutil.Process(opened).is_running()
    finally:
        os.kill(opened, signal.SIGKILL)
        for pid in map(int, told.read_text().split()):
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)


HIDDEN = """
import os, resource
from desktop.agents.code.own_process import hide_memory
hide_memory()
print(resource.getrlimit(resource.RLIMIT_CORE), flush=True)
input()
"""


def as_nobody() -> None:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="only root can try it as another, whose files are told apart from root's",
)
def test_checklist_36_another_program_of_the_person_s_reads_no_memory_and_no_core_is_written() -> None:
    """As an ordinary user: what isn't hidden is readable, what is hidden is not."""
    for code, readable in (("input()", True), (HIDDEN, False)):
        process = Child(
            [sys.executable, "-c", "import os; os.umask(0)\n" + AS_NOBODY + code],
            cwd=Path(__file__).resolve().parents[3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            if not readable:
                assert process.line() == "(0, 0)\n"
            wait_for_nobody(process.pid)
            reader = subprocess.run(
                [sys.executable, "-c", READ, str(process.pid)],
                capture_output=True,
                text=True,
                preexec_fn=as_nobody,
                timeout=60,
            )
            assert (reader.stdout == "read\n") is readable, reader.stderr
        finally:
            process.kill()
            process.communicate()


AS_NOBODY = (
    "os.setgroups([]); os.setgid(65534); os.setuid(65534)\nimport ctypes; ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)\n"
)
"""A change of user alone hides the memory; that is undone first."""
READ = """
import re, sys
pid = sys.argv[1]
start = re.search(r"^([0-9a-f]+)-[0-9a-f]+ rw", open(f"/proc/{pid}/maps").read(), re.M)[1]
with open(f"/proc/{pid}/mem", "rb", 0) as memory:
    memory.seek(int(start, 16)); memory.read(16)
print("read")
"""


def wait_for_nobody(pid: int) -> None:
    end = time.monotonic() + SOON
    while psutil.Process(pid).uids().real != 65534 and time.monotonic() < end:
        time.sleep(0.02)


def test_checklist_36_a_code_agent_s_process_is_hidden_as_well(code: Bench) -> None:
    code.holds(
        """
        import ctypes, resource
        async def run_workflow(given):
            return f"{ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)} {resource.getrlimit(resource.RLIMIT_CORE)}"
        """
    )
    assert code.say().said == "0 (0, 0)"


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "all_proxy", "ftp_proxy"])
@pytest.mark.parametrize(
    ("value", "left"),
    [
        ("http://ann:s3cret@proxy.test:8080", "http://proxy.test:8080"),
        ("ann:s3cret@proxy.test:8080", "proxy.test:8080"),
        ("socks5://ann:s3%40cret@10.0.0.1:1080/", "socks5://10.0.0.1:1080/"),
        ("http://ann:p@ss@proxy.test", "http://proxy.test"),
        ("http://proxy.test:8080", "http://proxy.test:8080"),
    ],
)
def test_checklist_36_a_child_is_told_of_a_proxy_and_not_of_its_password(name: str, value: str, left: str) -> None:
    assert clean({name: value, "HOME": "/home/ann"}) == {name: left, "HOME": "/home/ann"}


def test_a_code_agent_still_gets_through_a_proxy_of_the_environment_that_asks_for_a_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("https_proxy", "http://ann:s3%40cret@proxy.test:8080")
    route = with_proxy(Endpoint("https://api.example.test"))
    assert "s3" not in route.proxy
    monkeypatch.delenv("https_proxy")
    proxy = choose_proxy(route)
    assert proxy is not None
    assert (proxy.url, proxy.user, proxy.password) == ("http://proxy.test:8080", "ann", "s3@cret")
    assert with_proxy(Endpoint("http://127.0.0.1:1")) == Endpoint("http://127.0.0.1:1")
