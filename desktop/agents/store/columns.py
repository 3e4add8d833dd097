"""Texts and times as the tables of chats hold them: UTF-8 that is whole, microseconds since 1970 in UTC.

Knows no SDK and no database: a build without the agent stack reads its archive with this.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
MOST_OF_A_TITLE = 500
"""Characters of a chat's title that are kept, whoever gave it."""
_LONE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` as UTF-8 can hold it: halves of characters are joined, lone ones become U+FFFD.

    JavaScript's texts may hold such halves, and a stream may be cut in one.
    """
    if _LONE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970, UTC. A moment without a zone is local time."""
    try:
        aware = moment.astimezone(UTC)
    except (OverflowError, OSError, ValueError):  # outside of what the platform's calendar can place
        aware = moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The same moment in local time, without a zone; `fold` says which of the two hours in autumn it is."""
    seconds, rest = divmod(value, 1_000_000)
    try:
        return datetime.fromtimestamp(seconds).replace(microsecond=rest)  # noqa: DTZ006 - as the SDK makes them
    except (OverflowError, OSError, ValueError):
        return utc(value).replace(tzinfo=None)


def utc(value: int) -> datetime:
    """The same moment in UTC, with its zone."""
    return _EPOCH + value * _MICROSECOND


def text_of(kind: str, body: str) -> str:
    """What a person reads in a message, for the search; empty for every other kind of item."""
    if kind not in ("user_message", "assistant_message"):
        return ""
    content = json.loads(body).get("content")
    parts = [part.get("text") for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    return "\n".join(part for part in parts if part and isinstance(part, str))
