"""What a window manager would see of a window: its icons."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

from tests.rig.display import Display

Picture = dict[tuple[int, int], tuple[int, int, int, int]]
"""{(x, y): (red, green, blue, alpha)}"""


def icons_of(screen: Display, window: str) -> dict[int, Picture]:
    """{width in pixels: picture} of `_NET_WM_ICON`."""
    said = subprocess.run(
        ["xprop", "-id", window, "-len", "8000000", "-f", "_NET_WM_ICON", "32c", " = $0+\n", "_NET_WM_ICON"],
        env=screen.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    return pictures([int(number) for number in re.findall(r"\d+", said.partition(" = ")[2])])


def pictures(numbers: Sequence[int]) -> dict[int, Picture]:
    """Width, height, then as many pixels as ARGB; and again (the Extended Window Manager Hints). Raises ValueError."""
    found: dict[int, Picture] = {}
    at = 0
    while at < len(numbers):
        width, height = numbers[at : at + 2]
        pixels = numbers[at + 2 : at + 2 + width * height]
        if len(pixels) < width * height:
            raise ValueError("the icon is cut off")
        found[width] = {
            (n % width, n // width): (value >> 16 & 255, value >> 8 & 255, value & 255, value >> 24 & 255)
            for n, value in enumerate(pixels)
        }
        at += 2 + width * height
    return found
