"""An answer looks the same whether it came in pieces of one, seven or five hundred characters, and what is half written
never stands there as raw signs."""

from __future__ import annotations

import re
from html import unescape

import pytest

from desktop.common.rendering import Rendered, refers, render, render_growing
from tests.common.markdown.corpus import COUNT, answers

SIGNS = ("$$", "\\(", "\\[", "```", "**", "~~~", "](", "<sub", "<details", "</")


def words(html: str) -> str:
    """What one reads, code apart."""
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"<(pre|code)\b.*?</\1>", "", html, flags=re.DOTALL)))


class Page:
    """What the page does with a growing answer (assets/pages/builtin/markdown.js), rendering at each piece."""

    def __init__(self) -> None:
        self.text, self.shown, self.settled, self.tail = "", "", 0, ""

    def add(self, piece: str) -> Rendered:
        self.text += piece
        part = render_growing(self.text[self.settled :])
        self.shown += part.html
        self.settled += part.settled
        self.tail = part.tail
        return part

    def finish(self) -> str:
        return render(self.text) if refers(self.text) else self.shown + render(self.text[self.settled :])


def streamed(text: str, size: int) -> str:
    page = Page()
    whole = render(text)
    allowed = [sign for sign in SIGNS if sign in words(whole)]
    for at in range(0, len(text), size):
        page.add(text[at : at + size])
        raw = [sign for sign in SIGNS if sign in words(page.shown + page.tail) and sign not in allowed]
        assert raw == [], (raw, text[: at + size])
    assert page.finish().split() == whole.split(), text
    return whole


STEPS = {1: 120, 7: 18, 500: 6}
"""Size of a piece -> every how manieth answer is tried in such pieces; all of them by `make test-exhaustive`."""


@pytest.mark.parametrize("size", sorted(STEPS))
@pytest.mark.parametrize("part", range(6))
def test_answers_are_the_same_in_pieces(part: int, size: int) -> None:
    for text in answers()[part :: STEPS[size]]:
        streamed(text, size)


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(15))
def test_all_answers_are_the_same_in_pieces_of_one_and_seven(part: int) -> None:
    every = answers()
    assert len(every) == COUNT == len(set(every))
    for text in every[part::15]:
        for size in (1, 7):
            streamed(text, size)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("The sum $\\frac{a}", "The sum"),
        ("The sum \\(a +", "The sum"),
        ("So:\n\n$$\na = b\n- c", "So:"),
        ("So:\n\n\\[\na", "So:"),
        ("It costs $5 to", "It costs $5 to"),
        ("It is **very imp", "It is very imp"),
        ("It is **very important*", "It is very important"),
        ("Look at [the pa", "Look at"),
        ("Look at [the page](https://exam", "Look at"),
        ("Call `func", "Call"),
        ("As code:\n\n``", "As code:"),
        ("As code:\n\n```pyth", "As code:"),
        ("| a | b |\n|--", ""),
        ("H<su", "H"),
        ("a \\", "a"),
    ],
)
def test_what_is_half_written_waits(text: str, seen: str) -> None:
    part = render_growing(text)
    assert words(part.html + part.tail).strip() == seen


def test_code_is_shown_while_it_is_written_and_its_last_mark_is_not() -> None:
    part = render_growing("```python\nx = 1\n``")
    assert part.code
    assert part.held
    assert "x" in part.tail
    assert "``" not in part.tail
    assert not render_growing("```python\nx = 1\n```\n").code


@pytest.mark.parametrize("size", [2_000, 20_000, 200_000])
def test_the_work_for_a_piece_depends_on_the_last_block_alone(size: int) -> None:
    page = Page()
    page.add("A paragraph with $x$.\n\n```python\nx = 1\n```\n\n" * (size // 44))
    page.add("The last ")
    assert len(page.text) - page.settled < 100


def test_what_is_never_closed_is_shown_in_the_end_and_before_long() -> None:
    assert "$a and " in words(render_growing("$a and " + "words " * 60).tail)
    assert words(render("$a and **b `c [d")).strip() == "$a and **b `c [d"
