"""Reads the text of a call before anything in it is trusted: how large it is, how deep, then what it says.

Python's reader of JSON goes down as deep as its text, and gives up somewhere (RecursionError) without a word to the
page. Here depth and size are looked at in the text, in one pass, and what is too much of it is left out: what is left
still says whose call it was, so that it can be refused with an answer. Knows no engine and no page.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from types import SimpleNamespace
from typing import Any

DEEPEST = 200
"""Levels of lists and objects that a call, or an answer, may have. What reads JSON further on (pydantic's jiter) has
the same limit."""
LARGEST = 24 * 1024 * 1024
"""Characters of a call that are parsed at all; the bridge's own limits per method are far below."""
LOOKED_AT = 4
"""How many times as many are looked at, only to say that it is too large."""
ENVELOPES = (2, 1)
"""Levels of a too large call that are read: `{funcName, params: {page_key, id, method, …}, id}`, or its inner part."""
LONGEST_NAME = 4096
"""Characters of a text in it that are read: keys, ids and names of methods are shorter."""
LARGEST_ENVELOPE = 64 * 1024

_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A text with its quotes, or a bracket. A text without an end takes all the rest: each character is seen once."""


class Unread(Enum):
    """In the place of the parameters of a call that was not read whole: why."""

    TOO_DEEP = "too deep"
    TOO_LARGE = "too large"


def read(text: str, largest: int = LARGEST) -> Any:
    """What `text` says. Of a call that is too deep or too large the parameters are an `Unread`, all else is what it
    was, unless that, too, is too much. Raises ValueError for what is no JSON, or too much to look at."""
    if len(text) > largest:
        if len(text) > LOOKED_AT * largest:
            raise ValueError(f"{len(text)} characters")
        why = Unread.TOO_LARGE
        for levels in ENVELOPES:
            shorter = _cut(text, levels, LONGEST_NAME)
            if len(shorter) <= LARGEST_ENVELOPE:
                break
        else:
            raise ValueError(f"{len(text)} characters")
    elif is_deeper(text):
        why, shorter = Unread.TOO_DEEP, _cut(text, DEEPEST)
    else:
        return json.loads(text)
    found = json.loads(shorter)
    call = found.get("params") if isinstance(found, dict) and "funcName" in found else found
    if isinstance(call, dict):
        call["params"] = why
    return found


def is_deeper(text: str, levels: int = DEEPEST) -> bool:
    """Whether lists and objects in `text` go down more than `levels`. Nearly always told without looking closer."""
    if text.count("[") + text.count("{") <= levels:
        return False
    depth = 0
    for token in _TOKENS.finditer(text):
        mark = text[token.start()]
        if mark in "[{":
            depth += 1
            if depth > levels:
                return True
        elif mark in "]}":
            depth -= 1
    return False


def _cut(text: str, levels: int, longest: int | None = None) -> str:
    """`text` with null in the place of each list and object below `levels`, and an empty text in that of each over
    `longest` characters, which may be a name. As valid as before, but for what it leaves out."""
    kept: list[str] = []
    depth = since = 0
    for token in _TOKENS.finditer(text):
        mark = text[token.start()]
        if mark in "[{":
            depth += 1
            if depth == levels + 1:
                kept += (text[since : token.start()], "null")
        elif mark in "]}":
            if depth == levels + 1:
                since = token.end()
            depth -= 1
        elif longest is not None and depth <= levels and token.end() - token.start() > longest:
            kept += (text[since : token.start()], '""')
            since = token.end()
    if depth <= levels:
        kept.append(text[since:])
    return "".join(kept)


JSON = SimpleNamespace(loads=read, dumps=json.dumps)
"""For a module of pywebview's that reads calls by itself, in the place of its `json`."""
