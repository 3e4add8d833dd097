"""Puts the parts that pages share into a page's HTML while it is served.

A page names a part as an element, `<part-field id="model" label="endpoint.model"></part-field>`; its HTML is the file
`field.html` among the parts. There

- `{name}` is what the element's attribute `name` says; an attribute of the part that names one which the element lacks
  goes with it,
- `<slot></slot>` is where the element's content goes, and `<slot name="x"></slot>` its `<template slot="x">`; what
  stands in a slot is shown where the element gives nothing.

So the page has all its elements, under their ids, before a script has run. Knows no page and no part.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from desktop.common.errors import InternalError

PART = re.compile(r'<(/?)part-([a-z-]+)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>')
GIVEN = re.compile(r'([a-z-]+)(?:="([^"]*)")?')
ATTRIBUTE = re.compile(r'(?<!\s)\s+[a-z-]+="[^"{]*\{([a-z-]+)\}[^"]*"')
PLACE = re.compile(r"\{([a-z-]+)\}")
CONTENT = re.compile(r'<template slot="([a-z-]+)">([^<]*(?:<(?!/?template)[^<]*)*)</template>')
SLOT = re.compile(r'<slot(?: name="([a-z-]+)")?>([^<]*(?:<(?!/?slot)[^<]*)*)</slot>')
DEEPEST = 8
"""Parts inside parts: a part that holds itself ends here."""


def with_parts(html: str, read: Callable[[str], str], depth: int = 0) -> str:
    """`html` with every part put in. `read` gives the HTML of the part of a name, and raises OSError where there is
    none. Raises InternalError where a part is missing, lacks what it is about, is not closed, or holds itself."""
    if depth > DEEPEST:
        raise InternalError("a part of a page holds itself")
    around: list[tuple[str, dict[str, str], list[str]]] = [("", {}, [])]
    at = 0
    for tag in PART.finditer(html):
        closes, name, given = tag.groups()
        around[-1][2].append(html[at : tag.start()])
        at = tag.end()
        if not closes:
            around.append((name, dict(GIVEN.findall(given)), []))
            continue
        opened, attributes, pieces = around.pop()
        if opened != name:
            raise InternalError(f"part-{opened or name} of a page is not closed, or not opened")
        try:
            part = _part(read(name), attributes, "".join(pieces))
        except (OSError, LookupError) as error:
            raise InternalError(f"part-{name} of a page: {error}") from error
        around[-1][2].append(with_parts(part, read, depth + 1))
    if len(around) > 1:
        raise InternalError(f"part-{around[-1][0]} of a page is not closed")
    return "".join(around[0][2]) + html[at:]


def _part(html: str, given: dict[str, str], content: str) -> str:
    """One part, with what its element says; parts in it are still to be put in."""

    def attribute(found: re.Match[str]) -> str:
        return found.group() if found.group(1) in given else ""

    html = ATTRIBUTE.sub(attribute, html.strip())
    html = PLACE.sub(lambda found: given[found.group(1)], html)
    named = dict(CONTENT.findall(content))
    content = CONTENT.sub("", content)

    def slot(found: re.Match[str]) -> str:
        name, otherwise = found.groups()
        filled: str = content if name is None else named.get(name, "")
        return filled.strip() or str(otherwise)

    return SLOT.sub(slot, html)
