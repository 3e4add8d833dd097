"""A topic as safe HTML for the page: links to other topics stay inside, pictures are in the text itself."""

from __future__ import annotations

import base64
import re
from functools import cache
from typing import Any

from desktop.common.markdown.clean import INSIDE
from desktop.common.rendering import render_inside
from desktop.help.reading import Topic, folder, topics

_LINK = re.compile(r"\]\(([a-z0-9-]+)\.md(#[\w-]+)?\)")
_PICTURE = re.compile(r"\]\(\.\./pictures/([a-z0-9-]+\.png)\)")
_WEB = re.compile(r"<(https://[^>\s]+)>|\]\((https://[^)\s]+)\)")


def pieces(topic: Topic) -> list[dict[str, Any]]:
    """`[{anchor, level, html}]`, a section each. Links to topics are `help:topic#anchor`."""
    return [
        {"anchor": section.anchor, "level": section.level, "html": render_inside(_inside(section.text))}
        for section in topic.sections
    ]


def _inside(text: str) -> str:
    text = _LINK.sub(lambda found: f"]({INSIDE}{found[1]}{found[2] or ''})", text)
    return _PICTURE.sub(lambda found: f"]({_data(found[1])})", text)


@cache
def _data(name: str) -> str:
    content = (folder() / "pictures" / name).read_bytes()
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


@cache
def addresses(language: str) -> frozenset[str]:
    """The pages of the web that the help leads to: no other is opened from it."""
    return frozenset(found[1] or found[2] for topic in topics(language).values() for found in _WEB.finditer(topic.text))
