"""When models are retired, according to an endpoint's list of models, and what could replace them. Pure.

OpenAI's `GET /v1/models` has a `shutdown_date` for a model whose end is announced (openai 3.57, `types/model.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from desktop.agents.models.names import for_chat

AHEAD = 30
"""Days before a model's end from which a notice is shown."""
MOST_OFFERED = 5
_TIERS = ("nano", "mini", "pro", "codex", "luna", "terra", "sol", "astra")


def ends(listed: Iterable[Mapping[str, Any]]) -> dict[str, date]:
    """{model: its last day}, from the entries of a list of models."""
    found = {}
    for entry in listed:
        day = _day(entry.get("shutdown_date"))
        if day is not None and isinstance(entry.get("id"), str):
            found[entry["id"]] = day
    return found


def _day(value: object) -> date | None:
    """Parse a date ("2026-12-11", with or without a time); None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value.strip()).date()
    except ValueError:
        return None


def ending(models: Iterable[str], known: Mapping[str, date], today: date) -> dict[str, date]:
    """Models that have ended or will within `AHEAD` days, with their last day."""
    return {model: known[model] for model in models if model in known and (known[model] - today).days <= AHEAD}


def in_place_of(model: str, listed: Iterable[Mapping[str, Any]], today: date) -> list[str]:
    """Models of a list that could replace one: of the same size, if the names show it, newest first. None that ends
    soon or can't chat; at most `MOST_OFFERED`."""
    entries = {entry["id"]: entry for entry in listed if isinstance(entry.get("id"), str)}
    gone = ending(entries, ends(entries.values()), today)
    fitting = [name for name in for_chat(list(entries)) if name not in gone and name != model and not _is_dated(name)]
    size = _size(model)

    def order(name: str) -> tuple[bool, float]:
        created = entries[name].get("created")
        return (_size(name) != size, -float(created) if isinstance(created, int | float) else 0.0)

    return sorted(fitting, key=order)[:MOST_OFFERED]


def _size(model: str) -> str:
    parts = model.lower().split("-")
    return next((tier for tier in _TIERS if tier in parts), "")


def _is_dated(model: str) -> bool:
    """Whether it is a snapshot ("gpt-5.4-mini-2026-03-17"), which ends before its model."""
    return re.search(r"-\d{4}-\d{2}-\d{2}$", model) is not None
