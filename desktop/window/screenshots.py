"""Checks screenshots: whether anything is painted, and whether anything has changed. Reads the engines' PNGs; knows no
engine.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Bytes per pixel, by PNG colour type."""
TOP = 0.15
"""The share of the height that is ignored: a blank chat has a menu bar and a title too."""
PAINTED = 8
"""Different rows that count as painted: a plain surface has two or three, a line of text a dozen."""


def rows(file: Path) -> list[bytes]:
    """The picture's rows from top to bottom, filtered as in the PNG: each row is coded relative to the one above, so a
    plain surface is the same row over and over. Raises ValueError if it isn't such a picture."""
    data = file.read_bytes()
    if not data.startswith(SIGNATURE):
        raise ValueError("not a PNG")
    at, packed, size = len(SIGNATURE), b"", 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IHDR":
            width, _, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            if interlaced or colours not in CHANNELS:
                raise ValueError("an unusual PNG")
            size = 1 + (width * depth * CHANNELS[colours] + 7) // 8
        elif kind == b"IDAT":
            packed += body
    try:
        whole = zlib.decompress(packed)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    return [whole[begin : begin + size] for begin in range(0, len(whole), size)] if size else []


def is_painted(file: Path) -> bool:
    """Whether the picture shows more than a plain surface, ignoring its top. Raises ValueError, OSError."""
    found = rows(file)
    return len(set(found[int(len(found) * TOP) :])) > PAINTED


def is_changed(before: Path, after: Path) -> bool:
    """Whether the two pictures differ, ignoring their top. Raises ValueError, OSError."""
    first, second = rows(before), rows(after)
    return first[int(len(first) * TOP) :] != second[int(len(second) * TOP) :]
