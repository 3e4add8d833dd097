"""The markdown parser: CommonMark with HTML off, and what models use beside it: GFM's tables, task lists, strikethrough
and bare links, footnotes, formulas, a few elements of HTML."""

from __future__ import annotations

import logging
import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from desktop.common.markdown.code import code_html

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

PICTURE = re.compile(r"data:image/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=%]*")
_LANGUAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+#./-]{0,29}")


def plain_parser() -> MarkdownIt:
    """CommonMark and tables, for texts of our own."""
    from markdown_it import MarkdownIt

    # It tells each rule it enters, a line each, and the app's own log would drown in it.
    logging.getLogger("markdown_it").setLevel(logging.WARNING)
    made = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 40})
    return made.enable(["table", "strikethrough"])


def extended(made: MarkdownIt) -> MarkdownIt:
    """The same parser with all that agents may write; how it draws is left to it."""
    from mdit_py_plugins.footnote import footnote_plugin
    from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin

    from desktop.common.markdown.formulas import add_formulas
    from desktop.common.markdown.own_tags import add_own_tags

    made.options["tasklists"] = True
    made.use(gfm_autolink_plugin)
    _only_where_links_are(made)
    made.use(footnote_plugin, inline=False)
    add_formulas(made)
    add_own_tags(made)
    return made


def _only_where_links_are(made: MarkdownIt) -> None:
    """mdit-py-plugins 0.7 looks back over the whole paragraph at each colon: 100,000 of them take minutes."""
    likely: dict[str, Callable[[StateInline], bool]] = {
        "gfm_autolink_protocol": lambda state: (
            state.src.startswith("://", state.pos) or state.pending.endswith(("mailto", "xmpp"))
        ),
        "gfm_autolink_email": lambda state: (
            state.pending[-1:].isalnum() and state.src[state.pos + 1 : state.pos + 2].isalnum()
        ),
    }
    for rule in made.inline.ruler.__rules__:
        if rule.name in likely:
            made.inline.ruler.at(rule.name, _where(likely[rule.name], rule.fn))


def _where(likely: Callable[[StateInline], bool], rule: Any) -> Any:
    def guarded(state: StateInline, silent: bool) -> bool:
        return likely(state) and bool(rule(state, silent))

    return guarded


@cache
def parser() -> MarkdownIt:
    """For what agents write."""
    return _drawing(extended(plain_parser()))


@cache
def help_parser() -> MarkdownIt:
    """For the app's own help, where a dollar is a dollar."""
    return _drawing(plain_parser())


def _drawing(made: MarkdownIt) -> MarkdownIt:
    for name, rule in {
        "fence": _fence,
        "code_block": _code_block,
        "image": _image,
        "table_open": _table_open,
        "table_close": _table_close,
        "th_open": _cell,
        "td_open": _cell,
        "footnote_ref": _note_ref,
        "footnote_block_open": _notes_open,
        "footnote_block_close": _notes_close,
        "footnote_open": _note_open,
        "footnote_close": _note_close,
        "footnote_anchor": _nothing,
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
    head = f'<div class="code-head"><span class="code-language">{escape(language)}</span></div>'
    return f'<div class="code">{head}<pre><code>{code_html(content, language)}</code></pre></div>\n'


def _image(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """A picture that is in the text itself is shown; one from elsewhere would tell its server that it was read, and
    becomes a link."""
    token = tokens[index]
    source = str(token.attrGet("src") or "")
    words = self.renderInlineAsText(token.children or [], options, env)
    if PICTURE.fullmatch(source):
        return f'<img src="{escape(source)}" alt="{escape(words)}">'
    return f'<a href="{escape(source)}">{escape(words or source)}</a>'


def _table_open(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return '<div class="table"><table>\n'


def _table_close(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return "</table></div>\n"


def _cell(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Alignment as a class: the page's policy takes no inline style."""
    token = tokens[index]
    align = str(token.attrs.pop("style", "")).removeprefix("text-align:")
    return f'<{token.tag} class="align-{align}">' if align in ("center", "right") else f"<{token.tag}>"


# --- footnotes: no ids, as many answers share a page; the page leads from one to the other ----------------


def _note_ref(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return f'<sup class="note">{tokens[index].meta["id"] + 1}</sup>'


def _notes_open(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return '<ol class="notes">\n'


def _notes_close(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return "</ol>\n"


def _note_open(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return "<li>"


def _note_close(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return "</li>\n"


def _nothing(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return ""
