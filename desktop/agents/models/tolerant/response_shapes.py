"""The parts of a Responses answer: an item's state, and the fields OpenAI always sends and others omit."""

from __future__ import annotations

import json
from typing import Any

from desktop.agents.models.tolerant import shapes
from desktop.agents.models.tolerant.shapes import Json
from desktop.agents.models.tolerant.thoughts import Thoughts

DEFAULTS: dict[str, Json] = {
    "web_search_call": {"action": {"type": "search", "query": ""}},
    "file_search_call": {"queries": [], "results": None},
    "code_interpreter_call": {"code": None, "outputs": None, "container_id": ""},
    "image_generation_call": {"result": None},
    "reasoning": {"summary": []},
}
"""The minimal fields of an item of this type."""


class Item:
    """An unfinished output item: the server's name for it, and its state."""

    def __init__(self, number: str, kind: str, place: int) -> None:
        self.id = number
        self.kind = kind
        self.place = place
        self.named = False
        """Whether the server gave its id. Otherwise it is ours."""
        self.told = False
        """Whether its start was passed on."""
        self.part = False
        """Whether the start of its text was passed on."""
        self.done = False
        self.text: list[str] = []
        self.heard: list[str] = []
        """The text as the server sent it, with tags."""
        self.source = ""
        """Whether reasoning came as `summary` or as `text`. If both, the summary is shown."""
        self.more: Json = {}
        """Other fields of a message (its phase)."""
        self.thoughts = Thoughts()
        self.halves = shapes.Halves()
        self.annotations: list[Any] = []
        self.summaries: set[int] = set()
        self.call: Json = {}
        self.whole: Json | None = None
        """Its final form."""


def present(given: Json) -> Json:
    """The fields that are not null."""
    return {name: value for name, value in given.items() if value is not None}


def complete(arguments: str) -> bool:
    """Whether a call's arguments are complete."""
    try:
        json.loads(arguments)
    except ValueError:
        return False
    return True


def usage(given: object) -> Json | None:
    """Token counts, whatever their names; None if there are none."""
    if not isinstance(given, dict):
        return None
    counts = {
        name: shapes.number(given.get(name, given.get(other)))
        for name, other in (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"))
    }
    inner, outer = given.get("input_tokens_details"), given.get("output_tokens_details")
    inner, outer = inner if isinstance(inner, dict) else {}, outer if isinstance(outer, dict) else {}
    return {
        **counts,
        "total_tokens": shapes.number(given.get("total_tokens")) or sum(counts.values()),
        "input_tokens_details": {
            "cached_tokens": shapes.number(inner.get("cached_tokens")),
            "cache_write_tokens": shapes.number(inner.get("cache_write_tokens")),
        },
        "output_tokens_details": {"reasoning_tokens": shapes.number(outer.get("reasoning_tokens"))},
    }
