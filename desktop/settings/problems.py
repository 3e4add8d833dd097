"""Turns pydantic's errors about settings into phrases of the text catalogue, without the value.

A value may be a secret in the wrong place, so it is never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from desktop.common.errors import Phrase
from desktop.settings.base import FORMS

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

Loc = tuple[str | int, ...]


def problem_of(error: ErrorDetails, known: tuple[str, ...] = ()) -> Phrase:
    """The problem as a sentence. `known`: the valid names, if an unknown one was used."""
    kind, context = error["type"], error.get("ctx", {})
    last = next((str(part) for part in reversed(error["loc"]) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        return unknown_name(last, known)
    if kind == "missing":
        return Phrase("problems.missing", {"name": last})
    if kind == "literal_error":
        return Phrase("problems.one_of", {"allowed": str(context.get("expected", "")).replace("'", "")})
    if _limit(context) == 1 and (
        kind == "string_too_short" or (kind == "too_short" and context.get("field_type") == "Value")
    ):
        return Phrase("problems.empty")
    if kind == "string_too_short":
        return Phrase("problems.too_short", {"count": _limit(context)})
    if kind == "too_short":
        return Phrase("problems.too_few", {"limit": _limit(context)})
    if kind in ("greater_than_equal", "greater_than"):
        return Phrase("problems.at_least", {"limit": _limit(context)})
    if kind in ("less_than_equal", "less_than"):
        return Phrase("problems.at_most", {"limit": _limit(context)})
    # If a validator changed the text first, pydantic calls it "Value", whatever its type.
    if kind == "string_too_long" or (kind == "too_long" and context.get("field_type") == "Value"):
        return Phrase("problems.too_long", {"count": _limit(context)})
    if kind == "too_long":
        return Phrase("problems.too_many", {"limit": _limit(context)})
    if kind == "string_pattern_mismatch":
        return Phrase(f"problems.{FORMS.get(str(context.get('pattern')), 'form')}")
    if kind == "list_type":
        return Phrase("problems.list", {"name": last})
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return Phrase("problems.table", {"name": last})
    if kind.startswith(("int", "float")):
        return Phrase("problems.number")
    if kind.startswith("bool"):
        return Phrase("problems.yes_or_no")
    if kind.startswith("string"):
        return Phrase("problems.text")
    return Phrase("problems.form")


def unknown_name(name: str, known: tuple[str, ...]) -> Phrase:
    """The sentence for an unknown setting, with the nearest valid name if there is one."""
    import difflib

    nearest = difflib.get_close_matches(name, known, n=1)
    if nearest:
        return Phrase("problems.unknown_nearest", {"name": name[:60], "nearest": nearest[0]})
    return Phrase("problems.unknown", {"name": name[:60]})


def _limit(context: Mapping[str, Any]) -> object:
    for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
        if name in context:
            limit = context[name]
            return int(limit) if isinstance(limit, float) and limit.is_integer() else limit
    return ""


def first_of(error: ValidationError, model: Any) -> tuple[Loc, Phrase]:
    """The location of the first error (for a missing value: where it is missing) and its message.

    pydantic includes the tag of a union in the location (`agents.0.workflow.version`). A settings file has no such
    step, so it is removed.
    """
    first = error.errors(include_url=False, include_input=False)[0]
    loc, known = _place(model, first["loc"])
    kind = first["type"]
    if kind.startswith("union_tag"):
        allowed = ", ".join(member.model_fields["kind"].default for member in _models_at(model, first["loc"]))
        return (*loc, "kind"), Phrase("problems.one_of", {"allowed": allowed})
    return (loc[:-1] if kind == "missing" else loc), problem_of(first, known)


def known_names(model: Any, loc: Loc) -> tuple[str, ...]:
    """The field names of the model at the parent of `loc`; () if it isn't one of our models."""
    return _place(model, loc)[1]


def _place(model: Any, loc: Loc) -> tuple[Loc, tuple[str, ...]]:
    """`loc` without the tags of unions, and the valid names for its last step."""
    plain: list[str | int] = []
    members: tuple[Any, ...] = (model,)
    names: tuple[str, ...] = ()
    for part in loc:
        if isinstance(part, int):
            plain.append(part)
            continue
        tagged = [member for member in members if _kind_of(member) == part]
        if len(members) > 1 and tagged:
            members = (tagged[0],)
            continue
        plain.append(part)
        names = tuple(dict.fromkeys(name for member in members for name in member.model_fields))
        fields = [member.model_fields[part] for member in members if part in member.model_fields]
        members = _models_in(fields[0].annotation) if fields else ()
    return tuple(plain), names


def _models_at(model: Any, loc: Loc) -> tuple[Any, ...]:
    """The members of the union at `loc`."""
    members: tuple[Any, ...] = (model,)
    for part in loc:
        if isinstance(part, str):
            fields = [member.model_fields[part] for member in members if part in member.model_fields]
            members = _models_in(fields[0].annotation) if fields else ()
    return members


def _kind_of(model: Any) -> object:
    field = model.model_fields.get("kind")
    return field.default if field is not None else None


def _models_in(annotation: Any) -> tuple[Any, ...]:
    """The models inside `list[Model]`, `Model | None`, `Annotated[A | B, …]`, or the annotation itself."""
    from typing import get_args

    if hasattr(annotation, "model_fields"):
        return (annotation,)
    return tuple(found for inner in get_args(annotation) for found in _models_in(inner))
