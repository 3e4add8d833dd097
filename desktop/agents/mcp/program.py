"""An MCP server's program: started behind a guard, spoken to in lines, its errors to the log, ended with all it began.

Knows lines of bytes, not what stands in them. Make and use it on one event loop's thread.
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
"""What programs write to their standard error."""

ROOT = Path(__file__).resolve().parents[3]
UNREAD = 64
"""Lines that may wait to be read; then the program's pipe fills, and then it waits."""
MOST_OF_A_LINE = 8_000_000
"""Bytes of one message."""


class Program:
    """One process. `secrets` are taken out of what it writes to the log. `start` may raise, nothing else does."""

    def __init__(
        self, server: McpServer, environ: Mapping[str, str], secrets: tuple[str, ...], ours: Mapping[str, str]
    ) -> None:
        """`environ`: the program's own, whole; `ours`: what the guard is started with."""
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
        """Bytes that it has written to its standard error."""
        self._tail = b""
        """The end of what it wrote to its standard error; before it speaks the protocol, to its standard output too."""
        self._wrote = time.monotonic()
        self._pulse: tuple[float, int | None] = (float("-inf"), None)

    @property
    def said(self) -> str:
        """Its last words, in one line, without its secrets; empty: none."""
        return words.last_words(self._tail, self._secrets)

    def idle(self) -> float:
        """Seconds since it was last seen to do something: to write, to read, to compute. Call it now and then."""
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
        """A line of its standard output that is no message."""
        self._tail = (self._tail + line + b"\n")[-2 * words.TAIL :]

    @property
    def alive(self) -> bool:
        return self._process is not None and not self._ended and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process that was started: the guard, on POSIX."""
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
        """Which program is not there, how to get it, and where it was looked for."""
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
        # Over the pipe, so that no secret of the program stands in the guard's environment or among its arguments.
        start = {"type": "start", "words": command, "environ": self._environ, "folder": folder}
        self._sending.submit(lambda: told.send(start))

    def _begin_on_windows(self, command: list[str], folder: str) -> None:
        """A job object takes the place of the guard."""
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
        """In order, without waiting: a program that reads nothing must not hold up the loop."""
        process, sending = self._process, self._sending
        if process is None or sending is None or process.stdin is None:
            return
        pipe = process.stdin

        def write() -> None:
            with suppress(OSError, ValueError):  # it has ended: what reads its answers hears of it
                pipe.write(line)
                pipe.flush()

        with suppress(RuntimeError):  # closed
            sending.submit(write)

    async def receive(self) -> bytes | None:
        """The next line; None where nothing more comes."""
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
        """Why nothing more comes."""
        label = self.server.label
        if self._flooded:
            return McpFlood(server=label)
        code = self._process.returncode if self._process is not None else None
        said = self.said
        if code == NOT_STARTED:
            # A script whose interpreter is missing, or a program that looks for another, as npx for node.
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
        """First it may end by itself, as the protocol has it; after `limit` seconds it is killed with all below it."""
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
        """The guard ends what is below it before it ends itself; on Windows the job does that."""
        if self._job is not None:
            self._job.end()
        elif process.poll() is None:
            with suppress(OSError):
                process.terminate()

    def wait(self, limit: float) -> bool:
        """Blocks until the process has ended; False where it has not within `limit` seconds."""
        if self._process is None:
            return True
        try:
            self._process.wait(limit)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _open_up(self) -> None:
        for _ in range(UNREAD):
            self._room.release()  # whoever reads the pipe reads it to its end

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
        # Mostly it is ending by itself, and how is worth telling.
        if self._flooded or not self.wait(1.0):
            self._terminate(process)
        if not self.wait(5.0):
            with suppress(OSError):
                process.kill()
            self.wait(5.0)
        self._terminate(process)
        self._post(None)

    def flooded(self) -> None:
        """What reads the lines has had enough of them."""
        self._flooded = True
        self.kill()

    def _post(self, line: bytes | None) -> None:
        def take() -> None:
            self._ended = self._ended or line is None
            self._lines.append(line)
            self._come.set()

        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(take)

    def _log(self) -> None:
        """Its standard error goes to the log, within bounds and without its secrets."""
        process = self._process
        if process is None or process.stderr is None:
            return

        def noted() -> bytes:
            chunk = _some(pipe)
            self._tail = (self._tail + chunk)[-2 * words.TAIL :]
            self._wrote = time.monotonic()
            self.loud += len(chunk)
            return chunk

        with process.stderr as pipe:
            for said in entries(iter(noted, b""), lambda: self._secrets):
                output.info("%s: %s", self.server.label, said)


def _some(pipe: object) -> bytes:
    read: Callable[[int], bytes] = getattr(pipe, "read1")  # noqa: B009 - Popen's pipes are typed without it
    try:
        return read(1 << 16)
    except (OSError, ValueError):
        return b""
