"""Programs that tests start. Nothing here is waited for without a limit: who takes longer is asked for the stacks of
its threads, ended with everything below it, and named in the failure.

A test's time limit (pytest-timeout) is no help in a clean-up: it rings once. So each read and each wait has its own.
Python's fault handler writes the stacks at SIGABRT (`arm` switches it on for every child; not on Windows, where a
process can't be asked: there it is ended at once).
"""

from __future__ import annotations

import functools
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, NoReturn, TypeVar

LIMIT = 120.0
"""Longest wait for anything that a child says or for its end, in seconds: generous, because nothing here measures."""
STACKS_LIMIT = 10.0
"""Longest wait for the stacks of a process that hangs, in seconds."""
SHOWN = 6000
"""Characters of a child's last words in a failure."""

T = TypeVar("T")


class Hung(AssertionError):
    """A program did not say, or end, in time. The message has its stacks where they could be had."""


def arm() -> None:
    """Let every Python program that is started from here write its stacks when it is told to end by SIGABRT."""
    os.environ["PYTHONFAULTHANDLER"] = "1"


def ends_with_us(command: Sequence[str]) -> list[str]:
    """`command` as a program that the system asks to end when we are gone, however we went: a test process that is
    killed tidies nothing up. On Linux, with util-linux; elsewhere unchanged. For what the main thread starts."""
    return [*_bound(), *command]


@functools.cache
def _bound() -> tuple[str, ...]:
    words = ("setpriv", "--pdeathsig", "TERM", "--")
    try:
        done = subprocess.run([*words, "true"], capture_output=True, timeout=LIMIT)
    except FileNotFoundError:
        return ()
    return words if done.returncode == 0 else ()  # busybox has one that knows less


class Child(subprocess.Popen[Any]):
    """`subprocess.Popen` whose waits all end. A limit that a caller gives itself raises TimeoutExpired, as usual, and
    leaves the rest to the caller; one that nobody gave is LIMIT, and raises Hung."""

    def wait(self, timeout: float | None = None) -> int:
        """The exit code."""
        return self.ended() if timeout is None else super().wait(timeout)

    def ended(self, limit: float = LIMIT) -> int:
        """The exit code of a program that is about to end by itself. Raises Hung."""
        try:
            return super().wait(limit)
        except subprocess.TimeoutExpired:
            self.hung("did not end", limit)

    def open_for_a_person(self) -> int:
        """The exit code of what a person has before them and closes when they like: the one wait with no limit."""
        return super().wait(None)

    def communicate(self, input: str | bytes | None = None, timeout: float | None = None) -> Any:  # noqa: A002  # as there
        """Everything it prints, and its end."""
        if timeout is not None:
            return super().communicate(input, timeout)
        try:
            return super().communicate(input, LIMIT)
        except subprocess.TimeoutExpired:
            self.hung("did not end", LIMIT)

    def line(self, limit: float = LIMIT) -> Any:
        """The next line of its output; empty where that has ended."""
        return self._within("stdout", "readline", "did not print a line", limit)

    def error_line(self, limit: float = LIMIT) -> Any:
        """The same of its errors."""
        return self._within("stderr", "readline", "did not print a line", limit)

    def rest(self, limit: float = LIMIT) -> Any:
        """What it still prints, until it closes its output."""
        return self._within("stdout", "read", "did not close its output", limit)

    def error_rest(self, limit: float = LIMIT) -> Any:
        """The same of its errors."""
        return self._within("stderr", "read", "did not close its errors", limit)

    def hung(self, what: str, limit: float) -> NoReturn:
        """End it and all below it. Raises Hung with its stacks."""
        said = self.stacks()
        raise Hung(f"{_named(self.args)} {what} within {limit:g} s\n{said[-SHOWN:]}")

    def stacks(self) -> str:
        """End it and all below it; what it wrote last, its stacks among it. Where its errors are no pipe of ours, they
        are where those go: for a program that shares ours, in the failed test's output."""
        below = _below(self.pid)
        if os.name == "posix" and self.poll() is None:
            self.send_signal(signal.SIGABRT)
            self.send_signal(signal.SIGCONT)  # one that was stopped hears it, too
            try:
                super().wait(STACKS_LIMIT)
            except subprocess.TimeoutExpired:
                pass  # it is made to end below
        self.kill()
        for pid in below:
            _kill(pid)
        try:
            super().wait(STACKS_LIMIT)
        except subprocess.TimeoutExpired:
            return "(it can't be ended)"
        if self.stderr is None:
            return "(its stacks are in what it printed)"
        said = self._read("stderr", "read", STACKS_LIMIT)
        return said if isinstance(said, str) else (said or b"").decode(errors="replace")

    def _within(self, stream: str, how: str, what: str, limit: float) -> Any:
        reading = _Reading(getattr(getattr(self, stream), how))
        if reading.over(limit):
            return reading.value()
        try:
            self.hung(what, limit)
        finally:
            self._let_go(stream, reading)

    def _read(self, stream: str, how: str, limit: float) -> Any:
        reading = _Reading(getattr(getattr(self, stream), how))
        if reading.over(limit):
            return reading.value()
        self._let_go(stream, reading)
        return None

    def _let_go(self, stream: str, reading: _Reading[Any]) -> None:
        """A stream whose other end a stranger still holds can't be closed while it is read: that would wait too."""
        if not reading.over(STACKS_LIMIT):
            reading.then(getattr(self, stream).close)
            setattr(self, stream, None)


def run(command: Sequence[Any], *, limit: float = LIMIT, **options: Any) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` with both outputs as text. Raises Hung, with its stacks, after `limit` seconds; with `check`,
    CalledProcessError as there."""
    check, given = options.pop("check", False), options.pop("input", None)
    if given is not None:
        options["stdin"] = subprocess.PIPE
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with Child(command, text=True, **pipes) as child:
        try:
            out, errors = child.communicate(given, limit)
        except subprocess.TimeoutExpired:
            child.hung("did not end", limit)
    if check and child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, out, errors)
    return subprocess.CompletedProcess(command, child.returncode, out, errors)


class Lines:
    """The lines of a stream that is read all along, so that waiting for one can be bounded on every system."""

    def __init__(self, read: Callable[[], str]) -> None:
        """`read`: the next line, empty at the end."""
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._follow, args=(read,), daemon=True)
        self._thread.start()

    def _follow(self, read: Callable[[], str]) -> None:
        try:
            while line := read():
                self._lines.put(line)
        except (OSError, ValueError):
            pass  # closed meanwhile: the end as well
        self._lines.put("")

    def next(self, limit: float) -> str:
        """The next line, empty at the end. Raises TimeoutError after `limit` seconds."""
        try:
            line = self._lines.get(timeout=limit)
        except queue.Empty:
            raise TimeoutError(f"no line within {limit:g} s") from None
        if not line:
            self._lines.put("")  # for whoever asks again
        return line

    def join(self, limit: float) -> bool:
        """Wait until the stream has ended, `limit` seconds at most; whether it has."""
        self._thread.join(limit)
        return not self._thread.is_alive()


class _Reading(Generic[T]):
    """A read in a thread of its own, so that waiting for it can end before it does."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._got: list[T | BaseException] = []
        self._over = threading.Event()
        self._then: Callable[[], None] = lambda: None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._got.append(self._read())
        except (OSError, ValueError) as error:  # closed meanwhile, or no text
            self._got.append(error)
        self._over.set()
        self._then()

    def then(self, close: Callable[[], None]) -> None:
        """Closes what is read as soon as it can be."""
        self._then = close
        if self._over.is_set():
            close()

    def over(self, limit: float) -> bool:
        return self._over.wait(limit)

    def value(self) -> T:
        got = self._got[0]
        if isinstance(got, BaseException):
            raise got
        return got


def _below(pid: int) -> list[int]:
    """Every process below one."""
    try:
        import psutil
    except ImportError:  # `make run` has what the app needs, and no more
        return []
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    except OSError:
        pass  # it ended by itself


def _named(command: Any) -> str:
    words = [command] if isinstance(command, str | bytes | os.PathLike) else list(command)
    return " ".join(str(word)[:80] for word in words[:4])
