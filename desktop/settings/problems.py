"""pydantic's complaints about settings as phrases of the text catalogue, never with the value itself.

A value may be a secret that was put in the wrong place, so it is not repeated anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from desktop.errors import Phrase

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_FORMS = {
    "workflow_id": Phrase("errors.problem.workflow_id"),
    "version": Phrase("errors.problem.workflow_version"),
    "primary": Phrase("errors.problem.colour"),
    "background": Phrase("errors.problem.colour"),
    "foreground": Phrase("errors.problem.colour"),
    "accent": Phrase("errors.problem.colour"),
    "light": Phrase("errors.problem.colour"),
    "dark": Phrase("errors.problem.colour"),
}


def problem_of(error: ErrorDetails, known: tuple[str, ...] = ()) -> Phrase:
    """What is wrong, as a sentence. `known`: the names that would be right where an unknown one was met."""
    kind, context = error["type"], error.get("ctx", {})
    last = next((str(part) for part in reversed(error["loc"]) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        return unknown_name(last, known)
    if kind == "missing":
        return Phrase("errors.problem.missing", {"name": last})
    if kind == "literal_error":
        return Phrase("errors.problem.one_of", {"allowed": str(context.get("expected", "")).replace("'", "")})
    if kind == "string_too_short":
        return Phrase("errors.problem.too_short", {"limit": _limit(context)})
    if kind == "too_short":
        return Phrase("errors.problem.too_few", {"limit": _limit(context)})
    if kind in ("greater_than_equal", "greater_than"):
        return Phrase("errors.problem.at_least", {"limit": _limit(context)})
    if kind in ("less_than_equal", "less_than"):
        return Phrase("errors.problem.at_most", {"limit": _limit(context)})
    if kind == "string_too_long":
        return Phrase("errors.problem.too_long", {"limit": _limit(context)})
    if kind == "too_long":
        return Phrase("errors.problem.too_many", {"limit": _limit(context)})
    if kind == "string_pattern_mismatch":
        return _FORMS.get(last, Phrase("errors.problem.form"))
    if kind.startswith(("int", "float")):
        return Phrase("errors.problem.number")
    if kind.startswith("bool"):
        return Phrase("errors.problem.yes_or_no")
    if kind.startswith("string"):
        return Phrase("errors.problem.text")
    return Phrase("errors.problem.form")


def unknown_name(name: str, known: tuple[str, ...]) -> Phrase:
    """That there is no such setting, with the nearest right name where there is one."""
    import difflib

    nearest = difflib.get_close_matches(name, known, n=1)
    if nearest:
        return Phrase("errors.problem.unknown_nearest", {"name": name[:60], "nearest": nearest[0]})
    return Phrase("errors.problem.unknown", {"name": name[:60]})


def _limit(context: Mapping[str, Any]) -> object:
    for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
        if name in context:
            return context[name]
    return ""


def known_names(model: Any, loc: tuple[str | int, ...]) -> tuple[str, ...]:
    """The field names of the model that the parent of `loc` stands for; () where it is no model of ours."""
    current: Any = model
    for part in loc[:-1]:
        if isinstance(part, int):
            continue
        field = getattr(current, "model_fields", {}).get(part)
        current = _model_in(field.annotation) if field is not None else None
    return tuple(getattr(current, "model_fields", {}))


def _model_in(annotation: Any) -> Any:
    """The model inside `list[Model]`, `Model | None`, `Annotated[Model, …]`, or the annotation itself."""
    from typing import get_args

    if hasattr(annotation, "model_fields"):
        return annotation
    for inner in get_args(annotation):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
