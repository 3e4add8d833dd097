"""A chat as complete JSON, written piece by piece. The schema is `assets/schemas/chat-1.schema.json`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from desktop.chats.export.reading import attachments_of, text_of
from desktop.chats.types import Chat, Item, iso

SCHEMA = "chatkit-desktop/chat"
VERSION = 1
_LONE = re.compile("[\ud800-\udfff]")
_CHUNK = 3 * 64 * 1024
"""Bytes that are encoded at once; a multiple of three."""

BytesOf = Callable[[str], bytes | None]
"""(id of an attachment) → its bytes, None where they can't be had."""


def as_json(
    chat: Chat,
    thread: Mapping[str, Any],
    items: Iterable[Item],
    removed: Iterable[Item],
    left: Iterable[Item],
    bytes_of: BytesOf,
) -> Iterator[str]:
    """The file in pieces. An item a line, the same for the same chat. `left`: of the versions that are not shown."""
    head = {
        "schema": SCHEMA,
        "version": VERSION,
        "source": {
            "kind": chat.where,
            "copied_at": iso(chat.copied_at) if chat.copied_at else None,
            "gone": chat.gone,
            "server": chat.server,
        },
        "agent": {"id": chat.agent_id, "name": chat.agent_name},
        "chat": {
            "id": chat.id,
            "title": chat.title,
            "created_at": iso(chat.created_at),
            "updated_at": iso(chat.updated_at),
            "user": chat.user,
        },
        "thread": dict(thread),
    }
    yield _text(head)[:-1] + ',\n"items": ['
    files: list[tuple[Item, Mapping[str, Any]]] = []

    def listed(some: Iterable[Item]) -> Iterator[str]:
        between = "\n"
        for item in some:
            yield between + _text(_item(item))
            between = ",\n"
            files.extend((Item(item.id, item.kind, None, {}), file) for file in attachments_of(item))

    yield from listed(items)
    yield '\n],\n"removed_items": ['
    yield from listed(removed)
    yield '\n],\n"other_versions": ['
    yield from listed(left)
    yield '\n],\n"attachments": ['
    between = "\n"
    for item, file in files:
        known = str(file.get("id") or "")
        data = bytes_of(known) if known else None
        about = {
            "id": known,
            "item_id": item.id,
            "name": str(file.get("name") or ""),
            "mime_type": str(file.get("mime_type") or ""),
            "size": None if data is None else len(data),
        }
        yield between + _text(about)[:-1] + ',"data":'
        if data is None:
            yield "null}"
        else:
            yield '"'
            for start in range(0, len(data), _CHUNK):
                yield base64.b64encode(data[start : start + _CHUNK]).decode()
            yield '"}'
        between = ",\n"
    yield "\n]}\n"


def _item(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "type": item.kind,
        "created_at": iso(item.created_at) if item.created_at else None,
        "text": text_of(item),
        **({} if item.parent is None else {"parent": item.parent}),
        "raw": item.raw,
    }


def _text(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair can't be written as UTF-8, but as an escape.
    return json.dumps(value, separators=(",", ":")) if _LONE.search(text) else text
