"""Reads the text of a call from a page: checks its size and depth first, then parses it.

Python's JSON parser recurses as deep as the text and may raise RecursionError, and the page would get no answer. This
module measures depth and size in one pass over the text and cuts out what is too much. The rest still says which call
it was, so it can be refused with an answer. Knows no engine and no page.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from types import SimpleNamespace
from typing import Any

DEEPEST = 200
"""Levels of lists and objects that a call or an answer may have. pydantic's parser (jiter) has the same limit."""
LARGEST = 24 * 1024 * 1024
"""The longest call that is parsed, in characters. The bridge's limits per method are far lower."""
LOOKED_AT = 4
"""A call up to this many times as long is scanned, only to answer that it is too large."""
ENVELOPES = (2, 1)
"""Levels read of a call that is too large: `{funcName, params: {page_key, id, method, …}, id}`, or its inner part."""
LONGEST_NAME = 4096
"""The longest string read in it, in characters: keys, ids and method names are shorter."""
LARGEST_ENVELOPE = 64 * 1024

_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A string with its quotes, or a bracket. An unterminated string matches to the end: each character is seen once."""


class Unread(Enum):
    """Stands in for parameters that were not read, and says why."""

    TOO_DEEP = "too deep"
    TOO_LARGE = "too large"


def read(text: str, largest: int = LARGEST) -> Any:
    """Parse `text`. If a call is too deep or too large, its parameters are an `Unread` and the rest is kept, unless
    that is too much as well. Raises ValueError if it isn't JSON or is too long to scan."""
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
    """Whether lists and objects in `text` are nested deeper than `levels`. Nearly always settled by a quick count."""
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
    """`text` with null for each list and object below `levels`, and an empty string for each string (or name) of more
    than `longest` characters. Still as valid as before."""
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
"""Replaces `json` in a pywebview module that parses calls itself."""
