"""In the child: a file and those beside it become modules, from the bytes that were approved; and the agent in them.

The disk is not asked for any of them again. Knows no pipe.
"""

from __future__ import annotations

import asyncio
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from desktop.agents.code import mends
from desktop.agents.code.consent import OURS
from desktop.agents.code.packages import package_of
from desktop.errors import AppError, CodeBroken, CodeFailed, CodeInputs, CodePackageMissing, CodeUnfit
from desktop.openai_api.errors_map import scrub

MAKERS = ("make_agent", "create_agent", "build_agent", "get_agent")
NAMES = ("agent", "root_agent", "main_agent", "triage_agent")
NOT_ITS_OWN = ("agents", "openai", "desktop")
"""What of others an error passes through when it tells of the model or of the app, not of the file."""
APPROVAL = re.compile(r"approval_?request\w*", re.IGNORECASE)


@dataclass
class Held:
    """What a file holds: one of the two."""

    module: ModuleType
    agent: Any = None
    """An `agents.Agent`."""
    workflow: Callable[..., Any] | None = None
    """`run_workflow` of an export."""


class Beside(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the approved files under the names by which the file may import them."""

    def __init__(self, folder: Path, files: dict[str, bytes], main: str) -> None:
        self.folder = folder
        self.files = files
        self.main = main
        self.paths = {str(folder / name): name for name in files}
        fits = folder.name.isidentifier() and not _taken(folder.name)
        self._package = folder.name if fits else "agent_folder"

    def main_name(self) -> str:
        """The file's own module: inside of its folder where that is used as a package."""
        stem = self.main.removesuffix(".py")
        if re.search(rb"^\s*from\s+\.", self.files[self.main], re.MULTILINE):
            return f"{self._package}.{stem}"
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
            return None  # `types.py` beside the file is `.types` to it, and `types` is Python's own
        if parts[-1].startswith("agent_file_"):
            return self.main
        for inner in (parts, parts[1:] if parts[0] == self._package else None):
            if inner is None:
                continue
            stem = "/".join(inner)
            for name in (f"{stem}.py", f"{stem}/__init__.py".lstrip("/")):
                if name in self.files:
                    return name
            if not stem or any(name.startswith(f"{stem}/") for name in self.files):
                return f"{stem}/"  # a folder without a file of its own
        return None

    def exec_module(self, module: ModuleType) -> None:
        relative = self._file_of(module.__name__) or ""
        content = self.files.get(relative, b"")
        path = str(self.folder / relative)
        # Tracebacks and inspect show what runs, not what lies on the disk by now.
        text = importlib.util.decode_source(content)
        linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
        tree = mends.parse(content, path)
        exec(compile(tree, path, "exec", dont_inherit=True), vars(module))  # noqa: S102 - what this process is for

    def place(self, error: BaseException) -> tuple[str, int]:
        """File and line of the last step of `error` that lies in an approved file."""
        if isinstance(error, SyntaxError) and error.filename in self.paths:
            return self.paths[error.filename], error.lineno or 0
        found = (self.main, 0)
        for frame, line in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename in self.paths:
                found = (self.paths[frame.f_code.co_filename], line)
        return found

    def made(self, error: BaseException) -> bool:
        """Whether `error` is the file's own: none of the SDKs' or the app's steps comes after its last one."""
        own = False
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename in self.paths:
                own = True
            elif str(frame.f_globals.get("__name__", "")).partition(".")[0] in NOT_ITS_OWN:
                own = False
        return own


def _taken(name: str) -> bool:
    return name in sys.stdlib_module_names or name in OURS


def load(beside: Beside, secrets: tuple[str, ...] = ()) -> Held:
    """Runs the file and finds its agent. Raises CodePackageMissing, CodeBroken, CodeUnfit."""
    sys.meta_path.insert(0, beside)
    name = beside.main_name()
    failure: AppError
    try:
        module = importlib.import_module(name)
        return _held(module, beside)
    except AppError as error:
        failure = error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a file may raise what it likes, SystemExit too
        failure = broken(error, beside, secrets)
        sys.stderr.write(scrub("".join(traceback.format_exception(error))[-4000:], secrets) + "\n")
    raise failure


def broken(error: BaseException, beside: Beside, secrets: tuple[str, ...] = ()) -> AppError:
    """Why a file can't be loaded."""
    file, line = beside.place(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        here = (beside.folder / error.name.replace(".", "/")).with_suffix(".py").is_file()
        installed = error.name.partition(".")[0] in sys.modules or _belongs(beside, error.name)
        if not here and not installed:
            return CodePackageMissing(str(error)[:200], file=file, module=error.name, package=package_of(error.name))
    return CodeBroken(type(error).__name__, file=file, line=line, problem=said(error, secrets))


def failed(error: BaseException, beside: Beside, secrets: tuple[str, ...] = ()) -> AppError:
    """Why a file's run ended."""
    file, line = beside.place(error)
    if isinstance(error, ModuleNotFoundError) and error.name and not _belongs(beside, error.name):
        return CodePackageMissing(said(error), file=file, module=error.name, package=package_of(error.name))
    return CodeFailed(type(error).__name__, file=file, line=line, problem=said(error, secrets))


def said(error: BaseException, secrets: tuple[str, ...] = ()) -> str:
    """Python's words, on one line, without secrets."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an error of the file's own making
        text = ""
    return scrub(" ".join(f"{type(error).__name__}: {text}".rstrip(": ").split()), secrets)[:300]


def _belongs(beside: Beside, name: str) -> bool:
    top = name.partition(".")[0]
    return top == beside.folder.name or any(file.split("/")[0].removesuffix(".py") == top for file in beside.files)


def _held(module: ModuleType, beside: Beside) -> Held:
    from agents import Agent

    workflow = getattr(module, "run_workflow", None)
    if callable(workflow):
        return Held(module, workflow=workflow)
    known = {name: value for name, value in vars(module).items() if isinstance(value, Agent)}
    for name in NAMES:
        if name in known:
            return Held(module, agent=known[name])
    for name in (*MAKERS, *NAMES):
        maker = getattr(module, name, None)
        if callable(maker) and _needs_nothing(maker):
            made = maker()
            if inspect.isawaitable(made):
                made = asyncio.get_event_loop().run_until_complete(made)
            if isinstance(made, Agent):
                return Held(module, agent=made)
    if not known:
        raise CodeUnfit(file=beside.main)
    used = {id(getattr(other, "agent", other)) for agent in known.values() for other in agent.handoffs}
    begins = [agent for agent in known.values() if id(agent) not in used]
    # Where several could begin, the last one written is made of those before it.
    return Held(module, agent=(begins or list(known.values()))[-1])


def _needs_nothing(maker: Any) -> bool:
    try:
        parameters = inspect.signature(maker).parameters.values()
    except (TypeError, ValueError):
        return False
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def workflow_input(held: Held, text: str) -> list[Any]:
    """The arguments of `run_workflow` for what was typed. Raises CodeInputs where it wants more, CodeFailed."""
    workflow = held.workflow
    parameters = list(inspect.signature(workflow).parameters.values()) if workflow is not None else []
    if not parameters:
        return []
    file = Path(held.module.__file__ or "").name
    more = [p.name for p in parameters[1:] if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if more:
        raise CodeInputs(file=file, inputs=", ".join(more))
    try:
        kind = get_type_hints(workflow).get(parameters[0].name)
    except Exception:  # noqa: BLE001 - an annotation that means nothing at run time
        kind = None
    if kind is str:
        return [text]
    kind = kind if isinstance(kind, type) and hasattr(kind, "model_validate") else None
    kind = kind or getattr(held.module, "WorkflowInput", None)
    if kind is None or not hasattr(kind, "model_validate"):
        return [{"input_as_text": text}]
    try:
        return [kind.model_validate({_place_of_text(kind): text})]
    except ValueError as error:
        faults = error.errors() if hasattr(error, "errors") else []
        if faults and all(fault["type"] == "missing" for fault in faults):
            names = ", ".join(".".join(map(str, fault["loc"])) for fault in faults)
            raise CodeInputs(file=file, inputs=names) from None
        line = getattr(getattr(workflow, "__code__", None), "co_firstlineno", 0)
        raise CodeFailed(file=file, line=line, problem=said(error)) from None


def _place_of_text(kind: Any) -> str:
    """Where what was typed goes: `input_as_text`, or the one text that is wanted in its place."""
    fields = kind.model_fields
    texts = [name for name, field in fields.items() if field.annotation is str]
    wanted = [name for name in texts if fields[name].is_required()] or texts
    if "input_as_text" in fields or len(wanted) != 1:
        return "input_as_text"
    return str(fields[wanted[0]].validation_alias or wanted[0])


def replace(beside: Beside, name: re.Pattern[str] | None, known: Any, new: Callable[[Any], Any]) -> None:
    """In every approved module: the functions that are named `name`, or the object `known`, become `new(old)`."""
    for module in list(sys.modules.values()):
        if getattr(getattr(module, "__spec__", None), "loader", None) is not beside:
            continue
        for key, value in list(vars(module).items()):
            if (name is None and value is known) or (
                name is not None and name.fullmatch(key) and inspect.isfunction(value)
            ):
                setattr(module, key, new(value))
