"""What packaging runs ends with packaging, and with all that it started itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from desktop.packaging import processes
from tests.agents.talk import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"])
print(child.pid, flush=True)
child.wait()
"""


class Interrupted(BaseException):
    """What a signal handler raises, as `python -m desktop.packaging` does at SIGTERM."""


def ended(pid: int) -> bool:
    """Gone, or a zombie that nobody has collected: it does nothing any more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_program_gives_its_code_and_both_outputs() -> None:
    done = processes.run(
        [sys.executable, "-c", "import sys; print(input()); print('no', file=sys.stderr); sys.exit(3)"], sent="yes\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "yes\n", "no\n")


def test_after_the_time_limit_nothing_of_a_program_is_left(tmp_path: Path) -> None:
    file = tmp_path / "out"
    for limit in (2, 8, 32):  # a busy machine takes a while to start the program's own child
        with file.open("w") as out, pytest.raises(subprocess.TimeoutExpired):
            processes.run([sys.executable, "-c", PARENT], timeout=limit, stdout=out)
        if "up" in file.read_text():
            break
    child = next(word for word in file.read_text().split() if word.isdigit())
    until(lambda: ended(int(child)))


def test_an_error_beside_a_program_ends_all_of_it(tmp_path: Path) -> None:
    out = (tmp_path / "out").open("w+")
    born: list[subprocess.Popen[str]] = []

    def fail() -> None:
        with processes.started([sys.executable, "-c", PARENT], stdout=out) as process:
            born.append(process)
            until(lambda: "up" in (tmp_path / "out").read_text())
            raise ZeroDivisionError

    with out, pytest.raises(ZeroDivisionError):
        fail()
    assert born[0].returncode == -signal.SIGKILL
    child = next(word for word in (tmp_path / "out").read_text().split() if word.isdigit())
    until(lambda: ended(int(child)))


def test_a_signal_while_a_program_is_being_started_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python runs a handler between any two steps of `Popen`, when the program lives and nobody holds it yet."""
    born: list[subprocess.Popen[str]] = []

    class Interrupting(subprocess.Popen[str]):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[call-overload]
            born.append(self)
            signal.raise_signal(signal.SIGTERM)

    def handler(*_: object) -> None:
        raise Interrupted

    usual = signal.signal(signal.SIGTERM, handler)
    monkeypatch.setattr(subprocess, "Popen", Interrupting)
    try:
        with pytest.raises(Interrupted):
            processes.run([sys.executable, "-c", "import time; time.sleep(600)"])
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, usual)
    assert [process.returncode for process in born] == [-signal.SIGKILL]


def test_programs_run_beside_the_main_thread_too() -> None:
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(processes.run([sys.executable, "-c", "print(1)"]).stdout))
    thread.start()
    thread.join(60)
    assert said == ["1\n"]


def test_a_program_that_is_not_there_raises_what_the_system_says() -> None:
    with pytest.raises(FileNotFoundError):
        processes.run(["no-such-program-here"])
