"""Markdown of agents becomes HTML that can do nothing, whatever the agent wrote; growing texts end as whole ones do."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.common.markdown import formulas
from desktop.common.rendering import refers, render, render_growing

PICTURE = "data:image/png;base64,iVBORw0KGgo="


class Seen(HTMLParser):
    """The elements and attributes of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def harmless(html: str) -> bool:
    seen = Seen(html)
    known = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "hr", "ul", "ol", "li", "pre", "div", "table"}
    known |= {"thead", "tbody", "tr", "th", "td", "a", "br", "code", "em", "img", "s", "span", "strong"}
    known |= {"details", "summary", "sub", "sup", "kbd", "input"} | formulas.TAGS
    return set(seen.tags) <= known and all(
        (name in ("target", "rel", "title", "alt", "class", "start", "open", "alttext"))
        or (tag == "input" and (name, value) in (("type", "checkbox"), ("checked", ""), ("disabled", "")))
        or (tag in formulas.TAGS and name in formulas.ATTRIBUTES and formulas.ATTRIBUTES[name].fullmatch(value))
        or (name == "href" and re.match(r"(https?://|mailto:)", value, re.IGNORECASE))
        or (name == "src" and value.startswith("data:image/"))
        for tag, name, value in seen.attributes
    )


# --- what people see ----------------------------------------------------------------------------------


def test_a_code_block_keeps_its_text_and_says_its_language() -> None:
    html = render("```python title=x\nif a < b: print('<b>')\n```")
    assert '<span class="code-language">python</span>' in html
    assert "if a < b: print('<b>')" in unescape(re.sub(r"<[^>]*>", "", html))
    assert "title=x" not in html


def test_code_without_a_language_has_an_empty_label() -> None:
    assert '<span class="code-language"></span>' in render("    indented")
    assert '<span class="code-language"></span>' in render("```\nplain\n```")
    assert '<span class="code-language"></span>' in render('```"><img src=x>\nplain\n```')


def test_a_table_aligns_by_class_and_never_by_style() -> None:
    html = render("| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |")
    assert "<th>a</th>" in html
    assert '<th class="align-center">b</th>' in html
    assert '<td class="align-right">3</td>' in html
    assert "style" not in html


def test_links_open_elsewhere_and_lead_nowhere_but_the_web_and_mail() -> None:
    html = render("[a](https://example.com) [b](mailto:a@example.com)")
    assert html.count('target="_blank"') == 2
    assert html.count('rel="noopener noreferrer"') == 2


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "&#106;avascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        f"{PICTURE}",
        "file:///etc/passwd",
        "vbscript:x",
        "//example.com/x",
        "/settings.html",
        "settings.html",
        "#top",
        "blob:x",
        "ftp://example.com",
        "tel:1",
    ],
)
def test_a_link_to_anything_else_has_no_address(address: str) -> None:
    assert "href" not in render(f"[press]({address})")


def test_a_picture_in_the_text_is_shown_and_one_from_elsewhere_is_a_link() -> None:
    assert f'<img src="{PICTURE}" alt="a dot">' in render(f"![a dot]({PICTURE})")
    html = render("![a *dot*](https://example.com/dot.png)")
    assert "<img" not in html
    assert 'href="https://example.com/dot.png"' in html
    assert "a dot" in html
    assert "<img" not in render("![x](data:image/svg+xml;base64,PHN2Zz4=)")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<iframe src=https://example.com></iframe>",
        "<svg onload=alert(1)>",
        "<style>*{display:none}</style>",
        "<a href='javascript:alert(1)'>x</a>",
        "<div\n onclick=alert(1)\n>",
        "<!-- --!><img src=x onerror=alert(1)> -->",
        "<meta http-equiv=refresh content=0>",
        "<form action=https://example.com><button>x</button></form>",
    ],
)
def test_html_in_a_message_stays_text(hostile: str) -> None:
    html = render(hostile)
    assert harmless(html)
    assert set(Seen(html).tags) <= {"p", "blockquote", "br"}
    shown = re.sub(r"<[^>]*>", "", html)
    assert "&lt;" in shown


@given(st.text(alphabet="<>\"'&;:/\\()[]!`*_~#|-+=.ab1 \n\tjsx\0", max_size=200) | st.text(max_size=100))
@settings(max_examples=400, deadline=None)
def test_whatever_is_written_nothing_in_it_can_act(text: str) -> None:
    assert harmless(render(text))


def test_deep_nesting_and_many_openings_end() -> None:
    for text in ("> " * 3_000 + "x", "- " * 3_000 + "x", "[" * 20_000, "*a " * 10_000, "`a" * 10_000):
        assert harmless(render(text))


# --- growing texts --------------------------------------------------------------------------------------


def grown(text: str, cuts: list[int]) -> str:
    """What the page shows in the end, having asked for each beginning of the text, as it does while it streams."""
    shown, done = "", 0
    for cut in [*sorted(cut % (len(text) + 1) for cut in cuts), len(text)]:
        if cut < done:
            continue
        if cut < len(text):
            part = render_growing(text[done:cut])
            shown += part.html
            done += part.settled
    return render(text) if refers(text) else shown + render(text[done:])


PIECES = st.sampled_from(
    [
        *("# a\n", "a\n", "b *c*\n", "\n", "- x\n", "  - y\n", "  z\n", "1. n\n", "   m\n", "> q\n", "---\n", "===\n"),
        *(
            "```py\n",
            "code\n",
            "```\n",
            "    in\n",
            "| a | b |\n",
            "|---|--:|\n",
            "| 1 | 2 |\n",
            "* w\n",
            "\r\n",
            "~~~\n",
        ),
        *("**bold** `x`\n", "<b>\n", "![i](x)\n", "é🌱\n", "a\rb\n", "$a$ $b\n", "$$\n", "x = y\n", "\\[\n", "\\]\n"),
        *(
            "\\(c\\) $d\n",
            "e$ $$f$$\n",
            "a[^1]\n",
            "[^1]: n\n",
            "<details>\n",
            "<summary>s</summary>\n",
            "</details>\n",
        ),
        *("- [ ] t\n", "https://example.com\n", "x<sub>2\n", "</sub>\n", "> $$\n"),
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join), st.lists(st.integers(0, 400), max_size=12))
@settings(max_examples=600, deadline=None)
def test_a_text_that_grew_looks_as_if_it_had_come_whole(text: str, cuts: list[int]) -> None:
    assert grown(text, cuts).split() == render(text).split()


def test_only_the_last_block_is_rendered_again() -> None:
    part = render_growing("# Title\n\nfirst\n\nsecond *still*\n")
    assert part.html.split() == ["<h1>Title</h1>", "<p>first</p>"]
    assert part.tail.strip() == "<p>second <em>still</em></p>"
    assert part.settled == len("# Title\n\nfirst\n\n")


def test_a_line_that_is_not_complete_may_still_belong_to_the_block_before_it() -> None:
    assert render_growing("a\n\n- x\n*").settled == len("a\n\n")


def test_a_single_block_and_no_text_have_nothing_settled() -> None:
    assert render_growing("").settled == 0
    assert render_growing("one") == render_growing("one")
    assert render_growing("one").html == ""


def test_a_text_with_reference_links_is_known() -> None:
    assert refers("see [a]\n\n[a]: https://example.com")
    assert not refers("see [a](https://example.com)")
