r"""Formulas: `$…$`, `$$…$$`, `\(…\)` and `\[…\]` in markdown become MathML, which both engines draw without a font or a
script of ours.

latex2mathml reads the TeX: pure Python, so that a hostile formula can end in an exception and nothing worse. What it
does not know stays as it was written. Nothing but the elements and attributes named here comes out.
"""

from __future__ import annotations

import logging
import re
from html import escape, unescape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

log = logging.getLogger(__name__)

LONGEST = 4_000
"""Characters of a formula; a longer one is shown as it is written."""
DEEPEST = 60
"""Braces in braces."""

TAGS = frozenset(
    {
        *(
            "math",
            "menclose",
            "merror",
            "mfrac",
            "mi",
            "mn",
            "mo",
            "mover",
            "mpadded",
            "mphantom",
            "mroot",
            "mrow",
            "ms",
        ),
        *("mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder"),
        *("munderover", "mmultiscripts", "mprescripts", "none"),
    }
)
_WORDS = (
    *("display", "stretchy", "fence", "form", "accent", "accentunder", "movablelimits", "largeop", "symmetric"),
    *("separator", "mathvariant", "displaystyle", "scriptlevel", "notation", "columnalign"),
)
_LENGTHS = (
    *("width", "height", "depth", "lspace", "rspace", "voffset", "minsize", "maxsize", "linethickness", "mathsize"),
)
ATTRIBUTES = {
    **dict.fromkeys(_WORDS, re.compile(r"[a-z -]{1,60}|\d")),
    **dict.fromkeys(_LENGTHS, re.compile(r"[+-]?(?:\d{1,2}(?:\.\d{1,4})?|\.\d{1,4})(?:em|ex|pt|px|mu|cm|mm|in)?")),
    "mathcolor": re.compile(r"[a-zA-Z]{1,30}|#[0-9a-fA-F]{3,6}"),
}
"""What an attribute may hold."""
CLASSES = frozenset({"left", "right", "center", "boxed", "struck"})
"""MathML Core has no attribute for these: the style sheet does them."""

_MACROS = re.compile(r"\\(?:(?:re)?newcommand|providecommand|[gex]?def|let|newenvironment|require)(?![A-Za-z])")
"""A formula that defines commands may grow without end."""
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{(\w+)(\*?)\}(?:\{\d\})?")
_KNOWN_AS = {
    **dict.fromkeys(("aligned", "align", "alignat", "alignedat", "eqnarray", "flalign"), "align*"),
    **dict.fromkeys(("gather", "gathered", "multline", "multlined"), "matrix"),
    "dcases": "cases",
}
_ALONE = frozenset({"equation", "math", "displaymath"})
_NAMES = re.compile(r"\\(arg|deg|dim|hom|ker|sgn)(?![A-Za-z])")
_ASCII_LETTER = re.compile(r"&#x0{3}(?:[46][1-9A-F]|[57][0-9A]);")


def formula_html(source: str, *, display: bool) -> str:
    """A formula in a line, or one that stands alone. What can't be read as one is shown as it was written."""
    drawn = _drawn(source, display)
    if drawn is None:
        return f'<code class="formula-source">{escape(source.strip())}</code>'
    return f'<span class="formula-alone">{drawn}</span>' if display else drawn


def _drawn(source: str, display: bool) -> str | None:
    if len(source) > LONGEST or _depth(source) > DEEPEST or _MACROS.search(source):
        return None
    from latex2mathml.converter import Converter

    try:
        tree = Converter(display="block" if display else "inline").convert_to_element(_prepared(source))
    except Exception as error:  # noqa: BLE001  # whatever the library makes of it, RecursionError included
        log.debug("a formula is shown as it was written: %s", type(error).__name__)
        return None
    if any("\\" in (element.text or "") for element in tree.iter()):
        return None  # a command that the library does not know
    tree.set("alttext", source.strip())
    return _written(tree)


def _depth(source: str) -> int:
    deepest = depth = 0
    for character in source:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    return deepest


def _prepared(source: str) -> str:
    """The source with the names that the library knows."""

    def known(found: re.Match[str]) -> str:
        which, name, star = found.groups()
        if name in _ALONE:
            return ""
        return f"\\{which}{{{_KNOWN_AS.get(name, name + star)}}}"

    return _NAMES.sub(r"\\operatorname{\1}", _ENVIRONMENT.sub(known, source)).strip()


def _written(element: Element) -> str:
    """The element as HTML. The library's texts hold character references, which `tostring` would escape once more."""
    if element.tag not in TAGS:
        return ""
    text = unescape(element.text or "")
    attributes = {name: value for name, value in element.attrib.items() if name == "alttext" or _allowed(name, value)}
    classes = [attributes[name] for name in ("columnalign",) if attributes.get(name) in CLASSES]
    tag = element.tag
    if tag == "menclose":  # Chromium draws none, WebKit its own: a row with a border or a line is the same in both
        tag = "mrow"
        classes.append("boxed" if "box" in attributes.pop("notation", "") else "struck")
    if element.tag == "mi" and len(text) == 1 and _ASCII_LETTER.fullmatch(element.text or ""):
        attributes["mathvariant"] = "normal"  # \mathrm{d}: a single letter would be slanted
    if classes:
        attributes["class"] = " ".join(classes)
    named = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    inside = escape(text) + "".join(_written(child) + escape(child.tail or "") for child in element)
    return f"<{tag}{named}>{inside}</{tag}>"


def _allowed(name: str, value: str) -> bool:
    pattern = ATTRIBUTES.get(name)
    return bool(pattern and pattern.fullmatch(value))


# --- where formulas stand in markdown ---------------------------------------------------------------

CLOSERS = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}


def add_formulas(markdown: MarkdownIt) -> None:
    """Teaches the parser the four ways in which models mark formulas."""
    markdown.inline.ruler.before("escape", "formula", _inline)
    markdown.block.ruler.before(
        "fence", "formula_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    markdown.add_render_rule("formula", _render)
    markdown.add_render_rule("formula_block", _render)


def _render(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    drawn = formula_html(token.content, display=token.markup in ("$$", "\\["))
    return f"<p>{drawn}</p>\n" if token.type == "formula_block" else drawn


def _inline(state: StateInline, silent: bool) -> bool:
    found = formula_at(state.src, state.pos, state.posMax)
    if found is None:
        return False
    end, markup = found
    if not silent:
        token = state.push("formula", "math", 0)
        token.markup = markup
        token.content = state.src[state.pos + len(markup) : end - len(markup)]
    state.pos = end
    return True


def formula_at(text: str, at: int, limit: int) -> tuple[int, str] | None:
    """Where a formula that begins at `at` ends, and its opening mark; None where none begins or it does not end.

    A dollar is none of a formula's where a space follows the first or comes before the last, nor where a letter or a
    figure touches it from outside: so money and shell variables stay what they are.
    """
    markup = text[at : at + 2]
    if markup in CLOSERS:
        end = _closer(text, CLOSERS[markup], at + 2, min(limit, at + 2 + LONGEST))
        return (end + 2, markup) if end > at + 2 and _means(text[at + 2 : end]) else None
    if (
        text[at] != "$"
        or (at and (text[at - 1].isalnum() or text[at - 1] == "$"))
        or text[at + 1 : at + 2].strip() == ""
    ):
        return None
    end = _closer(text, "$", at + 1, min(limit, at + 1 + LONGEST))
    if end <= at + 1 or text[end - 1].isspace() or not _means(text[at + 1 : end]):
        return None
    after = text[end + 1 : end + 2] if end + 1 < limit else ""
    return None if after.isalnum() or after == "$" else (end + 1, "$")


def _means(content: str) -> bool:
    """Whether a letter or a figure is in it: escaped brackets around signs are no formula."""
    return any(character.isalnum() for character in content)


def _closer(text: str, closer: str, at: int, limit: int) -> int:
    """Where the next `closer` is that no backslash escapes; -1 for none."""
    while (at := text.find(closer, at, limit)) >= 0:
        slashes = at
        while slashes and text[slashes - 1] == "\\":
            slashes -= 1
        if (at - slashes) % 2 == 0:
            return at
        at += 1
    return -1


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    first = _line(state, start)
    markup = first[:2]
    if markup not in ("$$", "\\["):
        return False
    closer, line, text = CLOSERS[markup], start, first[2:]
    # What the search from a line above has found free of an end is not searched again: marks that never end would
    # cost their square.
    open_lines: dict[tuple[str, int], range] = state.env.setdefault("formulas without an end", {})
    known = open_lines.get((markup, state.blkIndent), range(0))
    while (at := _closer(text, closer, 0, len(text))) < 0:
        line = max(line + 1, known.stop) if start in known and line < known.stop else line + 1
        too_long = line < end and state.bMarks[line] - state.bMarks[start] > LONGEST
        if line >= end or too_long or state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            open_lines[markup, state.blkIndent] = range(start, min(line, end))
            return False
        text = _line(state, line)
    if text[at + 2 :].strip(" \t.,;"):
        return False  # words follow: a formula in a line of text
    lines = [_line(state, number) for number in range(start, line + 1)]
    lines[-1] = lines[-1][: len(lines[-1]) - len(text) + at]
    lines[0] = lines[0][2:]
    content = "\n".join(lines)
    if not _means(content):
        return False
    if silent:
        return True
    state.line = line + 1
    token = state.push("formula_block", "math", 0)
    token.block = True
    token.markup = markup
    token.content = content
    token.map = [start, state.line]
    return True
