"""A page has one name everywhere, and the first pages name all their modules in their head."""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import join, normpath

import pytest

from desktop.common.locations import assets_dir
from tests.pages.modules import all_imports

ROOT = Path(__file__).resolve().parents[2]


def test_a_page_has_the_same_name_in_the_source_the_assets_the_texts_and_the_tests() -> None:
    pages = {path.parent.name for path in (ROOT / "desktop" / "pages").glob("*/page.py")}
    assert pages >= {"chat", "builtin", "setup", "settings", "agents", "chats", "consent", "approval", "token", "help"}
    for page in pages:
        assert (ROOT / "assets" / "pages" / page / f"{page}.html").is_file(), page
        assert (ROOT / "assets" / "texts" / "en" / f"{page}.json").is_file(), page
        assert any((ROOT / "tests" / "pages" / page).glob("test_*.py")), page


@pytest.mark.parametrize("page", ["chat", "setup", "builtin"])
def test_a_first_page_asks_for_all_its_modules_at_once(page: str) -> None:
    html = (assets_dir() / "pages" / page / f"{page}.html").read_text("utf-8")
    named = re.findall(r'<link rel="modulepreload" href="([\w./]+\.js)"', html)
    there = [normpath(join("pages", page, one)) for one in named]
    assert sorted(there) == sorted(all_imports(f"pages/{page}/{page}.js"))
