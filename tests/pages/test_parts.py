"""What pages share stands once: in a part. And a page with its parts in it is a whole one."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from desktop.common.locations import assets_dir
from tests.pages.modules import html_of, pages

LONGEST = 6
"""Lines of HTML that may stand in two places."""

PARTS = assets_dir() / "pages" / "common" / "parts"


def lines_of(html: str) -> list[str]:
    """Its lines as a reader compares them: however far they are moved in, and without those that only end something."""
    return [line for line in map(str.strip, html.splitlines()) if not re.fullmatch(r"(?:</[a-z-]+>)*", line)]


def runs_twice(files: dict[str, str]) -> list[str]:
    """The runs of lines, longer than may be, that stand in more than one place: the places of each."""
    places: dict[tuple[str, ...], list[str]] = {}
    for name, html in files.items():
        lines = lines_of(html)
        for at in range(len(lines) - LONGEST):
            places.setdefault(tuple(lines[at : at + LONGEST + 1]), []).append(f"{name}: {lines[at]}")
    return [" = ".join(found) for found in places.values() if len(found) > 1]


def test_no_html_of_more_than_six_lines_stands_twice() -> None:
    found = sorted((assets_dir() / "pages").rglob("*.html"))
    assert len(found) > len(pages()) > 5
    assert runs_twice({str(path.relative_to(assets_dir())): path.read_text(encoding="utf-8") for path in found}) == []


def test_seven_lines_that_stand_twice_are_seen_and_six_are_not() -> None:
    seven = "\n".join(f"<p>{number}</p>" for number in range(LONGEST + 1))
    moved_in = "\n\n".join(f"    {line}" for line in seven.splitlines())
    assert runs_twice({"a": f"<main>\n{seven}", "b": f"{moved_in}\n</main>"}) == ["a: <p>0</p> = b: <p>0</p>"]
    assert runs_twice({"a": seven, "b": seven.replace("<p>6", "<p>7")}) == []


@pytest.mark.parametrize("page", pages())
def test_a_served_page_is_whole(page: str) -> None:
    """Nothing is left to be filled in, every id is there once, and every label and description leads to one."""
    html = html_of(page)
    assert re.findall(r"</?part-[a-z-]+|</?slot|<template|\{[a-z-]+\}", html) == []
    ids = Counter(re.findall(r'\sid="([^"]*)"', html))
    assert [name for name, count in ids.items() if count > 1 or not name] == []
    named = re.findall(r'\s(?:for|aria-describedby|aria-labelledby|aria-controls)="([^"]*)"', html)
    assert [name for names in named for name in names.split() if name not in ids] == []


@pytest.mark.parametrize("page", pages())
def test_a_served_page_names_its_language_title_and_key_once(page: str) -> None:
    html = html_of(page)
    assert [html.count(name) for name in ("__LANG__", "__TITLE__", "__PAGE_KEY__")] == [1, 1, 1]
    assert html.index("<meta charset") < 200


@pytest.mark.parametrize("path", sorted(PARTS.glob("*.html")), ids=lambda path: path.stem)
def test_every_part_is_used(path: Path) -> None:
    used = [
        other
        for other in (assets_dir() / "pages").rglob("*.html")
        if other != path and f"<part-{path.stem}" in other.read_text(encoding="utf-8")
    ]
    assert used
