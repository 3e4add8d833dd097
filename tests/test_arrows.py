"""Imports run one way: what is built on may not know what is built on it; engines and SDKs stay where they belong."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]

LAYERS = (
    ("common",),
    ("settings",),
    ("keys",),
    ("openai_api",),
    ("app.diagnostics", "app.updates"),
    ("agents",),
    ("chats",),
    ("help",),
    ("window", "pages"),
    ("app",),
    ("commands",),
    ("cli",),
    ("packaging", "__main__"),
)
"""The parts of `desktop`, the lowest first: each may import what is in the rows before its own, nothing in its own.

Where a module of a room stands on another floor than its room, it is named: pages show what these two tell.
"""

ENGINES = {"webview", "gi", "qtpy", "PySide6", "objc"}
STACK = {"agents", "openai", "mcp", "chatkit", "httpx2"}
"""The agent stack: more than a second to import."""
STARTS = {"app", "app.diagnostics", "app.updates", "window", "pages", "commands", "cli"}
"""Parts on the way to a window or a command."""


class Import(NamedTuple):
    module: str
    """A module of `desktop`, with its dots, or another package's first name."""
    typing: bool
    """For the type checker alone."""
    late: bool
    """In a function: imported when that runs."""


@cache
def modules() -> dict[str, Path]:
    files = (ROOT / "desktop").rglob("*.py")
    named = {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}
    return dict(sorted(named.items()))


@cache
def imports(module: str) -> tuple[Import, ...]:
    return tuple(_imports(ast.parse(modules()[module].read_text(encoding="utf-8"))))


def _imports(node: ast.AST, typing: bool = False, late: bool = False) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(_ours(alias.name), typing, late) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from (Import(_ours(f"{child.module}.{alias.name}"), typing, late) for alias in child.names)
        else:
            checked = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _imports(child, typing or checked, late or function)


def _ours(name: str) -> str:
    """`desktop.common.errors.AppError` is in `desktop.common.errors`; of other packages the first name is enough."""
    if name.split(".")[0] != "desktop":
        return name.split(".")[0]
    return name if name in modules() else name.rpartition(".")[0]


def part(module: str) -> str:
    inside = module.partition(".")[2]
    return next((name for row in LAYERS for name in row if "." in name and name == inside), inside.partition(".")[0])


def at_import(module: str) -> set[str]:
    """Everything that importing `module` imports, modules of ours and other packages."""
    found: set[str] = set()
    open_ones = [module]
    while open_ones:
        for one in imports(open_ones.pop()):
            if not one.typing and not one.late and one.module not in found:
                found.add(one.module)
                if one.module in modules():
                    open_ones.append(one.module)
    return found


def test_every_part_has_its_layer() -> None:
    assert {name for row in LAYERS for name in row} == {part(module) for module in modules()} - {""}


def test_a_part_imports_only_what_lies_below_it() -> None:
    rank = {name: number for number, row in enumerate(LAYERS) for name in row}
    wrong = [
        f"{module} imports {one.module}"
        for module in modules()
        for one in imports(module)
        if one.module.startswith("desktop.") and part(module) not in ("", part(one.module))
        if rank[part(one.module)] >= rank[part(module)]
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_ring() -> None:
    after = {module: {one.module for one in imports(module) if not one.typing} & set(modules()) for module in modules()}
    while True:
        ends = {module for module, wanted in after.items() if not wanted & set(after)}
        if not ends:
            break
        after = {module: wanted for module, wanted in after.items() if module not in ends}
    assert sorted(after) == []


def test_only_the_window_imports_an_engine() -> None:
    assert {part(module) for module in modules() if ENGINES & {one.module for one in imports(module)}} == {"window"}


@pytest.mark.parametrize("module", [name for name in modules() if part(name) in STARTS])
def test_no_start_waits_for_the_agent_stack(module: str) -> None:
    """The SDKs, the network's client and the engine's library are imported in functions, when they are wanted."""
    assert at_import(module) & (STACK | {"httpx", "webview"}) == set()


def test_models_are_asked_by_the_agents_alone() -> None:
    """Of the stack others know only the store's error for what is not there, which is ChatKit's."""
    sdks = STACK - {"chatkit"}
    assert {part(module) for module in modules() for one in imports(module) if one.module in sdks} == {"agents"}


def test_every_import_is_of_python_or_of_a_package_that_is_named() -> None:
    """That the walk sees all imports: a name that nobody knows would be one it has read wrongly."""
    seen = {one.module for module in modules() for one in imports(module)}
    assert {"asyncio", "pydantic", "webview", "chatkit", "desktop.common.errors"} <= seen
    assert [name for name in seen if "." in name and name not in modules()] == []
    assert "sys" in sys.stdlib_module_names & seen
