"""The help's files as they lie there, for the tests of what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HELP = ROOT / "assets" / "help"
LANGUAGES = ("en", "fr")
CODE = re.compile(r"(?ms)^```.*?^```$|`[^`\n]*`")


def files(language: str) -> dict[str, str]:
    """{topic: its Markdown}."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((HELP / language).glob("*.md"))}


def prose(markdown: str) -> str:
    """Without what is code."""
    return CODE.sub("", markdown)


def blocks(markdown: str) -> list[str]:
    """The blocks of code, their first line included."""
    return re.findall(r"(?ms)^```.*?^```$", markdown)


def spans(markdown: str) -> Iterator[str]:
    """What stands between back quotes in a line."""
    for found in re.finditer(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```$", "", markdown)):
        yield found[1]


def commands(markdown: str) -> Iterator[str]:
    """Lines that begin with the app's command, in blocks and in text."""
    for line in "\n".join(blocks(markdown)).splitlines():
        if line.startswith("chatkit-desktop"):
            yield re.split(r"  +", line)[0]
    for span in spans(markdown):
        if span.startswith("chatkit-desktop "):
            yield span
