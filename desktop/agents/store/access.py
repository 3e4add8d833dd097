"""The threads on which the thread store uses its file: one writes, one reads, one searches.

Whatever `await` has acknowledged is with the operating system, so a killed app loses none of it. Knows SQLite, not what
is kept in it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from desktop.agents.store import database, words_index
from desktop.agents.store.schema import Step
from desktop.agents.store.worker import Worker
from desktop.common.errors import AppError

T = TypeVar("T")


class Access:
    """Opens the database on the writing thread and waits for it. A path of None keeps everything in memory.

    Raises ThreadsNewer, FolderUnwritable, FileUnreadable. `notices` has anything else for the person (ThreadsDamaged).
    Usable from every thread and event loop. Call `close` at the end.
    """

    def __init__(self, path: Path | None, *, steps: Sequence[Step], now: Callable[[], float]) -> None:
        self.path = path
        self.notices: list[AppError] = []
        self._writer = Worker("threads-writer", idle=self._flush)
        self._readers: list[Worker] = []
        self._index_seen = False
        """Whether the search index was checked since it was opened."""
        self._index_checked = False
        """Whether it was fully checked."""
        self._connections: dict[Worker, sqlite3.Connection] = {}
        try:
            self._connections[self._writer], self.notices = self._writer.call(
                lambda: database.open_database(path, steps=steps, now=now)
            )
            # An in-memory database belongs to a single connection.
            for name in ("threads-reader", "threads-search") if path else ():
                reader = Worker(name)
                self._readers.append(reader)
                self._connections[reader] = reader.call(lambda: database.connect(path, reading=True))
        except BaseException:
            self.close()
            raise
        self._loading = self._readers[0] if path else self._writer
        self._searching = self._readers[1] if path else self._writer

    def close(self, limit: float = 5.0) -> bool:
        """Finish pending work and close the file. False if the disk did not respond within `limit` seconds."""
        ends = time.monotonic() + limit
        done = True
        for worker in (*self._readers, self._writer):
            connection = self._connections.get(worker)
            last = None if connection is None else lambda c=connection: database.closed(c)
            done = worker.close(last, max(0.0, ends - time.monotonic())) and done
        return done

    async def read(self, job: Callable[[sqlite3.Connection], T], *, aside: bool = False) -> T:
        """Run `job` on the reading thread; `aside`: on the one for what takes longer. Raises FolderUnwritable,
        FileUnreadable."""
        chosen = self._searching if aside else self._loading
        connection = self._connections[chosen]

        def read() -> T:
            try:
                return job(connection)
            except sqlite3.Error as error:
                raise database.explained(error, self.path) from error

        return await chosen.run(read)

    async def write(self, job: Callable[[sqlite3.Connection], T], then: Callable[[T], None] = lambda result: None) -> T:
        """Run `job` in one transaction and, once it is committed, `then`, both on the writing thread. `job` may run
        twice. Raises FolderUnwritable, FileUnreadable."""
        connection = self._connections[self._writer]

        def write() -> T:
            try:
                with database.transaction(connection, self.path):
                    result = job(connection)
            except AppError as error:
                if self.path is None or not words_index.may_be_of_it(error.__cause__):
                    raise
                # Writing also updates the index. A damaged index must not prevent it.
                with database.transaction(connection, self.path):
                    if not words_index.mended(connection):
                        raise
                with database.transaction(connection, self.path):
                    result = job(connection)
            then(result)
            return result

        return await self._writer.run(write)

    async def look_up(self, find: Callable[[sqlite3.Connection], list[T]], *, has_words: bool) -> list[T]:
        """What `find` finds in the search index, which is rebuilt where it is damaged. `has_words`: whether it looks
        for any."""
        if not self._index_seen:
            self._index_seen = True
            await self._mend_index(whole=database.is_small(self.path))
        hits: list[T] = []
        try:
            hits = await self.read(find, aside=True)
        except AppError as error:
            if not words_index.may_be_of_it(error.__cause__) or not await self._mend_index(whole=True, anyway=True):
                raise
        else:
            # A damaged index may find nothing, so it is fully checked once before "nothing found" is reported.
            if hits or not has_words or not await self._mend_index(whole=True):
                return hits
        return await self.read(find, aside=True)

    async def _mend_index(self, *, whole: bool, anyway: bool = False) -> bool:
        """Whether the search index was damaged and has been rebuilt."""
        if self.path is None or (self._index_checked and not anyway):
            return False
        was_damaged = await self.write(lambda connection: words_index.mended(connection, whole=whole))
        self._index_checked = whole or was_damaged
        return was_damaged

    def _flush(self) -> None:
        """When idle, move what was written from the log into the file and onto the disk."""
        if self.path:
            self._connections[self._writer].execute("PRAGMA wal_checkpoint(PASSIVE)")
