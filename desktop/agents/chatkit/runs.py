"""One streamed answer on its way to a page: order, room, an end that always comes. Lives on the agents' event loop.

Knows nothing of ChatKit and of what is said.
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
    """Pieces go to `on_data` in order, on the loop's thread; `on_end` is called once, whatever happened."""

    def __init__(
        self,
        stream_id: str,
        on_data: Callable[[str], None],
        on_end: Callable[[], None],
        limits: Limits,
    ) -> None:
        self.id = stream_id
        self.reason: AppError | None = None
        """Why it was ended from our side, where the page is to be told."""
        self.tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        """What the run started; ended with it."""
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
        """When the page last took something, or had nothing left to take."""
        self._silent = False
        self._ended = False

    def emit(self, piece: str) -> None:
        """Hands a piece over. Never blocks; `room` is where a run waits."""
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
        except Exception:  # a page that is gone: nobody reads on
            log.exception("a piece could not be handed over")
            self.cancel()

    async def room(self) -> None:
        """Returns when the page has taken enough; always lets the loop turn once, so that a cancel is heard."""
        await asyncio.sleep(0)
        if not self._room.is_set():
            await self._room.wait()

    def ack(self, count: int) -> None:
        """The page has taken the next `count` pieces; 0: it lives, and is behind."""
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
        """Ends the run at its next step. Without a reason the page gets nothing more (it asked for that)."""
        if reason is not None and self.reason is None:
            self.reason = reason
        self._silent = not tell and reason is None
        if self.task is not None:
            self.task.cancel()

    def end(self) -> None:
        """Once: everything the run started is cancelled, and the page hears that nothing more comes."""
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
"""The run that the present task works for."""


def follow_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """From now on every task of `loop` is known to its run.

    openai-chatkit 1.6.5 (`_merge_generators`) leaves tasks behind when a run fails or is cancelled.
    """

    def make(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **rest: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **rest)
        # Of the context that the task gets: what is to outlive the run is given one without it.
        context = rest.get("context")
        run = CURRENT.get() if context is None else context.get(CURRENT)
        if run is not None and task is not run.task:
            run.tasks.add(task)
        return task

    loop.set_task_factory(make)  # type: ignore[arg-type]  # typeshed wants a protocol with a default context
