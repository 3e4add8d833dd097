"""A chat as Markdown for reading, with one heading per message. Lossy; the JSON export is complete."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from desktop.chats.export.reading import Entry, Part, entry_of, line
from desktop.chats.types import Chat, Item

if TYPE_CHECKING:
    from desktop.common.errors import Catalogue

_MARKS = re.compile(r"([\\`*_\[\]<>#|~])")


def as_markdown(chat: Chat, items: Iterable[Item], texts: Catalogue) -> Iterator[str]:
    """The file in pieces, in the language of `texts`."""
    yield f"# {_plain(chat.title or texts.get('export.untitled'))}\n\n"
    yield f"*{_plain(about(chat, texts))}*\n"
    for item in items:
        entry = entry_of(item)
        if entry is not None:
            when = f" · {moment(entry.at)}" if entry.at else ""
            yield f"\n## {_plain(who(entry, chat, texts))}{when}\n"
            yield from (f"\n{part}\n" for part in _parts(entry, texts))


def about(chat: Chat, texts: Catalogue) -> str:
    """The line under the title: when it began, with whom, and its id."""
    names = [chat.agent_name or chat.agent_id, chat.id]
    began = texts.get("export.began", day=moment(chat.created_at))
    return " · ".join([began, *(line(name) for name in names if name)])


def who(entry: Entry, chat: Chat, texts: Catalogue) -> str:
    """The heading of an entry."""
    match entry.role:
        case "person":
            return texts.get("export.you")
        case "agent":
            return line(chat.agent_name) or texts.get("export.assistant")
        case "widget":
            return texts.get("export.widget")
        case "tool":
            return texts.get("export.tool", name=entry.name)
        case "steps":
            return texts.get("export.steps")
        case "picture":
            return texts.get("export.picture")
        case "question":
            return texts.get("export.question")
    return entry.name or texts.get("export.other")


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _parts(entry: Entry, texts: Catalogue) -> Iterator[str]:
    listed: list[str] = []
    told_sources = False
    for part in entry.parts:
        if part.kind in ("step", "source"):
            if part.kind == "source" and entry.role == "agent" and not told_sources:
                told_sources = True
                listed.append(texts.get("export.sources") + "\n")
            listed.append(_listed(part))
            continue
        if listed:
            yield "\n".join(listed)
            listed = []
        if part.kind == "markdown":
            yield part.text
        elif part.kind == "text":
            yield _quoted(part.text)  # quoted, so that its own marks can't be taken for ours
        elif part.kind == "quote":
            yield _quoted(texts.get("export.quoted") + "\n" + _quoted(part.text))
        elif part.kind == "data":
            yield _fenced(part.text)
        elif part.kind == "file":
            yield texts.get("export.attachment", name=_plain(part.text))
        else:
            yield f"<{part.text}>" if part.text.startswith(("https://", "http://")) else texts.get("export.picture")
    if listed:
        yield "\n".join(listed)


def _listed(part: Part) -> str:
    if part.kind == "source":
        same = part.text == part.more
        return f"- {part.more if same else _plain(part.text)}" + (f" {part.more}" if part.more and not same else "")
    more = "\n\n" + "\n".join(f"  {one}".rstrip() for one in part.more.splitlines()) if part.more else ""
    return f"- {_plain(part.text)}{more}"


def _plain(text: str) -> str:
    return _MARKS.sub(r"\\\1", line(text))


def _quoted(text: str) -> str:
    return "\n".join(f"> {one}".rstrip() for one in text.splitlines() or [""])


def _fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}json\n{text}\n{fence}"
