"""An MCP server's program: starts it behind a guard, exchanges lines with it, logs its errors, ends it with its
children.

Knows lines of bytes, not their meaning. Make and use it on one event loop's thread.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.agents.code.environment import clean
from desktop.agents.code.own_process import adopt_orphans
from desktop.agents.code.protocol import Writer
from desktop.agents.mcp import fetching, words
from desktop.agents.mcp.environment import places
from desktop.agents.mcp.errors import McpCommandMissing, McpEnded, McpFlood
from desktop.agents.mcp.guard import ARGUMENT, NOT_STARTED
from desktop.agents.program_output import entries
from desktop.agents.store.worker import Worker
from desktop.common.errors import AppError, Phrase
from desktop.common.locations import is_frozen
from desktop.settings.mcp import McpServer

if TYPE_CHECKING:
    from desktop.agents.code.windows_job import Job

output = logging.getLogger("desktop.agents.mcp.output")
"""The log for programs' standard error."""

ROOT = Path(__file__).resolve().parents[3]
UNREAD = 64
"""Lines that may wait to be read. Beyond that the pipe fills up, and then the program waits."""
LAST_WORDS = 1.0
"""Longest wait for the end of standard error after the program's own, in seconds."""
MOST_OF_A_LINE = 8_000_000
"""Bytes of one message."""


class Program:
    """One process. `secrets` are removed from its log output. Only `start` may raise."""

    def __init__(
        self, server: McpServer, environ: Mapping[str, str], secrets: tuple[str, ...], ours: Mapping[str, str]
    ) -> None:
        """`environ`: the program's complete environment. `ours`: the guard's."""
        self.server = server
        self._environ = dict(environ)
        self._secrets = secrets
        self._ours = ours
        self._loop = asyncio.get_running_loop()
        self._lines: deque[bytes | None] = deque()
        self._come = asyncio.Event()
        self._room = threading.Semaphore(UNREAD)
        self._flooded = False
        self._ended = False
        self._process: subprocess.Popen[bytes] | None = None
        self._job: Job | None = None
        self._leash: Writer | None = None
        self._sending: Worker | None = None
        self.loud = 0
        """Bytes written to standard error."""
        self._tail = b""
        """The end of its standard error, and of its standard output before it speaks the protocol."""
        self._heard = threading.Event()
        """Whether its standard error has ended."""
        self._wrote = time.monotonic()
        self._pulse: tuple[float, int | None] = (float("-inf"), None)

    @property
    def said(self) -> str:
        """Its last words, on one line, without secrets; empty for none."""
        return words.last_words(self._tail, self._secrets)

    def idle(self) -> float:
        """Seconds since its last sign of activity: writing, reading, computing. Call it from time to time."""
        now = time.monotonic()
        at, pulse = self._pulse
        if now - at >= 1.0:
            seen = fetching.pulse(self.pid)
            if pulse is not None and seen is not None and seen != pulse:
                self._wrote = now
            self._pulse = (now, seen)
        return now - self._wrote

    def plain(self, line: bytes) -> str:
        """A line for the log."""
        return "".join(entries([line], lambda: self._secrets))

    def banner(self, line: bytes) -> None:
        """A line on standard output that isn't a message."""
        self._tail = (self._tail + line + b"\n")[-2 * words.TAIL :]

    @property
    def alive(self) -> bool:
        return self._process is not None and not self._ended and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the process started: on POSIX, the guard."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Raises McpCommandMissing, McpEnded."""
        server = self.server
        folder = os.path.expanduser(server.folder) if server.folder else os.path.expanduser("~")
        if not os.path.isdir(folder):
            raise McpCommandMissing(server=server.label, command=server.folder, how=Phrase("mcp.get_folder"))
        wanted = os.path.expanduser(server.command)
        if os.path.dirname(wanted) and not os.path.isabs(wanted):
            wanted = os.path.join(folder, wanted)
        command = shutil.which(wanted, path=os.pathsep.join(places(self._environ)))
        if command is None:
            raise self._missing()
        try:
            self._begin([command, *server.args], folder)
        except OSError as error:
            raise McpEnded(type(error).__name__, server=server.label, problem=error.strerror or "?") from None
        for work in (self._listen, self._log):
            threading.Thread(target=work, name=f"mcp-{work.__name__}", daemon=True).start()

    def _missing(self) -> AppError:
        """The missing program, how to get it, and where it was searched for."""
        command = self.server.command
        how = fetching.how_to_get(command)
        values: dict[str, Any] = {"how": how} if how else {}
        looked = [] if os.path.dirname(command) else places(self._environ)
        return McpCommandMissing(
            server=self.server.label,
            command=command,
            looked=", ".join(looked),
            **values,
        )

    def _begin(self, command: list[str], folder: str) -> None:
        if os.name == "nt":
            self._begin_on_windows(command, folder)
            return
        adopt_orphans()
        takes, leash = os.pipe()
        guard = [sys.executable, ARGUMENT] if is_frozen() else [sys.executable, "-m", "desktop.agents.mcp.guard"]
        try:
            self._process = subprocess.Popen(
                [*guard, str(takes)],
                cwd=None if is_frozen() else ROOT,
                env=clean(self._ours, self._secrets),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(takes,),
                start_new_session=True,
            )
        except BaseException:
            os.close(leash)
            raise
        finally:
            os.close(takes)
        self._leash = told = Writer(leash)
        self._sending = Worker("mcp-send")
        # Over the pipe, so that the program's secrets are not in the guard's environment or arguments.
        start = {"type": "start", "words": command, "environ": self._environ, "folder": folder}
        self._sending.submit(lambda: told.send(start))

    def _begin_on_windows(self, command: list[str], folder: str) -> None:
        """A job object replaces the guard."""
        from desktop.agents.code.windows_job import FLAGS, Job

        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=FLAGS,
        )
        self._job = Job(self._process)
        self._sending = Worker("mcp-send")

    # --- lines --------------------------------------------------------------------------------

    def send(self, line: bytes) -> None:
        """Send a line, in order, without waiting: a program that does not read must not block the loop."""
        process, sending = self._process, self._sending
        if process is None or sending is None or process.stdin is None:
            return
        pipe = process.stdin

        def write() -> None:
            with suppress(OSError, ValueError):  # it has ended; the reader of its answers will notice
                pipe.write(line)
                pipe.flush()

        with suppress(RuntimeError):  # closed
            sending.submit(write)

    async def receive(self) -> bytes | None:
        """The next line; None at the end."""
        while not self._lines:
            self._come.clear()
            await self._come.wait()
        line = self._lines[0]
        if line is None:
            return None
        self._lines.popleft()
        self._room.release()
        return line

    def why(self) -> AppError:
        """Why the output ended."""
        label = self.server.label
        if self._flooded:
            return McpFlood(server=label)
        code = self._process.returncode if self._process is not None else None
        said = self.said
        if code == NOT_STARTED:
            # A script whose interpreter is missing, or a program that needs another, as npx needs node.
            return McpCommandMissing(server=label, command=self.server.command, said=said)
        number = 0 if code is None else code - 128 if code > 128 else -code
        problem = (
            Phrase("code.ended_code", {"code": f"0x{code:08X}" if code >> 31 == 1 else code})
            if code
            else Phrase("code.ended")
        )
        if number > 0:
            with suppress(ValueError):
                problem = Phrase("code.ended_signal", {"signal": signal.Signals(number).name})
        return McpEnded(server=label, problem=problem, said=said)

    # --- the end ------------------------------------------------------------------------------

    async def end(self, limit: float) -> None:
        """Let it end by itself, as the protocol says. After `limit` seconds, kill it and everything below."""
        process = self._process
        if process is None:
            return
        self._open_up()
        if self._sending is not None and process.stdin is not None:
            closing = process.stdin

            def close() -> None:
                with suppress(OSError, ValueError):
                    closing.close()

            with suppress(RuntimeError):
                self._sending.submit(close)
        try:
            async with asyncio.timeout(limit):
                while process.poll() is None:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pass
        finally:
            self.kill()

    def kill(self) -> None:
        """At once."""
        process = self._process
        if process is None:
            return
        self._open_up()
        self._terminate(process)
        threading.Thread(target=self._bury, name="mcp-bury", daemon=True).start()

    def _terminate(self, process: subprocess.Popen[bytes]) -> None:
        """Terminate the guard, which first ends everything below it. On Windows, the job does that."""
        if self._job is not None:
            self._job.end()
        elif process.poll() is None:
            with suppress(OSError):
                process.terminate()

    def wait(self, limit: float) -> bool:
        """Block until the process has ended. False if it has not within `limit` seconds."""
        if self._process is None:
            return True
        try:
            self._process.wait(limit)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _open_up(self) -> None:
        for _ in range(UNREAD):
            self._room.release()  # the reading thread reads up to the pipe's end

    def _bury(self) -> None:
        process = self._process
        if process is None:
            return
        if not self.wait(5.0):
            with suppress(OSError):
                process.kill()
            self.wait(5.0)
        leash, self._leash = self._leash, None
        if leash is not None:
            leash.close()

        def close() -> None:
            if process.stdin is not None:
                with suppress(OSError, ValueError):
                    process.stdin.close()

        if self._sending is not None:
            self._sending.close(close, limit=1.0)

    # --- threads ------------------------------------------------------------------------------

    def _listen(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            return
        rest = b""
        with process.stdout as pipe:
            while chunk := _some(pipe):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line.strip():
                        self._room.acquire()
                        self._post(line)
                if len(rest) > MOST_OF_A_LINE:
                    self._flooded = True
                    break
        # Usually it is ending by itself, and its exit code is worth reporting.
        if self._flooded or not self.wait(1.0):
            self._terminate(process)
        if not self.wait(5.0):
            with suppress(OSError):
                process.kill()
            self.wait(5.0)
        self._terminate(process)
        # Its last words come through another pipe and may still be on their way. A grandchild can hold that open.
        self._heard.wait(LAST_WORDS)
        self._post(None)

    def flooded(self) -> None:
        """The reader of the lines gives up: there are too many."""
        self._flooded = True
        self.kill()

    def _post(self, line: bytes | None) -> None:
        def take() -> None:
            self._ended = self._ended or line is None
            self._lines.append(line)
            self._come.set()

        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            self._loop.call_soon_threadsafe(take)

    def _log(self) -> None:
        """Log its standard error, within limits and without secrets."""
        process = self._process
        if process is None or process.stderr is None:
            return

        def noted() -> bytes:
            chunk = _some(pipe)
            self._tail = (self._tail + chunk)[-2 * words.TAIL :]
            self._wrote = time.monotonic()
            self.loud += len(chunk)
            return chunk

        try:
            with process.stderr as pipe:
                for said in entries(iter(noted, b""), lambda: self._secrets):
                    output.info("%s: %s", self.server.label, said)
        finally:
            self._heard.set()


def _some(pipe: object) -> bytes:
    read: Callable[[int], bytes] = getattr(pipe, "read1")  # noqa: B009 - Popen's pipes are typed without it
    try:
        return read(1 << 16)
    except (OSError, ValueError):
        return b""
