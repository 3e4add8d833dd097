"""Texts and times as stored in the tables: valid UTF-8, and microseconds since 1970 in UTC.

Knows no SDK and no database, so a build without the agent stack can read its archive.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
MOST_OF_A_TITLE = 500
"""Characters kept of a chat's title."""
_LONE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Make `text` valid UTF-8: surrogate pairs are joined, lone ones become U+FFFD.

    JavaScript strings may contain lone surrogates, and a stream may be cut inside a pair.
    """
    if _LONE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970, UTC. A moment without a zone is local time."""
    try:
        aware = moment.astimezone(UTC)
    except (OverflowError, OSError, ValueError):  # outside the platform's calendar
        aware = moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The moment in local time, without a zone. `fold` distinguishes the repeated hour in autumn."""
    seconds, rest = divmod(value, 1_000_000)
    try:
        return datetime.fromtimestamp(seconds).replace(microsecond=rest)  # noqa: DTZ006 - as the SDK makes them
    except (OverflowError, OSError, ValueError):
        return utc(value).replace(tzinfo=None)


def utc(value: int) -> datetime:
    """The moment in UTC, with its zone."""
    return _EPOCH + value * _MICROSECOND


def text_of(kind: str, body: str) -> str:
    """The text of a message, for the search; empty for other items."""
    if kind not in ("user_message", "assistant_message"):
        return ""
    content = json.loads(body).get("content")
    parts = [part.get("text") for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    return "\n".join(part for part in parts if part and isinstance(part, str))
