"""Deletes what a profile has kept on the disk."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from desktop.errors import FolderUnwritable, Phrase
from desktop.settings.locations import PROFILE_NAME


def delete_profile(folder: Path, keep: tuple[str, ...] = ()) -> None:
    """Deletes everything a profile kept: settings, state, logs, web profile, archive, whatever is there.

    `keep` names entries of the folder that stay (the lock of the running app). Only a folder of the
    shape `…/profiles/<name>` is touched, and links are unlinked, never followed. What could not be
    deleted is named: raises FolderUnwritable.
    """
    if folder.parent.name != "profiles" or not PROFILE_NAME.fullmatch(folder.name) or folder.is_symlink():
        raise FolderUnwritable(path=str(folder), problem=Phrase("errors.problem.not_a_profile"))
    if not folder.exists():
        return
    left: list[str] = []
    for entry in sorted(folder.iterdir()):
        if entry.name not in keep:
            _delete(entry, left)
    if not keep:
        with suppress(OSError):
            folder.rmdir()
    if left:
        problem = Phrase("errors.problem.not_deleted", {"count": len(left)})
        raise FolderUnwritable(", ".join(left[:20]), path=str(folder), problem=problem)


def _delete(entry: Path, left: list[str]) -> None:
    try:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, onerror=lambda _call, path, _info: left.append(str(path)))
        else:
            entry.unlink()
    except FileNotFoundError:
        pass  # gone by itself: that was the wish
    except OSError:
        left.append(str(entry))
