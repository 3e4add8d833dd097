"""What tests ask of a system that not every one has (modes, links, pipes among the files), in words for all of them."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import pytest

POSIX = os.name == "posix"


def is_wine() -> bool:
    """Whether what looks like Windows is wine."""
    if POSIX:
        return False
    import ctypes

    return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")  # type: ignore[attr-defined,unused-ignore]


def private(path: Path) -> bool:
    """Whether nobody but its owner may read it: 0600, a folder 0700. On Windows that is inherited from where it lies,
    so it has to be below the person's own folder."""
    if POSIX:
        return stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(Path.home()))


def words(line: str) -> list[str]:
    """Of a line that a person is to type, what its program gets."""
    if POSIX:
        return shlex.split(line)
    return [word.strip('"') for word in shlex.split(line, posix=False)]


def link(path: Path, target: Path) -> None:
    """A symbolic link; the test is skipped where none can be made (Windows asks for a right, wine has none)."""
    try:
        path.symlink_to(target, target_is_directory=target.is_dir())
    except OSError as error:
        if POSIX:
            raise
        pytest.skip(f"no symbolic link can be made here: {error.strerror}")
    if not path.is_symlink():
        pytest.skip("no symbolic link can be made here: it is none")


def pipe(path: Path) -> None:
    """A pipe with a name in the file system."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("Windows has no pipes among its files")
    os.mkfifo(path)
