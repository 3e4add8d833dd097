"""Writes files piece by piece under a temporary name and renames them at the end, so that none is incomplete.

Knows nothing of chats. A folder of the person's own keeps its mode; what is new in it is theirs alone.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from desktop.common.errors import FileExists_, FolderUnwritable
from desktop.common.files import LEFTOVER_AGE, POSIX, ensure_private_dir, flush_folder, patiently
from desktop.common.files import replace as move

PREFIX, SUFFIX = ".chatkit-desktop-", ".tmp"


def write(
    path: Path, pieces: Iterable[str], *, replace: bool, before: Callable[[str], None] = lambda _content: None
) -> None:
    """Writes `pieces` as UTF-8 to `path`, mode 0600; `before` is told the content's digest just before it is there.

    Raises FileExists_ where something is there and `replace` is False, FolderUnwritable, and what `pieces` raise; in
    each case nothing is changed.
    """
    with unwritable(path.parent):
        if not replace and os.path.lexists(path):
            raise FileExists_(path=str(path))
        if not path.parent.exists():
            ensure_private_dir(path.parent)
        temporary = path.with_name(f"{PREFIX}{os.getpid()}-{os.urandom(6).hex()}{SUFFIX}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        handle = os.open(temporary, flags, 0o600)
    try:
        file = os.fdopen(handle, "wb")
        try:
            content = hashlib.sha256()
            for piece in pieces:
                data = piece.encode("utf-8", "replace")
                content.update(data)
                with unwritable(path.parent):
                    file.write(data)
            with unwritable(path.parent):
                file.flush()
                os.fsync(file.fileno())
        finally:
            with unwritable(path.parent):  # what a full disk did not take is written once more here, and refused again
                file.close()
        before(content.hexdigest())
        with unwritable(path.parent):
            if replace:
                move(temporary, path)
            else:
                _place(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    flush_folder(path.parent)


def _place(temporary: Path, path: Path) -> None:
    """Renames without ever taking the place of what has come there meanwhile. Raises FileExists_, OSError."""
    try:
        if not POSIX:
            patiently(lambda: os.rename(temporary, path))  # refuses by itself there
            return
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links: the name is taken first, then filled
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            move(temporary, path)
        else:
            temporary.unlink()
    except FileExistsError:
        raise FileExists_(path=str(path)) from None


def digest(path: Path) -> str | None:
    """Of a file's content, as `write` tells it; None for what is no file of its own (a link, a folder) or can't be
    read."""
    try:
        binary = getattr(os, "O_BINARY", 0)  # Windows reads a text's line ends otherwise than they are written
        handle = os.open(path, os.O_RDONLY | binary | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def sweep(folder: Path) -> None:
    """Removes what killed processes left unfinished."""
    for leftover in folder.glob(f"{PREFIX}*{SUFFIX}"):
        with suppress(OSError, ValueError):
            owner = int(leftover.name.removeprefix(PREFIX).partition("-")[0])
            if not _runs(owner) or time.time() - leftover.stat().st_mtime > LEFTOVER_AGE:
                leftover.unlink()


def _runs(process: int) -> bool:
    """Whether a process of this number is there; on Windows asking would end it, so the answer is yes."""
    if process == os.getpid() or not POSIX:
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """What the disk refuses becomes a sentence."""
    try:
        yield
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise FolderUnwritable(repr(error), path=str(folder), problem=problem) from None
