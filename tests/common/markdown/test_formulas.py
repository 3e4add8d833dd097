"""Formulas are found where models put them, become MathML that can do nothing, and hostile ones end at once."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.common.markdown.formulas import DEEPEST, LONGEST, TAGS, formula_html
from desktop.common.rendering import render


def formulas(markdown: str) -> list[str]:
    """What each formula of a text says, as its alternative text."""
    return [unescape(found) for found in re.findall(r'<math[^>]* alttext="([^"]*)"', render(markdown))]


def words(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


@pytest.mark.parametrize(
    ("markdown", "found"),
    [
        ("energy is $E = mc^2$.", ["E = mc^2"]),
        (r"so \(a^2 + b^2\) holds", ["a^2 + b^2"]),
        ("$$\nx = 1\n$$", ["x = 1"]),
        ("\\[\nx\n- y\n= z\n\\]", ["x\n- y\n= z"]),
        ("text before\n$$\na\n- b\n$$\nafter", ["a\n- b"]),
        ("in a line $$x+y$$ as well", ["x+y"]),
        ("- an item\n  $$\n  q\n  $$", ["q"]),
        ("> $$\n> r\n> $$", ["r"]),
        ("| a | b |\n|---|---|\n| $x$ | y |", ["x"]),
        ("it costs $5, or $10 with VAT", []),
        ("US$5 and CA$6$", []),
        ("$HOME/bin:$PATH", []),
        (r"\$x\$ and \$y", []),
        ("`$x$` and\n\n```\n$y$\n```", []),
        ("$ x $", []),
        ("$$ $$", []),
        (r"\[\]", []),
        ("$x", []),
        ("$$\nx\n\ny\n$$", []),
    ],
)
def test_a_formula_is_what_is_marked_as_one(markdown: str, found: list[str]) -> None:
    assert formulas(markdown) == found


def test_formulas_that_stand_alone_are_displayed_and_others_are_not() -> None:
    assert 'display="block"' in render("$$x$$")
    assert 'display="inline"' in render("a $x$")
    assert '<span class="formula-alone"><math' in render("\\[\nx\n\\]")


def test_what_is_drawn_is_mathml() -> None:
    assert "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>" in render(r"$\frac{a}{b}$")
    assert "∑" in render(r"$\sum_{i=0}^n i$")
    assert "<mo>&lt;</mo>" in render("$a < b$")
    assert '<mi mathvariant="normal">d</mi>' in render(r"$\mathrm{d}x$")
    assert '<mrow class="boxed">' in render(r"$\boxed{x}$")


@pytest.mark.parametrize(
    "name", ["aligned", "align", "align*", "eqnarray", "split", "cases", "dcases", "pmatrix", "gather"]
)
def test_lines_of_an_environment_are_rows(name: str) -> None:
    html = render(f"$$\n\\begin{{{name}}} a &= b \\\\ c &= d \\end{{{name}}}\n$$")
    assert html.count("<mtr>") == 2


@pytest.mark.parametrize(
    "source", [r"\ce{H2O}", r"\unknown", r"\frac{", r"\left( x", "x^y^z", r"\begin{foo} x \end{foo}y\bar"]
)
def test_what_can_not_be_read_is_shown_as_it_was_written(source: str) -> None:
    html = render(f"a ${source}$ b")
    assert '<code class="formula-source">' in html
    assert words(html).strip() == f"a {source} b"


HOSTILE = [
    r"\text{<script>alert(1)</script>}",
    r"\text{<img src=x onerror=alert(1)>}",
    r"\href{javascript:alert(1)}{x}",
    r"\style{position:fixed;inset:0}{x}",
    r"\class{code}{x}",
    r"\color{url(https://example.com)}x",
    r"\text{&lt;script&gt;}",
    r"\mathrm{</math><script>x</script>}",
    r"\unicode{x3c}\unicode{x73}",
    r"\rule{9999em}{9999em}",
    r"\hspace{-9999em}x",
    "<b>x</b>",
    r'\text{" onclick="alert(1)}',
]


@pytest.mark.parametrize("source", HOSTILE)
def test_a_hostile_formula_can_do_nothing(source: str) -> None:
    for markdown in (f"${source}$", f"$$\n{source}\n$$", rf"\({source}\)"):
        html = render(markdown)
        assert set(re.findall(r"<([a-z0-9]+)", html)) <= TAGS | {"p", "span", "code"}
        assert re.search(r" (?:on\w+|style|href|src|xlink:\w+|id)=(?=[^>]*>)", re.sub(r'"[^"]*"', '""', html)) is None
        assert "9999" not in re.sub(r'alttext="[^"]*"|<code.*?</code>', "", html)


BOMBS = {
    "braces": "{" * 10_000 + "}" * 10_000,
    "open braces": "{" * 100_000,
    "brackets": "[" * 3_000,
    "fractions": r"\frac" * 700,
    "roots": r"\sqrt{" * 600 + "}" * 600,
    "lefts": r"\left(" * 600,
    "scripts": "x^{" * 1_300 + "}" * 1_300,
    "hats": r"\hat" * 900,
    "primes": "x" + "'" * 3_900,
    "cells": r"\begin{matrix}" + "&" * 3_900 + r"\end{matrix}",
    "environments": r"\begin{matrix}" * 250,
    "numbers": "1" * 100_000,
    "macros": r"\newcommand{\a}{xx}"
    + "".join(rf"\newcommand{{\{b}}}{{\{a}\{a}}}" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + r"\i",
    "definitions": r"\def\a{\a\a}\a",
    "long": "x + " * 25_000,
    "slashes": "\\" * 3_999,
    "spaces": " " * 3_999,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_formula_that_would_never_end_does(name: str) -> None:
    began = time.process_time()
    html = formula_html(BOMBS[name], display=True)
    assert time.process_time() - began < 5
    assert len(html) < 30 * len(BOMBS[name]) + 1_000


def test_long_and_deep_formulas_are_shown_as_they_were_written() -> None:
    for source in ("x" * (LONGEST + 1), "{" * (DEEPEST + 1) + "x" + "}" * (DEEPEST + 1), r"\newcommand{\a}{b}\a"):
        assert formula_html(source, display=False).startswith('<code class="formula-source">')


@given(st.text(alphabet="\\{}[]()^_&$ab1 fractextlefright<>'\"#%~\n", max_size=120))
@settings(max_examples=300, deadline=None)
def test_whatever_the_formula_only_mathml_comes_out(source: str) -> None:
    html = formula_html(source, display=False)
    assert set(re.findall(r"<([a-z0-9]+)", html)) <= TAGS | {"code"}
