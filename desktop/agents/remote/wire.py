"""The part of ChatKit's protocol its client needs: checks requests before sending, and replies before passing them on.

Pure. Unknown types pass: the server decides, and may be newer than this app.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from desktop.agents.errors import MessageEmpty, MessageTooLong
from desktop.agents.models import numbers
from desktop.common.errors import BadParams

MESSAGES = frozenset({"threads.create", "threads.add_user_message"})
STREAMS = MESSAGES | {
    "threads.retry_after_item",
    "threads.add_structured_input",
    "threads.add_client_tool_output",
    "threads.custom_action",
}
"""Requests answered with events, which carry what a person has just said or done."""
PAGES = frozenset({"threads.list", "items.list"})
"""Requests answered with a page of records."""


@dataclass(frozen=True)
class Request:
    """One outgoing request."""

    type: str
    body: str
    thread: str = ""
    """The thread it is about."""

    @property
    def streams(self) -> bool:
        return self.type in STREAMS


def request_of(body: str, message_limit: int) -> Request:
    """Parse a page's request. Raises BadParams, MessageEmpty, MessageTooLong, so that no server has to."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise BadParams(problem="not JSON") from None
    params = asked.get("params") if isinstance(asked, dict) else None
    if not isinstance(params, dict) or not isinstance(asked.get("type"), str):
        raise BadParams(problem="type, params")
    if asked["type"] in MESSAGES:
        _check_message(params.get("input"), message_limit)
    thread = params.get("thread_id")
    return Request(asked["type"], body, thread if isinstance(thread, str) else "")


def request(kind: str, **params: Any) -> Request:
    """Make a request of our own."""
    return Request(kind, json.dumps({"type": kind, "params": params}), str(params.get("thread_id", "")))


def _check_message(message: object, limit: int) -> None:
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        raise BadParams(problem="input")
    parts = [part.get("text") for part in message["content"] if isinstance(part, dict)]
    text = "".join(part for part in parts if isinstance(part, str))
    if not text.strip() and not message.get("attachments"):
        raise MessageEmpty
    quoted = message.get("quoted_text")
    length = len(text) + (len(quoted) if isinstance(quoted, str) else 0)
    if length > limit:
        raise MessageTooLong(length=length, limit=limit)


def fits(asked: Request, reply: object) -> bool:
    """Whether a JSON reply can be the answer to this request."""
    if not isinstance(reply, dict) or asked.streams:
        return False
    if asked.type in PAGES:
        records = reply.get("data")
        return isinstance(records, list) and all(isinstance(one, dict) and "id" in one for one in records)
    if asked.type in ("threads.get_by_id", "attachments.create"):
        return isinstance(reply.get("id"), str)
    return True


def event_of(data: str) -> dict[str, Any] | None:
    """The event in a stream; None if it isn't one, or has an index no page can handle."""
    try:
        event = numbers.parsed(data)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("type"), str) else None


def piece(event: dict[str, Any]) -> str:
    """An event for a page."""
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n"


def error_piece(sentence: str, *, again: bool = True) -> str:
    """The end of a failed stream. The page offers a retry unless that can't help."""
    return piece({"type": "error", "code": "custom", "message": sentence, "allow_retry": again})
