"""Deletes everything a profile has stored on the disk."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from desktop.common.errors import FolderUnwritable, Phrase
from desktop.common.files import patiently, remove_tree
from desktop.common.locations import PROFILE_NAME

PATIENCE = 5.0
"""Seconds during which a process that has just ended, such as an engine's, may still hold files on Windows."""


def delete_profile(folder: Path, keep: tuple[str, ...] = ()) -> None:
    """Delete everything in a profile: settings, state, logs, web profile, archive and anything else.

    `keep`: entries of the folder that stay (the running app's lock). Only a folder named `…/profiles/<name>` is
    touched. Links are removed, never followed. Raises FolderUnwritable with the number of entries that could not be
    deleted.
    """
    if folder.parent.name != "profiles" or not PROFILE_NAME.fullmatch(folder.name) or folder.is_symlink():
        raise FolderUnwritable(path=str(folder), problem=Phrase("problems.not_a_profile"))
    if not folder.exists():
        return
    left: list[str] = []
    ends = time.monotonic() + PATIENCE
    for entry in sorted(folder.iterdir()):
        if entry.name not in keep:
            left += _delete(entry, max(0.0, ends - time.monotonic()))
    if not keep:
        with suppress(OSError):
            folder.rmdir()
    if left:
        problem = Phrase("problems.not_deleted", {"count": len(left)})
        raise FolderUnwritable(", ".join(left[:20]), path=str(folder), problem=problem)


def _delete(entry: Path, limit: float) -> list[str]:
    """Delete it. Returns what is left."""
    try:
        if entry.is_dir() and not entry.is_symlink():
            return remove_tree(entry, limit)
        patiently(entry.unlink, limit)
    except FileNotFoundError:
        pass  # already gone, as intended
    except OSError:
        return [str(entry)]
    return []
