"""Numbers in what comes from outside, and how far a page follows them: a place in a list is where the next one is made,
and a page that makes two thousand million of them hangs. Pure; knows the protocol's fields, no SDK.
"""

from __future__ import annotations

import json
import math
from typing import Any

PLACES = {"content_index": 200, "annotation_index": 10_000, "task_index": 10_000}
"""Fields that say where in a list an update belongs: parts of a message, its sources, the steps of a workflow."""
MOST_DIGITS = 300
"""Of a whole number; JavaScript knows none that is longer."""
DEEPEST = 100
"""Nesting: a page walks widgets by calling itself."""


def parsed(text: str | bytes) -> Any:
    """JSON from outside, as a page can take it. What is no number there (NaN, 1e999) is null.

    Raises ValueError for what is no JSON, for a place out of bounds, and for what is nested too deep.
    """
    try:
        found = json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=lambda _name: None)
    except RecursionError:
        raise ValueError("nested too deep") from None
    _check(found)
    return found


def places_fit(update: object) -> bool:
    """Whether every place that an update of the SDK's names is within its bounds."""
    return all(_fits(name, getattr(update, name, None)) for name in PLACES)


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= MOST_DIGITS else None


def _real(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _check(found: Any) -> None:
    level = [found] if _holds(found) else []
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                for name, value in one.items():
                    if not _fits(name, value):
                        raise ValueError(f"{name} is out of bounds")
            inner += [value for value in (one.values() if isinstance(one, dict) else one) if _holds(value)]
        if not inner:
            return
        level = inner
    raise ValueError("nested too deep")


def _holds(value: object) -> bool:
    return isinstance(value, dict | list)


def _fits(name: str, value: object) -> bool:
    if name not in PLACES or value is None:
        return True
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= PLACES[name]
