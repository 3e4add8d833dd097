"""A chat's items as a person reads them, for both formats: OpenAI's API and agents in the app.

Takes every shape, also damaged ones and kinds yet unknown: those are shown as they are. Knows no format of a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from desktop.chats.types import Item

Role = Literal["person", "agent", "widget", "tool", "steps", "picture", "question", "other"]
HIDDEN = ("hidden_context_item", "sdk_hidden_context", "end_of_turn")
"""Kinds that no chat page shows. The JSON export has them."""
WIDGET_WORDS = ("value", "label", "title", "text", "caption", "placeholder", "alt")
DEEPEST = 60


@dataclass(frozen=True)
class Part:
    """A piece of an entry.

    text: as it was typed. markdown: an agent's. quote: what was quoted. data: JSON or what a tool said. step: a line
    (`text`) and what belongs to it (`more`). source: a name and an address (`more`, may be empty). file: the name of an
    attachment, with its id in `more`. picture: a `data:` URL or an address.
    """

    kind: Literal["text", "markdown", "quote", "data", "step", "source", "file", "picture"]
    text: str
    more: str = ""


@dataclass(frozen=True)
class Entry:
    """One item as it is read. `name` is that of a tool, or of a kind that nobody knows."""

    role: Role
    at: datetime | None
    parts: tuple[Part, ...]
    name: str = ""


def entry_of(item: Item) -> Entry | None:
    """None for what is not shown."""
    raw = item.raw
    if item.kind in HIDDEN:
        return None
    match item.kind:
        case "user_message":
            return Entry("person", item.created_at, tuple(_said(raw)))
        case "assistant_message":
            return Entry("agent", item.created_at, tuple(_answered(raw)))
        case "widget":
            return Entry("widget", item.created_at, tuple(_widget(raw)))
        case "client_tool_call":
            parts = [Part("data", _data(raw[name])) for name in ("arguments", "output") if raw.get(name) is not None]
            return Entry("tool", item.created_at, tuple(parts), line(raw.get("name")))
        case "task":
            task = raw.get("task")
            return Entry("steps", item.created_at, tuple(_step(task if isinstance(task, Mapping) else raw)))
        case "task_group" | "workflow":
            flow = raw.get("workflow")
            tasks = _list((flow if isinstance(flow, Mapping) else raw).get("tasks"))
            steps = [part for task in tasks if isinstance(task, Mapping) for part in _step(task)]
            return Entry("steps", item.created_at, tuple(steps))
        case "generated_image":
            image = raw.get("image")
            url = image.get("url") if isinstance(image, Mapping) else None
            return Entry("picture", item.created_at, (Part("picture", url),) if isinstance(url, str) and url else ())
        case "structured_input":
            return Entry("question", item.created_at, tuple(_questions(raw)))
    return Entry("other", item.created_at, (Part("data", _data(raw)),), line(item.kind))


def text_of(item: Item) -> str:
    """The item as plain text, for those who only want the words; agents' text is Markdown."""
    entry = entry_of(item)
    if entry is None:
        return ""
    words = (part.text for part in entry.parts if part.kind in ("text", "markdown", "quote", "step"))
    return "\n\n".join(word for word in words if word)


def attachments_of(item: Item) -> list[Mapping[str, Any]]:
    """The files that went with a message: `{id, name, mime_type, …}`."""
    return [one for one in _list(item.raw.get("attachments")) if isinstance(one, Mapping)]


def line(value: object) -> str:
    """A value on one line, without characters that make a text look like another or end early."""
    text = "" if value is None else str(value)
    return " ".join("".join(char if char.isprintable() or char in "\u200d\ufe0f" else " " for char in text).split())


# --- kinds ------------------------------------------------------------------------------------


def _said(raw: Mapping[str, Any]) -> list[Part]:
    parts: list[Part] = []
    if isinstance(raw.get("quoted_text"), str) and raw["quoted_text"]:
        parts.append(Part("quote", raw["quoted_text"]))
    text = ""
    for content in _list(raw.get("content")):
        if not isinstance(content, Mapping) or not isinstance(content.get("text"), str):
            parts.append(Part("data", _data(content)))
        elif content.get("type") == "quoted_text":
            parts.append(Part("quote", content["text"]))
        else:
            text += content["text"]  # an @-tag stands in the middle of its sentence
    if text:
        parts.append(Part("text", text))
    files = (one for one in _list(raw.get("attachments")) if isinstance(one, Mapping))
    return parts + [Part("file", line(one.get("name") or one.get("id")), line(one.get("id"))) for one in files]


def _answered(raw: Mapping[str, Any]) -> list[Part]:
    parts: list[Part] = []
    sources: dict[tuple[str, str], Part] = {}
    for content in _list(raw.get("content")):
        if not isinstance(content, Mapping) or not isinstance(content.get("text"), str):
            parts.append(Part("data", _data(content)))
            continue
        parts.append(Part("markdown", content["text"]))
        for note in _list(content.get("annotations")):
            source = note.get("source") if isinstance(note, Mapping) else None
            if isinstance(source, Mapping):
                part = _source(source)
                sources[(part.text, part.more)] = part
    return [*parts, *sources.values()]


def _source(source: Mapping[str, Any]) -> Part:
    url = line(source.get("url"))
    name = line(source.get("title") or source.get("filename") or source.get("label") or url or source.get("id"))
    return Part("source", name, url)


def _widget(raw: Mapping[str, Any]) -> list[Part]:
    copy = raw.get("copy_text")
    if isinstance(copy, str) and copy.strip():
        return [Part("text", copy)]
    widget = raw.get("widget")
    if isinstance(widget, str):
        try:
            widget = json.loads(widget)
        except (ValueError, RecursionError):
            return [Part("data", str(widget))]
    words: list[str] = []
    _words(widget, words, 0)
    return [Part("text", "\n".join(words))] if words else [Part("data", _data(widget))]


def _words(node: object, words: list[str], depth: int) -> None:
    if depth > DEEPEST:
        return
    if isinstance(node, list):
        for one in node:
            _words(one, words, depth + 1)
    elif isinstance(node, Mapping):
        found = (node.get(name) for name in WIDGET_WORDS)
        words.extend(word for word in found if isinstance(word, str) and word.strip())
        for one in node.values():
            if isinstance(one, list | Mapping):
                _words(one, words, depth + 1)


def _step(task: Mapping[str, Any]) -> list[Part]:
    head = next((line(task[name]) for name in ("heading", "title", "title_query") if task.get(name)), "")
    more = next((str(task[name]) for name in ("summary", "content") if isinstance(task.get(name), str)), "")
    queries = ", ".join(line(one) for one in _list(task.get("queries")))
    parts = [Part("step", head or queries or line(task.get("type") or task.get("task_type")), more)]
    return parts + [_source(one) for one in _list(task.get("sources")) if isinstance(one, Mapping)]


def _questions(raw: Mapping[str, Any]) -> list[Part]:
    parts = []
    for one in _list(raw.get("inputs")):
        if isinstance(one, Mapping):
            answer = one.get("answer", one.get("value"))
            parts.append(Part("step", line(one.get("question")), "" if answer is None else _data(answer)))
    return parts


def _data(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []
