"""A thread that runs jobs one after another, for asyncio and for plain callers.

A submitted job is done even if the task that waits for it is cancelled. Knows nothing about the jobs.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """A daemon thread with a queue. It calls `idle` after `idle_after` seconds without a job.

    A daemon, so that a hanging disk can't keep the app from ending. `close` ends it in order.
    """

    def __init__(self, name: str, *, idle: Callable[[], None] | None = None, idle_after: float = 2.0) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._idle = idle
        self._idle_after = idle_after
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Add `job` to the queue. Raises RuntimeError after `close`."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError(f"{self._thread.name} is closed")
            self._jobs.put((job, future))
        return future

    def call(self, job: Callable[[], T]) -> T:
        """Run `job` on the thread and wait for it."""
        return self.submit(job).result()

    async def run(self, job: Callable[[], T]) -> T:
        """Run `job` on the thread without blocking the loop.

        Not asyncio.wrap_future: that passes a cancellation on to the job, which is then skipped if it has not started,
        and complains if the loop was closed meanwhile.
        """
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()

        def answered(done: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop is closed, so nobody waits
                loop.call_soon_threadsafe(_settle, waiting, done)

        self.submit(job).add_done_callback(answered)
        return await waiting

    def close(self, last: Callable[[], object] | None = None, limit: float = 5.0) -> bool:
        """Finish the queue, run `last`, and end. False if not done within `limit` seconds."""
        with self._lock:
            if not self._closed:
                self._closed = True
                if last is not None:
                    self._jobs.put((last, Future()))
                self._jobs.put(None)
        self._thread.join(limit)
        return not self._thread.is_alive()

    def _work(self) -> None:
        busy = False
        while True:
            try:
                job = self._jobs.get(timeout=self._idle_after if busy and self._idle else None)
            except queue.Empty:
                busy = False
                if self._idle:
                    with suppress(Exception):  # idle work may fail; it is tried again
                        self._idle()
                continue
            if job is None:
                return
            busy = True
            _do(*job)
            del job  # drop it: the result may be large, and the next job may be far off


def _do(job: Callable[[], Any], future: Future[Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = job()
    except BaseException as error:  # noqa: BLE001 - whoever waits is told
        future.set_exception(error)
    else:
        future.set_result(result)


def _settle(waiting: asyncio.Future[T], done: Future[T]) -> None:
    if waiting.done():
        return
    error = done.exception()
    if error is None:
        waiting.set_result(done.result())
    else:
        waiting.set_exception(error)
