"""Runs the programs packaging needs: PyInstaller, dpkg-deb, makensis, the packaged app itself.

Each gets a process group of its own where the system has such groups. When packaging ends early (Ctrl+C, SIGTERM, a
time limit), the whole group ends with it: a compiler's own children would go on to write into folders that are being
removed. Process groups ran on Linux; on Windows only the program itself is ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from typing import Any

LAST_WORDS = 10.0
"""Longest wait for the end of a group that was killed, in seconds."""


def run(
    command: Sequence[str], *, timeout: float | None = None, sent: str | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return its exit code with both outputs as text.

    `sent` goes to its standard input, `timeout` is in seconds; `options` are those of `subprocess.Popen`. Raises
    OSError where the program can't be started and subprocess.TimeoutExpired after `timeout`; then nothing of it is
    left running.
    """
    stdin = subprocess.DEVNULL if sent is None else subprocess.PIPE
    with started(command, stdin=stdin, **options) as process:
        out, errors = process.communicate(sent, timeout)
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


@contextlib.contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A running program with text in both its outputs. An exception in the block ends it. Raises OSError."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    process: subprocess.Popen[str] | None = None
    try:
        with _signals_wait():
            process = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
        yield process
    except BaseException:
        if process is not None:
            _end(process)
        raise


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    """Ctrl+C and SIGTERM come after the block: within `Popen` they would leave a program that nobody can end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = {number: handler for number, handler in usual.items() if callable(handler)}
    for number in ours:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for signal_number in dict.fromkeys(came):
            signal.raise_signal(signal_number)


def _end(process: subprocess.Popen[str]) -> None:
    """End a program and what it started. Its outputs close when the last of them is gone."""
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired, OSError, ValueError):
        process.communicate(timeout=LAST_WORDS)
    process.poll()
