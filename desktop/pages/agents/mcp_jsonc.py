"""Reads JSON as people and editors write it: with comments, trailing commas, a code fence, or without outer braces.

Our own few lines instead of a JSON5 library: less is needed than JSON5, and bad input must report the line of its
mistake. The page limits the length. Pure functions.
"""

from __future__ import annotations

import json
import re
from typing import Any

_FENCE = re.compile(r"```[\w-]*[ \t\r]*")
# An unclosed string or comment is one token up to the end. Otherwise the search for its end would restart at every
# character.
_TOKEN = re.compile(
    r'"(?:[^"\\\n]|\\.)*"?|//[^\n]*|/\*(?:.*?\*/|.*)|#[^\n]*|,|[{}\[\]:]|[^\s"/,{}\[\]:#]+|\s+|.', re.DOTALL
)


def unfenced(text: str) -> str:
    """Remove a Markdown fence and a byte order mark, and straighten a word processor's quotation marks."""
    text = text.replace("\ufeff", "").replace("\u00a0", " ").strip()
    first, _, rest = text.partition("\n")
    if _FENCE.fullmatch(first) and rest.endswith("```"):
        text = rest[:-3].strip()
    return text if '"' in text else re.sub("[\u201c\u201d\u201e]", '"', text)


def parsed(text: str) -> Any:
    """Parse the text; the outer braces may be missing. Raises ValueError: a JSONDecodeError with the line of the
    mistake, or another one for text nested too deep."""
    plain = _plain(text)
    try:
        return _loaded(plain)
    except ValueError as error:
        if plain.lstrip()[:1] in ("{", "["):
            raise
        try:
            return _loaded(f"{{{plain.strip().rstrip(',')}}}")
        except ValueError:
            raise error from None


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, strict=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON."""
    raise ValueError(name)


def _plain(text: str) -> str:
    """Replace comments by spaces, so that lines keep their numbers, and drop commas before a closing bracket."""
    pieces: list[str] = []
    significant: list[int] = []
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token.startswith(("//", "/*", "#")):
            pieces.append("\n" * token.count("\n") or " ")
            continue
        if token in ("}", "]") and len(significant) >= 2 and pieces[significant[-1]] == ",":
            before = pieces[significant[-2]]
            if before not in ("{", "[", ",", ":"):
                pieces[significant[-1]] = " "
                significant.pop()
        if not token.isspace():
            significant.append(len(pieces))
        pieces.append(token)
    return "".join(pieces)
