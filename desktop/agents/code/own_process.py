"""Protects our processes from other programs, and cleans up their children (Linux only).

Keys are in memory, so no core file is written, and only root can read the memory through /proc. If agents or MCP
servers kill their guard, what is left becomes a child of the app, which ends it at its own end. Imports nothing of the
app, because a code agent's process uses it too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

SET_PDEATHSIG, SET_DUMPABLE, SET_CHILD_SUBREAPER = 1, 4, 36
"""Of prctl(2), Linux."""
MARK = 1 << 34
"""The limit for message queues in a guard's process tree if the app itself has none, in bytes."""
END_LIMIT = 2.0
"""Seconds for ending leftover processes."""


def prctl(option: int, value: int) -> None:
    """Like prctl(2); does nothing where it doesn't exist."""
    if sys.platform == "linux":
        with suppress(Exception):
            ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def leave_no_core() -> None:
    """Write no core files of this process and its children."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def hide_memory() -> None:
    """Keep the user's other programs from reading or tracing this process's memory.

    exec undoes it, so started programs are unaffected. But a process forked from this one can no longer set up a user
    namespace, which Chromium's sandbox needs: call this after the sandbox is set up.
    """
    leave_no_core()
    prctl(SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Make this process adopt descendants whose parents end, instead of init."""
    prctl(SET_CHILD_SUBREAPER, 1)


def mark_tree() -> None:
    """Mark this process and all its descendants for `end_marked`: their limit for message queues is one byte lower than
    the app's, and a lowered limit can't be raised again. They could clean an environment variable or leave a
    session."""
    with suppress(ImportError, AttributeError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_MSGQUEUE)
        lower = MARK if hard == resource.RLIM_INFINITY else hard - 1
        if lower >= 0:
            resource.setrlimit(resource.RLIMIT_MSGQUEUE, (min(soft, lower) if soft >= 0 else lower, lower))


def end_marked(limit: float = END_LIMIT) -> int:
    """End marked children and their descendants, until none is left or `limit` seconds have passed. Others, such as a
    browser the app opened, are left alone. Returns how many were ended."""
    if sys.platform != "linux":
        return 0
    ended = 0
    until = time.monotonic() + limit
    while found := _marked_children():
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                ended += 1
        for pid in found:
            with suppress(OSError):
                os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > until:
            break
        time.sleep(0.01)
    return ended


def _marked_children() -> list[int]:
    ours, own = _queue_limit(os.getpid()), os.getpid()
    if ours is None or ours == 0:
        return []
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and _parent(int(name)) == own:
            limit = _queue_limit(int(name))
            if limit is not None and limit < ours:
                found.append(int(name))
    return found


def _parent(pid: int) -> int:
    """The parent's id; 0 if the process has ended or is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[1])


def _queue_limit(pid: int) -> float | None:
    """The hard limit for message queues in bytes; None if unknown."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("Max msgqueue size"):
            hard = line.split()[4]
            return float("inf") if hard == "unlimited" else float(hard)
    return None
