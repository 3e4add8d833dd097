"""One running app per profile. A second launch hands over its prompt, if any, and ends.

The lock is the kernel's: it ends with the process and can't go stale. The channel is a local socket in the profile's
private folder, opened with a key that is kept there too. Its only message is "come forward", with or without a prompt.
The Windows side (a named pipe and an `msvcrt` lock) has been run on CPython for Windows under wine, but not on Windows
itself.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.app.errors import ProfileBusy
from desktop.common.errors import FolderUnwritable, UsageError
from desktop.common.files import ensure_private_dir, open_private, write_private

if TYPE_CHECKING:
    from multiprocessing.connection import Connection, Listener

PROMPT_LIMIT = 8000
"""The longest prompt that can be handed over, in characters."""

MESSAGE_LIMIT = 64 * 1024
SOCKET_PATH_LIMIT = 100
"""The longest path of a socket, in bytes: Linux allows 107, macOS 103."""

SET_UP_LIMIT = 2.0
"""Seconds that closing waits for a start still in progress."""

CALLERS = 32
"""Callers listened to at the same time. One more pushes out the oldest that has said nothing, so a real call always
gets through, however many stay silent."""

log = logging.getLogger(__name__)


class Instance:
    """This process's side: `acquire`, then either `serve` and finally `release`, or `hand_over` and exit.

    `folder`: the profile's `instance` folder. `limit`: seconds a running app has to answer.
    """

    def __init__(self, folder: Path, profile: str, *, limit: float = 3.0) -> None:
        self._folder = folder
        self._profile = profile
        self._limit = limit
        self._lock: int | None = None
        self._closed = False
        self._set_up = threading.Event()
        self._listener: Listener | None = None
        self._waiting: list[str | None] = []
        self._callback: Callable[[str | None], None] | None = None
        self._guard = threading.Lock()
        self._callers: dict[Connection, None] = {}
        """Callers that have not sent their message yet, oldest first."""
        self._address = ""

    def acquire(self) -> bool:
        """Make this process the profile's only one and start listening. False if another process already is.

        Raises FolderUnwritable.
        """
        ensure_private_dir(self._folder.parent)
        ensure_private_dir(self._folder)
        try:
            self._lock = _lock(self._folder / "lock")
        except OSError as error:
            problem = error.strerror or type(error).__name__
            raise FolderUnwritable(repr(error), path=str(self._folder), problem=problem) from None
        if self._lock is None:
            return False
        self._address = _new_address(self._folder)
        threading.Thread(target=self._listen, name="instance", daemon=True).start()
        return True

    def hand_over(self, prompt: str | None = None) -> bool:
        """Ask the running app to come forward, with `prompt` in its composer.

        True: it did. False: it has just ended, and this process takes its place. Raises ProfileBusy if it does not
        answer in time, UsageError if the prompt is too long.
        """
        if prompt is not None and len(prompt) > PROMPT_LIMIT:
            raise UsageError(problem=f"--prompt > {PROMPT_LIMIT}")
        deadline = time.monotonic() + self._limit
        while (left := deadline - time.monotonic()) > 0:
            if _call(self._folder, prompt, left):
                return True
            # It may be starting (not listening yet) or ending (the lock will be free in a moment).
            if self.acquire():
                return False
            time.sleep(0.05)
        raise ProfileBusy(profile=self._profile)

    def serve(self, callback: Callable[[str | None], None]) -> None:
        """Call `callback(prompt or None)`, on its own thread, for every launch so far and from now on."""
        with self._guard:
            self._callback = callback
            waiting, self._waiting = self._waiting, []
        for prompt in waiting:
            callback(prompt)

    def release(self) -> None:
        """Stop listening and free the profile. Does nothing if it isn't held."""
        with self._guard:
            lock, self._lock = self._lock, None
            self._closed = True
        if lock is None:
            return
        # The files have fixed names, so they are created and removed only while the lock is held.
        self._set_up.wait(SET_UP_LIMIT)
        if self._listener is not None:
            with suppress(OSError):
                self._listener.close()
        with suppress(OSError):
            (self._folder / "address").unlink()
        _forget_address(self._address)
        os.close(lock)

    def _listen(self) -> None:
        try:
            listener, authkey = self._open()
        except OSError as error:
            log.warning("no second launch can reach this one: %r", error)
            return
        finally:
            self._set_up.set()
        while not self._closed:
            try:
                caller = listener.accept()
            except (OSError, EOFError):
                if not self._closed:
                    time.sleep(0.1)
                continue
            with self._guard:
                self._callers[caller] = None
                oldest = next(iter(self._callers)) if len(self._callers) > CALLERS else None
            if oldest is not None:
                self._hang_up(oldest)
            try:
                threading.Thread(
                    target=self._answer, args=(caller, authkey), name="instance-caller", daemon=True
                ).start()
            except RuntimeError:  # the system has no more threads
                self._forget(caller)

    def _open(self) -> tuple[Listener, bytes]:
        from multiprocessing.connection import Listener

        authkey = os.urandom(32)
        _forget_address(self._address, folder_too=False)
        self._listener = listener = Listener(self._address, backlog=4 * CALLERS)
        write_private(self._folder / "authkey", authkey)
        write_private(self._folder / "address", self._address)
        return listener, authkey

    def _answer(self, caller: Connection, authkey: bytes) -> None:
        from multiprocessing import AuthenticationError
        from multiprocessing.connection import answer_challenge, deliver_challenge

        patience = threading.Timer(5.0, self._hang_up, [caller])
        patience.daemon = True
        patience.start()
        try:
            deliver_challenge(caller, authkey)
            answer_challenge(caller, authkey)
            prompt = _prompt_in(caller.recv_bytes(MESSAGE_LIMIT))
            caller.send_bytes(b"ok")
        except (OSError, EOFError, AuthenticationError, ValueError) as error:
            log.info("a caller of the instance channel was refused: %s", type(error).__name__)
            return
        finally:
            patience.cancel()
            self._forget(caller)
        with self._guard:
            callback = self._callback
            if callback is None:
                self._waiting.append(prompt)
        if callback is not None:
            callback(prompt)

    def _forget(self, caller: Connection) -> None:
        with self._guard:
            self._callers.pop(caller, None)
        with suppress(OSError):
            caller.close()

    def _hang_up(self, caller: Connection) -> None:
        """Stop whoever is reading from `caller`, unless that has already ended."""
        # On Linux, closing a descriptor does not wake a blocked read; shutting the socket down does.
        import socket

        with self._guard, suppress(OSError):
            if caller not in self._callers:
                return  # the descriptor may belong to something else by now
            del self._callers[caller]
            if os.name == "posix":
                with socket.socket(fileno=os.dup(caller.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)
            else:
                caller.close()


def _prompt_in(message: bytes) -> str | None:
    """The prompt of a message; anything else in it is ignored. Raises ValueError if it isn't a message."""
    content = json.loads(message)
    if not isinstance(content, dict):
        raise ValueError("not an object")
    prompt = content.get("prompt")
    return prompt if isinstance(prompt, str) and 0 < len(prompt) <= PROMPT_LIMIT else None


def _call(folder: Path, prompt: str | None, limit: float) -> bool:
    """Ask the running app to come forward. False if nobody has answered yet."""
    answered: list[bool] = []

    def call() -> None:
        from multiprocessing import AuthenticationError
        from multiprocessing.connection import Client

        try:
            address = (folder / "address").read_text(encoding="utf-8")
            authkey = (folder / "authkey").read_bytes()
            with Client(address, authkey=authkey) as line:
                line.send_bytes(json.dumps({"prompt": prompt}).encode("ascii"))
                answered.append(line.recv_bytes(16) == b"ok")
        except (OSError, EOFError, ValueError, AuthenticationError):
            return  # not listening yet, or about to end: `hand_over` tries again

    # A daemon thread: if the other instance hangs, it is left behind.
    caller = threading.Thread(target=call, name="hand-over", daemon=True)
    caller.start()
    caller.join(limit)
    return bool(answered) and answered[0]


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock, or None if another process holds it."""
    handle = open_private(path, "a")
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            _lock_windows(handle)
    except OSError:
        os.close(handle)
        return None
    return handle


def _lock_windows(handle: int) -> None:
    import msvcrt

    windows: Any = msvcrt
    os.lseek(handle, 0, os.SEEK_SET)
    windows.locking(handle, windows.LK_NBLCK, 1)


def _new_address(folder: Path) -> str:
    if os.name != "posix":
        return rf"\\.\pipe\chatkit-desktop-{os.urandom(16).hex()}"
    near = str(folder / "socket")
    if len(os.fsencode(near)) <= SOCKET_PATH_LIMIT:
        return near
    import tempfile

    return os.path.join(tempfile.mkdtemp(prefix="chatkit-"), "socket")


def _forget_address(address: str, *, folder_too: bool = True) -> None:
    if os.name != "posix":
        return
    with suppress(OSError):
        os.unlink(address)
    if folder_too and os.path.basename(os.path.dirname(address)).startswith("chatkit-"):
        with suppress(OSError):
            os.rmdir(os.path.dirname(address))
