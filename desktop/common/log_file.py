"""The log's file: private, turned over when it is full, and without a lost line where several processes write to it.

On Windows a file that somebody has open can be renamed only if everybody who has it open allows that. Ours is opened
so; a program that does not (an editor, a virus scanner) holds the turning over up, never the writing.
Run on Linux, and on CPython for Windows under wine.
"""

from __future__ import annotations

import io
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from desktop.common.files import POSIX, ensure_private_dir, open_private

SIZE_LIMIT = 1024 * 1024
"""Bytes of one log file; with `KEPT` older ones beside it."""
KEPT = 3
LOCKED = 0x7FFFFFF0
"""The byte whose lock means on Windows that the file is being turned over: far behind all that is ever written, and no
more than 31 bits, which is what `msvcrt.locking` takes."""


class PrivateFileHandler(logging.StreamHandler[TextIO]):
    """A private file (0600) that becomes `….1`, `….2` … when it is full.

    Not `logging.handlers.RotatingFileHandler`: that one follows links, opens its files to the
    umask's liking and imports sockets and pickle at start. A disk that is full or a folder that
    is gone never disturbs the app: what can't be written is dropped.
    """

    def __init__(self, path: Path, limit: int = SIZE_LIMIT, kept: int = KEPT) -> None:
        super().__init__(io.StringIO())
        self._path = path
        self._limit = limit
        self._kept = kept
        self._open = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record) + "\n"
            if self._open and not self._is_at(self._path):
                self._leave()  # another process has turned it over, or it was deleted
            if not self._open:
                self._enter()
            size = os.fstat(self.stream.fileno()).st_size
            if 0 < size > self._limit - len(line.encode("utf-8", "backslashreplace")):
                self._turn_over()
            self.stream.write(line)
            self.flush()
        except Exception:  # noqa: BLE001 - a log that can't be written is no reason to fail
            self._leave()

    def _enter(self) -> None:
        ensure_private_dir(self._path.parent)
        handle = open_private(self._path, "a") if POSIX else _open_renamable(self._path)
        self.stream = os.fdopen(handle, "a", encoding="utf-8", errors="backslashreplace", newline="\n")
        self._open = True

    def _leave(self) -> None:
        if self._open:
            self._open = False
            with suppress(OSError, ValueError):
                self.stream.close()

    def _is_at(self, path: Path) -> bool:
        """Whether the file that is open is the one of this name."""
        try:
            return os.path.samestat(os.fstat(self.stream.fileno()), path.stat())
        except OSError:
            return False

    def _turn_over(self) -> None:
        """The full file makes room for a new one; where that can't be now, it grows until it can."""
        with suppress(OSError):
            # The lock is that of the file itself: who holds it is the only one to rename anything.
            _lock(self.stream.fileno())
            try:
                if self._is_at(self._path):
                    for number in range(self._kept - 1, 0, -1):
                        with suppress(FileNotFoundError):
                            os.replace(self._numbered(number), self._numbered(number + 1))
                    os.replace(self._path, self._numbered(1))
            finally:
                _unlock(self.stream.fileno())
        if not self._is_at(self._path):
            self._leave()
            self._enter()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def close(self) -> None:
        self._leave()
        super().close()


def _lock(handle: int) -> None:
    """Raises OSError where another process holds the lock."""
    if POSIX:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        _windows_lock(handle, "LK_NBLCK")


def _unlock(handle: int) -> None:
    if POSIX:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_UN)
    else:
        _windows_lock(handle, "LK_UNLCK")


def _windows_lock(handle: int, kind: str) -> None:
    import msvcrt

    windows: Any = msvcrt
    os.lseek(handle, LOCKED, os.SEEK_SET)  # what is written goes to the end all the same
    windows.locking(handle, getattr(windows, kind), 1)


def _open_renamable(path: Path) -> int:
    """A descriptor that appends to `path` and lets others rename and delete it. Raises OSError."""
    import ctypes
    import msvcrt

    append_and_read = 0x00000004 | 0x80000000  # FILE_APPEND_DATA, GENERIC_READ: locking asks for the second
    everything_shared = 0x1 | 0x2 | 0x4  # reading, writing, deleting and renaming
    open_or_make = 4
    no_link_followed = 0x00200000
    kernel: Any = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.CreateFileW.restype = ctypes.c_void_p
    handle = kernel.CreateFileW(
        ctypes.c_wchar_p(str(path)), append_and_read, everything_shared, None, open_or_make, no_link_followed, None
    )
    if handle is None or handle == ctypes.c_void_p(-1).value:
        raise ctypes.WinError(ctypes.get_last_error())  # type: ignore[attr-defined]
    return int(msvcrt.open_osfhandle(handle, os.O_APPEND))  # type: ignore[attr-defined]
