"""Looks at the processes below one: to end a page's process as a crash would, to measure, to see what is left."""

from __future__ import annotations

import os
import signal

import psutil


def kill_renderers(parent: int) -> int:
    """End every Chromium renderer below `parent` at once; how many there were."""
    count = 0
    for child in psutil.Process(parent).children(recursive=True):
        try:
            if any(part.startswith("--type=renderer") for part in child.cmdline()):
                os.kill(child.pid, signal.SIGKILL)
                count += 1
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return count


def left_of(pids: list[int]) -> list[int]:
    """Those of `pids` that still run."""
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
