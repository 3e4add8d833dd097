"""In the child: finds what answers in a file. A workflow is recognised by its name or its signature, an agent by its
name or because nothing else in the file uses it. If several qualify, the app does not guess.
"""

from __future__ import annotations

import ast
import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, get_type_hints

from desktop.agents.code import mends
from desktop.agents.code.errors import CodeEntryUnclear, CodeFailed, CodeInputs, CodeUnfit
from desktop.agents.code.words import said

WORKFLOW = "run_workflow"
"""Agent Builder's name for it."""
MAKERS = ("make_agent", "create_agent", "build_agent", "get_agent")
NAMES = ("agent", "root_agent", "main_agent", "triage_agent")
ASKS = ({"Runner", "run"}, {"Runner", "run_sync"}, {"Runner", "run_streamed"}, {"create", "responses"})
ASKS_CHAT = {"create", "completions"}
"""Names that appear together in code that asks a model."""
TEXTS = ("workflow_input", "input_as_text", "user_input", "input", "text", "message", "query", "question", "prompt")
"""Names of a parameter for the text typed."""


@dataclass
class Held:
    """What answers: one of the two."""

    module: ModuleType
    agent: Any = None
    """An `agents.Agent`."""
    workflow: Callable[..., Any] | None = None
    """`run_workflow` of an export, or a function like it."""


def chosen(module: ModuleType, content: bytes, file: str, entry: str = "") -> Held:
    """What answers in `module`; `content` is its source. Raises CodeUnfit, CodeEntryUnclear."""
    from agents import Agent

    known = {name: value for name, value in vars(module).items() if isinstance(value, Agent)}
    workflows = _workflows(module)
    if entry:
        held = _named(module, entry)
        if held is None:
            raise _unclear(file, [*workflows, *known])
        return held
    if callable(getattr(module, WORKFLOW, None)):
        return Held(module, workflow=getattr(module, WORKFLOW))
    if len(workflows) == 1:
        return Held(module, workflow=next(iter(workflows.values())))
    if workflows:
        raise _unclear(file, [*workflows])
    for name in NAMES:
        if name in known:
            return Held(module, agent=known[name])
    for name in (*MAKERS, *NAMES):
        made = _made(getattr(module, name, None))
        if made is not None:
            return Held(module, agent=made)
    begins = {name: agent for name, agent in known.items() if not _is_used(name, agent, known, content)} or known
    if len({id(agent) for agent in begins.values()}) > 1:
        raise _unclear(file, [*begins])
    if not begins:
        raise CodeUnfit(file=file)
    return Held(module, agent=next(iter(begins.values())))


def _unclear(file: str, names: list[str]) -> CodeEntryUnclear | CodeUnfit:
    return CodeEntryUnclear(file=file, choices=", ".join(names)) if names else CodeUnfit(file=file)


def _named(module: ModuleType, entry: str) -> Held | None:
    """The person's choice."""
    from agents import Agent

    value = getattr(module, entry, None)
    if isinstance(value, Agent):
        return Held(module, agent=value)
    made = _made(value)
    if made is not None:
        return Held(module, agent=made)
    return Held(module, workflow=value) if callable(value) and _takes_text(value) else None


def _made(maker: Any) -> Any:
    """The agent made by a function; None if it makes none or needs arguments."""
    from agents import Agent

    if not callable(maker) or not needs_nothing(maker):
        return None
    made = maker()
    if inspect.isawaitable(made):
        made = asyncio.get_event_loop().run_until_complete(made)
    return made if isinstance(made, Agent) else None


def needs_nothing(maker: Any) -> bool:
    """Whether it can be called without arguments."""
    try:
        parameters = inspect.signature(maker).parameters.values()
    except (TypeError, ValueError):
        return False
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


# --- workflows --------------------------------------------------------------------------------


def _workflows(module: ModuleType) -> dict[str, FunctionType]:
    """Functions of the file that take a text, ask a model, and are not called by another one of these."""
    own = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    }
    used = {name: set(_names(function.__code__)) for name, function in own.items()}
    asking: set[str] = set()
    while True:
        found = {name for name in own if name not in asking and (_asks_model(used[name]) or used[name] & asking)}
        if not found:
            break
        asking |= found
    shaped = {name for name in asking if not name.startswith("_") and _takes_text(own[name])}
    called = {inner for name in shaped for inner in used[name] & shaped if inner != name}
    return {name: own[name] for name in own if name in shaped - called}


def _asks_model(names: set[str]) -> bool:
    return any(wanted <= names for wanted in (*ASKS, ASKS_CHAT))


def _names(code: CodeType) -> Iterator[str]:
    """All globals and attributes it uses, including in nested functions."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _takes_text(function: Any) -> bool:
    """Whether it can take the text typed."""
    try:
        return any(p.kind is not p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False


# --- agents -----------------------------------------------------------------------------------


def _is_used(name: str, agent: Any, known: dict[str, Any], content: bytes) -> bool:
    """Whether another agent uses it: as a handoff, as a tool, in a guardrail, or in a function used as one."""
    if any(getattr(other, "agent", other) is agent for one in known.values() for other in one.handoffs):
        return True
    for node in mends.parse(content).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.decorator_list and name in _loaded(node):
                return True
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if not any(isinstance(one, ast.Name) and one.id == name for one in targets) and name in _loaded(node.value):
                return True
    return False


def _loaded(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}


# --- what a workflow is given -----------------------------------------------------------------


def workflow_call(held: Held, text: str) -> Callable[[], Any]:
    """Call the workflow with the text typed. Raises CodeInputs if it needs more, CodeFailed."""
    workflow = held.workflow
    if workflow is None:
        raise CodeUnfit(file=Path(held.module.__file__ or "").name)
    parameters = list(inspect.signature(workflow).parameters.values())
    if not parameters:
        return workflow
    kinds = _kinds(workflow)
    wanted = _for_text(held, parameters, kinds)
    others = [
        p.name
        for p in parameters
        if p is not wanted and p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if others:
        raise CodeInputs(file=Path(held.module.__file__ or "").name, inputs=", ".join(others))
    value = _value(held, workflow, wanted, kinds.get(wanted.name), text)
    if wanted is parameters[0] and wanted.kind is not wanted.KEYWORD_ONLY:
        return functools.partial(workflow, value)
    return functools.partial(workflow, **{wanted.name: value})


def _kinds(workflow: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(workflow)
    except Exception:  # noqa: BLE001 - an annotation that means nothing at run time
        return {}


def _for_text(held: Held, parameters: list[inspect.Parameter], kinds: dict[str, Any]) -> inspect.Parameter:
    """The parameter for the text typed, wherever it is."""
    own = getattr(held.module, "WorkflowInput", None)
    ways: tuple[Callable[[inspect.Parameter], bool], ...] = (
        lambda p: own is not None and kinds.get(p.name) is own,
        lambda p: "input_as_text" in getattr(kinds.get(p.name), "model_fields", ()),
        lambda p: p.name in TEXTS and kinds.get(p.name, str) in (str, Any, dict),
        lambda p: kinds.get(p.name) is str,
        lambda p: p.name in TEXTS,
        lambda p: hasattr(kinds.get(p.name), "model_validate"),
    )
    for fits in ways:
        found = [parameter for parameter in parameters if fits(parameter)]
        if found:
            return found[0]
    return parameters[0]


def _value(held: Held, workflow: Any, wanted: inspect.Parameter, annotated: Any, text: str) -> Any:
    """The text typed, as the parameter's type."""
    if annotated is str:
        return text
    kind: Any = annotated if isinstance(annotated, type) and hasattr(annotated, "model_validate") else None
    reads_text = "input_as_text" in _constants(getattr(workflow, "__code__", None))
    if kind is None and (workflow.__name__ == WORKFLOW or reads_text or wanted.name == "workflow_input"):
        kind = getattr(held.module, "WorkflowInput", None)
        if kind is None or not hasattr(kind, "model_validate"):
            return {"input_as_text": text}
    if kind is None:
        return text
    try:
        return kind.model_validate({_place_of_text(kind): text})
    except ValueError as error:
        file = Path(held.module.__file__ or "").name
        faults: list[Any] = getattr(error, "errors", list)()
        if faults and all(fault["type"] == "missing" for fault in faults):
            names = ", ".join(".".join(map(str, fault["loc"])) for fault in faults)
            raise CodeInputs(file=file, inputs=names) from None
        line = getattr(getattr(workflow, "__code__", None), "co_firstlineno", 0)
        raise CodeFailed(file=file, line=line, problem=said(error)) from None


def _constants(code: CodeType | None) -> Iterator[str]:
    for one in () if code is None else code.co_consts:
        if isinstance(one, str):
            yield one
        elif isinstance(one, CodeType):
            yield from _constants(one)


def _place_of_text(kind: Any) -> str:
    """The field for the text typed: `input_as_text`, or the only required text."""
    fields = kind.model_fields
    texts = [name for name, field in fields.items() if field.annotation is str]
    wanted = [name for name in texts if fields[name].is_required()] or texts
    if "input_as_text" in fields or len(wanted) != 1:
        return "input_as_text"
    return str(fields[wanted[0]].validation_alias or wanted[0])
