"""What can't be seen is written out, in what a yes is given to and in what a terminal shows."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.common.unseen import RANGES, for_json, for_terminal, name_written_out, one_line, written_out

BLANK = [
    *(0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x2800, 0x3164, 0xFFA0, 0xAD, 0x61C, 0x200B, 0x2060, 0xFEFF),
    *(0xFE00, 0xFE0F, 0x1D173, 0x1D17A, 0xE0001, 0xE0041, 0xE0100, 0xE01EF, 0xE0FFF, 0xFFF0, 0x2065, 0x1BCA0),
]
VISIBLE_FORMAT = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Signs of Arabic, Syriac and Kaithi that count as format characters (Cf) and are drawn."""


def in_table(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in RANGES)


@pytest.mark.parametrize("code", BLANK)
def test_checklist_37_what_unicode_says_may_be_ignored_is_written_out(code: int) -> None:
    assert written_out(f"a{chr(code)}b") == f"a⟨U+{code:04X}⟩b"
    assert for_terminal(f"a{chr(code)}b") == f"a⟨U+{code:04X}⟩b"


def test_checklist_37_the_table_has_every_control_format_and_private_character_of_this_python() -> None:
    kinds = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    every = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in kinds]
    assert {char for char in every if not in_table(char)} == {"\t", "\n"} | {chr(code) for code in VISIBLE_FORMAT}


@pytest.mark.parametrize(
    "text", ["Grüße, été : 10 000 €", "日本語　です", "שלום עולם", "مرحبا", "e\u0301 ✓ → λ", "a\tb\nc"]
)
def test_words_of_every_script_stay_as_they_are(text: str) -> None:
    assert written_out(text) == text
    assert for_terminal(text) == text


@pytest.mark.parametrize("text", ["❤️", "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽", "1️⃣", "می‌خواهم"])
def test_in_a_terminal_joined_emoji_and_letters_stay_whole_and_a_yes_sees_what_joins_them(text: str) -> None:
    assert for_terminal(text) == text
    half = len(text) // 2
    assert for_terminal(text[:half]) + for_terminal(text[half:], text[half - 1]) == text
    assert "⟨U+" in written_out(text)


ATTACKS = [
    "\x1b[2J\x1b[8m",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x9b2J",
    "\x1b]8;;file:///x\x1b\\",
    "\b\b\bok",
    "\rok",
    "\u202e",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_checklist_37_nothing_reaches_a_terminal_that_it_would_obey(attack: str) -> None:
    shown = for_terminal(f"before{attack}after") + one_line(f"before{attack}after") + name_written_out(attack)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)


@given(st.text(), st.text())
def test_whatever_is_said_in_pieces_holds_nothing_of_the_table_but_what_joins(one: str, two: str) -> None:
    shown = for_terminal(one) + for_terminal(two, one[-1:])
    assert not [char for char in shown if in_table(char) and char not in "\u200c\u200d\ufe0e\ufe0f"]
    assert not [char for char in written_out(one + two) if in_table(char)]


@given(st.recursive(st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5))
def test_json_means_the_same_and_holds_nothing_of_the_table(value: object) -> None:
    written = for_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(written) == value
    assert not [char for char in written if in_table(char)]


def test_a_name_in_a_sentence_is_one_line() -> None:
    assert name_written_out("delete\n\nApproved\u2028by the maker") == "delete Approved by the maker"
    assert one_line("x" * 500 + "\n") == "x" * 200
