"""The child process: `python -m desktop.agents.code.child`, or the packaged app with `--code-agent-child`.

On POSIX there are two processes. The guard runs none of the file's code, limits its output, and makes sure that nothing
outlives the app. Below it, the worker gets its orders over a pipe: what to load, what to answer.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from desktop.agents.code.ends import watch_end
from desktop.agents.code.own_process import SET_PDEATHSIG, adopt_orphans, hide_memory, mark_tree, prctl

ARGUMENT = "--code-agent-child"
"""The hidden first argument of a packaged app that starts a child process."""
BURST = 64_000
"""Bytes of output passed on at once. Beyond that, `RATE` bytes per second pass, and the rest is dropped."""
RATE = 4_000
PAUSE = 0.002
"""Seconds the guard waits before it reads on in a flood of output, so that it does not run for each line."""
PATIENCE = 1.0
"""Seconds the end of the first turn may wait for the list of models, requested at its beginning."""


def main(words: Sequence[str]) -> NoReturn:
    """`words`: the handles to read from and to write to."""
    takes, gives = int(words[0]), int(words[1])
    if os.name == "nt":
        import msvcrt

        takes = msvcrt.open_osfhandle(takes, os.O_RDONLY | os.O_BINARY)  # type: ignore[attr-defined]
        gives = msvcrt.open_osfhandle(gives, os.O_WRONLY | os.O_BINARY)  # type: ignore[attr-defined]
    else:
        for handle in (takes, gives):
            os.set_inheritable(handle, False)  # programs started by the file must not keep the pipes open
        _guard(takes, gives)
    _work(takes, gives)
    _leave(0)


def _leave(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)  # the file's threads may never end


# --- the guard --------------------------------------------------------------------------------


def _guard(takes: int, gives: int) -> None:
    """Returns in the worker only. The guard ends once the worker or the app has ended, after everything below it."""
    app = os.getppid()
    wakes, woken = os.pipe()
    for handle in (wakes, woken):
        os.set_blocking(handle, False)
    output, prints = os.pipe()
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, 1 << 20)
    # First of all, so that none is missed: the app's end, a request to end, the worker's end.
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(name, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    prctl(SET_PDEATHSIG, signal.SIGTERM)
    adopt_orphans()
    mark_tree()
    if os.getppid() != app:
        os._exit(1)
    guard = os.getpid()
    worker = os.fork()
    if worker == 0:
        signal.set_wakeup_fd(-1)
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(name, signal.SIG_DFL)
        os.setpgid(0, 0)
        prctl(SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)
        os.dup2(prints, 1)
        os.dup2(prints, 2)
        for handle in (wakes, woken, output, prints):
            os.close(handle)
        hide_memory()  # it will get the key
        return
    os.close(prints)
    os.close(gives)
    code = _watch(worker, takes, wakes, output)
    end_all(worker)
    os._exit(code)


def _watch(worker: int, takes: int, wakes: int, output: int) -> int:
    """Wait until the worker ends (returns its exit code, or 128 plus the signal) or should end (returns 143)."""
    import select

    poll = select.poll()
    watch_end(poll, takes)  # only its end matters: the app is gone
    poll.register(wakes, select.POLLIN)
    poll.register(output, select.POLLIN)
    passed = Passed()
    os.set_blocking(1, False)
    while True:
        for handle, events in poll.poll():
            if handle == output:
                chunk = os.read(output, 1 << 20) if events & select.POLLIN else b""
                if not chunk:
                    poll.unregister(output)
                    continue
                kept = passed.of(chunk)
                with suppress(OSError):  # nobody reads it, so drop it
                    os.write(1, kept)
                if not kept:
                    time.sleep(PAUSE)
            elif handle == wakes:
                numbers = os.read(wakes, 256)
                code = reaped(worker)  # first: on a busy machine the app's wish to end may have come by then
                if code is not None:
                    _rest(output, passed)
                    return code
                if any(number != signal.SIGCHLD for number in numbers):
                    return 143
            else:
                return 143


def _rest(output: int, passed: Passed) -> None:
    """Pass on the worker's last output."""
    os.set_blocking(output, False)
    with suppress(OSError):
        os.write(1, passed.of(os.read(output, 1 << 16)))


class Passed:
    """Limits the output: a burst, then a trickle, and a line about what was dropped."""

    def __init__(self) -> None:
        self._room = float(BURST)
        self._since = time.monotonic()
        self._dropped = 0

    def of(self, chunk: bytes) -> bytes:
        """The part of `chunk` to pass on."""
        now = time.monotonic()
        self._room = min(float(BURST), self._room + (now - self._since) * RATE)
        self._since = now
        if self._dropped and self._room < RATE:  # in useful pieces, not byte by byte
            self._dropped += len(chunk)
            return b""
        taken = chunk[: int(self._room)]
        self._room -= len(taken)
        note = b""
        if self._dropped and taken:
            note = b"\n[%d bytes of output dropped]\n" % self._dropped
            self._dropped = 0
        self._dropped += len(chunk) - len(taken)
        return note + taken


def reaped(worker: int) -> int | None:
    """Reap every process that has ended. Returns the worker's exit code once it has ended, 128 plus the signal if one
    ended it, 1 if no child is left, None while it runs."""
    while True:
        try:
            gone, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 1
        if gone == 0:
            return None
        if gone == worker:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def end_all(worker: int) -> None:
    """Kill the worker's group and all adopted processes, until none is left."""
    with suppress(OSError):
        os.killpg(worker, signal.SIGKILL)
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        for child in _children():
            with suppress(OSError):
                os.kill(child, signal.SIGKILL)
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if ended == 0:
            time.sleep(0.005)


def _children() -> list[int]:
    """Direct children (Linux). The guard is a subreaper, so processes that lose their parent become its children."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


# --- the worker -------------------------------------------------------------------------------


def _work(takes: int, gives: int) -> None:
    from desktop.agents.code.protocol import TO_CHILD, Garbled, Message, Writer, read
    from desktop.common.programs import clean_environment

    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    # Programs started by the file are not part of the packaged app.
    outside = clean_environment(os.environ)
    os.environ.clear()
    os.environ.update(outside)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            # The app reads UTF-8, whatever the code page: a file may print any character.
            stream.reconfigure(encoding="utf-8", line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    # Remove the working folder and other user folders: everything imported is either approved or installed.
    sys.path[:] = [place for place in sys.path if place]
    writer = Writer(gives)
    jobs: queue.SimpleQueue[Message] = queue.SimpleQueue()
    worker = Worker(writer)

    def listen() -> None:
        while True:
            try:
                message = read(takes, TO_CHILD)
            except Garbled:
                message = None
            if message is None:
                os._exit(0)  # the app is gone, or wants this process to end
            if message["type"] == "answer":
                worker.answer(message)
            elif message["type"] == "called":
                worker.called(message)
            elif message["type"] == "stop":
                worker.stop()
            else:
                worker.expect(message)
                jobs.put(message)

    threading.Thread(target=listen, name="pipe", daemon=True).start()
    writer.send({"type": "here", "pid": os.getpid()})
    while True:
        worker.do(jobs.get())


class Worker:
    """Carries out the app's requests, one at a time, on the main thread and one event loop."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._loop: Any = None
        self._task: Any = None
        self._turn: Any = None
        self._held: Any = None
        self._beside: Any = None
        self._given: Any = None
        self._texts: Any = None
        self._lock = threading.Lock()
        self._stopping = False
        self._models: Any = None
        """The task that reads the endpoint's list of models."""
        self._told_ends: set[str] = set()

    # --- on the pipe's thread -----------------------------------------------------------------

    def answer(self, message: dict[str, Any]) -> None:
        if self._turn is not None:
            self._turn.approvals.answer(str(message["id"]), bool(message["approved"]))

    def called(self, message: dict[str, Any]) -> None:
        """The outcome of a tool run by the app."""
        if self._turn is not None:
            self._turn.tools.answer(message)

    def expect(self, message: dict[str, Any]) -> None:
        """A turn is about to begin. A stop that follows applies to it."""
        if message["type"] == "run":
            with self._lock:
                self._stopping = False

    def stop(self) -> None:
        """Ask the turn to end. The app kills the process if it does not."""
        with self._lock:
            self._stopping = True
            if self._turn is not None:
                self._turn.approvals.stop()
            if self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)

    # --- on the main thread -------------------------------------------------------------------

    def do(self, message: dict[str, Any]) -> None:
        from desktop.agents.code.errors import CodeEntryUnclear
        from desktop.agents.code.protocol import pack
        from desktop.common.errors import AppError, InternalError

        try:
            match message["type"]:
                case "prepare":
                    self._prepare(message)
                case "load":
                    self._load(message)
                case "run":
                    self._run(message)
                case _:
                    pass
        except AppError as error:
            told = {"type": "failed", "of": message["type"], "error": pack(error)}
            if isinstance(error, CodeEntryUnclear):
                told["choices"] = str(error.values["choices"]).split(", ")
            self._writer.send(told)
        except Exception as error:  # noqa: BLE001 - a defect of ours; the file's own are explained below
            import traceback

            traceback.print_exc()
            failure = InternalError(f"{type(error).__name__} in the child process")
            self._writer.send({"type": "failed", "of": message["type"], "error": pack(failure)})

    def _prepare(self, message: dict[str, Any]) -> None:
        """Import the SDKs, the longest part of a start."""
        import asyncio

        from desktop.common.texts import Catalogue

        self._texts = Catalogue(str(message["language"]))
        # After the app's own packages, so that none of them can be replaced.
        sys.path += [place for place in message["paths"] if place not in sys.path]
        try:
            import agents  # noqa: F401

            import desktop.agents.code.runner  # noqa: F401
        except ModuleNotFoundError as error:
            from desktop.agents.chatkit.without_stack import missing

            raise missing(error) from None
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._writer.send({"type": "ready"})

    def _load(self, message: dict[str, Any]) -> None:
        import base64
        from pathlib import Path

        from desktop.agents.code import loader, runner, turn
        from desktop.agents.code.clients import Given

        folder = Path(message["folder"])
        with suppress(OSError):
            os.chdir(folder)  # so that data beside the file is found as when it is run directly
        files = {name: base64.b64decode(text) for name, text in message["files"].items()}
        self._given = Given(message["client"], float(message["silence"]))
        self._given.install()
        self._beside = loader.Beside(folder, files, message["main"])
        approvals = turn.Approvals(self._writer.send)
        self._turn = turn.Turn(self._writer.send, self._texts, approvals, self._given.asked)
        self._turn.max_runs = int(message.get("max_runs") or 0)
        self._given.on_model = self._turn.requests
        self._turn.on_asked = lambda: self._loop.call_soon_threadsafe(self._look_up_ends)
        ours = runner.take_over(self._beside, self._turn)
        sys.argv = [str(folder / message["main"])]
        self._held = loader.load(self._beside, str(message.get("entry") or ""), self._given.secrets)
        runner.settle(self._beside, self._turn, ours)
        self._writer.send({"type": "loaded", "kind": "agent" if self._held.workflow is None else "workflow"})

    def _run(self, message: dict[str, Any]) -> None:
        """One turn. Its end is reported as `end` or `failed`."""
        from desktop.agents.code import runner

        if self._held is None:
            return  # the reason it could not be loaded was already reported
        self._turn.begin(message)
        with self._lock:
            if self._stopping:
                self._writer.send({"type": "end"})
                return
            self._task = self._loop.create_task(runner.run(self._held, self._turn))
        failure: BaseException | None = None
        try:
            self._loop.run_until_complete(self._task)
        except BaseException as error:  # noqa: BLE001 - whatever the file raises, SystemExit and cancellations too
            failure = error
        finally:
            with self._lock:
                self._task = None
        if failure is None or self._stopping:
            if not self._stopping:
                self._tell_ends()
            self._writer.send({"type": "end"})
            return
        self._tell(failure)

    def _look_up_ends(self) -> None:
        """Read OpenAI's list of models beside the first answer: models named in the file may end soon."""
        from desktop.agents.code import explained
        from desktop.agents.models.endpoints import is_openai

        if self._models is None and is_openai(self._given.endpoint):
            self._models = self._loop.create_task(explained.listed(self._given))

    def _tell_ends(self) -> None:
        """Report models of this turn that end soon, once each."""
        import asyncio
        from datetime import date

        from desktop.agents.models import retirements

        if self._models is None:
            return
        if not self._models.done():
            self._loop.run_until_complete(asyncio.wait({self._models}, timeout=PATIENCE))
        if not self._models.done():
            return  # try again at the end of the next turn
        used = {self._given.models.get(model, model): model for model in self._turn.models}
        known = retirements.ends(self._models.result())
        for model, day in retirements.ending(used, known, date.today()).items():  # noqa: DTZ011 - here
            if model not in self._told_ends:
                self._told_ends.add(model)
                self._writer.send({"type": "model_ends", "model": used[model], "day": day.isoformat()})

    def _tell(self, failure: BaseException) -> None:
        import traceback
        from datetime import date

        from desktop.agents.code import explained
        from desktop.agents.code.errors import CodeFailed, CodeModelGone
        from desktop.agents.code.protocol import pack
        from desktop.agents.models import retirements

        told = explained.explained(failure, self._beside, self._given, self._turn.model)
        if isinstance(told, CodeFailed):
            traceback.print_exception(failure)
        choices: list[str] = []
        if isinstance(told, CodeModelGone):
            models = self._loop.run_until_complete(explained.listed(self._given))
            choices = retirements.in_place_of(str(told.values["model"]), models, date.today())  # noqa: DTZ011 - here
        self._writer.send({"type": "failed", "of": "run", "error": pack(told), "choices": choices})


if __name__ == "__main__":
    main(sys.argv[1:])
