"""Compares two versions of a file, for a person who is asked for consent again."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

AROUND = 3
"""Unchanged lines shown around a change."""
MOST_COMPARED = 4_000
"""The most lines between the first change and the last; comparing more may take long."""
MOST_LINES = 2_000
MOST_TEXT = 200_000
"""The most characters shown."""


@dataclass(frozen=True)
class Line:
    """`gap` stands for omitted unchanged lines and has no text. `number`: the line number in the new text, 0 for a
    removed line."""

    kind: Literal["same", "new", "gone", "gap"]
    text: str
    number: int


@dataclass(frozen=True)
class Changes:
    lines: list[Line]
    cut: bool
    """Whether there are more changes."""


def compare(before: str, now: str) -> Changes | None:
    """The changes from top to bottom; None if there is too much to compare."""
    old, new = before.splitlines(), now.splitlines()
    top = _same(old, new)
    end = _same(old[top:][::-1], new[top:][::-1])
    near = max(0, top - AROUND)
    behind = max(0, end - AROUND)
    old, new = old[near : len(old) - behind], new[near : len(new) - behind]
    if len(old) + len(new) > MOST_COMPARED:
        return None
    lines: list[Line] = []
    at = 0
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(AROUND):
        if near + group[0][3] > at:
            lines.append(Line("gap", "", 0))
        for kind, a, b, c, d in group:
            if kind == "equal":
                lines += [Line("same", new[i], near + i + 1) for i in range(c, d)]
                continue
            lines += [Line("gone", text, 0) for text in old[a:b]]
            lines += [Line("new", new[i], near + i + 1) for i in range(c, d)]
        at = near + group[-1][4]
    if lines and at < len(now.splitlines()):
        lines.append(Line("gap", "", 0))
    return _bounded(lines)


def _same(one: list[str], other: list[str]) -> int:
    """How many lines are equal at the beginning."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _bounded(lines: list[Line]) -> Changes:
    size = 0
    for index, line in enumerate(lines):
        size += len(line.text)
        if index >= MOST_LINES or size > MOST_TEXT:
            return Changes(lines[:index], cut=True)
    return Changes(lines, cut=False)
