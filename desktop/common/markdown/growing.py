"""A text that is being written: which of its blocks are final, and how much of the last one can be shown already.

Half a formula, a link or the mark of a fence would stand there as raw signs and turn into something else a moment
later; it is held back until it is whole, or too long to be one. Bold words are shown bold before their end has come.
None of this outlives the text's end: the finished text is rendered as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop.common.markdown.formulas import CLOSERS, LONGEST, formula_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

MONEY = re.compile(r"\$\d[\d.,]*[kKmMbB]?(?=[\s)]|$)")
SHORT = 200
"""Characters after a single dollar, within its line, that may still become a formula."""
CODE = 120
"""Characters after a backtick that may still become code."""
LOOKED_AT = 6_000
"""Characters at the end of a text in which something may be half written."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_BLANK = re.compile(r"(?:\r\n|\r|\n)[ \t>]*(?:\r\n|\r|\n)")
_FENCE_LINE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?:`+[^`]*|~{2,}[^~]*)")
_MARK = re.compile(r"\\[(\[]|\\.|\$\$?|`+", re.DOTALL)
_HALF = re.compile(
    r"(?:!?\[[^\]\n]{0,100}(?:\]\(?[^)\s]{0,300})?|</?[A-Za-z]{0,8}|</?details[^>\n]{0,10}|<summary>[^\n]{0,300}"
    r"|&#?\w{0,10}|(?:^|(?<=\s))[*_~]{1,3}|\\)\Z"
)
_BOLD = re.compile(r"\*\*(?=[^\s*])|(?<=[^\s*])\*\*")
_OWN_TAG = re.compile(r"<(/?)(sub|sup|kbd)>", re.IGNORECASE)


@dataclass(frozen=True)
class Shown:
    """How a growing text is to be parsed. `settled`: characters at its beginning whose blocks are final."""

    text: str
    """What can be shown, with the end that it does not have yet."""
    settled: int
    held: bool
    """Whether the last characters wait for more."""
    code: bool
    """Whether the text ends inside code."""


def shown(text: str, tokens: Sequence[Token]) -> Shown:
    """What of a text is shown; `tokens` is how it parses as it stands."""
    lines = _LINE_END.split(text)
    settled, last = _settled(text, tokens, len(lines) - 1)
    in_code = _in_fence(tokens, lines)
    # The line that is being written, where it may be or become the mark of a fence.
    end = len(text) - len(lines[-1]) if _FENCE_LINE.fullmatch(lines[-1]) else len(text)
    if in_code:
        return Shown(text[:end], settled, end < len(text), code=True)
    block = text[last:end]
    if _half_table(block):
        end = last
    elif end == len(text):
        end = _whole(text, max(last, end - LOOKED_AT), end)
    visible = text[:end]
    return Shown(visible[:last] + _closed(visible[last:]), settled, end < len(text), code=False)


def _settled(text: str, tokens: Sequence[Token], whole_lines: int) -> tuple[int, int]:
    """Where the last final block ends, and where the block begins that is being written; as offsets in the text."""
    starts = [
        token.map[0]
        for token in tokens
        # A line that is not complete may still turn out to belong to the block before it ("*" becomes "**bold**").
        if token.level == 0 and token.nesting >= 0 and token.map and token.map[0] < whole_lines
    ]
    last = starts[-1] if starts else 0
    run = _run(text)
    written = text[run:]
    if any(mark in written for mark in ("$$", "\\[", "|")):
        # What looks like several blocks may still become one: a formula's lines, "- b" among them.
        first = len(_LINE_END.findall(text, 0, run)) if run else 0
        starts = [start for start in starts if start <= first]
    final = starts[-1] if starts else 0
    return _offset(text, final), _offset(text, last)


def _run(text: str) -> int:
    """Where the lines begin that no blank line divides from the end."""
    at = 0
    for found in _BLANK.finditer(text):
        at = found.end()
    return at


def _offset(text: str, line: int) -> int:
    """Where a line begins; lines end as markdown-it sees them."""
    at = 0
    for _ in range(line):
        found = _LINE_END.search(text, at)
        if found is None:
            return len(text)
        at = found.end()
    return at


def _in_fence(tokens: Sequence[Token], lines: list[str]) -> bool:
    """Whether the text ends inside code between fences."""
    leaf = next((token for token in reversed(tokens) if token.nesting == 0), None)
    if leaf is None or leaf.type != "fence" or not leaf.map:
        return False
    first, end = leaf.map
    last = lines[min(end, len(lines)) - 1].strip(" \t>")
    closed = end - first > 1 and last.startswith(leaf.markup) and not last.strip(leaf.markup[0])
    return not closed and end >= len(lines) - 1


def _half_table(block: str) -> bool:
    """Whether a block may be the head of a table whose second line is not complete."""
    lines = _LINE_END.split(block)
    return len(lines) < 3 and lines[0].lstrip(" ").startswith("|") and lines[-1][:1] in ("", "|", ":", "-", " ")


def _whole(text: str, start: int, end: int) -> int:
    """Up to where the text from `start` on has nothing that is half written."""
    at = max(start, _run(text))
    while found := _MARK.search(text, at, end):
        mark, at = found[0], found.start()
        if mark[0] == "`":
            after = re.compile(rf"(?<!`){mark}(?!`)").search(text, found.end(), end)
            if not after and end - at <= CODE:
                return at
            at = after.end() if after else found.end()
        elif mark in CLOSERS or mark == "$":
            formula = formula_at(text, at, end)
            if formula:
                # "$a$" and a figure after it are no formula: what stands at the very end is not known yet.
                if formula[0] == end and mark == "$":
                    return at
                at = formula[0]
            elif _may_become(text, at, end, mark):
                return at
            else:
                at = found.end()
        else:
            at = found.end()
    half = _HALF.search(text, max(start, end - 500), end)
    return half.start() if half else end


def _may_become(text: str, at: int, end: int, mark: str) -> bool:
    """Whether a formula that has no end yet may have one soon."""
    rest = text[at:end]
    if mark != "$":
        return CLOSERS[mark] not in rest[2:] and len(rest) <= LONGEST
    if at and text[at - 1].isalnum():
        return False
    if MONEY.match(rest) and not re.fullmatch(r"\$[\d.,]*[kKmMbB]?", rest):
        return False
    return not rest[1:2].isspace() and "\n" not in rest and "$" not in rest[1:] and len(rest) <= SHORT


def _closed(block: str) -> str:
    """A block whose bold words and small elements end where it ends for now."""
    line = re.sub(r"`[^`\n]*`", "", block[_run(block) :])
    if line.startswith((" " * 4, "\t")):
        return block
    end, closers = block.rstrip(), ""
    for found in _OWN_TAG.finditer(line):
        tag = f"</{found[2]}>"
        closers = closers.replace(tag, "", 1) if found[1] else tag + closers
    if len(_BOLD.findall(line)) % 2 and not end.endswith("**"):
        end, closers = end.removesuffix("*"), f"{closers}**"
    return f"{end}{closers}{block[len(block.rstrip()) :]}" if closers else block
