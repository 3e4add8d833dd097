"""Makes invisible characters, and those that change the direction of text, visible by their number. The only table for
cards, consent, questions and terminals: pages get texts that have passed through here.

From Unicode 16: Default_Ignorable_Code_Point (DerivedCoreProperties.txt), controls, private use, noncharacters, and
signs that are drawn as nothing.
"""

from __future__ import annotations

import re
import unicodedata

RANGES: tuple[tuple[int, int], ...] = (
    (0x00, 0x08),
    (0x0B, 0x1F),  # controls but tab and line feed
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x1680, 0x1680),  # a space that some fonts draw as a line, others as nothing
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2000, 0x200F),  # spaces of other widths, joiners, marks of direction
    (0x2028, 0x202E),
    (0x205F, 0x206F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),
    (0xE000, 0xF8FF),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFC),
    (0xFFFE, 0xFFFF),
    (0x13430, 0x13442),  # joiners and blanks of hieroglyphs
    (0x16FE4, 0x16FE4),
    (0x1BCA0, 0x1BCA3),
    (0x1D159, 0x1D159),
    (0x1D173, 0x1D17A),
    *((plane << 16 | 0xFFFE, plane << 16 | 0xFFFF) for plane in range(1, 14)),
    (0xE0000, 0xE0FFF),
    (0xEFFFE, 0x10FFFF),
)
"""The first and the last code point of each. Of the spaces, those that people type stay: U+00A0, U+202F, U+3000."""

RESET = "\x1b[0m\x1b(B\x1b[?25h"
"""Of a terminal: no colours, no concealed text, plain letters, a cursor that is seen (ECMA-48, DEC VT510)."""
_UNSEEN = re.compile("[" + "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in RANGES) + "]")
_SELECTORS = "\ufe0e\ufe0f"
_JOINERS = "\u200c\u200d"


def written_out(text: str) -> str:
    """For what a yes is given to: nothing in it is out of sight. Tabs and line feeds stay."""
    return _UNSEEN.sub(lambda found: _number(found[0]), text)


def name_written_out(name: str) -> str:
    """The same for a name inside a sentence of ours: on one line."""
    return written_out(" ".join(name.split()))


def for_terminal(text: str, before: str = "") -> str:
    """For what is read in a terminal: it holds nothing that a terminal obeys or hides. A sign that belongs to the
    emoji or the letter before it stays with it; line ends of Windows become plain ones. `before`: the last character
    that came before `text`, where that is known."""
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return text

    def told(found: re.Match[str]) -> str:
        at = found.start()
        return found[0] if _belongs(found[0], text[at - 1] if at else before[-1:]) else _number(found[0])

    return _UNSEEN.sub(told, text)


def one_line(text: str, most: int = 200) -> str:
    """A title or a name in a terminal: on one line of at most `most` characters."""
    return for_terminal(" ".join(text.split()))[:most]


def for_json(written: str) -> str:
    """JSON whose texts mean the same and hold nothing that a terminal obeys or hides."""

    def escaped(found: re.Match[str]) -> str:
        units = found[0].encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))

    return _UNSEEN.sub(escaped, written)


def first_unseen(text: str) -> int | None:
    """Where the first character stands that is out of sight or turns what is seen around; what belongs to the emoji or
    the letter before it is none."""
    for found in _UNSEEN.finditer(text):
        if not _belongs(found[0], text[found.start() - 1 : found.start()]):
            return found.start()
    return None


def _number(char: str) -> str:
    return f"⟨U+{ord(char):04X}⟩"


def _belongs(char: str, before: str) -> bool:
    """Whether a selector or a joiner does what it is there for."""
    kind = unicodedata.category(before) if before else ""
    if char in _SELECTORS:
        return kind in ("So", "Sm", "Po", "Pd", "Nd")
    if char not in _JOINERS:
        return False
    # Between emoji, and inside words of the scripts that are written with them (Arabic to Khmer).
    emoji = char == "\u200d" and (kind in ("So", "Sk") or before == "\ufe0f")
    return emoji or (bool(before) and 0x600 <= ord(before) <= 0x17FF and kind[:1] in ("L", "M"))
