"""The few HTML elements that models write and that carry meaning: `<sub> <sup> <kbd> <br>` in a line, `<details>` with
its `<summary>` around blocks. Every other one stays text, as it was written; of attributes there is `open`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_TAG = re.compile(r"<(/?)(sub|sup|kbd|br)[ \t]*/?>", re.IGNORECASE)
_OPENS = re.compile(r"<details([ \t]+open(?:=\"\")?)?[ \t]*>", re.IGNORECASE)
_CLOSES = re.compile(r"</details[ \t]*>", re.IGNORECASE)
_SUMMARY = re.compile(r"\s*<summary[ \t]*>([^\n]{0,1000}?)</summary[ \t]*>", re.IGNORECASE)
_FENCE = re.compile(r"`{3,}|~{3,}")
DEEPEST = 5
"""Details in details."""


def add_own_tags(markdown: MarkdownIt) -> None:
    markdown.inline.ruler.before("autolink", "own_tag", _tag)
    markdown.inline.ruler2.before("fragments_join", "own_tags", _pair)
    markdown.block.ruler.before("fence", "details", _details, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    markdown.add_render_rule("own_tag", _render)


def _render(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return tokens[index].content


def _tag(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "<" or not (found := _TAG.match(state.src, state.pos, state.posMax)):
        return False
    closing, name = found[1], found[2].lower()
    if not silent:
        if name == "br":
            state.push("hardbreak", "br", 0)
        else:
            token = state.push("own_tag", name, 0)
            token.content = found[0]
            token.meta = {"closing": bool(closing)}
    state.pos = found.end()
    return True


def _pair(state: StateInline) -> None:
    """What opens and is closed becomes an element; what is left over stays text."""
    waiting: list[Token] = []
    for token in state.tokens:
        if token.type != "own_tag":
            continue
        if not token.meta["closing"]:
            waiting.append(token)
            continue
        while waiting and waiting[-1].tag != token.tag:
            waiting.pop().type = "text"
        if not waiting:
            token.type = "text"
            continue
        waiting.pop().content = f"<{token.tag}>"
        token.content = f"</{token.tag}>"
    for token in waiting:
        token.type = "text"


def _details(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    first = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    opened = _OPENS.match(first)
    depth = state.env.get("details", 0)
    if not opened or depth >= DEEPEST:
        return False
    if silent:
        return True
    body, line = _body(state, first[opened.end() :], start, end)
    element = state.push("details_open", "details", 1)
    element.block = True
    element.map = [start, line]
    if opened[1]:
        element.attrSet("open", "")
    line_of_body = start
    if summary := _SUMMARY.match(body):
        state.push("summary_open", "summary", 1)
        inline = state.push("inline", "", 0)
        inline.content, inline.children, inline.map = summary[1].strip(), [], [start, start + 1]
        state.push("summary_close", "summary", -1)
        line_of_body += summary[0].count("\n")
        body = body[summary.end() :]
    state.env["details"] = depth + 1
    before = len(state.tokens)
    state.md.block.parse(body, state.md, state.env, state.tokens)
    state.env["details"] = depth
    for token in state.tokens[before:]:
        token.level += state.level
        if token.map:
            token.map = [line_of_body + token.map[0], line_of_body + token.map[1]]
    state.push("details_close", "details", -1)
    state.line = line
    return True


def _body(state: StateBlock, rest: str, start: int, end: int) -> tuple[str, int]:
    """What stands between the marks, and the line after them. Without an end it goes on to the end of the text, as code
    between fences does."""
    lines, depth, fence = list[str](), 1, ""
    for line in range(start, end):
        if line > start:
            if state.sCount[line] < state.blkIndent and not state.isEmpty(line):
                return "\n".join(lines), line
            rest = state.getLines(line, line + 1, state.blkIndent, False)
        bare = rest.strip()
        if fence:
            if bare.startswith(fence) and not bare.strip(fence[0]):
                fence = ""
        elif found := _FENCE.match(bare):
            fence = found[0]
        else:
            for mark in re.finditer(r"<(/?)details\b[^>\n]{0,20}>", rest, re.IGNORECASE):
                depth += -1 if mark[1] else 1
                if depth == 0:
                    return "\n".join([*lines, rest[: mark.start()]]), line + 1
        lines.append(rest)
    return "\n".join(lines), end
