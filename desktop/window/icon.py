"""Turns a maker's icon into a PNG, which every engine accepts, for an app run from source with `--brand`.

GTK reads SVG only with librsvg's loader (librsvg2-common, only recommended on Debian), and opens no window with an icon
it can't read. A packaged app's icons are made beforehand (desktop/packaging).
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

from desktop.common.errors import Phrase
from desktop.common.files import write_private
from desktop.window.screenshots import SIGNATURE

SIZE = 256
"""The width in pixels: the largest size a window's icon is shown at."""
LARGEST = 8 * 1024 * 1024
"""The largest picture read, in bytes."""
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)


class NoPicture(Exception):
    """Why the picture can't be shown."""

    def __init__(self, why: Phrase) -> None:
        super().__init__(why.key)
        self.why = why


def as_png(picture: Path, drawn: Path) -> Path:
    """The picture itself if it is a PNG. An SVG is rendered to `drawn`. Raises NoPicture."""
    try:
        if picture.stat().st_size > LARGEST:
            raise NoPicture(Phrase("cli.icon.not_read", {"problem": Phrase("cli.icon.too_large")}))
        data = picture.read_bytes()
        if data.startswith(SIGNATURE):
            if _whole(data):
                return picture
        elif _SVG.search(data[:4096]):
            write_private(drawn, _drawn(data))
            return drawn
    except OSError as error:
        raise NoPicture(Phrase("cli.icon.not_read", {"problem": error.strerror or type(error).__name__})) from None
    except ValueError:
        pass
    raise NoPicture(Phrase("cli.icon.no_picture"))


def _whole(png: bytes) -> bool:
    """Whether the file is complete. Raises ValueError."""
    at, packed = len(SIGNATURE), b""
    while at + 12 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        body = png[at + 8 : at + 8 + length]
        if png[at + 8 + length : at + 12 + length] != struct.pack(">I", zlib.crc32(kind + body)):
            return False
        if kind == b"IDAT":
            packed += body
        if kind == b"IEND":
            try:
                return bool(zlib.decompress(packed))
            except zlib.error as error:
                raise ValueError(str(error)) from None
        at += 12 + length
    return False


def _drawn(svg: bytes) -> bytes:
    """Raises NoPicture, ValueError."""
    try:
        import resvg_py
    except ImportError:
        raise NoPicture(Phrase("cli.icon.no_resvg")) from None
    return bytes(resvg_py.svg_to_bytes(svg_string=svg.decode("utf-8", "replace"), width=SIZE, height=SIZE))
