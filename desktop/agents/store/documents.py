"""Threads, items and attachments as rows, and back: JSON bodies, times in UTC.

The SDK makes times with `datetime.now()` and subtracts them from each other: local, without a zone. They are kept
as microseconds since 1970 in UTC and given back as local time of today's zone. Knows no database.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, cast

from chatkit.types import Attachment, ThreadItem, ThreadMetadata
from pydantic import TypeAdapter

from desktop.agents.store.columns import clean, from_microseconds


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _written(document: dict[str, Any]) -> str:
    return clean(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def item_body(item: ThreadItem) -> str:
    """All of an item but `id`, `thread_id` and `created_at`, which are columns."""
    # warnings=False: what the SDK changed in place is kept as it is, not complained about.
    return _written(item.model_dump(mode="json", exclude={"id", "thread_id", "created_at"}, warnings=False))


def item_of(item_id: str, thread_id: str, created: int, body: str) -> ThreadItem:
    """The item of a row. Raises ValueError for what this SDK does not know."""
    document = {**json.loads(body), "id": item_id, "thread_id": thread_id, "created_at": from_microseconds(created)}
    return cast("ThreadItem", _adapter(ThreadItem).validate_python(document))


def thread_body(thread: ThreadMetadata) -> str:
    """Status, metadata and image domains; never the items of a `Thread`, which the SDK may hand over as well."""
    return _written(
        thread.model_dump(mode="json", include={"status", "allowed_image_domains", "metadata"}, warnings=False)
    )


def thread_of(thread_id: str, title: str | None, created: int, body: str) -> ThreadMetadata:
    """The thread of a row."""
    return ThreadMetadata(
        **{**json.loads(body), "id": thread_id, "title": title, "created_at": from_microseconds(created)}
    )


def attachment_body(attachment: Attachment) -> str:
    """All of an attachment but `id` and `thread_id`; its `metadata` as well."""
    return _written(attachment.model_dump(mode="json", exclude={"id", "thread_id"}, warnings=False))


def attachment_of(attachment_id: str, thread_id: str | None, body: str) -> Attachment:
    """The attachment of a row."""
    document = {**json.loads(body), "id": attachment_id, "thread_id": thread_id}
    return cast("Attachment", _adapter(Attachment).validate_python(document))
