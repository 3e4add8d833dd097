"""Turns an agent into form fields and back. Cleans and checks what was typed, with a sentence for each field.

Pure functions: no window, no file. Field names begin with `agent.` and continue as in the settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from desktop.common.errors import Phrase
from desktop.common.texts import Catalogue
from desktop.pages.common.check_run import FieldError
from desktop.pages.setup.first_check import clean_version, clean_workflow_id
from desktop.settings.agents import PACKAGE
from desktop.settings.model import Agent
from desktop.settings.problems import first_of

OF_MCP = "agent.mcp_servers"
OF_CHAT = ("agent.greeting", "agent.prompts", "agent.view")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "workflow": ("agent.name", "agent.workflow_id", "agent.version", "agent.tracing.enabled"),
    "assistant": (
        "agent.name",
        "agent.instructions",
        "agent.endpoint",
        "agent.model",
        "agent.models",
        "agent.reasoning_effort",
        "agent.temperature",
        "agent.tool_rounds",
        "agent.tools.web_search",
        "agent.tools.code_interpreter",
        "agent.tools.image_generation",
        "agent.tools.vector_store_ids",
        OF_MCP,
        *OF_CHAT,
    ),
    "demo": ("agent.name", *OF_CHAT),
    "server": ("agent.name", *OF_CHAT),
    "code": (
        "agent.name",
        "agent.file",
        "agent.packages",
        "agent.entry",
        "agent.model_overrides",
        "agent.max_runs",
        "agent.endpoint",
        OF_MCP,
        *OF_CHAT,
    ),
}
"""The fields that can be changed, by kind of agent."""
OF_ANY = ("agent.name",)
"""The fields that can be changed for a kind this page does not know."""

_LISTS = ("agent.models", "agent.tools.vector_store_ids", "agent.packages")
"""Lists typed one entry per line."""
_OVERRIDES = "agent.model_overrides"
"""Also typed as lines: the model named in the file = the model to use."""
_OR_NONE = ("agent.greeting", "agent.reasoning_effort", "agent.temperature", "agent.tool_rounds")
"""Fields whose empty value means the default."""
_STORE = re.compile(r"vs_[A-Za-z0-9_-]{1,200}")


def fields_of(kind: str) -> tuple[str, ...]:
    """The fields of this kind of agent."""
    return FIELDS.get(kind, OF_ANY)


def name_of(agent: Agent, texts: Catalogue) -> str:
    """Its name in lists: its own, or else its kind."""
    return agent.name or texts.get(f"agents.unnamed_{agent.kind if agent.kind in FIELDS else 'other'}")


def values_of(agent: Agent) -> dict[str, Any]:
    """`{field: value}` as JSON. Lists typed as lines are returned as lines."""
    found: dict[str, Any] = {}
    for name in fields_of(agent.kind):
        value: Any = agent
        for part in name.split(".")[1:]:
            value = getattr(value, part)
        if name in _LISTS:
            value = "\n".join(value)
        elif name == _OVERRIDES:
            value = "\n".join(f"{named} = {used}" for named, used in value.items())
        elif isinstance(value, list):
            value = [one.model_dump(mode="json") if isinstance(one, BaseModel) else one for one in value]
        found[name] = value
    return found


def edited(agent: Agent, changes: Mapping[str, Any]) -> Agent:
    """The agent with the changes typed. Raises FieldError with the field's name."""
    data = agent.model_dump(mode="json")
    for name, value in changes.items():
        if name not in fields_of(agent.kind):
            raise FieldError(name, Phrase("problems.unknown", {"name": name[:60]}))
        target: Any = data
        *way, last = name.split(".")[1:]
        for part in way:
            target = target[part]
        target[last] = _clean(name, value)
    try:
        return type(agent).model_validate(data)
    except ValidationError as error:
        loc, problem = first_of(error, type(agent))
        raise FieldError(_field(loc, agent.kind), problem) from None


def _clean(name: str, value: Any) -> Any:
    if name in _LISTS:
        between = r"\n+" if name == _LISTS[2] else r"[\n,]+"  # package versions may contain commas
        entries = re.split(between, value) if isinstance(value, str) else value
        lines = list(dict.fromkeys(one.strip() for one in entries if isinstance(one, str) and one.strip()))
        if name == _LISTS[1] and not all(_STORE.fullmatch(one) for one in lines):
            raise FieldError(name, Phrase("agents.vector_stores_shape"))
        if name == _LISTS[2] and not all(re.fullmatch(PACKAGE, one) for one in lines):
            raise FieldError(name, Phrase("agents.code_packages_shape"))
        return lines
    if name == _OVERRIDES and isinstance(value, str):
        return overrides(name, value.splitlines())
    if name == "agent.file" and isinstance(value, str) and value.strip():
        path = Path(value.strip()).expanduser()
        if not path.is_absolute():
            raise FieldError(name, Phrase("agents.code_file_whole"))
        return str(path)
    if name in _OR_NONE and isinstance(value, str) and not value.strip():
        return None
    try:
        if name == "agent.workflow_id":
            return clean_workflow_id(value if isinstance(value, str) else "")
        if name == "agent.version":
            return clean_version(value if isinstance(value, str) else "")
    except FieldError as error:
        raise FieldError(name, error.values["problem"]) from None
    return value.strip() if isinstance(value, str) and name != "agent.instructions" else value


def overrides(field: str, lines: Iterable[str]) -> dict[str, str]:
    """Lines of `named = used` as {named: used}. Raises FieldError."""
    found = {}
    for line in filter(None, map(str.strip, lines)):
        named, equals, used = (part.strip() for part in line.partition("="))
        if not (named and equals and used):
            raise FieldError(field, Phrase("agents.model_overrides_shape"))
        found[named] = used
    return found


def _field(loc: tuple[str | int, ...], kind: str) -> str:
    """The field for a location in the model; for a prompt, including the location inside it."""
    dotted = "agent." + ".".join(str(part) for part in loc)
    owner = next((name for name in fields_of(kind) if dotted == name or dotted.startswith(f"{name}.")), dotted)
    return dotted if owner == "agent.prompts" else owner
