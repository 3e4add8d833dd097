"""Files written piece by piece under another name and renamed at the end, so that none is ever half there.

Knows nothing of chats. A folder of the person's own keeps its mode; what is new in it is theirs alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from desktop.errors import FileExists_, FolderUnwritable
from desktop.files import LEFTOVER_AGE, POSIX, ensure_private_dir, flush_folder

PREFIX, SUFFIX = ".chatkit-desktop-", ".tmp"


def write(path: Path, pieces: Iterable[str], *, replace: bool) -> None:
    """Writes `pieces` as UTF-8 to `path`, mode 0600. Raises FileExists_ where something is there and `replace` is
    False, FolderUnwritable, and what `pieces` raise; in each case nothing is changed."""
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
            for piece in pieces:
                with unwritable(path.parent):
                    file.write(piece.encode("utf-8", "replace"))
            with unwritable(path.parent):
                file.flush()
                os.fsync(file.fileno())
        finally:
            with unwritable(path.parent):  # what a full disk did not take is written once more here, and refused again
                file.close()
        with unwritable(path.parent):
            if not replace and os.path.lexists(path):
                raise FileExists_(path=str(path))
            os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    flush_folder(path.parent)


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
