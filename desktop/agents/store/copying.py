"""*New chat from here*: a chat of its own with what is shown of another one, up to an item. Files are copied with it,
so each of the two can be deleted without the other."""

from __future__ import annotations

import base64
import json
import sqlite3
from typing import TYPE_CHECKING, Any

from chatkit.store import NotFoundError
from chatkit.types import ImageAttachment

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.store import columns, documents, search
from desktop.agents.store.ids import derived, new_id
from desktop.common.errors import AppError

if TYPE_CHECKING:
    from desktop.agents.store.attachments import AttachmentFiles
    from desktop.agents.store.threads import SqliteStore

BY_ITEM = ("feedback", "answered_by")
"""Metadata of a thread that is kept by the ids of its items."""
Row = tuple[str, str, int, str]
"""(id, kind, created, body) of an item."""


async def new_chat_from(
    store: SqliteStore,
    files: AttachmentFiles | None,
    thread_id: str,
    item_id: str,
    title: str,
    context: RequestContext,
) -> str:
    """The id of the new chat. All of it is there at once, or nothing. Raises NotFoundError; FolderUnwritable, and what
    keeps a file from being attached (AttachmentsUnsent)."""
    thread = await store.load_thread(thread_id, context)
    items = await store.read(lambda connection: _until(connection, thread_id, item_id, context), aside=True)
    copies: dict[str, str] = {}
    if files is not None:
        for attachment_id in _attached(items):
            copy = await _copy(files, attachment_id, context)
            if copy is not None:
                copies[attachment_id] = copy
    thread_copy, number = new_id("thread"), {old: derived(kind, new_id("message")) for old, kind, _, _ in items}
    notes = {name: value for name, value in thread.metadata.items() if name not in BY_ITEM and name != "pinned"}
    for name in BY_ITEM:
        known = thread.metadata.get(name)
        if isinstance(known, dict):
            notes[name] = {number[old]: value for old, value in known.items() if old in number}
    thread.metadata = notes
    title, body = columns.clean(title)[: columns.MOST_OF_A_TITLE], documents.thread_body(thread)
    agent = columns.clean(context.agent_id)

    def write(connection: sqlite3.Connection) -> None:
        now = store.now()
        new = int(
            connection.execute(
                "INSERT INTO threads (id, agent, title, created, updated, body) VALUES (?, ?, ?, ?, ?, ?)",
                (thread_copy, agent, title, now, now, body),
            ).lastrowid
            or 0
        )
        search.index(connection, "thread_words", new, agent, title)
        parent = 0
        for old, kind, created, text in items:
            told = _renamed(kind, text, copies, thread_copy)
            parent = int(
                connection.execute(
                    "INSERT INTO items (id, thread, kind, created, body, parent) VALUES (?, ?, ?, ?, ?, ?)",
                    (number[old], new, kind, created, told, parent),
                ).lastrowid
                or 0
            )
            search.index(connection, "item_words", parent, agent, columns.text_of(kind, told))
        connection.executemany(
            "UPDATE attachments SET thread = ? WHERE id = ?", [(new, one) for one in copies.values()]
        )

    await store.write(write)
    return thread_copy


def _until(connection: sqlite3.Connection, thread_id: str, item_id: str, context: RequestContext) -> list[Row]:
    last = connection.execute(
        "SELECT i.thread, i.seq FROM items i JOIN threads t ON t.seq = i.thread "
        "WHERE i.id = ? AND i.hidden = 0 AND t.id = ? AND t.agent = ?",
        (columns.clean(item_id), columns.clean(thread_id), columns.clean(context.agent_id)),
    ).fetchone()
    if last is None:
        raise NotFoundError(f"item {item_id}")
    found: list[Row] = connection.execute(
        "SELECT id, kind, created, body FROM items WHERE thread = ? AND hidden = 0 AND seq <= ? ORDER BY seq", last
    ).fetchall()
    return found


def _files_in(kind: str, body: str) -> list[dict[str, Any]]:
    if kind != "user_message" or '"attachments":[{' not in body:
        return []
    return [one for one in json.loads(body).get("attachments") or () if isinstance(one, dict) and one.get("id")]


def _attached(items: list[Row]) -> list[str]:
    return list(dict.fromkeys(str(file["id"]) for _, kind, _, body in items for file in _files_in(kind, body)))


async def _copy(files: AttachmentFiles, attachment_id: str, context: RequestContext) -> str | None:
    """The id of a copy; None where the file can't be read any more, which its message then says as before."""
    try:
        known, data = await files.describe(attachment_id, context), await files.read(attachment_id, context)
    except (NotFoundError, AppError):
        return None
    preview = None
    if isinstance(known, ImageAttachment):
        preview = base64.b64decode(str(known.preview_url).partition(",")[2])
    return str((await files.add(known.name, known.mime_type, data, context, preview)).id)


def _renamed(kind: str, body: str, copies: dict[str, str], thread_id: str) -> str:
    """The body with the ids of the copied files."""
    if not _files_in(kind, body):
        return body
    document = json.loads(body)
    for file in document["attachments"]:
        if file.get("id") in copies:
            file.update(id=copies[file["id"]], thread_id=thread_id)
    return columns.clean(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
