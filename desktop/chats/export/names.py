"""File names for chats, made from date and title, valid on every system. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

LONGEST = 80
"""Characters of a name without its ending; a path on Windows has 260."""
BYTES = 160
"""Bytes of it in UTF-8: a name has 255, and an ending and a number are to come."""
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')


def stem(title: str | None, created_at: datetime, untitled: str) -> str:
    """`2026-11-20 The title`: one line, no mark that a system forbids, not hidden, not reserved, not too long."""
    words = _safe(title or "") or _safe(untitled) or "chat"
    return _cut(f"{created_at:%Y-%m-%d} {words}")


def unlike(wanted: str, taken: set[str]) -> str:
    """`wanted`, with a number where that is taken. `taken`: `folded` names without ending; it gets the new one."""
    name, number = wanted, 1
    while folded(name) in taken:
        number += 1
        name = f"{wanted} ({number})"
    taken.add(folded(name))
    return name


def folded(name: str) -> str:
    """Names that some system holds for the same are the same here."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())


def safe(name: str, otherwise: str) -> str:
    """Any name as one that every system takes."""
    return _cut(_safe(name)) or otherwise


def _safe(text: str) -> str:
    text = unicodedata.normalize("NFC", text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
    # Controls, marks that turn the direction of writing, and what is no character. A joiner belongs to its pictogram.
    text = "".join(char if char == "\u200d" or unicodedata.category(char)[0] not in "CZ" else " " for char in text)
    text = " ".join(_FORBIDDEN.sub(" ", text).replace("\ufffd", " ").split())
    text = text.strip(". \u200d~")
    return f"{text}_" if _RESERVED.fullmatch(text) else text


def _cut(name: str) -> str:
    if len(name) <= LONGEST and len(name.encode()) <= BYTES:
        return name
    cut = name[:LONGEST].encode()[:BYTES].decode("utf-8", "ignore")
    space = cut.rfind(" ", len(cut) * 2 // 3)
    return (cut[:space] if space > 0 else cut).rstrip(". \u200d")
