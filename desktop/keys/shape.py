"""Recognises an API key, and what people paste by mistake. Pure text; never repeats its input."""

from __future__ import annotations

import re

from desktop.common.errors import Phrase
from desktop.keys.errors import KeyShape

OPENAI_ORIGIN = "https://api.openai.com"

SHORTEST = 20
"""The shortest plausible key, in characters; OpenAI's have at least 51."""

LONGEST = 1000

_AROUND = " \t\r\n\f\v\u00a0\u202f\u200b\u200c\u200d\u2060\ufeff\"'`“”‘’«»;,"
_BEFORE = re.compile(
    r"^(?:export\s+|set\s+|\$env:)?[A-Z][A-Z0-9_]*_KEY\s*[=:]\s*|^authorization\s*:\s*|^bearer\s+", re.IGNORECASE
)
_MASKED = re.compile(r"…|\.\.\.|\*{2,}|[•●]{2,}|x{8,}", re.IGNORECASE)


def normalise_key(text: str, origin: str = OPENAI_ORIGIN) -> str:
    """The key in `text`, without anything copied along with it (quotes, spaces, `Bearer `, `OPENAI_API_KEY=`).

    Raises KeyShape with a problem that says what it is instead. For other origins than OpenAI's, a key may be any
    single word that no other part of the app could misread.
    """
    key = _bare(text)
    problem = _problem(key, strict=origin == OPENAI_ORIGIN)
    if problem is not None:
        raise KeyShape(problem=problem, field="key")
    return key


def _bare(text: str) -> str:
    key = text[: LONGEST * 10]
    while True:
        shorter = _BEFORE.sub("", key.strip(_AROUND), count=1)
        if shorter == key:
            return key
        key = shorter


def _problem(key: str, *, strict: bool) -> Phrase | None:
    if not key:
        return Phrase("problems.key.empty")
    if key.startswith("wf_"):
        return Phrase("problems.key.workflow_id")
    if key.startswith(("ek_", "cksess_")):
        return Phrase("problems.key.client_secret")
    if _MASKED.search(key):
        return Phrase("problems.key.masked")
    if re.search(r"\s", key):
        return Phrase("problems.key.spaces")
    if len(key) > LONGEST:
        return Phrase("problems.key.too_long")
    if not all(33 <= ord(char) < 127 for char in key):
        return Phrase("problems.key.characters")
    return _problem_for_openai(key) if strict else None


def _problem_for_openai(key: str) -> Phrase | None:
    if key.startswith("sk-ant-"):
        return Phrase("problems.key.other_service", {"service": "Anthropic"})
    if key.startswith("sk-or-"):
        return Phrase("problems.key.other_service", {"service": "OpenRouter"})
    if key.startswith("sk-admin-"):
        return Phrase("problems.key.admin")
    if key.startswith(("org-", "proj_", "user-")):
        return Phrase("problems.key.organisation")
    if "@" in key:
        return Phrase("problems.key.address")
    if not key.startswith("sk-"):
        return Phrase("problems.key.beginning")
    if len(key) < SHORTEST:
        return Phrase("problems.key.too_short")
    return None if re.fullmatch(r"[A-Za-z0-9_-]+", key) else Phrase("problems.key.characters")
