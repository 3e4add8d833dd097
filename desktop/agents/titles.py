"""Titles of chats. The first words always do; a model may find better ones, beside the answer and never in its way."""

from __future__ import annotations

import re

LONGEST = 60
"""Characters of a title."""


def first_words(text: str) -> str:
    """The beginning of a message as a title: one line, whole words, an ellipsis where more follows."""
    line = " ".join(re.sub(r"[#*_`>|]+", " ", text).split())
    if len(line) <= LONGEST:
        return line
    cut = line[: LONGEST - 1]
    whole = cut.rsplit(" ", 1)[0] if " " in cut[LONGEST // 2 :] else cut
    return f"{whole.rstrip(' ,;:.-–—')}…"


def tidy(text: str) -> str:
    """What a model gave as a title, without quotes, a label or a full stop; empty where nothing is left."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"^(?:title|titre)\s*:\s*", "", line, flags=re.IGNORECASE).strip(" \"'“”«»„‟*#\u202f\u00a0")
    return first_words(line.rstrip("."))
