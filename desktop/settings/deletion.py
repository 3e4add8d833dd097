"""Deletes what a profile has kept on the disk."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from desktop.common.errors import FolderUnwritable, Phrase
from desktop.common.files import patiently, remove_tree
from desktop.common.locations import PROFILE_NAME

PATIENCE = 5.0
"""Seconds for which processes that have just ended (an engine's) may still hold files, on Windows."""


def delete_profile(folder: Path, keep: tuple[str, ...] = ()) -> None:
    """Deletes everything a profile kept: settings, state, logs, web profile, archive, whatever is there.

    `keep` names entries of the folder that stay (the lock of the running app). Only a folder of the
    shape `…/profiles/<name>` is touched, and links are unlinked, never followed. What could not be
    deleted is named: raises FolderUnwritable.
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
    """What is left of it."""
    try:
        if entry.is_dir() and not entry.is_symlink():
            return remove_tree(entry, limit)
        patiently(entry.unlink, limit)
    except FileNotFoundError:
        pass  # gone by itself: that was the wish
    except OSError:
        return [str(entry)]
    return []
