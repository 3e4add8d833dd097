"""Hosted chats as OpenAI lists them: titles and dates of this profile's users, kept in memory and nowhere else.

Knows nothing of the archive.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from desktop.chats.copies import LATEST
from desktop.chats.patient import CancelledError, Patient
from desktop.chats.types import Chat
from desktop.chats.walk import walk
from desktop.openai_api import threads
from desktop.openai_api.client import Requests
from desktop.openai_api.threads import Order

if TYPE_CHECKING:
    from desktop.openai_api.wire import Page, Thread


@dataclass(frozen=True, order=True)
class Listed:
    """A hosted thread; sorts as the list shows it, the newest first."""

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

    def chat(self, name: str) -> Chat:
        moment = when(-self.place[0])
        return Chat(
            id=self.id,
            where="hosted",
            agent_id=self.agent,
            agent_name=name,
            title=self.title or None,
            created_at=moment,
            updated_at=moment,
            user=self.user,
        )


class Hosted:
    """Nothing is asked before `refresh`; what it has found so far can be read meanwhile. Usable from every thread."""

    def __init__(self, client: Callable[[], Requests] | None, users: Callable[[], Mapping[str, str]]) -> None:
        """`users`: {user id: the agent it belongs to}, of this profile's hosted agents."""
        self._client = client
        self._users = users
        self._lock = threading.Lock()
        self._listed: list[Listed] = []
        self._known: dict[str, Listed] = {}

    @property
    def there(self) -> bool:
        """Whether there is anything to ask for."""
        return self._client is not None and bool(self._users())

    def refresh(self, cancel: threading.Event | None = None, told: Callable[[int], object] | None = None) -> int:
        """Asks OpenAI for all titles; gives how many there are, and tells them page by page.

        Raises KeyMissing, ApiError, NetworkError; what was known stays known then.
        """
        if self._client is None or not self.there:
            return 0
        client = Patient(self._client(), cancel or threading.Event())
        found: set[str] = set()
        for user, agent in self._users().items():

            def page(after: str | None, order: Order, user: str = user) -> Page[Thread]:
                return threads.list_threads(client, user, after, None, threads.PAGE, order)

            try:
                for _, thread in walk(page, "desc", client.host):
                    found.add(thread.id)
                    self._put(thread, agent)
                    if told is not None and len(found) % threads.PAGE == 0:
                        told(len(found))
            except CancelledError:
                return len(found)
        with self._lock:
            self._known = {one: listed for one, listed in self._known.items() if one in found}
            self._listed = sorted(self._known.values())
        return len(found)

    def page(self, limit: int, after: str | None, agent: str | None, since: datetime | None) -> list[Listed]:
        """Threads behind the `cursor` `after`, the newest first."""
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

    def get(self, thread_id: str) -> Thread:
        """One thread, asked for now. Raises ThreadNotFound, KeyMissing, ApiError, NetworkError."""
        return threads.get_thread(self.client(), thread_id)

    def client(self) -> Requests:
        """Raises KeyMissing, AgentNotSet."""
        from desktop.errors import AgentNotSet

        if self._client is None:
            raise AgentNotSet
        return self._client()

    def listed(self, thread: Thread) -> Listed:
        return _listed(thread, self._users().get(thread.user, ""))

    def forget(self, thread_id: str) -> None:
        """The thread was deleted."""
        with self._lock:
            self._take_out(thread_id)

    def _put(self, thread: Thread, agent: str) -> None:
        made = _listed(thread, agent)
        with self._lock:
            if self._known.get(made.id) != made:
                self._take_out(made.id)
                self._known[made.id] = made
                insort(self._listed, made)

    def _take_out(self, thread_id: str) -> None:
        old = self._known.pop(thread_id, None)
        if old is not None:
            self._listed.remove(old)


def when(seconds: int) -> datetime:
    """Unix seconds in UTC, within what a calendar holds."""
    return datetime.fromtimestamp(min(max(seconds, 0), LATEST), UTC)


def _listed(thread: Thread, agent: str) -> Listed:
    return Listed((-min(max(thread.created_at, 0), LATEST), thread.id), agent, thread.user, thread.title or "")


def _place(cursor: str) -> tuple[int, str]:
    seconds, _, thread_id = cursor.partition("/")
    return (int(seconds), thread_id)
