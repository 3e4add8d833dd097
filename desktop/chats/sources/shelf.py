"""The list of chats kept elsewhere: titles and dates, only in memory.

Knows no source and asks nobody. Usable from every thread.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from desktop.chats.types import LATEST


@dataclass(frozen=True, order=True)
class Listed:
    """A thread elsewhere; sorts as the list shows it, the newest first."""

    place: tuple[int, str]
    """(minus the seconds since 1970, the id)."""
    agent: str
    user: str
    title: str

    @property
    def id(self) -> str:
        return self.place[1]

    @property
    def cursor(self) -> str:
        return f"{self.place[0]}/{self.place[1]}"

    @property
    def began(self) -> datetime:
        return when(-self.place[0])


class Shelf:
    """What a source has listed so far; `keep_only` takes out what it no longer lists."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listed: list[Listed] = []
        self._known: dict[str, Listed] = {}

    def put(self, one: Listed) -> None:
        """Adds it, in the place of what had its id."""
        with self._lock:
            if self._known.get(one.id) != one:
                self._take_out(one.id)
                self._known[one.id] = one
                insort(self._listed, one)

    def rename(self, chat_id: str, title: str) -> None:
        known = self.get(chat_id)
        if known is not None:
            self.put(replace(known, title=title))

    def keep_only(self, ids: Collection[str], agent: str | None = None) -> None:
        """Takes out all others; `agent`: only of that agent's."""
        with self._lock:
            self._known = {
                one.id: one for one in self._listed if one.id in ids or (agent is not None and one.agent != agent)
            }
            self._listed = sorted(self._known.values())

    def forget(self, chat_id: str) -> None:
        with self._lock:
            self._take_out(chat_id)

    def get(self, chat_id: str) -> Listed | None:
        with self._lock:
            return self._known.get(chat_id)

    def page(self, limit: int, after: str | None, agent: str | None, since: datetime | None) -> list[Listed]:
        """Threads behind the `cursor` `after`, the newest first. Raises ValueError for what is no cursor."""
        start = None if after is None else _place(after)
        with self._lock:
            found = []
            for one in self._listed:
                if start is not None and one.place <= start:
                    continue
                if since is not None and -one.place[0] < since.timestamp():
                    break
                if agent is None or one.agent == agent:
                    found.append(one)
                    if len(found) == limit:
                        break
        return found

    def all(self) -> list[Listed]:
        with self._lock:
            return list(self._listed)

    def _take_out(self, chat_id: str) -> None:
        old = self._known.pop(chat_id, None)
        if old is not None:
            self._listed.remove(old)


def when(seconds: int) -> datetime:
    """Unix seconds in UTC, within what a calendar holds."""
    return datetime.fromtimestamp(min(max(seconds, 0), LATEST), UTC)


def place(seconds: int, chat_id: str) -> tuple[int, str]:
    """Of a thread that was created at `seconds`."""
    return (-min(max(seconds, 0), LATEST), chat_id)


def _place(cursor: str) -> tuple[int, str]:
    seconds, _, chat_id = cursor.partition("/")
    return (int(seconds), chat_id)
