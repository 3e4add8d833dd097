"""Checks imported code before it becomes an agent, without running it.

It must agree with `loader.py` about what a file contains. What only a run can show is reported by the run.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

from desktop.agents.code import mends
from desktop.agents.code.consent import MOST, Source, digest, read
from desktop.agents.code.entry import MAKERS, NAMES
from desktop.agents.code.errors import CodeUnreadable
from desktop.common.errors import AppError, FolderUnwritable, Phrase
from desktop.common.files import ensure_private_dir, write_private

NAME = "agent.py"
"""The file name for pasted code."""
_FENCE = re.compile(r"\s*```[A-Za-z]*[ \t]*\n(.*?)\n?```\s*", re.DOTALL)
_TYPESCRIPT = re.compile(rb"""from\s+["']@openai/agents|\bconst\s+\w+\s*[:=]|\brequire\(["']@openai""")


class UnusableError(Exception):
    """Why code can't become an agent: a sentence for the field."""

    def __init__(self, problem: Phrase) -> None:
        super().__init__(problem.key)
        self.problem = problem


def of_file(file: str) -> Source:
    """Check a file that stays where it is. Raises UnusableError, CodeUnreadable."""
    named = file.strip().strip("\"'")
    if not named:
        raise UnusableError(Phrase("agents.imports.file_empty"))
    if not os.path.isfile(os.path.expanduser(named)):
        raise UnusableError(Phrase("agents.imports.file_gone"))
    try:
        source = read(named)
    except CodeUnreadable:
        if _is_typescript(Path(named).expanduser()):
            raise UnusableError(Phrase("agents.imports.typescript")) from None
        raise
    _fit(source)
    return source


def of_text(text: str, folder: Path) -> Source:
    """Check pasted code, which will be a file in `folder`. Writes nothing. Raises UnusableError."""
    fenced = _FENCE.fullmatch(text.replace("\r\n", "\n").replace("\r", "\n"))
    plain = fenced[1] if fenced else text.replace("\r\n", "\n").replace("\r", "\n")
    content = (plain.removeprefix("\ufeff").rstrip() + "\n").encode("utf-8", "replace")
    if not content.strip():
        raise UnusableError(Phrase("agents.imports.text_empty"))
    if len(content) > MOST:
        raise UnusableError(Phrase("agents.imports.too_large", {"limit": f"{MOST // 1024} KB"}))
    files = {NAME: content}
    try:
        mends.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if _TYPESCRIPT.search(content):
            raise UnusableError(Phrase("agents.imports.typescript")) from None
        line = getattr(error, "lineno", None) or 1
        said = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise UnusableError(Phrase("agents.imports.not_python", {"line": line, "problem": str(said)[:200]})) from None
    source = Source(folder / NAME, files, digest(files))
    _fit(source)
    return source


def keep(source: Source) -> None:
    """Write the result of `of_text`, readable by the user only. Raises FolderUnwritable."""
    ensure_private_dir(source.path.parent)
    try:
        write_private(source.path, source.files[NAME])
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise FolderUnwritable(repr(error), path=str(source.path.parent), problem=problem) from None


def drop(source: Source) -> None:
    """Delete what `keep` wrote, because the agent could not be saved."""
    source.path.unlink(missing_ok=True)
    source.path.parent.rmdir()


def may_hold_an_agent(source: Source) -> bool:
    """Whether the file defines what the loader looks for. Also true if a call may return an agent."""
    trees = {name: mends.parse(content) for name, content in source.files.items()}
    uses_agents = any(_imports_agents(tree) for tree in trees.values())
    for node in _top(trees[source.name]):
        if {"run_workflow", "*", *NAMES, *MAKERS} & _bound(node):
            return True
        value = getattr(node, "value", None)
        if uses_agents and isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(value, ast.Call | ast.Await):
            return True
        if uses_agents and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _runs_agents(node):
            return True
    return False


def _runs_agents(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it looks like `run_workflow` under another name."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return bool(given) and any(isinstance(one, ast.Name) and one.id == "Runner" for one in ast.walk(node))


def _fit(source: Source) -> None:
    if not may_hold_an_agent(source):
        raise UnusableError(Phrase("agents.imports.no_agent"))


def _top(tree: ast.Module) -> list[ast.stmt]:
    """The statements that run while the module is loaded, including those inside `if`, `try` and `with`."""
    found: list[ast.stmt] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if isinstance(child, ast.stmt):
                found.append(child)
            if isinstance(child, ast.If | ast.Try | ast.With | ast.For | ast.While | ast.ExceptHandler):
                waiting.append(child)
    return found


def _bound(node: ast.stmt) -> set[str]:
    """The names bound by a statement."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {one.id for target in targets if target for one in ast.walk(target) if isinstance(one, ast.Name)}


def _imports_agents(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        if any(name.partition(".")[0] == "agents" for name in names):
            return True
    return False


def _is_typescript(path: Path) -> bool:
    from desktop.common.files import read_limited

    try:
        return bool(_TYPESCRIPT.search(read_limited(path, MOST)))
    except AppError:
        return False
