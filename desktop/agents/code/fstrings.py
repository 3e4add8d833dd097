"""Rewrites Python 3.12 f-strings for Python 3.11: Agent Builder exports f"{result["output_text"]}" in approvals.

Only quotes inside braces change. Every line and column stays the same, and so does what was approved.
"""

from __future__ import annotations

import re

OPENING = re.compile(r"(?<!\w)([rR]?[fF]|[fF][rR])?(\"\"\"|'''|\"|')|#")


def plain(text: str) -> str | None:
    """`text` with the other kind of quotes inside f-strings; None if nothing changes."""
    found: list[str] = []
    place = 0
    while (opening := OPENING.search(text, place)) is not None:
        found.append(text[place : opening.end()])
        place = opening.end()
        if opening[0] == "#":
            place = _line_end(text, place)
            found.append(text[opening.end() : place])
            continue
        end, inner = _string(text, place, opening[2], formatted=bool(opening[1]))
        found.append(inner)
        place = end
    changed = "".join(found) + text[place:]
    return changed if changed != text else None


def _line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end


def _string(text: str, place: int, quote: str, *, formatted: bool) -> tuple[int, str]:
    """The end of the string that begins before `place`, and its new text."""
    start, made, kept = place, [], place
    while place < len(text):
        if text.startswith(quote, place):
            place += len(quote)
            break
        if text[place] == "\\" or (formatted and text.startswith(("{{", "}}"), place)):
            place += 2
        elif formatted and text[place] == "{":
            end = _field(text, place + 1)
            made += [text[kept:place], _requoted(text[place:end], quote)]
            place = kept = end
        elif text[place] == "\n" and len(quote) == 1:
            break  # not a string after all
        else:
            place += 1
    return place, text[start:place] if not made else "".join(made) + text[kept:place]


def _field(text: str, place: int) -> int:
    """The position after the brace that closes the field starting at `place`."""
    depth = 1
    while place < len(text) and depth:
        character = text[place]
        if character in "\"'":
            quote = text[place : place + 3] if text.startswith((3 * '"', 3 * "'"), place) else character
            place, _ = _string(text, place + len(quote), quote, formatted=False)
            continue
        depth += {"{": 1, "}": -1}.get(character, 0)
        place += 1
    return place


def _requoted(field: str, quote: str) -> str:
    """The field with the other kind of quotes, if it uses the string's own and the other kind is free."""
    other = "'" if quote == '"' else '"'
    return field.replace(quote, other) if len(quote) == 1 and quote in field and other not in field else field
