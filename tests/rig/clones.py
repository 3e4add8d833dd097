"""Finds code that stands twice: runs of equal tokens in the pages, the app and the tests.

`python -m tests.rig.clones`, part of `make check`, prints every clone with both its places, and ends with 1 where there
is one. Comments, docstrings, imports and white space do not count; names and values do, so code that only has the same
shape is not found. Python is read by its own tokenizer, the rest by Pygments.
"""

from __future__ import annotations

import ast
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Limit(NamedTuple):
    """What is a clone: at least so many equal tokens in a row, on at least so many lines in both places."""

    tokens: int
    lines: int


@dataclass(frozen=True)
class Area:
    """Folders that are looked at together: what stands in two of them is found, too."""

    folders: tuple[str, ...]
    kinds: tuple[str, ...]
    limit: Limit


AREAS = (
    Area(("desktop", "assets"), (".py",), Limit(60, 8)),
    Area(("assets/pages", "assets/export"), (".js", ".css", ".html"), Limit(50, 6)),
    Area(("tests",), (".py", ".js", ".css", ".html"), Limit(100, 12)),
)
LEFT_OUT = ("node_modules",)


class Token(NamedTuple):
    text: str
    file: str
    line: int
    """The first is 1."""


class Clone(NamedTuple):
    """Lines of two places, each with both ends."""

    tokens: int
    file: str
    lines: tuple[int, int]
    other_file: str
    other_lines: tuple[int, int]

    def __str__(self) -> str:
        first, last = self.lines
        other_first, other_last = self.other_lines
        places = f"{self.file}:{first}-{last} = {self.other_file}:{other_first}-{other_last}"
        return f"{places} ({last - first + 1} lines, {self.tokens} tokens)"


# --- reading ---------------------------------------------------------------------------------------


def tokens_of(name: str, source: str) -> list[Token]:
    """What counts in a file, in its order. `name` ends in what the file is (.py, .js, .css, .html)."""
    read = _python(source) if name.endswith(".py") else _markup(name, source)
    return [Token(text, name, line) for text, line in read]


def _python(source: str) -> Iterator[tuple[str, int]]:
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        documented = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if documented or isinstance(node, ast.Import | ast.ImportFrom):
            left_out |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))  # type: ignore[attr-defined]
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type not in nothing and token.start[0] not in left_out:
            yield token.string, token.start[0]


def _markup(name: str, source: str) -> Iterator[tuple[str, int]]:
    from pygments.lexers import get_lexer_for_filename
    from pygments.token import Comment

    line, imports = 1, False
    for kind, value in get_lexer_for_filename(name, stripnl=False).get_tokens(source):
        if value == "import" and name.endswith(".js"):
            imports = True
        if value.strip() and kind not in Comment and not imports:
            yield value.strip(), line
        if value == ";":
            imports = False
        line += value.count("\n")


def files_of(area: Area) -> Iterator[tuple[str, str]]:
    """(path below the repository, text) of every file of an area."""
    for folder in area.folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in area.kinds and not set(path.parts) & set(LEFT_OUT):
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


# --- comparing -------------------------------------------------------------------------------------


def clones(tokens: Sequence[Token], limit: Limit) -> list[Clone]:
    """The longest runs that stand twice, one for each pair of places, the longest first. Tokens of one file follow each
    other; a run ends with its file, and the two places do not overlap."""
    texts = [token.text for token in tokens]
    ends: list[int] = []
    at = 0
    for _, group in groupby(tokens, key=attrgetter("file")):
        at += len(list(group))
        ends += [at] * (at - len(ends))
    seen: dict[int, list[int]] = {}
    """Where a run of the least length begins, by its hash."""
    found: list[Clone] = []
    for here in range(len(texts)):
        if ends[here] - here < limit.tokens:
            continue
        window = hash(tuple(texts[here : here + limit.tokens]))
        for there in seen.get(window, ()):
            if _begins_inside(there, ends) and _begins_inside(here, ends) and texts[there - 1] == texts[here - 1]:
                continue  # a part of the run that began before
            length = 0
            room = min(ends[here] - here, ends[there] - there, here - there)
            while length < room and texts[there + length] == texts[here + length]:
                length += 1
            if length >= limit.tokens:
                clone = _clone(tokens, there, here, length)
                if min(last - first + 1 for first, last in (clone.lines, clone.other_lines)) >= limit.lines:
                    found.append(clone)
        seen.setdefault(window, []).append(here)
    return sorted(found, reverse=True)


def _begins_inside(at: int, ends: Sequence[int]) -> bool:
    """Whether the token before belongs to the same file."""
    return at > 0 and ends[at - 1] == ends[at]


def _clone(tokens: Sequence[Token], there: int, here: int, length: int) -> Clone:
    first, other = tokens[there], tokens[here]
    return Clone(
        length,
        first.file,
        (first.line, tokens[there + length - 1].line),
        other.file,
        (other.line, tokens[here + length - 1].line),
    )


def clones_in(files: Iterable[tuple[str, str]], limit: Limit) -> list[Clone]:
    """The clones among files, given as (name, text)."""
    return clones([token for name, source in files for token in tokens_of(name, source)], limit)


def main() -> int:
    found = [clone for area in AREAS for clone in clones_in(files_of(area), area.limit)]
    for clone in found:
        print(clone)
    if found:
        print(f"{len(found)} clones. What stands twice belongs in a function, a part of a page or a style of its own.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
