"""Converts threads, items and attachments to rows and back: JSON bodies, times in UTC.

The SDK uses `datetime.now()` and subtracts times: local, without a zone. They are stored as microseconds since 1970 in
UTC and returned as local time of the current zone. Knows no database.
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
    """An item without `id`, `thread_id` and `created_at`, which are columns."""
    # warnings=False: items the SDK changed in place are stored as they are, without warnings.
    return _written(item.model_dump(mode="json", exclude={"id", "thread_id", "created_at"}, warnings=False))


def item_of(item_id: str, thread_id: str, created: int, body: str) -> ThreadItem:
    """The item of a row. Raises ValueError for an item this SDK does not know."""
    document = {**json.loads(body), "id": item_id, "thread_id": thread_id, "created_at": from_microseconds(created)}
    return cast("ThreadItem", _adapter(ThreadItem).validate_python(document))


def thread_body(thread: ThreadMetadata) -> str:
    """Status, metadata and image domains. Never the items of a `Thread`, which the SDK may pass as well."""
    return _written(
        thread.model_dump(mode="json", include={"status", "allowed_image_domains", "metadata"}, warnings=False)
    )


def thread_of(thread_id: str, title: str | None, created: int, body: str) -> ThreadMetadata:
    """The thread of a row."""
    return ThreadMetadata(
        **{**json.loads(body), "id": thread_id, "title": title, "created_at": from_microseconds(created)}
    )


def attachment_body(attachment: Attachment) -> str:
    """An attachment without `id` and `thread_id`, but with its `metadata`."""
    return _written(attachment.model_dump(mode="json", exclude={"id", "thread_id"}, warnings=False))


def attachment_of(attachment_id: str, thread_id: str | None, body: str) -> Attachment:
    """The attachment of a row."""
    document = {**json.loads(body), "id": attachment_id, "thread_id": thread_id}
    return cast("Attachment", _adapter(Attachment).validate_python(document))
