"""The first pages name all their modules in their head: one that is found only inside another comes later."""

from __future__ import annotations

import re

import pytest

from desktop.common.locations import assets_dir

PAGES = assets_dir() / "pages"


def imported(name: str) -> set[str]:
    """The modules that `name` needs, through others too."""
    found: set[str] = set()
    open_ones = [name]
    while open_ones:
        script = (PAGES / open_ones.pop()).read_text(encoding="utf-8")
        for module in re.findall(
            r'^(?:import|export)\b.*?\bfrom "\./([a-z_]+\.js)";', script, re.MULTILINE | re.DOTALL
        ):
            if module not in found:
                found.add(module)
                open_ones.append(module)
    return found


@pytest.mark.parametrize("page", ["chat", "setup", "builtin"])
def test_a_first_page_asks_for_all_its_modules_at_once(page: str) -> None:
    named = re.findall(r'<link rel="modulepreload" href="([a-z_]+\.js)"', (PAGES / f"{page}.html").read_text("utf-8"))
    assert sorted(named) == sorted(imported(f"{page}.js"))
