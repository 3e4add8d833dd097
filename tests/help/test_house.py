"""What contributors are told of the house is so: its folders, and the way of three calls through it."""

from __future__ import annotations

import re

import pytest

from tests.help.words import HELP, LANGUAGES, ROOT
from tests.test_arrows import LAYERS, modules, part

both = pytest.mark.parametrize("language", LANGUAGES)
RANK = {name: number for number, row in enumerate(LAYERS) for name in row}


def drawn(language: str) -> dict[str, str]:
    """folder -> its line, of the tree on the page for contributors."""
    page = (HELP / language / "contributors.md").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    above: list[str] = []
    for line in page.split("```\n")[1].splitlines():
        indent, name, told = re.fullmatch(r"((?:  )*)([a-z_]+)/ +(\S.*)", line).groups()  # type: ignore[union-attr]
        above[len(indent) // 2 :] = [name]
        found["/".join(above)] = told
    return found


@both
def test_the_tree_names_every_folder_of_the_source_once_and_says_what_it_is_for(language: str) -> None:
    tree = drawn(language)
    packages = {file.parent.relative_to(ROOT).as_posix() for file in (ROOT / "desktop").rglob("__init__.py")}
    assert set(tree) == packages | {"assets", "tests"}
    assert [name for name, told in tree.items() if len(told) < 8] == []


@both
def test_a_page_has_the_same_name_wherever_one_looks(language: str) -> None:
    """Each folder of page scripts has one of the page's module."""
    pages = {folder.name for folder in (ROOT / "assets" / "pages").iterdir() if folder.is_dir()}
    assert pages == {name.rpartition("/")[2] for name in drawn(language) if name.startswith("desktop/pages/")}


def walks(language: str) -> list[list[str]]:
    """The files of each call, in the order of its steps."""
    page = (HELP / language / "contributors-walks.md").read_text(encoding="utf-8")
    return [re.findall(r"^\d+\. `([^`]+)`", walk, re.MULTILINE) for walk in page.split("\n## ")[1:]]


@both
def test_three_calls_go_down_the_floors_one_way(language: str) -> None:
    assert len(walks(language)) == 3
    for walk in walks(language):
        assert len(walk) > 6
        assert [file for file in walk if not (ROOT / file).is_file()] == []
        inside = [file.removesuffix(".py").replace("/", ".") for file in walk if file.endswith(".py")]
        assert set(inside) <= set(modules())
        floors = [RANK[part(module)] for module in inside]
        assert floors == sorted(floors, reverse=True), walk


def test_both_languages_walk_the_same_way() -> None:
    first, *others = (walks(language) for language in LANGUAGES)
    assert all(other == first for other in others)
