"""Corrects servers' lists of tools, so that an invalid tool only affects itself. Pure.

It corrects everything for which the `mcp` package (2.3) refuses a whole list, or OpenAI's APIs a whole request: a root
that isn't an object or has `anyOf`, `oneOf`, `allOf`, `enum` or `not`, an array without `items`, drafts before 2019
(`exclusiveMinimum: true`, `items` as a list), references to nothing or to other documents.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desktop.agents.mcp.digests import IN_META, digest

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
DEEPEST = 24
"""Levels of nested schemas; anything deeper may be any value."""
MOST_OF_A_SCHEMA = 50_000
"""Characters of one tool's parameters, as JSON."""
MOST_VISITS = 500
"""Alternatives and references followed from a root, since they may form a cycle."""
MOST_OF_A_NAME = 200

_ONE = (
    "items",
    "additionalProperties",
    "contains",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedProperties",
)
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_AT_ROOT = ("anyOf", "oneOf", "allOf", "not", "if", "then", "else", "enum", "const", "$schema", "$id", "id", "$ref")


@dataclass(frozen=True)
class Remark:
    """What was done to a tool. `why`: `mended`, or for a tool left out `name`, `double` or `form`."""

    tool: str
    why: str

    @property
    def left_out(self) -> bool:
        return self.why != "mended"


def mended(result: Mapping[str, Any], seen: set[str] | None = None) -> tuple[dict[str, Any], list[Remark]]:
    """A valid result of `tools/list`, and what was done to its tools. `seen`: names on earlier pages."""
    seen = set() if seen is None else seen
    tools: list[dict[str, Any]] = []
    remarks: list[Remark] = []
    for given in result["tools"] if isinstance(result.get("tools"), list) else []:
        name = given.get("name") if isinstance(given, Mapping) else None
        if not isinstance(given, Mapping):
            remarks.append(Remark("?", "form"))
        elif not isinstance(name, str) or not 0 < len(name) <= MOST_OF_A_NAME:
            remarks.append(Remark(str(name)[:60] if name else "?", "name"))
        elif name in seen:
            remarks.append(Remark(name, "double"))
        else:
            seen.add(name)
            tool, changed = _tool(name, given)
            tools.append(tool)
            if changed:
                remarks.append(Remark(name, "mended"))
    cursor = result.get("nextCursor")
    rest = {key: value for key, value in result.items() if key not in ("tools", "nextCursor")}
    return {**rest, "tools": tools, **({"nextCursor": cursor} if isinstance(cursor, str) and cursor else {})}, remarks


def _tool(name: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Only the parts of a tool we use, so that its icons, hints or output schema can't invalidate it."""
    schema, changed = as_object(given.get("inputSchema"))
    description = given.get("description")
    if not isinstance(description, str):
        title = given.get("title")
        description = title if isinstance(title, str) else ""
    said = {IN_META: digest(given)}
    return {"name": name, "description": description, "inputSchema": schema, "_meta": said}, changed


def as_object(given: object) -> tuple[dict[str, Any], bool]:
    """A schema of parameters with an object as its root, and whether it had to be changed."""
    if not isinstance(given, Mapping):
        return {"type": "object", "properties": {}}, True
    schema = _rooted(given)
    made = _clean(schema, _Known(schema), 0)
    made["type"] = "object"
    made.setdefault("properties", {})
    made = _within(made)
    return made, not _same(made, given)


def _same(made: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Equal apart from meaningless parts: the draft's name, empty properties."""
    plain = {key: value for key, value in given.items() if key != "$schema"}
    return {"properties": {}, **plain} == made


class _Known:
    """Finds which references of a schema lead somewhere."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def leads(self, reference: object) -> bool:
        return isinstance(reference, str) and reference.startswith("#") and self.find(reference) is not None

    def find(self, reference: str) -> Mapping[str, Any] | None:
        at: Any = self._root
        for part in reference.lstrip("#").split("/")[1:] if reference not in ("#", "#/") else []:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(at, Mapping):
                at = at.get(key)
            elif isinstance(at, list) and key.isdigit() and int(key) < len(at):
                at = at[int(key)]
            else:
                return None
        return at if isinstance(at, Mapping) else None


def _rooted(given: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with its root's alternatives and references merged: all their properties, and as required only those
    required by every alternative. The description says what is lost."""
    known = _Known(given)
    root = {key: value for key, value in given.items() if key not in _AT_ROOT}
    properties: dict[str, Any] = {}
    required: list[str] = []
    told: list[str] = []
    visits = 0

    def take(part: object, depth: int) -> list[str]:
        """Add its properties. Returns what it requires."""
        nonlocal visits
        visits += 1
        if not isinstance(part, Mapping) or depth > 5 or visits > MOST_VISITS:
            return []
        needs: list[str] = []
        reference = part.get("$ref")
        if isinstance(reference, str) and reference not in ("#", "#/"):
            needs += take(known.find(reference) if reference.startswith("#") else None, depth + 1)
        if isinstance(part.get("properties"), Mapping):
            for key, value in part["properties"].items():
                properties.setdefault(key, value)
        for one in part["allOf"] if isinstance(part.get("allOf"), list) else []:
            needs += take(one, depth + 1)
        for word in ("anyOf", "oneOf"):
            ways = [take(one, depth + 1) for one in (part[word] if isinstance(part.get(word), list) else [])[:50]]
            if ways:
                needs += [name for name in ways[0] if all(name in way for way in ways)]
                if len({tuple(sorted(way)) for way in ways}) > 1:
                    told.append(" or ".join(", ".join(way) or "none" for way in ways))
        return needs + _strings(part.get("required"))

    required = list(dict.fromkeys(take(given, 0)))
    if properties or "properties" in root:
        root["properties"] = properties
    if required or "required" in root:
        root["required"] = required
    if told:
        words = f"Give one of these sets of parameters: {'; '.join(told)}."[:1000]
        root["description"] = " ".join(filter(None, [str(root.get("description") or ""), words]))
    return root


def _strings(given: object) -> list[str]:
    return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []


def _clean(given: object, known: _Known, depth: int) -> dict[str, Any]:
    """A schema whose parts are valid where they are. Anything invalid accepts any value."""
    if not isinstance(given, Mapping) or depth > DEEPEST:
        return {}
    made: dict[str, Any] = {}
    for key, value in given.items():
        if key in _ONE:
            if isinstance(value, Mapping):
                made[key] = _clean(value, known, depth + 1)
            elif isinstance(value, bool) and key in ("additionalProperties", "unevaluatedProperties"):
                made[key] = value
            elif key == "items" and isinstance(value, list):  # a tuple of drafts before 2020-12
                made[key] = {}
        elif key in _MANY:
            if isinstance(value, list) and value:
                made[key] = [_clean(one, known, depth + 1) for one in value]
        elif key in _NAMED:
            if isinstance(value, Mapping):
                made[key] = {
                    str(name): _clean(one, known, depth + 1) for name, one in value.items() if one is not False
                }
        elif key == "$ref":
            if known.leads(value):
                made[key] = value
        elif key not in ("$schema", "id", "$id") or depth == 0:
            made[key] = value
    made.pop("$schema", None)
    _plain(made)
    return made


def _plain(made: dict[str, Any]) -> None:
    """Keywords that don't contain schemas."""
    kind = made.get("type")
    if isinstance(kind, list):
        kinds = [one for one in kind if one in TYPES]
        made["type"] = kinds if len(kinds) != 1 else kinds[0]
        if not kinds:
            del made["type"]
    elif "type" in made and kind not in TYPES:
        del made["type"]
    if made.get("type") == "array" or "array" in (made.get("type") or ()):
        made.setdefault("items", {})
    if "required" in made:
        names = _strings(made["required"])
        made["required"] = [name for name in dict.fromkeys(names) if name in made.get("properties", {name: 1})]
        if not made["required"]:
            del made["required"]
    if "enum" in made and not (isinstance(made["enum"], list) and made["enum"]):
        del made["enum"]
    for word, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if made.get(word) is True and isinstance(made.get(bound), (int, float)):  # draft 4
            made[word] = made.pop(bound)
    for word in (
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "exclusiveMinimum",
        "exclusiveMaximum",
    ):
        if word in made and (isinstance(made[word], bool) or not isinstance(made[word], (int, float))):
            del made[word]
    for word in ("description", "title", "pattern", "format"):
        if word in made and not isinstance(made[word], str):
            del made[word]


def _within(made: dict[str, Any]) -> dict[str, Any]:
    """Within limits: first drop the descriptions of its parts, then the parts."""
    if len(json.dumps(made, ensure_ascii=False, default=str)) <= MOST_OF_A_SCHEMA:
        return made
    bare = _undescribed(made)
    if isinstance(bare, dict) and len(json.dumps(bare, ensure_ascii=False, default=str)) <= MOST_OF_A_SCHEMA:
        return bare
    return {"type": "object", "properties": {}}


def _undescribed(given: Any, *, names: bool = False) -> Any:
    """`names`: its keys are names of parameters, not keywords."""
    if isinstance(given, Mapping):
        return {
            key: _undescribed(value, names=not names and key in _NAMED)
            for key, value in given.items()
            if names or key not in ("description", "title", "examples", "default")
        }
    return [_undescribed(one) for one in given] if isinstance(given, list) else given
