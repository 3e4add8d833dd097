"""What programs print becomes few entries of the log, without secrets and within bounds."""

from __future__ import annotations

from desktop.agents.program_output import MOST_LINES, MOST_OF_A_LINE, entries

KEY = "sk-planted-0123456789abcdef"


def said(*chunks: bytes) -> list[str]:
    return list(entries(chunks, lambda: (KEY,)))


def test_lines_that_come_at_once_are_one_entry_and_unfinished_ones_wait() -> None:
    assert said(b"one\n\ntwo\nth", b"ree\nfour") == ["one\ntwo", "three", "four"]
    assert said(b"\n \n") == []


def test_ten_thousand_short_lines_are_no_ten_thousand_entries() -> None:
    (entry,) = said(b"{}\n" * 10_000)
    assert entry.count("\n") == MOST_LINES
    assert entry.endswith("[9800 more lines]")


def test_a_line_without_end_is_cut_once_and_its_remainder_dropped() -> None:
    long = b"x" * 10_000
    (first,) = said(long)
    assert 0 < len(first) <= MOST_OF_A_LINE
    assert said(long, long, b"rest\nnext\n") == [first, "next"]


def test_checklist_07_a_secret_is_in_no_entry_wherever_the_pieces_are_cut() -> None:
    text = b"the key is " + KEY.encode() + b" and more\n" + b"y" * 9_000 + KEY.encode() + b"\n"
    for place in range(1, 60):
        pieces = [text[i : i + place] for i in range(0, 120, place)] + [text[120 + (-120 % place) :]]
        assert KEY not in "".join(said(*pieces)).replace("\n", "")
