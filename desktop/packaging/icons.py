"""Makes all icon sizes and formats from one picture.

SVG is drawn by resvg: one wheel a system with nothing beside it (cairosvg needs the cairo library, which Windows and
macOS lack; librsvg comes with GTK alone), no scripts, no files from outside. Pillow does the rest.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.packaging import svg
from desktop.packaging.errors import IconWrong, ToolMissing

if TYPE_CHECKING:
    from PIL.Image import Image

HICOLOR = (16, 24, 32, 48, 64, 128, 256, 512)
"""Sizes of the icon theme, in pixels."""
ICO = (16, 20, 24, 32, 40, 48, 64, 256)
"""Sizes Windows asks for at its scales."""
SMALLEST = 256
"""Pixels of the smallest PNG that is taken; what is smaller looks washed out in every menu."""
LARGEST_FILE = 8 * 1024 * 1024
LARGEST = 8192
SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)


def check(path: Path) -> list[str]:
    """What is good to know about the picture. Raises IconWrong, ToolMissing."""
    notes = _verify_kind(path)
    image = draw(path, 64)
    if image.getchannel("A").getextrema()[1] == 0:
        raise IconWrong(f"The icon {path.name} is empty: every pixel of it is transparent.")
    if path.suffix.lower() == ".png":
        width = _png(path).width
        if width < max(HICOLOR):
            notes.append(
                f"The icon {path.name} has {width} pixels; with {max(HICOLOR)} or more it is sharp everywhere."
            )
    return notes


def _verify_kind(path: Path) -> list[str]:
    """That a picture is what its name says, and that nothing of an SVG is lost: what is, and would not be missed, is
    told. Raises IconWrong."""
    data = _read(path)
    if data.startswith(b"\x1f\x8b"):
        raise IconWrong(
            f"The icon {path.name} is packed with gzip (.svgz).", f"Unpack it: gunzip < {path.name} > new.svg"
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise IconWrong(f"The icon {path.name} is written in UTF-16.", "Save it as UTF-8.")
    is_svg = _is_svg(path)
    found = "svg" if is_svg else "png" if data.startswith(b"\x89PNG") else ""
    if found and path.suffix != f".{found}":
        raise IconWrong(
            f"The icon {path.name} is a {found.upper()} by its content.",
            f"Call it {path.stem}.{found}, here and in app.icon.",
        )
    if not is_svg:
        return []
    try:
        lost = svg.lost(data)
    except ValueError as error:
        raise IconWrong(f"The icon {path.name} is no SVG that can be read: {error}.") from None
    if lost is None:
        return []
    told = f"The icon {path.name} holds {lost.what} in line {lost.line}, which is lost when it is drawn."
    if not lost.unseen:
        raise IconWrong(told, lost.advice)
    return [told]


def draw(path: Path, size: int) -> Image:
    """The picture at `size` × `size` pixels, RGBA. Raises IconWrong, ToolMissing."""
    image = _svg(path, size) if _is_svg(path) else _png(path)
    if image.size == (size, size):
        return image
    from PIL.Image import Resampling

    return image.resize((size, size), Resampling.LANCZOS)


def write(path: Path, folder: Path) -> list[Path]:
    """`app-<size>.png`, `app.ico`, `app.icns`, and `app.svg` where the picture is one, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    for size in HICOLOR:
        made.append(folder / f"app-{size}.png")
        draw(path, size).save(made[-1], "PNG", optimize=True)
    if _is_svg(path):
        made.append(folder / "app.svg")
        made[-1].write_bytes(path.read_bytes())
    largest = draw(path, 1024)
    made.append(folder / "app.ico")
    # Each size drawn on its own: a vector is sharp at 16 pixels, a picture made smaller is not.
    made[-1].write_bytes(_ico([draw(path, size) for size in ICO]))
    made.append(folder / "app.icns")
    largest.save(made[-1], "ICNS", append_images=[draw(path, n) for n in (16, 32, 64, 128, 256, 512)])
    return made


def _ico(images: Sequence[Image]) -> bytes:
    """Windows' icon file as its own tools make it: bitmaps, and a PNG for 256 pixels alone. Of a PNG for a small size
    .NET makes no icon of a window."""
    heads, bodies = b"", b""
    for image in images:
        alone, is_large = io.BytesIO(), image.width >= 256
        image.save(alone, "ICO", sizes=[image.size], bitmap_format="png" if is_large else "bmp")
        entry, body = alone.getvalue()[6:14], alone.getvalue()[22:]
        if not is_large:  # Pillow leaves out the mask of a picture that has its own transparency; .NET wants it
            body += bytes((image.width + 31) // 32 * 4 * image.height)
        heads += entry + struct.pack("<II", len(body), 6 + 16 * len(images) + len(bodies))
        bodies += body
    return struct.pack("<HHH", 0, 1, len(images)) + heads + bodies


def _is_svg(path: Path) -> bool:
    data = _read(path)
    return not data.startswith(b"\x89PNG") and SVG.search(data[:4096]) is not None


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise IconWrong(f"The icon {path.name} is larger than {LARGEST_FILE // 1024 // 1024} MB.")
        return path.read_bytes()
    except OSError as error:
        raise IconWrong(
            f"The icon {path.name} can't be read: {error.strerror}.",
            "app.icon in the brand file names one PNG or SVG, seen from the brand file.",
        ) from None


def _svg(path: Path, size: int) -> Image:
    try:
        import resvg_py
        from PIL import Image
    except ImportError:
        raise _missing() from None
    text = _read(path).decode("utf-8", "replace")
    try:
        data = bytes(resvg_py.svg_to_bytes(svg_string=text, width=size, height=size))
        image = Image.open(io.BytesIO(data)).convert("RGBA")
    except (ValueError, OSError, RuntimeError) as error:
        raise IconWrong(f"The icon {path.name} is no SVG that can be drawn: {str(error)[:200]}") from None
    if image.width != image.height:
        raise IconWrong(f"The icon {path.name} is not square. Give it a viewBox as wide as it is high.")
    return image


def _png(path: Path) -> Image:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise _missing() from None
    data = _read(path)
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        size = image.size
        if max(size) > LARGEST:
            raise IconWrong(f"The icon {path.name} has {size[0]} × {size[1]} pixels; at most {LARGEST} are taken.")
        image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise IconWrong(f"The icon {path.name} is neither a PNG nor an SVG that can be read.") from None
    if size[0] != size[1]:
        raise IconWrong(f"The icon {path.name} is not square: it has {size[0]} × {size[1]} pixels.")
    if size[0] < SMALLEST:
        raise IconWrong(
            f"The icon {path.name} is too small: {size[0]} × {size[1]} pixels.",
            f"Use an SVG, or a PNG of {max(HICOLOR)} × {max(HICOLOR)} pixels or more ({SMALLEST} at the least).",
        )
    return image.convert("RGBA")


def _missing() -> ToolMissing:
    return ToolMissing(
        "Pillow and resvg, which make the icons, are not installed.",
        "`make package` installs them; by hand: pip install -r requirements-dev.txt",
    )
