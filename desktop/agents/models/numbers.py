"""Checks numbers in JSON from outside: a page that gets an index of two billion would create that many entries and
hang. Pure; knows the protocol's fields, no SDK.
"""

from __future__ import annotations

import json
import math
from typing import Any

PLACES = {"content_index": 200, "annotation_index": 10_000, "task_index": 10_000}
"""Fields that are an index into a list: parts of a message, its sources, steps of a workflow."""
MOST_DIGITS = 300
"""Digits of an integer; JavaScript has no longer ones."""
DEEPEST = 100
"""Levels of nesting: a page walks widgets recursively."""


def parsed(text: str | bytes) -> Any:
    """Parse JSON from outside so that a page can handle it. Numbers JavaScript lacks (NaN, 1e999) become null.

    Raises ValueError if it isn't JSON, if an index is out of bounds, or if it is nested too deep.
    """
    try:
        found = json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=lambda _name: None)
    except RecursionError:
        raise ValueError("nested too deep") from None
    _check(found)
    return found


def places_fit(update: object) -> bool:
    """Whether every index in an update of the SDK is within its bounds."""
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
