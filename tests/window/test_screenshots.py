"""Whether a picture shows anything: told from PNGs as the engines write them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from desktop.window.screenshots import is_changed, is_painted, rows


def png(file: Path, pixels: list[bytes], width: int) -> Path:
    """A PNG of rows of RGB."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, len(pixels), 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in pixels))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return file


def plain(width: int, height: int, colour: int = 255) -> list[bytes]:
    return [bytes([colour]) * 3 * width for _ in range(height)]


def lettered(width: int, height: int, begin: int, lines: int) -> list[bytes]:
    made = plain(width, height)
    for at in range(begin, begin + lines):
        made[at] = bytes([at % 256]) * 30 + made[at][30:]
    return made


def test_a_white_window_is_not_painted_and_one_with_words_is(tmp_path: Path) -> None:
    assert not is_painted(png(tmp_path / "white.png", plain(200, 100), 200))
    assert not is_painted(png(tmp_path / "menu.png", lettered(200, 100, 2, 12), 200)), "a menu bar is no chat"
    assert is_painted(png(tmp_path / "words.png", lettered(200, 100, 50, 20), 200))


def test_an_answer_changes_the_picture(tmp_path: Path) -> None:
    before = png(tmp_path / "before.png", lettered(200, 100, 50, 20), 200)
    after = png(tmp_path / "after.png", lettered(200, 100, 50, 30), 200)
    assert not is_changed(before, before)
    assert is_changed(before, after)


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0\0\0\4IDATabcd...."])
def test_what_is_no_picture_is_said(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(data)
    with pytest.raises(ValueError):
        rows(file)
