"""Private folders, atomic private writes, bounded reads. Knows no setting and no window.

On Windows the modes are skipped: the user's own data folder is private there by inheritance. There, too, a file that
somebody has open (a reader, a search index, a virus scanner) can be neither replaced nor deleted: `patiently` waits.
Run on Linux, and on CPython for Windows under wine.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from desktop.common.errors import FileUnreadable, FolderUnwritable, Phrase

POSIX = os.name == "posix"
T = TypeVar("T")
IN_USE = (5, 32, 33)
"""Windows' own numbers for what happens where another process has a file open: access denied, sharing violation, lock
violation. The first is also a plain no; whoever is told no hears of it `PATIENCE` later."""
PATIENCE = 2.0
"""Seconds for which somebody else may have a file open that is to be replaced, read or deleted."""
LEFTOVER_AGE = 600.0
"""Seconds after which a temporary file of a killed process is swept away."""


def ensure_private_dir(folder: Path) -> Path:
    """Makes `folder` and its missing parents, all of them 0700, and closes `folder` to others where it is open.

    Raises FolderUnwritable.
    """
    try:
        missing = [folder, *folder.parents]
        for part in reversed([p for p in missing if not p.exists()]):
            with suppress(FileExistsError):
                part.mkdir(mode=0o700)
        if POSIX and stat.S_IMODE(folder.stat().st_mode) & 0o077:
            folder.chmod(0o700)
        if not folder.is_dir():
            raise NotADirectoryError(20, os.strerror(20), str(folder))
    except OSError as error:
        raise FolderUnwritable(repr(error), path=str(folder), problem=error.strerror or type(error).__name__) from None
    return folder


def write_private(path: Path, data: bytes | str) -> None:
    """Writes `path` so that at every moment either the old or the new content is there, mode 0600.

    A temporary file in the same folder is written, flushed to the disk and renamed over `path`;
    then the folder is flushed. Raises OSError; the folder must exist.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(temporary, flags, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    flush_folder(path.parent)
    _sweep(path)


def patiently(action: Callable[[], T], limit: float = PATIENCE) -> T:
    """What `action` returns, tried again for `limit` seconds where another process has the file open.

    Raises OSError.
    """
    ends, pause = time.monotonic() + limit, 0.005
    while True:
        try:
            return action()
        except PermissionError as error:
            if getattr(error, "winerror", None) not in IN_USE or time.monotonic() > ends:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def replace(source: Path, target: Path) -> None:
    """`os.replace`, patiently. Raises OSError."""
    patiently(lambda: os.replace(source, target))


def remove(path: Path) -> None:
    """Deletes a file, patiently. Raises OSError."""
    patiently(path.unlink)


def remove_tree(folder: Path, limit: float = PATIENCE) -> list[str]:
    """Deletes `folder` and all in it; what is left in the end, as paths. `limit`: the seconds for all of it together
    in which processes that have just ended may still hold files."""
    left: list[str] = []
    ends = time.monotonic() + limit

    def again(action: Callable[[str], Any], path: str, _: object) -> None:
        if action not in (os.unlink, os.rmdir):
            left.append(path)
            return
        try:
            patiently(lambda: action(path), max(0.0, ends - time.monotonic()))
        except FileNotFoundError:
            pass  # gone by itself: that was the wish
        except OSError:
            left.append(path)

    if sys.version_info >= (3, 12):
        shutil.rmtree(folder, onexc=again)
    else:
        shutil.rmtree(folder, onerror=again)
    return left


def flush_folder(folder: Path) -> None:
    """Sees to it that what was renamed in `folder` is so after a power cut too."""
    if not POSIX:
        return
    # Some file systems (network shares) refuse this; the rename itself has been done by then.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _sweep(path: Path) -> None:
    """Removes temporary files that killed processes left beside `path`."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE:
                leftover.unlink()


def open_private(path: Path, mode: str) -> int:
    """A file descriptor of `path`, made 0600 where it is new. `mode`: "a" append, "w" write anew.

    Never follows a link in the last place. Raises OSError.
    """
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags | (os.O_APPEND if mode == "a" else os.O_TRUNC), 0o600)
    if POSIX and stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
        os.fchmod(handle, 0o600)
    return handle


def read_limited(path: Path, limit: int) -> bytes:
    """The content of `path`, at most `limit` bytes. Raises FileUnreadable (also for what is not a file)."""

    def head() -> bytes:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(22, "not a file")
        with path.open("rb") as file:
            return file.read(limit + 1)

    try:
        content = patiently(head)  # on Windows a file can't be opened in the moment in which it is replaced
    except OSError as error:
        raise FileUnreadable(repr(error), path=str(path), problem=error.strerror or type(error).__name__) from None
    if len(content) > limit:
        raise FileUnreadable(
            f"more than {limit} bytes",
            path=str(path),
            problem=Phrase("problems.file_too_large", {"limit": f"{limit // 1024} KB"}),
        )
    return content
