"""The archive as a source of chats: copies of hosted chats on this computer, opened when needed.

Knows how copies become chats and who fills them; how they lie on the disk is `copies`, how they are made `archiving`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from desktop.chats.archive.copies import Copies, Copy, Origin
from desktop.chats.sources.items import api_item
from desktop.chats.types import Archived, Chat, Item, Tell
from desktop.common.errors import AppError
from desktop.openai_api.errors import ThreadNotFound

if TYPE_CHECKING:
    from desktop.common.locations import Locations
    from desktop.openai_api.client import Requests

ALL_AT_ONCE = 100


class Archive:
    """`users`: {user id: the agent it belongs to}, of this profile's hosted agents; `agent_name`: of an agent's id.
    Usable from every thread. `close` it at the end."""

    def __init__(
        self, locations: Locations, users: Callable[[], Mapping[str, str]], agent_name: Callable[[str], str]
    ) -> None:
        self._locations = locations
        self._users = users
        self._agent_name = agent_name
        self._lock = threading.Lock()
        self._copies: Copies | None = None

    def close(self) -> None:
        """May be called again."""
        with self._lock:
            copies, self._copies = self._copies, None
        if copies is not None:
            copies.close()

    @property
    def notices(self) -> Sequence[AppError]:
        """What a person should be told: a damaged file that was set aside."""
        copies = self._copies
        return copies.notices if copies is not None else ()

    def copies(self) -> Copies | None:
        """What lies on the disk, where there is something: it is not made by looking. Raises as `opened`."""
        with self._lock:
            if self._copies is not None:
                return self._copies
        from desktop.chats.archive.old_archive import files_of

        if not self._locations.copies.exists() and not files_of(self._locations.archive):
            return None
        return self.opened()

    def opened(self) -> Copies:
        """What lies on the disk, made where there is nothing, with what an earlier version wrote as files. Raises
        ArchiveNewer, FolderUnwritable, FileUnreadable."""
        with self._lock:
            if self._copies is None:
                from desktop.chats.archive.old_archive import take_in

                self._copies = Copies(self._locations.copies)
                take_in(self._copies, self._locations.archive, self._users())
            return self._copies

    def row(self, chat_id: str) -> Copy:
        """Raises ThreadNotFound; and as `opened`."""
        copies = self.copies()
        row = copies.row(chat_id) if copies is not None else None
        if row is None:
            raise ThreadNotFound("in the archive", status=0, thread=chat_id[:60])
        return row

    def chat(self, row: Copy) -> Chat:
        return Chat(
            id=row.id,
            where="archived",
            agent_id=row.agent,
            agent_name=self._agent_name(row.agent),
            title=row.title,
            created_at=row.created,
            updated_at=row.updated,
            items=row.items,
            user=row.user,
            copied_at=row.copied,
            gone=row.gone is not None,
        )

    def items(self, chat_id: str, after: int, limit: int) -> list[tuple[Item, int]]:
        """Items behind the place `after`, the oldest first, each with its own place. Raises as `row`."""
        lines = self.opened().lines(self.row(chat_id).seq, after=after, limit=limit)
        return [(api_item(line.raw), line.seq) for line in lines]

    def removed_items(self, chat_id: str) -> Iterator[Item]:
        """Items that OpenAI no longer had when the chat was copied again. Raises as `row`."""
        copies, row = self.opened(), self.row(chat_id)
        after = 0
        while lines := copies.lines(row.seq, after=after, limit=ALL_AT_ONCE, gone=True):
            yield from (api_item(line.raw) for line in lines)
            after = lines[-1].seq

    def take(
        self,
        client: Callable[[], Requests],
        chosen: Sequence[str | None],
        *,
        tell: Tell | None = None,
        cancel: threading.Event | None = None,
        since: float | None = None,
        limit: int | None = None,
        ids: Iterable[str] | None = None,
        again: bool = False,
    ) -> Archived:
        """Copies the chats of each of the users `chosen` (None: of all in the key's project); see `ArchiveRun.run`.

        Never raises AppError: what stopped it is the result's `error`.
        """
        from desktop.chats.archive.archiving import ArchiveRun

        done = Archived()
        if not chosen:
            return done
        users = self._users()

        def origin(user: str) -> Origin:
            return Origin("", agent=users.get(user, ""), own=user in users)

        try:
            self.opened()
            requests = client()
            # A connection of its own: lists and searches do not wait for what is being written.
            copies = Copies(self._locations.copies)
        except AppError as error:
            return Archived(error=error)
        try:
            for user in chosen:
                run = ArchiveRun(copies, requests, user, origin)
                done = _sum(done, run.run(tell=tell, cancel=cancel, since=since, limit=limit, ids=ids, again=again))
                if done.cancelled or done.ended is not None:
                    break
        finally:
            copies.close()
        return done


def _sum(one: Archived, other: Archived) -> Archived:
    return Archived(
        one.total + other.total,
        one.written + other.written,
        one.unchanged + other.unchanged,
        one.vanished + other.vanished,
        one.failed + other.failed,
        other.cancelled,
        one.error or other.error,
    )
