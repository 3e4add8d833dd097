"""Starts the hello page or the app and reads the marks it writes; looks at its processes from outside."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.rig import processes
from tests.rig.display import stop
from tests.rig.driver import ROOT

LIMIT = 60.0
"""Longest wait for a mark, in seconds."""


class Child:
    """One running program. `marks`: seconds from before its process was made to what it told of, first time each."""

    def __init__(
        self,
        module: str,
        before: Sequence[str],
        arguments: Sequence[str],
        environ: Mapping[str, str],
        *,
        frozen: bool = False,
    ) -> None:
        """`python -m MODULE *BEFORE FD *ARGUMENTS`; where it is frozen, the program MODULE."""
        self._read, write = os.pipe()
        self._rest = b""
        self.marks: dict[str, float] = {}
        self.values: dict[str, Any] = {}
        program = [module] if frozen else [sys.executable, "-m", module]
        command = [*program, *before, str(write), *arguments]
        self._started = time.monotonic()
        self.process = processes.Child(
            command,
            cwd=ROOT,
            env=dict(environ),
            pass_fds=(write,),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        stop(self.process, 10)
        os.close(self._read)

    def until(self, mark: str, limit: float = LIMIT) -> float:
        """Seconds from the start to `mark`. Raises RuntimeError when it doesn't come."""
        end = time.monotonic() + limit
        while mark not in self.marks:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise RuntimeError(f"no {mark!r} within {limit:.0f} s; there were {self.marks}")
            data = os.read(self._read, 1 << 20)
            if not data:
                raise RuntimeError(f"the program ended with {self.process.wait(10)} before {mark!r}")
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                name, at, value = json.loads(line)
                self.marks.setdefault(name, at - self._started)
                self.values.setdefault(name, value)
        return self.marks[mark]

    def ask(self, order: str, mark: str) -> Any:
        """Give an order (see opened.py) and return the value of the mark that answers it."""
        self.marks.pop(mark, None)
        self.values.pop(mark, None)
        assert self.process.stdin is not None
        self.process.stdin.write(order.encode() + b"\n")
        self.process.stdin.flush()
        self.until(mark)
        return self.values[mark]

    def since_start(self, wall: float) -> float:
        """Seconds from the start to a moment of the wall clock: milliseconds since 1970, as a page tells them."""
        return wall / 1000 - time.time() + time.monotonic() - self._started

    # --- from outside -------------------------------------------------------------------------

    def memory(self) -> int:
        """Bytes that the program and everything below it take, shared ones by their share (PSS)."""
        import psutil

        process = psutil.Process(self.process.pid)
        return sum(pss(one.pid) for one in (process, *process.children(recursive=True)))

    def wake_ups(self) -> dict[int, int]:
        """How often each thread of the program's own process has gone to sleep of itself so far."""
        return {int(task.name): _switches(task) for task in Path(f"/proc/{self.process.pid}/task").iterdir()}

    def cpu(self) -> float:
        """Seconds of processor time of the program's own process so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss(pid: int) -> int:
    """Bytes that one process takes, shared ones by their share; 0 once it has ended."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # it has just ended
    return 0


def _switches(task: Path) -> int:
    try:
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
