"""F-strings of Python 3.12 for the Python before it: Agent Builder writes f"{result["output_text"]}" into approvals.

Quotes inside of braces change, nothing else: every line and column stays where it is, and so does what is approved.
"""

from __future__ import annotations

import re

OPENING = re.compile(r"(?<!\w)([rR]?[fF]|[fF][rR])?(\"\"\"|'''|\"|')|#")


def plain(text: str) -> str | None:
    """`text` with quotes of one kind inside of f-strings of the other; None where there is nothing to change."""
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
    """Where the string that begins before `place` ends, and what it is to be."""
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
            break  # no string after all
        else:
            place += 1
    return place, text[start:place] if not made else "".join(made) + text[kept:place]


def _field(text: str, place: int) -> int:
    """Behind the brace that ends the field whose inside begins at `place`."""
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
    """The field with the other quote, where it uses the string's own and the other is free."""
    other = "'" if quote == '"' else '"'
    return field.replace(quote, other) if len(quote) == 1 and quote in field and other not in field else field
