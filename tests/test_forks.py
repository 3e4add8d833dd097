"""What is forked from a process with everything imported is as a program that was started (tests/rig/forks.py)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.rig import forks
from tests.rig.processes import Child

pytestmark = pytest.mark.skipif(not forks.available(), reason="forks by a system call of Linux")

TELLS = """
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ), "xml.dom" in sys.modules, os.getppid(), os.getsid(0)]))
print(sys.stdin.read(), file=sys.stderr)
raise SystemExit(3)
"""


def begun(code: str, *words: str, **options: object) -> Child:
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return forks.child([sys.executable, "-c", code, *words], "xml.dom", text=True, **{**pipes, **options})


def test_it_has_the_words_the_folder_the_environment_and_the_pipes_of_a_start(tmp_path: Path) -> None:
    with begun(TELLS, "é", "two", cwd=tmp_path, env={"MINE": "x"}, start_new_session=True) as child:
        out, errors = child.communicate("hello")
    words, folder, environ, imported, parent, session = json.loads(out)
    assert (words, folder, environ, imported) == (["é", "two"], str(tmp_path), {"MINE": "x"}, True)
    assert (parent, session) == (os.getpid(), child.pid)
    assert (errors, child.returncode) == ("hello\n", 3)


def test_it_is_a_child_of_this_process_that_is_looked_at_and_ended_as_any() -> None:
    with begun("print('here', flush=True); input()", "by its words") as child:
        assert child.line() == "here\n"
        seen = psutil.Process(child.pid)
        assert seen.ppid() == os.getpid()
        assert [word for word in seen.cmdline() if word][-1] == "by its words"
        child.kill()
        assert child.wait() == -signal.SIGKILL


def test_it_holds_no_handle_but_its_own() -> None:
    reads, writes = os.pipe()
    code = "import os; print([name for name in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + name)])"
    try:
        with begun(code, pass_fds=(writes,)) as child:
            assert child.line() == f"{[*map(str, (0, 1, 2, writes))]}\n"
    finally:
        os.close(reads)
        os.close(writes)


def test_what_it_changes_is_its_own() -> None:
    for _ in range(2):
        with begun("import sys; print(hasattr(sys, 'mine')); sys.mine = 1") as child:
            assert child.line() == "False\n"
