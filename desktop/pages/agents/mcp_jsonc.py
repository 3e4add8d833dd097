"""JSON as people and editors write it: with comments, trailing commas, a fence around it, or as a part of a file. Pure.

An own reader of some lines in place of a JSON5 library: what has to be taken is less than JSON5, and bad input has to
end in the line of its mistake. Bounded by the length that the page takes.
"""

from __future__ import annotations

import json
import re
from typing import Any

_FENCE = re.compile(r"```[\w-]*[ \t\r]*")
# What never closes is one token to its end: who looks for the end from every place again never comes to one.
_TOKEN = re.compile(
    r'"(?:[^"\\\n]|\\.)*"?|//[^\n]*|/\*(?:.*?\*/|.*)|#[^\n]*|,|[{}\[\]:]|[^\s"/,{}\[\]:#]+|\s+|.', re.DOTALL
)


def unfenced(text: str) -> str:
    """Without the fence of Markdown, a byte order mark, or the quotation marks that a word processor makes."""
    text = text.replace("\ufeff", "").replace("\u00a0", " ").strip()
    first, _, rest = text.partition("\n")
    if _FENCE.fullmatch(first) and rest.endswith("```"):
        text = rest[:-3].strip()
    return text if '"' in text else re.sub("[\u201c\u201d\u201e]", '"', text)


def parsed(text: str) -> Any:
    """What the text says; braces around the whole may be missing. Raises ValueError: a JSONDecodeError with the line of
    the mistake, or RecursionError's kin for what is nested beyond reason."""
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
    """NaN and Infinity are Python's, and no JSON."""
    raise ValueError(name)


def _plain(text: str) -> str:
    """Comments become blanks, so that lines stay where they are; a comma before a closing bracket goes."""
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
