"""What a process of ours keeps from the person's other programs, and sees to at its end (Linux; elsewhere nothing).

Keys are in its memory: so no core file is written of it, and nobody who isn't root reads it through /proc. What agents
and MCP servers leave behind by ending their guard becomes a child of the app, which ends it with itself. Imports
nothing of the app: a code agent's process uses it too.
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
"""The most bytes of message queues in the tree of a guard, where the app has no limit of its own."""
END_LIMIT = 2.0
"""Seconds that ending what is left may take."""


def prctl(option: int, value: int) -> None:
    """As prctl(2); nothing where there is none."""
    if sys.platform == "linux":
        with suppress(Exception):
            ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def leave_no_core() -> None:
    """No core file of this process, nor of those that it starts."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def hide_memory() -> None:
    """From now on no other program of the person's reads this process's memory or traces it.

    It is undone by exec, so programs that are started are as they would be. But a process that is forked from this one
    can't set up a user namespace any more, which Chromium's sandbox does: call it when that stands.
    """
    leave_no_core()
    prctl(SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Processes below this one whose parents end become its children, instead of the system's."""
    prctl(SET_CHILD_SUBREAPER, 1)


def mark_tree() -> None:
    """Lets `end_marked` know this process and all below it, whatever they do: they get one byte less of message queues
    than the app may have, and a limit that was lowered can't be raised again. An environment could be cleaned, a
    session left."""
    with suppress(ImportError, AttributeError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_MSGQUEUE)
        lower = MARK if hard == resource.RLIM_INFINITY else hard - 1
        if lower >= 0:
            resource.setrlimit(resource.RLIMIT_MSGQUEUE, (min(soft, lower) if soft >= 0 else lower, lower))


def end_marked(limit: float = END_LIMIT) -> int:
    """Ends the children that carry the mark, with all below them, until there are none or `limit` seconds are over.
    Others are left alone: a browser that was opened is a child as well. How many were ended."""
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
    """0 where it has ended, or waits to be taken note of."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[1])


def _queue_limit(pid: int) -> float | None:
    """The hard limit of message queues' bytes, None where it can't be told."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("Max msgqueue size"):
            hard = line.split()[4]
            return float("inf") if hard == "unlimited" else float(hard)
    return None
