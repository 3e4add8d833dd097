"""A chat as a single HTML file: no scripts, nothing loaded, light and dark, printable.

What people and agents wrote is text. Agents' Markdown is rendered where the extra that does it is installed.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from desktop.agents.store.file_types import IMAGES, kind_of
from desktop.chats.export.as_json import BytesOf
from desktop.chats.export.as_markdown import about, moment, who
from desktop.chats.export.reading import Entry, Part, entry_of, line
from desktop.chats.types import Chat, Item, iso

if TYPE_CHECKING:
    from desktop.common.errors import Catalogue

PICTURE = re.compile(r"data:image/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=]*")
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_HEADING = re.compile(r"<(/?)h[1-6]>")
_EMPTY_HEADER = re.compile(r"<th(?: class=\"[a-z-]+\")?></th>")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@cache
def style() -> str:
    from desktop.common.locations import assets_dir

    files = (assets_dir() / "export" / "chat.css", assets_dir() / "pages" / "common" / "code_colours.css")
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def policy() -> str:
    """The file's own Content-Security-Policy: its style by hash, pictures that stand in it, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def as_html(chat: Chat, items: Iterable[Item], texts: Catalogue, language: str, bytes_of: BytesOf) -> Iterator[str]:
    """The file in pieces, in the language of `texts`."""
    title = _text(line(chat.title) or texts.get("export.untitled"))
    yield (
        f'<!doctype html>\n<html lang="{_text(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_text(policy())}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{style()}</style>\n</head>\n<body>\n"
        f'<header>\n<h1 dir="auto">{title}</h1>\n<p dir="auto">{_text(about(chat, texts))}</p>\n</header>\n<main>\n'
    )
    for item in items:
        entry = entry_of(item)
        if entry is not None:
            yield f'<article class="{entry.role}">\n<h2>{_text(who(entry, chat, texts))}{_time(entry.at)}</h2>\n'
            yield '<div class="body" dir="auto">\n'
            yield from _parts(entry, texts, bytes_of)
            yield "</div>\n</article>\n"
    yield "</main>\n</body>\n</html>\n"


def body(entry: Entry, texts: Catalogue, bytes_of: BytesOf) -> str:
    """What one entry says, for a page of ours: the same safe HTML as in a file."""
    return "".join(_parts(entry, texts, bytes_of))


def _parts(entry: Entry, texts: Catalogue, bytes_of: BytesOf) -> Iterator[str]:
    listing = False
    told_sources = False
    for part in entry.parts:
        listed = part.kind in ("step", "source")
        if part.kind == "source" and entry.role == "agent" and not told_sources:
            told_sources = True
            yield f'<p class="note">{_text(texts.get("export.sources"))}</p>\n'
        if listed != listing:
            yield "<ul>\n" if listed else "</ul>\n"
            listing = listed
        yield _part(part, texts, bytes_of)
    if listing:
        yield "</ul>\n"


def _part(part: Part, texts: Catalogue, bytes_of: BytesOf) -> str:
    match part.kind:
        case "markdown":
            return _rendered(part.text)
        case "quote":
            return f'<blockquote class="plain">{_text(part.text)}</blockquote>\n'
        case "data":
            return f"<pre>{_text(part.text)}</pre>\n"
        case "step":
            more = f'\n<div class="plain note">{_text(part.more)}</div>' if part.more else ""
            return f"<li>{_text(part.text)}{more}</li>\n"
        case "source":
            return f"<li>{_link(part.more, part.text)}</li>\n"
        case "file":
            return _file(part, texts, bytes_of)
        case "picture":
            if PICTURE.fullmatch(part.text):
                return f'<p><img src="{part.text}" alt="{_text(texts.get("export.picture"))}"></p>\n'
            return f"<p>{_link(part.text, part.text)}</p>\n"
    return f'<p class="plain">{_text(part.text)}</p>\n'


def _rendered(text: str) -> str:
    try:
        from desktop.common.rendering import render

        shown = render(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))
    except ModuleNotFoundError:  # a build without agents in the app
        return f'<div class="plain">{_text(text)}</div>\n'
    # A message's headings are no headings of this document, and a table's empty corner is none of its columns'.
    shown = _HEADING.sub(lambda found: "</p>" if found[1] else '<p class="heading">', shown)
    return _EMPTY_HEADER.sub("<td></td>", shown)


def _file(part: Part, texts: Catalogue, bytes_of: BytesOf) -> str:
    name = f'<p class="note">{_text(texts.get("export.attachment", name=part.text))}</p>\n'
    data = bytes_of(part.more) if part.more else None
    kind = kind_of(data) if data else None
    if data is None or kind not in IMAGES:
        return name
    return f'{name}<p><img src="data:{kind};base64,{base64.b64encode(data).decode()}" alt="{_text(part.text)}"></p>\n'


def _link(address: str, shown: str) -> str:
    if not _LINK.fullmatch(address):
        return _text(" ".join(dict.fromkeys(word for word in (shown, address) if word)))
    return f'<a href="{_text(address)}" rel="noopener noreferrer">{_text(shown or address)}</a>'


def _time(at: datetime | None) -> str:
    return "" if at is None else f'<time datetime="{iso(at)}">{moment(at)}</time>'


def _text(text: str) -> str:
    return html.escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))
