"""Copies new and changed hosted threads into the archive, one after another. Can be interrupted and resumed.

Only ever reads at OpenAI. What is in the archive is its memory; whoever runs it is told how far it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest
from random import random as random_number
from typing import TYPE_CHECKING, Any

from desktop.chats.archive.copies import Copies, Origin
from desktop.chats.pace import Pace
from desktop.chats.sources.items import pages, read_items
from desktop.chats.sources.patient import CancelledError, Patient
from desktop.chats.sources.spool import Spool
from desktop.chats.sources.walk import walk
from desktop.chats.types import Archived, Tell
from desktop.common.errors import AppError
from desktop.openai_api import threads
from desktop.openai_api.client import Requests
from desktop.openai_api.errors import BadAnswer, RequestRejected, ServiceDown, ThreadNotFound, TimedOut
from desktop.openai_api.threads import Order
from desktop.openai_api.wire import Page

if TYPE_CHECKING:
    from desktop.openai_api.wire import Thread

IN_A_ROW = 3
"""Threads in a row that fail because the service does: the rest will fail too."""

OriginOf = Callable[[str], Origin]
"""(user of a thread) → to whom it belongs here."""


class ArchiveRun:
    """Copies the threads of `user` (None: everybody's in the key's project) into `copies`."""

    def __init__(
        self,
        copies: Copies,
        client: Requests,
        user: str | None,
        origin: OriginOf,
        *,
        random: Callable[[], float] = random_number,
        pace: Callable[[Tell | None], Pace] = Pace,
    ) -> None:
        self._copies = copies
        self._client = client
        self._user = user
        self._origin = origin
        self._random = random
        self._pace = pace
        self._number = 0

    def run(
        self,
        *,
        tell: Tell | None = None,
        cancel: threading.Event | None = None,
        since: float | None = None,
        limit: int | None = None,
        ids: Iterable[str] | None = None,
        again: bool = False,
    ) -> Archived:
        """Reads the threads created at or after `since` (Unix seconds), newest first, at most `limit`; or just `ids`.

        The API tells neither when a thread was last changed nor how many items it has: one whose own fields and newest
        item are those of the copy counts as unchanged. `again` reads every thread whole, so that a change in the middle
        is found too. Never raises AppError: what stopped the run is the result's `error`.
        """
        cancel = cancel or threading.Event()
        client = Patient(self._client, cancel, self._random)
        pace = self._pace(tell)
        scope = f"{client.host} {self._user} {since} {limit}" if ids is None else f"{client.host} some"
        scope += " again" if again else ""
        whole = since is None and limit is None and ids is None
        done = Archived()
        try:
            pace.counting()
            folder = self._copies.path.parent if self._copies.path else None
            self._number = self._copies.begin_run(scope)
            with Spool(folder) as listed:
                done = replace(done, vanished=self._list(client, listed, pace, since, limit, ids))
                total = len(listed) + done.vanished
                done = replace(done, total=total)
                done = self._copy_all(client, listed, pace, done, cancel, again)
                if whole and done.error is None:
                    self._copies.gone(self._user, {str(thread["id"]) for thread in listed})
            if done.error is None:
                self._copies.end_run(self._number)
            pace.step(total, total)
        except CancelledError:
            return replace(done, cancelled=True)
        except _StoppedError as stopped:
            return stopped.done
        except AppError as error:
            return replace(done, error=error)
        return done

    def _list(
        self,
        client: Patient,
        listed: Spool,
        pace: Pace,
        since: float | None,
        limit: int | None,
        ids: Iterable[str] | None,
    ) -> int:
        """Puts the threads that are wanted into `listed`; gives how many of `ids` are not there."""
        if ids is not None:
            missing = 0
            for thread_id in dict.fromkeys(ids):
                try:
                    listed.add(len(listed), threads.get_thread(client, thread_id).raw())
                except ThreadNotFound:
                    self._copies.mark_gone(thread_id)
                    missing += 1
            return missing
        if since is not None or limit is not None:
            for thread in threads_since(client, self._user, since, limit):
                listed.add(len(listed), thread.raw())
                pace.counting(len(listed))
            return 0

        def page(after: str | None, order: Order) -> Page[Thread]:
            return threads.list_threads(client, self._user, after, None, threads.PAGE, order)

        for place, thread in walk(page, "desc", client.host):
            listed.add(place, thread.raw())
            pace.counting(len(listed))
        return 0

    def _copy_all(
        self, client: Patient, listed: Spool, pace: Pace, done: Archived, cancel: threading.Event, again: bool
    ) -> Archived:
        before, failing = done.vanished, 0
        for number, thread in enumerate(listed):
            pace.step(before + number, done.total, str(thread.get("title") or ""))
            try:
                if cancel.is_set():
                    raise CancelledError
                copied = self._copy(client, thread, again)
                done = replace(done, written=done.written + copied, unchanged=done.unchanged + (not copied))
                failing = 0
            except ThreadNotFound:
                self._copies.mark_gone(str(thread["id"]))
                done = replace(done, vanished=done.vanished + 1)
            except (BadAnswer, RequestRejected, ServiceDown, TimedOut) as error:
                failing += isinstance(error, ServiceDown | TimedOut)
                done = replace(done, failed=done.failed + 1, error=done.error or error)
                if failing >= IN_A_ROW:
                    raise _StoppedError(replace(done, error=error)) from None
            except CancelledError:
                raise _StoppedError(replace(done, cancelled=True)) from None
            except AppError as error:
                raise _StoppedError(replace(done, error=error)) from None
        return done

    def _copy(self, client: Patient, thread: dict[str, Any], again: bool) -> bool:
        """Whether there was anything to copy."""
        thread_id = str(thread["id"])
        known = self._copies.row(thread_id)
        same = known is not None and known.raw == thread
        if known is not None and same and known.checked == self._number and known.gone is None:
            return False  # this very run has looked at it, before it was cut off
        if known is not None and same and not again:
            newest = pages(client, thread_id)(None, "desc", 1).data
            kept = self._copies.newest(known.seq)
            if (newest[0].raw() if newest else None) == (kept.raw if kept else None):
                self._copies.checked(known.seq, self._number)
                return False
        with Spool(self._copies.path.parent if self._copies.path else None) as items:
            read_items(client, thread_id, items)
            if known is not None and same and self._holds(known.seq, items):
                self._copies.checked(known.seq, self._number)
                return False
            origin = self._origin(str(thread.get("user") or ""))
            self._copies.write(thread, items, replace(origin, host=client.host), self._number)
        return True

    def _holds(self, seq: int, items: Spool) -> bool:
        """Whether the copy has exactly these items."""

        def kept() -> Iterator[dict[str, Any]]:
            after = 0
            while lines := self._copies.lines(seq, after=after, limit=threads.PAGE):
                yield from (line.raw for line in lines)
                after = lines[-1].seq

        return all(one == other for one, other in zip_longest(kept(), items))


class _StoppedError(Exception):
    def __init__(self, done: Archived) -> None:
        super().__init__()
        self.done = done


def threads_since(client: Requests, user: str | None, since: float | None, limit: int | None) -> Iterable[Thread]:
    """The newest threads first, down to `since` (Unix seconds), at most `limit`."""
    for count, thread in enumerate(threads.iter_threads(client, user)):
        if (limit is not None and count >= limit) or (since is not None and thread.created_at < since):
            return
        yield thread
