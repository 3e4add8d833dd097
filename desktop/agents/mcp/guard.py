"""A process between the app and an MCP server's program, so that nothing of it outlives the app (POSIX).

`python -m desktop.agents.mcp.guard HANDLE`, or the packaged app with `--mcp-guard`. The handle says what to start. The
program gets the guard's standard input, output and error, which the guard itself never uses.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from desktop.agents.code.child import end_all, reaped
from desktop.agents.code.own_process import SET_PDEATHSIG, adopt_orphans, hide_memory, mark_tree, prctl

ARGUMENT = "--mcp-guard"
"""The hidden first argument of a packaged app that starts a guard."""
NOT_STARTED = 213
"""The exit code if the program could not be started. Shells and programs don't use it (npx uses 127 for its
program)."""
SIGNALS = (signal.SIGTERM, signal.SIGINT) + ((signal.SIGHUP, signal.SIGCHLD) if os.name != "nt" else ())


def main(words: Sequence[str]) -> NoReturn:
    """`words`: the handle to read from. When it is closed, the guard ends."""
    from desktop.agents.code.protocol import TO_CHILD, read

    told = int(words[0])
    os.set_inheritable(told, False)
    app = os.getppid()
    wakes, woken = os.pipe()
    for handle in (wakes, woken):
        os.set_blocking(handle, False)
    # First of all, so that none is missed: the app's end, a request to end, the program's end.
    for name in SIGNALS:
        signal.signal(name, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    prctl(SET_PDEATHSIG, signal.SIGTERM)
    adopt_orphans()
    mark_tree()
    hide_memory()  # it will get the program's secrets
    if os.getppid() != app:
        os._exit(1)
    message = read(told, TO_CHILD)
    if message is None:
        os._exit(1)
    guard = os.getpid()
    program = os.fork()
    if program == 0:
        signal.set_wakeup_fd(-1)
        for name in (*SIGNALS, signal.SIGPIPE):
            signal.signal(name, signal.SIG_DFL)
        os.setpgid(0, 0)
        prctl(SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)
        _become(message["words"], message["environ"], message["folder"])
    # Only the program has the pipes, so their end is its end.
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(nothing, handle)
    code = _watch(program, told, wakes)
    end_all(program)
    os._exit(code)


def _become(words: Sequence[str], environ: Mapping[str, str], folder: str) -> NoReturn:
    try:
        os.chdir(folder)
        os.execve(words[0], list(words), dict(environ))  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        with suppress(OSError):
            os.write(2, f"{error.strerror}\n".encode())
    os._exit(NOT_STARTED)


def _watch(program: int, told: int, wakes: int) -> int:
    """Wait until the program ends (returns its exit code, or 128 plus the signal) or should end (returns 143)."""
    import select

    poll = select.poll()
    poll.register(told, select.POLLIN)  # closed: the app is gone, or wants the guard to end
    poll.register(wakes, select.POLLIN)
    while True:
        for handle, _events in poll.poll():
            if handle != wakes or any(number != signal.SIGCHLD for number in os.read(wakes, 256)):
                return 143
            code = reaped(program)
            if code is not None:
                return code


if __name__ == "__main__":
    main(sys.argv[1:])
