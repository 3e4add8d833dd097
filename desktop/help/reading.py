"""Topics as they lie in `assets/help/<language>/<topic>.md`, taken apart at their headings.

A topic begins with `# Title`; every further heading begins a section. What stands in a block of code is no heading.
Links between topics are `topic.md#anchor`, pictures `../pictures/name.png`, as a page of files shows them too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from desktop.common.locations import assets_dir, command_name, is_frozen
from desktop.common.texts import OURS

ORDER = "contents.json"
"""{group: [topics]} in the order of the contents."""
SOURCE_GROUPS = ("makers", "contributors")
"""What these tell is of the sources: there the command keeps its own name."""

_HEADING = re.compile(r"(#{1,3}) +(.+?) *$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_MARKS = re.compile(r"[`*]")


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, up to the next one."""

    level: int
    """1 is the topic's own."""
    heading: str
    """Its words, without marks."""
    anchor: str
    text: str
    """Markdown, the heading's line included."""


@dataclass(frozen=True)
class Topic:
    name: str
    group: str
    sections: tuple[Section, ...]

    @property
    def title(self) -> str:
        return self.sections[0].heading

    @property
    def text(self) -> str:
        """All of its Markdown."""
        return "\n".join(section.text for section in self.sections)


def folder() -> Path:
    return assets_dir() / "help"


@cache
def groups() -> dict[str, tuple[str, ...]]:
    """{group: its topics}, in the order in which they are read."""
    found = json.loads((folder() / ORDER).read_text(encoding="utf-8"))
    return {str(group): tuple(names) for group, names in found.items()}


@cache
def topics(language: str) -> dict[str, Topic]:
    """{name: topic} of a language that the app speaks, in their order."""
    return {name: _read(language, group, name) for group, names in groups().items() for name in names}


def _read(language: str, group: str, name: str) -> Topic:
    text = (folder() / language / f"{name}.md").read_text(encoding="utf-8")
    if is_frozen() and group not in SOURCE_GROUPS:
        text = text.replace(OURS, command_name())
    return Topic(name, group, tuple(sections(text)))


def sections(text: str) -> Iterator[Section]:
    """Raises ValueError where the first line is no heading."""
    heading: re.Match[str] | None = None
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and line.strip() == mark[1]:
            fence = ""
        found = None if fence or mark else _HEADING.fullmatch(line)
        if found and heading:
            yield _section(heading, lines)
        if found:
            heading, lines = found, []
        elif heading is None:
            raise ValueError(f"no heading: {line!r}")
        lines.append(line)
    if heading:
        yield _section(heading, lines)


def _section(heading: re.Match[str], lines: list[str]) -> Section:
    words = _MARKS.sub("", heading[2])
    return Section(len(heading[1]), words, anchor_of(words), "\n".join(lines).rstrip() + "\n")


def anchor_of(heading: str) -> str:
    """What a link calls a heading, as it does on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
