"""In a process of its own: imports an agent's file from a copy of what goes along, as the packaged app's child will.

`python -m desktop.packaging.trial_child ORDER`, a JSON file (`Order`); what there is to tell is written beside it.
Knows the app's loader and nothing of the packager, so that an agent finds no more here than it will later.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.metadata
import json
import os
import re
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from desktop.packaging import left_out

ANSWER = "answer.json"
EVENTS = {"open", "os.listdir", "os.scandir", "sqlite3.connect"}
"""What Python tells of when a file or a folder is looked into (audit events, PEP 578)."""
MOST = 20_000


@dataclass(frozen=True)
class Order:
    """What is to be imported, and what with."""

    file: str
    """In the copy."""
    entry: str
    packages: str
    """The folder of the packages that the brand's agents bring; it need not be there."""
    requirements: str
    """The lock file of the app: the distributions that go along."""


@dataclass
class Answer:
    """`problem`: the app's own sentence on why there is no agent; empty where there is one."""

    problem: str = ""
    opened: list[str] = field(default_factory=list)
    """Whole paths of all that was looked for while it was imported, there or not."""


class GoesAlong(importlib.abc.MetaPathFinder):
    """Finds no library that is installed here and left out of the app."""

    def __init__(self, order: Order) -> None:
        names = re.findall(r"(?m)^([A-Za-z0-9._-]+)==", Path(order.requirements).read_text(encoding="utf-8"))
        along = {_plain(name) for name in (*names, "pip")}
        owners = importlib.metadata.packages_distributions()
        self._tops = {top for top, dists in owners.items() if along & set(map(_plain, dists))} | {"desktop"}
        self._tops -= set(left_out.LIBRARIES)
        self._own = tuple(os.path.realpath(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
        self._brought = [order.packages]
        self.without: str = ""
        """The part of Python's library that was asked for last and does not go along."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if path is not None or fullname in sys.builtin_module_names:
            return None
        if fullname not in left_out.OF_PYTHON:
            found = importlib.machinery.PathFinder.find_spec(fullname)
            if found is None or fullname in self._tops or self._is_pythons(found):
                return None
        brought = importlib.machinery.PathFinder.find_spec(fullname, self._brought)
        if brought is None:
            self.without = fullname if fullname in left_out.OF_PYTHON else ""
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return brought

    def _is_pythons(self, found: importlib.machinery.ModuleSpec) -> bool:
        where = os.path.realpath(found.origin or "")
        inside = where.startswith(tuple(f"{folder}{os.sep}" for folder in self._own))
        return found.origin in ("built-in", "frozen") or (
            inside and not {"site-packages", "dist-packages"} & set(Path(where).parts)
        )


def run(order: Order) -> Answer:
    """Changes this process for good."""
    from desktop.agents.code import consent, loader
    from desktop.agents.code.errors import CodeEntryUnclear
    from desktop.common.errors import AppError
    from desktop.common.texts import Catalogue

    answer, texts = Answer(), Catalogue("en")
    sys.path[:] = [place for place in sys.path if place]
    sys.path.append(order.packages)
    file = Path(order.file)
    source = consent.read(file)
    os.chdir(file.parent)
    sys.argv = [order.file]
    along = GoesAlong(order)
    sys.meta_path.insert(0, along)
    seen: dict[str, None] = {}

    def note(event: str, args: tuple[Any, ...]) -> None:
        if event in EVENTS and args and isinstance(args[0], str | bytes | os.PathLike) and len(seen) < MOST:
            seen.setdefault(os.path.abspath(os.fsdecode(args[0])))

    sys.addaudithook(note)
    try:
        loader.load(loader.Beside(file.parent, source.files, source.name), order.entry)
    except CodeEntryUnclear as error:
        answer.problem = error.describe(texts)["message"]
        if order.entry:
            answer.problem = f"Its `entry` names “{order.entry}”, and it has: {error.values['choices']}."
    except AppError as error:
        answer.problem = error.describe(texts)["message"]
        if along.without:
            answer.problem += f" Packaged apps leave that part of Python out: {along.without}."
    answer.opened = list(seen)
    return answer


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(words: Sequence[str]) -> None:
    path = Path(words[0])
    told: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    answer = run(Order(**told))
    (path.parent / ANSWER).write_text(json.dumps(asdict(answer)), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)  # threads of the file may never end


if __name__ == "__main__":
    main(sys.argv[1:])
