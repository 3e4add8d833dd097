"""Package formats on each system. A system's module lists its own in `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from desktop.packaging.contents import Contents
from desktop.packaging.errors import WrongUsage
from desktop.packaging.freeze import Frozen
from desktop.packaging.plan import PLATFORM, Plan
from desktop.packaging.tools import Tool

SYSTEMS = ("linux", "windows", "macos")


@dataclass(frozen=True)
class Job:
    """What a form is made from."""

    plan: Plan
    frozen: Frozen
    """Proved already."""
    assets: Path
    """The brand's own, with its icons drawn."""
    contents: Contents
    folder: Path
    """Where the finished file goes."""


@dataclass(frozen=True)
class Format:
    name: str
    make: Callable[[Job], Path]
    """The finished file. Raises BuildFailed, OSError."""
    tools: tuple[Tool, ...] = ()


def of_system(system: str = PLATFORM) -> Mapping[str, Format]:
    """The forms of this system, in the order in which they are made. Raises WrongUsage."""
    if system not in SYSTEMS:
        raise WrongUsage(f"Packages are made on Linux, Windows and macOS, each for itself; this is {system}.")
    return cast("Mapping[str, Format]", import_module(f"desktop.packaging.{system}").FORMATS)


def chosen(names: str, system: str = PLATFORM) -> tuple[Format, ...]:
    """Those of a list such as `deb,tar.zst`; empty: all. Raises WrongUsage."""
    known = of_system(system)
    wanted = [name.strip() for name in names.split(",") if name.strip()] or list(known)
    for name in wanted:
        if name not in known:
            told = ", ".join(known) or "none yet"
            raise WrongUsage(f"There is no format “{name[:40]}” on this system.", f"There are: {told}.")
    return tuple(known[name] for name in dict.fromkeys(wanted))
