"""The app's own figures that must agree with what lies elsewhere."""

from __future__ import annotations

import colorsys
import re

from desktop.app import COLOURS, OTHER_COLOURS
from desktop.settings.locations import assets_dir


def css_colours(block: str) -> dict[str, str]:
    """Every custom property of base.css whose value is a colour, as #rrggbb; `block` is the part of the sheet."""
    found: dict[str, str] = {}
    for name, value in re.findall(r"(--[\w-]+):\s*([^;]+);", block):
        hsl = re.fullmatch(r"hsl\((\d+), (\d+)%, (\d+)%\)", value)
        if hsl:
            hue, saturation, light = (int(part) for part in hsl.groups())
            rgb = colorsys.hls_to_rgb(hue / 360, light / 100, saturation / 100)
            found[name] = "#" + "".join(f"{round(channel * 255):02x}" for channel in rgb)
        elif value.startswith("#"):
            found[name] = value
        elif value.startswith("var("):
            found[name] = found.get(value[4:-1], "")
    return found


def test_a_window_has_the_colour_of_its_page_before_the_page_paints() -> None:
    sheet = (assets_dir() / "pages" / "base.css").read_text(encoding="utf-8")
    light_part, dark_part = sheet.split("prefers-color-scheme: dark", 1)
    light = css_colours(light_part)
    dark = light | {
        name: light[target]
        for name, target in re.findall(r"(--page|--surface): var\((--[\w-]+)\)", dark_part.split("@media", 1)[0])
    }
    assert COLOURS["chat"] == (light["--surface"], dark["--surface"])
    assert (light["--page"], dark["--page"]) == OTHER_COLOURS
