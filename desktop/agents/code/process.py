"""The app's handle on a child process: starts it, exchanges messages with it, kills it. On the agents' event loop.

Knows neither agents nor ChatKit. `protocol.py` defines the messages.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.agents.code.child import ARGUMENT
from desktop.agents.code.environment import clean
from desktop.agents.code.errors import CodeEnded
from desktop.agents.code.own_process import adopt_orphans
from desktop.agents.code.protocol import FROM_CHILD, Garbled, Message, Writer, read
from desktop.agents.program_output import entries
from desktop.agents.store.worker import Worker
from desktop.common.errors import Phrase
from desktop.common.locations import is_frozen

if TYPE_CHECKING:
    from desktop.agents.code.windows_job import Job

log = logging.getLogger(__name__)
output = logging.getLogger("desktop.agents.code.output")
"""The log for output of code agents."""

UNREAD = 64
"""Messages of the child that may wait to be read. Beyond that its pipe fills up, and then the child waits."""
ROOT = Path(__file__).resolve().parents[3]
Start = Callable[..., subprocess.Popen[bytes]]
"""What starts a program, and takes what `subprocess.Popen` takes."""


class Child:
    """One process. Make and use it on the agents' loop: on Linux it dies with the thread that started it."""

    def __init__(
        self,
        name: str,
        environ: dict[str, str],
        secrets: Callable[[], tuple[str, ...]],
        start: Start = subprocess.Popen,
    ) -> None:
        """Raises OSError."""
        self.name = name
        self._secrets = secrets
        self._loop = asyncio.get_running_loop()
        self._messages: deque[Message | None] = deque()
        self._come = asyncio.Event()
        self._room = threading.Semaphore(UNREAD)
        self._ended = False
        self._garbled = False
        takes, ours_out = os.pipe()
        ours_in, gives = os.pipe()
        try:
            self._process, self._job = _start(start, takes, gives, clean(environ))
        except BaseException:
            os.close(ours_out)
            os.close(ours_in)
            raise
        finally:
            os.close(takes)
            os.close(gives)
        self._writer = Writer(ours_out)
        self._sending = Worker("code-send")
        for work, handle in ((self._listen, ours_in), (self._log, -1)):
            threading.Thread(target=work, args=(handle,), name=f"code-{work.__name__}", daemon=True).start()

    @property
    def alive(self) -> bool:
        return not self._ended and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the process started: on POSIX, the guard."""
        return self._process.pid

    def send(self, message: Message) -> None:
        """Send a message, in order, without waiting: a child that does not read must not block the loop."""
        with suppress(RuntimeError):  # closed
            self._sending.submit(lambda: self._writer.send(message))

    async def receive(self) -> Message:
        """The next message. Raises CodeEnded if the process has ended."""
        while not self._messages:
            self._come.clear()
            await self._come.wait()
        message = self._messages[0]
        if message is None:
            raise CodeEnded(file=self.name, problem=self._end())
        self._messages.popleft()
        self._room.release()
        return message

    def kill(self) -> None:
        """Kill it at once, with everything below it."""
        for _ in range(UNREAD):
            self._room.release()  # the reading thread reads up to the pipe's end
        self._terminate()
        threading.Thread(target=self._bury, name="code-bury", daemon=True).start()

    def wait(self, limit: float) -> bool:
        """Block until the process has ended. False if it has not within `limit` seconds."""
        try:
            self._process.wait(limit)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _terminate(self) -> None:
        """Terminate the guard, which first ends everything below it. On Windows, the job does that."""
        if self._job is not None:
            self._job.end()
        elif self._process.poll() is None:
            with suppress(OSError):
                self._process.terminate()

    def _bury(self) -> None:
        if not self.wait(5.0):
            with suppress(OSError):
                self._process.kill()
            self.wait(5.0)
        # After pending writes, which fail now that nobody reads them.
        self._sending.close(self._writer.close, limit=1.0)

    def _end(self) -> Phrase:
        if self._garbled:
            return Phrase("code.garbled")
        code = self._process.returncode
        if code is None or code == 0:
            return Phrase("code.ended")
        number = code - 128 if code > 128 else -code
        if number > 0:
            with suppress(ValueError):
                return Phrase("code.ended_signal", {"signal": signal.Signals(number).name})
        # On Windows, such a number says why it crashed; people look it up in this form.
        return Phrase("code.ended_code", {"code": f"0x{code:08X}" if code >> 31 == 1 else code})

    # --- threads ------------------------------------------------------------------------------

    def _listen(self, handle: int) -> None:
        try:
            while True:
                message = read(handle, FROM_CHILD)
                if message is None:
                    break
                self._room.acquire()
                self._post(message)
        except Garbled as error:
            self._garbled = True
            log.warning("%s: its process sends what is no message (%s)", self.name, error)
        finally:
            os.close(handle)
        # Usually it is ending by itself, and its exit code is worth reporting. If not, it has closed the pipe.
        if self._garbled or not self.wait(2.0):
            self._terminate()
        if not self.wait(5.0):
            with suppress(OSError):
                self._process.kill()
            self.wait(5.0)
        self._terminate()
        self._post(None)

    def _post(self, message: Message | None) -> None:
        def take() -> None:
            self._ended = self._ended or message is None
            self._messages.append(message)
            self._come.set()

        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            self._loop.call_soon_threadsafe(take)

    def _log(self, _: int) -> None:
        """Log its output, within limits and without the key."""
        stream = self._process.stdout
        if stream is None:
            return
        with stream:
            for said in entries(iter(lambda: stream.read1(1 << 16), b""), self._secrets):  # type: ignore[attr-defined]
                output.info("%s: %s", self.name, said)


def _start(start: Start, takes: int, gives: int, environ: dict[str, str]) -> tuple[subprocess.Popen[bytes], Job | None]:
    adopt_orphans()
    words = [sys.executable, ARGUMENT] if is_frozen() else [sys.executable, "-m", "desktop.agents.code.child"]
    if os.name == "nt":
        return _start_on_windows(words, takes, gives, environ)
    process = start(
        [*words, str(takes), str(gives)],
        cwd=None if is_frozen() else ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(takes, gives),
        start_new_session=True,
    )
    return process, None


def _start_on_windows(
    words: list[str], takes: int, gives: int, environ: dict[str, str]
) -> tuple[subprocess.Popen[bytes], Job]:
    """A job object replaces the guard."""
    import msvcrt

    from desktop.agents.code.windows_job import FLAGS, Job

    handles = [msvcrt.get_osfhandle(handle) for handle in (takes, gives)]  # type: ignore[attr-defined]
    for handle in handles:
        os.set_handle_inheritable(handle, True)  # type: ignore[attr-defined]
    startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": handles})  # type: ignore[attr-defined]
    process = subprocess.Popen(
        [*words, *map(str, handles)],
        cwd=None if is_frozen() else ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        startupinfo=startup,
        creationflags=FLAGS,
    )
    return process, Job(process)
