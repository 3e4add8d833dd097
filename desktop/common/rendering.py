"""Markdown of agents as safe HTML, for pages and exports: rendered by libraries with HTML off, sanitised by another.

Knows no page. What comes out holds no script, no style, no address that loads by itself. How the parts are read is in
`desktop.common.markdown`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it.token import Token

_DEFINITION = re.compile(r"^[ \t>*+\-\d.)]*\[[^\]]{1,999}\]:", re.MULTILINE)


@dataclass(frozen=True)
class Rendered:
    """HTML of a text that may still grow.

    `html` are the blocks that no further character can change, `tail` is the last one, as far as it can be shown;
    `settled` is how many characters of the text `html` stands for. A text that grew is rendered from there on. `held`:
    the last characters wait for more and are not in `tail`. `code`: the text ends inside code.
    """

    html: str
    tail: str
    settled: int
    held: bool = False
    code: bool = False


def render(text: str) -> str:
    """The whole text as HTML."""
    from desktop.common.markdown.clean import clean
    from desktop.common.markdown.parser import parser

    return clean(parser().render(text))


def render_inside(text: str) -> str:
    """A text of the app's own help: links to a place of its own (`clean.INSIDE`) stay."""
    from desktop.common.markdown.clean import clean
    from desktop.common.markdown.parser import help_parser

    return clean(help_parser().render(text), inside=True)


def parsed(text: str) -> list[Token]:
    """A text of the app's own help as the library reads it, for what is no HTML."""
    from desktop.common.markdown.parser import help_parser

    return help_parser().parse(text)


def render_growing(text: str) -> Rendered:
    """The text with its last block apart. Links by reference and footnotes work only where their definition is in the
    same piece: `refers` tells whether the finished text has to be rendered whole."""
    from desktop.common.markdown.clean import clean
    from desktop.common.markdown.growing import shown
    from desktop.common.markdown.parser import parser

    markdown = parser()
    env: dict[str, Any] = {}
    tokens = markdown.parse(text, env)
    now = shown(text, tokens)
    if now.text != text:
        env = {}
        tokens = markdown.parse(now.text, env)
    lines = len(re.findall(r"\r\n|\r|\n", text[: now.settled]))
    last = next(
        (
            index
            for index, token in enumerate(tokens)
            if token.level == 0 and token.nesting >= 0 and token.map and token.map[0] >= lines
        ),
        len(tokens),
    )
    return Rendered(
        clean(markdown.renderer.render(tokens[:last], markdown.options, env)) if now.settled else "",
        clean(markdown.renderer.render(tokens[last:] if now.settled else tokens, markdown.options, env)),
        now.settled,
        now.held,
        now.code,
    )


def refers(text: str) -> bool:
    """Whether a text defines links or notes that are referred to elsewhere in it."""
    return _DEFINITION.search(text) is not None
