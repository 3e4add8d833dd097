"""Markdown of agents as safe HTML, for pages and exports: rendered by one library with HTML off, sanitised by another.

Knows no page. What comes out holds no script, no style, no address that loads by itself.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_BLOCKS = {
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr", "ul", "ol", "li", "pre", "div"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_TAGS = _BLOCKS | {"a", "br", "code", "em", "img", "s", "span", "strong"}
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}}
_CLASSES = {
    "div": {"code", "code-head", "table"},
    "span": {"code-language"},
    "th": {"align-center", "align-right"},
    "td": {"align-center", "align-right"},
}
INSIDE = "help:"
"""How a link in the app's own help leads to another place in it."""
_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_INSIDE = re.compile(rf"{INSIDE}[a-z0-9-]+(?:#[\w-]+)?")
_PICTURE = re.compile(r"data:image/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=%]*")
_LANGUAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+#./-]{0,29}")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]\n]+\]:", re.MULTILINE)


@dataclass(frozen=True)
class Rendered:
    """HTML of a text that may still grow.

    `html` are the blocks that no further character can change, `tail` is the last one; `settled` is how many
    characters of the text `html` stands for. A text that grew is rendered from there on.
    """

    html: str
    tail: str
    settled: int


def render(text: str) -> str:
    """The whole text as HTML."""
    return _clean(_markdown().render(text))


def render_inside(text: str) -> str:
    """A text of the app's own help: as `render`, and links to a place of its own (`INSIDE`) stay."""
    return _clean(_markdown().render(text), inside=True)


def parsed(text: str) -> list[Token]:
    """The text as the library reads it, for what is no HTML."""
    return _markdown().parse(text)


def render_growing(text: str) -> Rendered:
    """The text with its last block apart. Links by reference work only where their definition is in the same piece:
    `refers` tells whether the finished text has to be rendered whole."""
    env: dict[str, Any] = {}
    markdown = _markdown()
    tokens = markdown.parse(text, env)
    # A line that is not complete may still turn out to belong to the block before it ("*" becomes "**bold**").
    unfinished = len(_LINE_END.findall(text))
    starts = [
        (index, token.map[0])
        for index, token in enumerate(tokens)
        if token.level == 0 and token.nesting >= 0 and token.map and token.map[0] < unfinished
    ]
    last, line = starts[-1] if starts else (0, 0)
    return Rendered(
        _clean(markdown.renderer.render(tokens[:last], markdown.options, env)),
        _clean(markdown.renderer.render(tokens[last:], markdown.options, env)),
        _offset(text, line) if last else 0,
    )


def refers(text: str) -> bool:
    """Whether a text defines links that stand elsewhere in it."""
    return _DEFINITION.search(text) is not None


def _offset(text: str, line: int) -> int:
    """Where a line begins; lines end as markdown-it sees them."""
    at = 0
    for _ in range(line):
        found = _LINE_END.search(text, at)
        if found is None:
            return len(text)
        at = found.end()
    return at


_LINE_END = re.compile(r"\r\n|\r|\n")


# --- markdown -----------------------------------------------------------------------------------


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # It tells each rule it enters, a line each, and the app's own log would drown in it.
    logging.getLogger("markdown_it").setLevel(logging.WARNING)
    made = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 40}).enable(
        ["table", "strikethrough"]
    )
    for name, rule in {
        "fence": _fence,
        "code_block": _code_block,
        "image": _image,
        "table_open": _table_open,
        "table_close": _table_close,
        "th_open": _cell,
        "td_open": _cell,
    }.items():
        made.add_render_rule(name, rule)
    return made


def _fence(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    language = _LANGUAGE.match(token.info.strip())
    return _code(token.content, language[0] if language else "")


def _code_block(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return _code(tokens[index].content, "")


def _code(content: str, language: str) -> str:
    head = f'<div class="code-head"><span class="code-language">{_escape(language)}</span></div>'
    return f'<div class="code">{head}<pre><code>{_escape(content)}</code></pre></div>\n'


def _image(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """A picture that is in the text itself is shown; one from elsewhere would tell its server that it was read, and
    becomes a link."""
    token = tokens[index]
    source = str(token.attrGet("src") or "")
    words = self.renderInlineAsText(token.children or [], options, env)
    if _PICTURE.fullmatch(source):
        return f'<img src="{_escape(source)}" alt="{_escape(words)}">'
    return f'<a href="{_escape(source)}">{_escape(words or source)}</a>'


def _table_open(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return '<div class="table"><table>\n'


def _table_close(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return "</table></div>\n"


def _cell(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Alignment as a class: the page's policy takes no inline style."""
    token = tokens[index]
    align = str(token.attrs.pop("style", "")).removeprefix("text-align:")
    return f'<{token.tag} class="align-{align}">' if align in ("center", "right") else f"<{token.tag}>"


def _escape(text: str) -> str:
    from markdown_it.common.utils import escapeHtml

    return escapeHtml(text)


# --- sanitising ---------------------------------------------------------------------------------


def _clean(html: str, *, inside: bool = False) -> str:
    import nh3

    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=_own_attribute if inside else _attribute,
        allowed_classes=_CLASSES,
        url_schemes={"http", "https", "mailto", "data"} | ({INSIDE.removesuffix(":")} if inside else set()),
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer",
    )


def _own_attribute(tag: str, name: str, value: str) -> str | None:
    return value if name == "href" and _INSIDE.fullmatch(value) else _attribute(tag, name, value)


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "src":
        return value if _PICTURE.fullmatch(value) else None
    return value
