"""Markdown of the help as lines for a terminal: no marks but those that help to read, wrapped at its width."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from desktop.common.rendering import parsed

if TYPE_CHECKING:
    from markdown_it.token import Token

_TOPIC = re.compile(r"([a-z0-9-]+)\.md(?:#([\w-]+))?")
CODE = "    "
"""Before each line of a block of code."""


def lines(markdown: str, width: int) -> Iterator[str]:
    """The text in lines of at most `width` characters, where words and code allow."""
    blocks = list(_blocks(parsed(markdown), width))
    for number, (kind, block) in enumerate(blocks):
        # The items of a list stand close together.
        if number and not (kind == "item" and blocks[number - 1][0] == "item"):
            yield ""
        yield from block


def _blocks(tokens: Sequence[Token], width: int) -> Iterator[tuple[str, list[str]]]:
    lists: list[Iterator[int] | None] = []
    mark = ""
    """What stands before the first line of the paragraph that follows."""
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.type == "heading_open":
            words = _words(tokens[index + 1])
            sign = {"h1": "=", "h2": "-"}.get(token.tag, "")
            yield "heading", [words, sign * min(len(words), width)] if sign else [words]
            index += 2
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            start = int(token.attrGet("start") or 1)
            lists.append(iter(range(start, start + 1000)) if token.type == "ordered_list_open" else None)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            counted = lists[-1]
            mark = f"{next(counted)}. " if counted is not None else "- "
        elif token.type == "inline":
            words = _words(token)
            inner = "  " * len(lists)
            if words:
                first = inner[: -len("- ")] + mark if mark else inner
                yield "item" if mark else "text", _wrapped(words, width, first, " " * len(first) if mark else inner)
            mark = ""
        elif token.type in ("fence", "code_block"):
            yield "code", [f"{CODE}{line}" for line in token.content.rstrip("\n").split("\n")]
        elif token.type == "table_open":
            end = next(at for at in range(index, len(tokens)) if tokens[at].type == "table_close")
            yield "table", _table(tokens[index:end], width)
            index = end
        index += 1


def _wrapped(words: str, width: int, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        words, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _table(tokens: Sequence[Token], width: int) -> list[str]:
    """A row each: its first cell on a line of its own, the others below it, with their column's name."""
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_words(token))
    head, *body = rows
    made: list[str] = []
    for first, *others in body:
        made += _wrapped(first, width, "", "  ")
        for name, cell in zip(head[1:], others, strict=False):
            if cell:
                made += _wrapped(f"{name}: {cell}" if name else cell, width, "  ", "    ")
    return made


def _words(token: Token) -> str:
    """The words of a line; where a link leads stands after it, pictures are left out."""
    said: list[str] = []
    leads: list[str] = []
    for child in token.children or ():
        if child.type in ("text", "code_inline"):
            said.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            said.append(" ")
        elif child.type == "link_open":
            leads.append(_lead(child))
            said.append("")
        elif child.type == "link_close":
            to = leads.pop()
            said.append(f" ({to})" if to and said[-1] != to else "")
    return "".join(said).strip()


def _lead(token: Any) -> str:
    address = str(token.attrGet("href") or "")
    found = _TOPIC.fullmatch(address)
    return f"help {found[2] or found[1]}" if found else address
