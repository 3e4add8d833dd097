"""Code gets its language's colours and keeps its text, and no code makes the app wait."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.common.markdown.code import LANGUAGES, LONGEST_LINE, MOST, code_html

SAMPLE = """// # -- % "words" 'w' 42 0x1F
def class function f(a, b) { return "s" + a; } /* c
more */ if (x <= 1) { echo $HOME; } end; select * from t where a = 'b';
<tag attr="v">text</tag> key: value
"""


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def kinds(code: str, language: str) -> dict[str, str]:
    found = re.findall(r'<span class="code-(\w+)">(.*?)</span>', code_html(code, language), re.DOTALL)
    return {unescape(words).strip(): kind for kind, words in found}


def test_there_are_the_forty_usual_languages() -> None:
    assert len(LANGUAGES) >= 40


@pytest.mark.parametrize(
    ("canonical", "name"), [(entry[0], name) for entry in LANGUAGES.items() for name in (entry[0], *entry[1].split())]
)
def test_each_language_is_coloured_by_each_of_its_names_and_keeps_its_text(canonical: str, name: str) -> None:
    sample = {"console": "$ echo 'a' # b\n", "pycon": ">>> def f(): pass\n", "diff": "-a\n+b\n"}.get(canonical, SAMPLE)
    html = code_html(sample, name)
    assert text_of(html) == sample
    assert "<span" in html


def test_words_have_the_kind_that_their_language_gives_them() -> None:
    python = kinds('def f(x):\n    return "é" + 42  # why', "python")
    assert python["def"] == python["return"] == "keyword"
    assert python["f"] == "name"
    assert python["42"] == "number"
    assert python["# why"] == "comment"
    assert kinds("SELECT a FROM t", "postgres")["SELECT"] == "keyword"
    assert kinds("const a = 1", "TS")["const"] == "keyword"
    assert kinds("echo 'a';", "php")["echo"] == "keyword"


def test_each_line_of_a_comparison_is_one_piece_with_its_end() -> None:
    html = code_html("@@ -1,2 +1,2 @@\n same\n-a < b\n-c\n+d\n", "diff")
    assert '<span class="code-deleted">-a &lt; b\n</span><span class="code-deleted">-c\n</span>' in html
    assert '<span class="code-inserted">+d\n</span>' in html


@pytest.mark.parametrize("language", ["", "klingon", "python3000", "../x", "<b>", "pygments"])
def test_a_language_that_nobody_knows_leaves_code_plain(language: str) -> None:
    assert code_html("a < b", language) == "a &lt; b"


def test_very_long_code_and_very_long_lines_stay_plain() -> None:
    assert "<span" not in code_html("x = 1\n" * MOST, "python")
    assert "<span" not in code_html("x = 1 " * LONGEST_LINE, "python")
    assert "<span" not in code_html("x = 1" + "\n" * 300, "python")


@given(
    st.text(alphabet="<>\"'`&;:/\\()[]{}!*_~#|-+=.$%@ab1 \n\t\0\r", max_size=300), st.sampled_from(sorted(LANGUAGES))
)
@settings(max_examples=600, deadline=None)
def test_whatever_the_code_its_text_is_what_it_was(code: str, language: str) -> None:
    html = code_html(code, language)
    assert text_of(html) == code
    assert set(re.findall(r"<(?!/?span)[^>]*>", html)) == set()


PIECES = (
    *('"', "'", "`", "\\", "(", "[", "{", "<", "<!--", "/*", "(*", "{-", "#", "//", "--", "%", "$", "${", "#{", "$("),
    *(
        "@",
        "<<",
        "<<a\n",
        "a ",
        "a.",
        "a::",
        "a<",
        "a(",
        "(a",
        "a=",
        "=",
        ":",
        "-",
        "+",
        "~",
        "|",
        "&",
        "\n",
        " ",
        "\t",
    ),
    *("0", "0x", "1.", "e", "r'", '"""', "'''", '"\\', "\\\n", "[[", "{{", "<a ", "<a b=", "a\n", " \n", "%w(", "q{"),
    *(
        "=begin\n",
        "if ",
        "def ",
        "class ",
        "fn ",
        "func a",
        "let ",
        "-> ",
        "=> ",
        "?",
        "!",
        "*",
        "a,",
        ";",
        "$a",
        "@a ",
    ),
    *("#a", "aA1_", "à", "a-"),
)
LONGEST_WAIT = 4.0
"""Seconds of this process's own work, some forty times what ordinary code of that size takes."""


@pytest.mark.parametrize("number", range(len(LANGUAGES)))
def test_signs_repeated_make_no_lexer_wait(number: int) -> None:
    """Each lexer with some of the signs, each sign with some of the lexers."""
    wait_for_none(sorted(LANGUAGES)[number], PIECES[number % 24 :: 24])


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_no_signs_however_often_repeated_make_a_lexer_wait(language: str) -> None:
    wait_for_none(language, PIECES)


def wait_for_none(language: str, pieces: Sequence[str]) -> None:
    for piece in pieces:
        line = piece * (100 // len(piece))
        for code in (piece * ((LONGEST_LINE - 1) // len(piece)), f"{line}\n" * ((MOST - 1) // (len(line) + 1))):
            began = time.process_time()
            code_html(code, language)
            assert time.process_time() - began < LONGEST_WAIT, (piece, len(code))
