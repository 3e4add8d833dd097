"""The first pages name all their modules in their head: one that is found only inside another comes later."""

from __future__ import annotations

import re
from posixpath import join, normpath

import pytest

from desktop.common.locations import assets_dir
from tests.pages.modules import all_imports


@pytest.mark.parametrize("page", ["chat", "setup", "builtin"])
def test_a_first_page_asks_for_all_its_modules_at_once(page: str) -> None:
    html = (assets_dir() / "pages" / page / f"{page}.html").read_text("utf-8")
    named = re.findall(r'<link rel="modulepreload" href="([\w./]+\.js)"', html)
    there = [normpath(join("pages", page, one)) for one in named]
    assert sorted(there) == sorted(all_imports(f"pages/{page}/{page}.js"))
