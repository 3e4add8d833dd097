"""Windows' job object: what a process has started ends with it, whatever it is; run on Windows and under wine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from tests.agents.code.bench import until
from tests.rig.processes import Child

pytestmark = pytest.mark.skipif(sys.platform != "win32", reason="job objects are Windows'")
STARTS_TWO = """
import subprocess, sys, time
nap = [sys.executable, "-c", "import time; time.sleep(600)"]
detached = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
print(subprocess.Popen(nap).pid, subprocess.Popen(nap, creationflags=detached).pid, flush=True)
time.sleep(600)
"""
HOLDS_A_JOB = f"""
import subprocess, sys, time
from desktop.agents.code.windows_job import FLAGS, Job
process = subprocess.Popen([sys.executable, "-c", {STARTS_TWO!r}], stdout=subprocess.PIPE, creationflags=FLAGS)
job = Job(process)
print(process.pid, process.stdout.readline().decode().strip(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def started() -> Iterator[list[Child]]:
    processes: list[Child] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate(timeout=60)


def pids(process: Child) -> list[int]:
    return [int(word) for word in process.line().split()]


def test_ending_it_ends_all_below_and_a_second_time_does_nothing(started: list[Child]) -> None:
    from desktop.agents.code.windows_job import ENDED, FLAGS, Job

    process = Child([sys.executable, "-c", STARTS_TWO], stdout=subprocess.PIPE, creationflags=FLAGS)
    started.append(process)
    job = Job(process)
    below = pids(process)
    assert len(below) == 2
    assert all(map(psutil.pid_exists, below))
    job.end()
    job.end()
    assert process.wait(60) == ENDED
    until(lambda: not any(map(psutil.pid_exists, below)))


def test_nothing_of_a_process_runs_before_it_is_in_its_job(started: list[Child]) -> None:
    from desktop.agents.code.windows_job import FLAGS, Job

    process = Child([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE, creationflags=FLAGS)
    started.append(process)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    job = Job(process)
    assert process.wait(60) == 0
    job.end()


def test_the_end_of_the_one_who_holds_it_ends_all_below(started: list[Child]) -> None:
    holder = Child([sys.executable, "-c", HOLDS_A_JOB], stdout=subprocess.PIPE)
    started.append(holder)
    below = pids(holder)
    assert len(below) == 3
    holder.kill()
    until(lambda: not any(map(psutil.pid_exists, below)))
