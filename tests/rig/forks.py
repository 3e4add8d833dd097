"""Python programs that begin where their imports end: each is forked from one process that has imported it all.

A code agent's process imports for a second or two what its SDK consists of, and then works for some milliseconds.
Tests of what it does need no import of their own; tests of how it starts take a start (`subprocess.Popen`).

A fork is a child of this process, not of the one that it was forked from (`CLONE_PARENT`): it is waited for, ended and
looked at as any other. It has the words, the folder, the environment and the pipes of a start, in `ps` too.

`python -m tests.rig.forks SOCKET PADDING MODULE…` is the one that they are forked from.
"""

from __future__ import annotations

import array
import atexit
import json
import os
import platform
import runpy
import signal
import socket
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tests.rig.processes import Child

ROOT = Path(__file__).resolve().parents[2]
CLONE_PARENT = 0x8000
CLONE = {"x86_64": 56, "aarch64": 220}
"""The number of clone(2), by machine."""
PADDING = "." * 4000
"""Room for the words that `ps` shows of a fork."""
MOST = 1 << 20
"""Bytes of a wish: words and an environment."""
HANDLES = 64
HIGH = 500
"""Handles on their way to their places lie from here on."""


def available() -> bool:
    """Whether this machine can fork so."""
    return sys.platform == "linux" and platform.machine() in CLONE


def child(command: list[str], *modules: str, **options: Any) -> Child:
    """Python with `-m MODULE` or `-c CODE`; it has imported `modules` already, where that can be."""
    return prepared(*modules).start(command, **options) if available() else Child(command, **options)


@cache
def prepared(*modules: str) -> Prepared:
    """The one of this process that has imported `modules`. Ends with this process."""
    return Prepared(*modules)


class Prepared:
    def __init__(self, *modules: str) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST)
        with theirs:
            self._process = Child(
                [sys.executable, "-m", __name__, str(theirs.fileno()), PADDING, *modules],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        atexit.register(self.close)

    def close(self) -> None:
        self._ours.close()
        self._process.wait()

    def start(self, command: list[str], **options: Any) -> Forked:
        """As `subprocess.Popen(command, …)`; `command` is Python with `-m MODULE` or `-c CODE`."""
        return Forked(self, command, **options)

    def fork(self, wish: Wish, handles: list[int]) -> int:
        """The number of a process that does as `wish` says. Raises OSError."""
        rights = array.array("i", handles)
        self._ours.sendmsg([json.dumps(wish).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        self._ours.settimeout(120)
        answer = self._ours.recv(64)
        if not answer:
            raise OSError("the process to fork from has ended")
        return int(answer)


class Wish(NamedTuple):
    words: list[str]
    folder: str
    environ: dict[str, str]
    places: list[int]
    """The numbers that the handles are to have."""
    session: bool


class Forked(Child):
    def __init__(self, beginning: Prepared, command: list[str], **options: Any) -> None:
        self._beginning = beginning
        self._session = bool(options.get("start_new_session"))
        super().__init__(command, **options)

    def _execute_child(self, *given: Any) -> None:
        """In place of fork and exec. What `Popen` hands over has no names: `args, executable, preexec_fn, close_fds,
        pass_fds, cwd, env, startupinfo, creationflags, shell`, then the ends of the pipes, the child's at 0, 3 and 5.
        """
        words, pass_fds, folder, environ, pipes = given[0], given[4], given[5], given[6], given[10:16]
        standard = [here if here >= 0 else number for number, here in enumerate((pipes[0], pipes[3], pipes[5]))]
        wish = Wish(
            [str(word) for word in words[1:]],
            str(folder or os.getcwd()),
            dict(os.environ if environ is None else environ),
            [0, 1, 2, *pass_fds],
            self._session,
        )
        try:
            self.pid = self._beginning.fork(wish, [*standard, *pass_fds])
            self._child_created = True
        finally:
            self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


# --- the one that they are forked from ----------------------------------------------------------


def serve(channel: socket.socket) -> Wish | None:
    """Forks for each wish. None at the end; in a fork, what it is to do."""
    while True:
        told, rights, *_ = channel.recvmsg(MOST, socket.CMSG_SPACE(HANDLES * array.array("i").itemsize))
        if not told:
            return None
        handles = array.array("i")
        for _, _, data in rights:
            handles.frombytes(data[: len(data) - len(data) % handles.itemsize])
        wish = Wish(*json.loads(told))
        pid = fork_beside()
        if pid == 0:
            channel.close()
            become(wish, list(handles))
            return wish
        for handle in handles:
            os.close(handle)
        channel.send(str(pid).encode())


def fork_beside() -> int:
    """As `os.fork`, and the new process is a child of this one's parent."""
    import ctypes

    ctypes.pythonapi.PyOS_BeforeFork()
    pid = ctypes.CDLL(None).syscall(CLONE[platform.machine()], CLONE_PARENT | signal.SIGCHLD, None, None, None, None)
    (ctypes.pythonapi.PyOS_AfterFork_Child if pid == 0 else ctypes.pythonapi.PyOS_AfterFork_Parent)()
    return int(pid)


def become(wish: Wish, handles: list[int]) -> None:
    """Take the handles, the folder and the environment of a start."""
    import fcntl

    if wish.session:
        os.setsid()
    high = [fcntl.fcntl(handle, fcntl.F_DUPFD, HIGH) for handle in handles]
    for handle in handles:
        os.close(handle)
    for handle, place in zip(high, wish.places, strict=True):
        os.dup2(handle, place)
        os.close(handle)
    os.chdir(wish.folder)
    os.environ.clear()
    os.environ.update(wish.environ)
    show(["python", *wish.words])


def show(words: list[str]) -> None:
    """Lets `ps` and /proc say these words of this process."""
    import ctypes

    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])
    text = b"\0".join(word.encode() for word in words)[: end - begin - 1]
    ctypes.memmove(begin, text + bytes(end - begin - len(text)), end - begin)


def main() -> None:
    handle, _, *modules = sys.argv[1:]
    for module in modules:
        import_module(module)
    wish = serve(socket.socket(fileno=int(handle)))
    if wish is not None:
        do(wish)


def do(wish: Wish) -> None:
    kind, what, *rest = wish.words
    if kind == "-m":
        sys.argv[:] = [what, *rest]
        sys.modules.pop(what, None)
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    assert kind == "-c", wish.words
    sys.argv[:] = ["-c", *rest]
    exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102  # a test's own program


if __name__ == "__main__":
    main()
