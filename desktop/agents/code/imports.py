"""Finds the packages a file needs from its imports. Runs nothing. The run itself reports any it can't see.

An import inside a `try` that handles its failure, or under `if TYPE_CHECKING`, is not needed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from desktop.agents.code import mends
from desktop.agents.code.consent import OURS, Source
from desktop.agents.code.known import package_of
from desktop.agents.code.packages import missing

_READY = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def wanted(source: Source, named: Iterable[str], place: Path) -> list[str]:
    """The packages to install: those named in the settings, and those its imports mean."""
    found = {_plain(re.split(r"[^A-Za-z0-9._-]", one)[0]): one for one in missing(named, place)}
    for package in lacking(source, place):
        found.setdefault(_plain(package), package)
    return list(found.values())


def _plain(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def lacking(source: Source, place: Path) -> list[str]:
    """Packages (by their pip names) whose modules are neither in the app, nor in `place`, nor among the file's own.

    An unknown import is left out: it may be a forgotten file, and anybody could have a package of that name.
    """
    own = {name.split("/")[0].removesuffix(".py") for name in source.files} | {source.path.parent.name}
    found: dict[str, None] = {}
    for name, content in source.files.items():
        for module in _imported(mends.parse(content, name)):
            top = module.partition(".")[0]
            if top in own or top in OURS or top in sys.stdlib_module_names:
                continue
            package = package_of(module)
            if package is not None and not _is_here(top) and not _is_in(place, top):
                found[package] = None
    return list(found)


def _is_in(place: Path, module: str) -> bool:
    # Checked on the disk: an importer would have cached the folder from before the installation.
    return any(entry.name.partition(".")[0] == module for entry in place.glob(f"{module}*"))


def _is_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # loaded, but made by hand
        return True


def _imported(node: ast.AST) -> Iterator[str]:
    """Dotted names; the last part may be a name inside a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if node.module and not node.level:
            # Including the imported names: `google` is not a package, but `google.genai` is.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
    else:
        for child in _needed(node):
            yield from _imported(child)


def _needed(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Try) and any(_is_ready(handler) for handler in node.handlers):
        yield from node.finalbody
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        yield from node.orelse
    else:
        yield from ast.iter_child_nodes(node)


def _is_ready(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(one, ast.Name) and one.id in _READY for one in caught)
