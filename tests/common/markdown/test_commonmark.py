"""CommonMark's own examples (the package commonmark-spec, CC-BY-SA-4.0, fetched beside the page's types; no part of
this project), but for those of raw HTML, which is off. What this parser reads beyond CommonMark is named, with the
examples in which it shows."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from markdown_it.renderer import RendererHTML

from desktop.common.markdown.parser import extended, plain_parser

SPEC = Path(__file__).resolve().parents[2] / "js" / "node_modules" / "commonmark-spec" / "spec.txt"
pytestmark = pytest.mark.skipif(not SPEC.is_file(), reason="needs tests/js/node_modules (make test)")

EXAMPLE = re.compile(r"^`{32} example\n([\s\S]*?)^\.\n([\s\S]*?)^`{32}$|^#{1,6} *(.*)$", re.MULTILINE)
OF_RAW_HTML = {"HTML blocks", "Raw HTML"}
"""Sections that are about nothing else."""

RAW_HTML_ELSEWHERE = {21, 31, 201, 308, 309, 344, 475, 476, 477, 524, 536, 642, 643}
BARE_LINKS = {608, 611, 612}
"""Addresses without angle brackets, which GFM makes links."""


def examples() -> list[tuple[int, str, str, str]]:
    """Number, section, markdown, HTML."""
    text = re.sub(r"^<!-- END TESTS -->.*", "", SPEC.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    found, section = [], ""
    for match in EXAMPLE.finditer(text):
        if match[3] is not None:
            section = match[3]
        else:
            found.append((len(found) + 1, section, *(part.replace("→", "\t") for part in match.groups()[:2])))
    return found


def drawn(markdown: str) -> str:
    """As our parser reads it and the library draws it."""
    parser = extended(plain_parser())
    parser.options["breaks"] = False  # CommonMark leaves it to who renders
    parser.options["xhtmlOut"] = True
    parser.renderer.rules.update(RendererHTML().rules)
    return str(parser.render(markdown))


def same(html: str) -> str:
    return unescape(re.sub(r"(?<=>)\s+|\s+(?=<)", "", html))


def as_said(markdown: str, html: str) -> bool:
    return same(drawn(markdown)) == same(html)


def test_all_examples_but_those_of_raw_html_are_read_as_commonmark_says() -> None:
    every = examples()
    assert len(every) == 652
    other = {
        number
        for number, section, markdown, html in every
        if section not in OF_RAW_HTML and not as_said(markdown, html)
    }
    assert other == RAW_HTML_ELSEWHERE | BARE_LINKS


def test_where_html_is_raw_its_tags_are_read_as_text() -> None:
    for section, tags in (("HTML blocks", "table|script|style|pre|div"), ("Raw HTML", "bab|c2c|responsive-image")):
        for number, _, markdown, _ in (one for one in examples() if one[1] == section):
            of_code = re.sub(r"<pre><code.*?</pre>", "", drawn(markdown), flags=re.DOTALL)
            assert re.search(rf"<(?:{tags})\b", of_code) is None, number
