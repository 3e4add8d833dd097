"""Checks that a file's name matches the brand file in upper and lower case too, since Linux is stricter than others."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from desktop.packaging.errors import PackagingError


def verify(path: Path, root: Path, kind: type[PackagingError]) -> None:
    """Raises `kind` where `path`, a file below `root`, is not there under just this name."""
    rest = Path(os.path.abspath(path)).relative_to(os.path.abspath(root)).as_posix()
    hint = nearest(path, root)
    if path.is_dir():
        raise kind(f"The brand file names {rest}, which is a folder.", "Name the file in it.")
    if hint or not path.exists():
        raise kind(
            f"The brand file names {rest}, and there is no such file.", hint or "Files are named as seen from it."
        )


def nearest(path: Path, root: Path) -> str:
    """A sentence with the name that may be meant; empty where the name is right, and where nothing is like it."""
    place = Path(os.path.abspath(root))
    for part in Path(os.path.abspath(path)).relative_to(place).parts:
        try:
            there = sorted(os.listdir(place))
        except OSError:
            return ""
        if part in there:
            place /= part
            continue
        same = [name for name in there if name.casefold() == part.casefold()]
        near = same or difflib.get_close_matches(part, there, 1)
        if not near:
            return ""
        meant = (place / near[0]).relative_to(os.path.abspath(root)).as_posix()
        return f"There is {meant}{': capitals count' if same else ''}."
    return ""
