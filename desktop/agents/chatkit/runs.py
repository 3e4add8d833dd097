"""One streamed answer on its way to a page: in order, with backpressure, and always with an end. On the agents' loop.

Knows nothing about ChatKit or the content.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

from desktop.agents.errors import PageStalled
from desktop.agents.limits import Limits
from desktop.common.errors import AppError

log = logging.getLogger(__name__)


class Run:
    """Passes pieces to `on_data` in order, on the loop's thread. `on_end` is called exactly once."""

    def __init__(
        self,
        stream_id: str,
        on_data: Callable[[str], None],
        on_end: Callable[[], None],
        limits: Limits,
    ) -> None:
        self.id = stream_id
        self.reason: AppError | None = None
        """Why the app ended it, if the page should know."""
        self.tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        """Tasks the run started; they end with it."""
        self.thread = ""
        """What it writes to, as soon as that is known."""
        self.ending = False
        """Whether it was told to end."""
        self.task: asyncio.Task[None] | None = None
        self._on_data = on_data
        self._on_end = on_end
        self._limits = limits
        self._unread: deque[int] = deque()
        self._size = 0
        self._room = asyncio.Event()
        self._room.set()
        self._late: asyncio.TimerHandle | None = None
        self._taken_at = 0.0
        """When the page last acknowledged something, or had nothing left to acknowledge."""
        self._silent = False
        self._ended = False

    def emit(self, piece: str) -> None:
        """Pass on a piece. Never blocks; a run waits in `room`."""
        if self._silent or self._ended:
            return
        size = len(piece)
        self._unread.append(size)
        self._size += size
        if len(self._unread) >= self._limits.pieces or self._size >= self._limits.size:
            self._room.clear()
        if self._late is None:
            self._taken_at = asyncio.get_running_loop().time()
            self._watch()
        try:
            self._on_data(piece)
        except Exception:  # the page is gone; nobody reads on
            log.exception("a piece could not be handed over")
            self.cancel()

    async def room(self) -> None:
        """Return when the page has acknowledged enough. Always lets the loop turn once, so that a cancel can arrive."""
        await asyncio.sleep(0)
        if not self._room.is_set():
            await self._room.wait()

    def ack(self, count: int) -> None:
        """The page has acknowledged the next `count` pieces; 0 means it is alive but behind."""
        now = asyncio.get_running_loop().time()
        if count:
            self._taken_at = now
        elif self._unread and now - self._taken_at > self._limits.behind:
            self._give_up(self._limits.behind)
            return
        for _ in range(min(count, len(self._unread))):
            self._size -= self._unread.popleft()
        if len(self._unread) < self._limits.pieces and self._size < self._limits.size:
            self._room.set()
        self._unwatch()
        if self._unread:
            self._watch()

    def cancel(self, *, tell: bool = False, reason: AppError | None = None) -> None:
        """End the run at its next step. Without a reason, the page gets nothing more, because it asked for that."""
        if reason is not None and self.reason is None:
            self.reason = reason
        self._silent = not tell and reason is None
        self.ending = True
        if self.task is not None:
            self.task.cancel()

    def end(self) -> None:
        """Cancel everything the run started, and tell the page that nothing more comes. Takes effect once."""
        if self._ended:
            return
        self._ended = True
        self._unwatch()
        for task in list(self.tasks):
            if task is not self.task:
                task.cancel()
        self._on_end()

    def _watch(self) -> None:
        self._late = asyncio.get_running_loop().call_later(self._limits.unread, self._give_up, self._limits.unread)

    def _unwatch(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self, seconds: float) -> None:
        self._unwatch()
        if self.reason is None:
            self.cancel(reason=PageStalled(seconds=round(seconds)))


CURRENT: ContextVar[Run | None] = ContextVar("agents_run", default=None)
"""The run that the current task belongs to."""


def follow_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Register every new task of `loop` with its run.

    openai-chatkit 1.6.5 (`_merge_generators`) leaves tasks behind when a run fails or is cancelled.
    """

    def make(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **rest: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **rest)
        # From the task's own context: a task that must outlive the run gets a context without it.
        context = rest.get("context")
        run = CURRENT.get() if context is None else context.get(CURRENT)
        if run is not None and task is not run.task:
            run.tasks.add(task)
        return task

    loop.set_task_factory(make)  # type: ignore[arg-type]  # typeshed wants a protocol with a default context
