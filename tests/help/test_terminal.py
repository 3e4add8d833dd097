"""Markdown of the help in a terminal: readable, wrapped, nothing lost."""

from __future__ import annotations

import re

import pytest

from desktop.help.reading import topics
from desktop.help.terminal import lines
from tests.help.words import LANGUAGES, blocks, prose


def shown(markdown: str, width: int = 60) -> list[str]:
    return list(lines(markdown, width))


def test_headings_lists_and_links_are_what_a_person_can_read() -> None:
    links = "See [Models](models.md) and [Qt](makers-forms.md#with-qt), <https://example.com>."
    assert shown(f"# Keys\n\n{links}\n\n- *one*\n- two `x*`\n", 80) == [
        "Keys",
        "====",
        "",
        "See Models (help models) and Qt (help with-qt), https://example.com.",
        "",
        "- one",
        "- two x*",
    ]


def test_long_lines_are_wrapped_and_code_is_not() -> None:
    code = "make package ARGS=" + "x" * 80
    told = shown(f"# A\n\n- {'word ' * 30}\n\n```sh\n{code}\n```\n", 40)
    assert [line for line in told if len(line) > 40] == [f"    {code}"]
    assert told[3].startswith("- word")
    assert told[4].startswith("  word")


def test_a_table_is_told_row_by_row() -> None:
    table = "# A\n\n| System | Folder |\n|---|---|\n| Linux | `~/x` |\n| macOS | `~/y` |\n"
    assert shown(table)[3:] == ["Linux", "  Folder: ~/x", "macOS", "  Folder: ~/y"]


def test_a_numbered_list_counts() -> None:
    assert shown("# A\n\n3. three\n4. four\n")[3:] == ["3. three", "4. four"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_every_topic_is_there(language: str) -> None:
    for topic in topics(language).values():
        told = "\n".join(shown(topic.text, 72))
        assert not re.search(r"\*\*|\]\(|^#", "\n".join(prose_lines(told, topic.text)), re.MULTILINE), topic.name
        said = set(re.findall(r"\w{3,}", told))
        without = re.sub(r"!\[[^\]]*\]\([^)]*\)|\]\([^)]*\)|^\|[-| ]+\|$|^```.*", "", topic.text, flags=re.MULTILINE)
        assert set(re.findall(r"\w{3,}", without)) - said <= table_heads(topic.text), topic.name


def prose_lines(told: str, text: str) -> list[str]:
    """What was no code."""
    code = {line.strip() for block in blocks(text) for line in block.splitlines()}
    return [line for line in prose(told).splitlines() if line.strip() not in code]


def table_heads(text: str) -> set[str]:
    """The name of a table's first column needs no telling: each row begins with it."""
    return set(re.findall(r"(?m)^\| (\w+) \|", text))
