"""In the child: loads the approved bytes of a file and its neighbours as modules, and finds the agent in them.

Never reads them from the disk again. Knows no pipe.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from desktop.agents.code import mends
from desktop.agents.code.consent import OURS
from desktop.agents.code.entry import Held, chosen
from desktop.agents.code.errors import CodeBroken, CodeFailed, CodeFileMissing, CodePackageMissing
from desktop.agents.code.known import package_of
from desktop.agents.code.words import said
from desktop.common.errors import AppError, Phrase
from desktop.openai_api.errors_map import scrub

NOT_ITS_OWN = ("agents", "openai", "desktop")
"""Modules in the traceback of an error about the model or the app rather than the file."""
APPROVAL = re.compile(r"approval_?request\w*", re.IGNORECASE)


class Beside(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """An importer for the approved files."""

    def __init__(self, folder: Path, files: dict[str, bytes], main: str) -> None:
        self.folder = folder
        self.files = files
        self.main = main
        self.paths = {str(folder / name): name for name in files}
        fits = folder.name.isidentifier() and not _taken(folder.name)
        self.package = folder.name if fits else "agent_folder"

    def main_name(self) -> str:
        """The file's own module name: within its folder if that is used as a package."""
        stem = self.main.removesuffix(".py")
        if re.search(rb"^[ \t\f]*from[ \t\f]+\.", self.files[self.main], re.MULTILINE):
            return f"{self.package}.{stem}"
        return (
            stem
            if stem.isidentifier() and not _taken(stem) and stem not in sys.modules
            else f"agent_file_{abs(hash(stem))}"
        )

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        relative = self._file_of(fullname)
        if relative is None:
            return None
        is_package = relative.endswith(("/", "__init__.py"))
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=is_package)
        spec.origin = str(self.folder / relative)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = []
        return spec

    def _file_of(self, fullname: str) -> str | None:
        parts = fullname.split(".")
        if _taken(parts[0]):
            return None  # for the file, `types.py` beside it is `.types`; `types` is Python's own
        if parts[-1].startswith("agent_file_"):
            return self.main
        for inner in (parts, parts[1:] if parts[0] == self.package else None):
            if inner is None:
                continue
            stem = "/".join(inner)
            for name in (f"{stem}.py", f"{stem}/__init__.py".lstrip("/")):
                if name in self.files:
                    return name
            if not stem or any(name.startswith(f"{stem}/") for name in self.files):
                return f"{stem}/"  # a folder without an `__init__.py`
        return None

    def exec_module(self, module: ModuleType) -> None:
        relative = self._file_of(module.__name__) or ""
        content = self.files.get(relative, b"")
        path = str(self.folder / relative)
        # Tracebacks and inspect show the code that runs, not what is on the disk by now.
        text = importlib.util.decode_source(content)
        linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
        tree = mends.parse(content, path)
        exec(compile(tree, path, "exec", dont_inherit=True), vars(module))  # noqa: S102 - what this process is for

    def place(self, error: BaseException) -> tuple[str, int]:
        """File and line of the last frame of `error` in an approved file."""
        if isinstance(error, SyntaxError) and error.filename in self.paths:
            return self.paths[error.filename], error.lineno or 0
        found = (self.main, 0)
        for frame, line in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename in self.paths:
                found = (self.paths[frame.f_code.co_filename], line)
        return found

    def made(self, error: BaseException) -> bool:
        """Whether the file raised `error` itself: no frame of the SDKs or the app comes after its last one."""
        own = False
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename in self.paths:
                own = True
            elif str(frame.f_globals.get("__name__", "")).partition(".")[0] in NOT_ITS_OWN:
                own = False
        return own


def _taken(name: str) -> bool:
    return name in sys.stdlib_module_names or name in OURS


def load(beside: Beside, entry: str = "", secrets: tuple[str, ...] = ()) -> Held:
    """Run the file and find its agent, or the one named `entry`. Raises CodePackageMissing, CodeFileMissing,
    CodeBroken, CodeUnfit, CodeEntryUnclear."""
    sys.meta_path.insert(0, beside)
    name = beside.main_name()
    failure: AppError
    try:
        module = importlib.import_module(name)
        return chosen(module, beside.files[beside.main], beside.main, entry)
    except AppError as error:
        failure = error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a file may raise what it likes, SystemExit too
        failure = broken(error, beside, secrets)
        sys.stderr.write(scrub("".join(traceback.format_exception(error))[-4000:], secrets) + "\n")
    raise failure


def broken(error: BaseException, beside: Beside, secrets: tuple[str, ...] = ()) -> AppError:
    """The error for a file that can't be loaded."""
    file, line = beside.place(error)
    return _lacking(error, beside) or CodeBroken(
        type(error).__name__, file=file, line=line, problem=said(error, secrets)
    )


def failed(error: BaseException, beside: Beside, secrets: tuple[str, ...] = ()) -> AppError:
    """The error for a failed run."""
    file, line = beside.place(error)
    return _lacking(error, beside) or CodeFailed(
        type(error).__name__, file=file, line=line, problem=said(error, secrets)
    )


def _lacking(error: BaseException, beside: Beside) -> AppError | None:
    """The error for an import that found neither a package nor one of the agent's files."""
    if not isinstance(error, ImportError):
        return None
    file, line = beside.place(error)
    written = _import_at(beside, file, line)
    if "beyond top-level package" in str(error):
        return _above(error, file, written) if isinstance(written, ast.ImportFrom) else None
    name = error.name or ""
    if not isinstance(error, ModuleNotFoundError) or not name:
        return None
    own = _belongs(beside, name)
    there = (beside.folder / name.replace(".", "/")).with_suffix(".py").is_file()
    if there or (name.partition(".")[0] in sys.modules and not own):
        return None
    meant = [] if written is None else _modules(written)
    package = None if own else next(filter(None, map(package_of, [*meant, name])), None)
    if package is not None:
        return CodePackageMissing(str(error)[:200], file=file, module=name, package=package)
    # For `import helpers.text`, Python reports `helpers` as missing, but the missing file is helpers/text.py.
    whole = next((one for one in meant if one.startswith(f"{name}.")), name)
    wanted = whole.removeprefix(f"{beside.package}.").replace(".", "/") + ".py"
    advice = Phrase("code.put_beside" if own else "code.put_beside_or_name", {"wanted": wanted})
    return CodeFileMissing(str(error)[:200], file=file, module=whole, wanted=wanted, advice=advice)


def _import_at(beside: Beside, file: str, line: int) -> ast.Import | ast.ImportFrom | None:
    """The import on this line."""
    for node in ast.walk(mends.parse(beside.files[file])):
        if isinstance(node, ast.Import | ast.ImportFrom) and node.lineno <= line <= (node.end_lineno or line):
            return node
    return None


def _modules(written: ast.Import | ast.ImportFrom) -> list[str]:
    """The modules an import names, outermost first."""
    if isinstance(written, ast.Import):
        return [alias.name for alias in written.names]
    return [written.module] if written.module and not written.level else []


def _above(error: BaseException, file: str, written: ast.ImportFrom) -> AppError:
    """Whether it is like `from ..prompts import x`, which means a file above the approved folder."""
    name = written.names[0].name
    wanted = (written.module or name).replace(".", "/") + ".py"
    advice = Phrase("code.put_inside", {"wanted": wanted, "inside": f"from .{written.module or ''} import {name}"})
    module = "." * written.level + (written.module or "")
    return CodeFileMissing(str(error)[:200], file=file, module=module, wanted=wanted, advice=advice)


def _belongs(beside: Beside, name: str) -> bool:
    top = name.partition(".")[0]
    own = {file.split("/")[0].removesuffix(".py") for file in beside.files}
    return top in own | {beside.folder.name, beside.package}


def replace(beside: Beside, name: re.Pattern[str] | None, known: Any, new: Callable[[Any], Any]) -> None:
    """In every approved module, replace functions named `name`, or the object `known`, by `new(old)`."""
    for module in list(sys.modules.values()):
        if getattr(getattr(module, "__spec__", None), "loader", None) is not beside:
            continue
        for key, value in list(vars(module).items()):
            if (name is None and value is known) or (
                name is not None and name.fullmatch(key) and inspect.isfunction(value)
            ):
                setattr(module, key, new(value))
