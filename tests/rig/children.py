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
            if _is_renderer(child):
                os.kill(child.pid, signal.SIGKILL)
                count += 1
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return count


def _is_renderer(process: psutil.Process) -> bool:
    """A fork of Chromium's zygote that is none itself; some still have the zygote's own command line."""
    if process.status() == psutil.STATUS_ZOMBIE or process.children():
        return False
    kind, parent = _kind(process), process.parent()
    return kind == "renderer" or (kind == "zygote" and parent is not None and _kind(parent) == "zygote")


def _kind(process: psutil.Process) -> str:
    for part in process.cmdline():
        if part.startswith("--type="):
            return part.removeprefix("--type=").split()[0]
    return ""


def left_of(pids: list[int]) -> list[int]:
    """Those of `pids` that still run."""
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
