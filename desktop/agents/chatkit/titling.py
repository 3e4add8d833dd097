"""Gives chats their titles: decides which chat needs one, and asks a model beside the answer."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from chatkit.types import ThreadMetadata, UserMessageItem

from desktop.agents.chatkit import titles
from desktop.agents.chatkit.context import RequestContext
from desktop.agents.chatkit.runs import CURRENT
from desktop.agents.models import failures
from desktop.agents.models.target import ModelTarget

if TYPE_CHECKING:
    from chatkit.store import Store

log = logging.getLogger(__name__)

LIMIT = 20.0
"""Seconds after which the attempt is abandoned."""


class Titling:
    """`on_thread` (agent id, thread id) is called when a title arrives after its answer."""

    def __init__(self, on_thread: Callable[[str, str], None]) -> None:
        self.on_thread = on_thread
        self._under_way: set[asyncio.Task[None]] = set()

    def wanted(self, thread: ThreadMetadata, message: UserMessageItem | None, *, by_model: bool) -> Title | None:
        """The title to make beside the answer. None if the chat has one, or if no model is asked (`by_model`): then it
        gets its first words right away."""
        text = "" if message is None else "".join(part.text for part in message.content).strip()
        if thread.title is not None or not text:
            return None
        if not by_model:
            thread.title = titles.first_words(text) or None
            return None
        return Title(self, thread, text)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` outside the current run, so that it may outlive the answer."""
        context = contextvars.copy_context()
        context.run(CURRENT.set, None)
        task: asyncio.Task[None] = context.run(asyncio.get_running_loop().create_task, work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def close(self) -> None:
        """Cancel titles in progress."""
        for task in self._under_way:
            task.cancel()


class Title:
    """A title being made. Failures only go to the log: the first words will do."""

    def __init__(self, titling: Titling, thread: ThreadMetadata, text: str) -> None:
        self._titling = titling
        self._thread = thread
        self._text = text

    def begin(self, target: ModelTarget, store: Store[RequestContext], context: RequestContext) -> None:
        self._titling.start(self._make(target, store, context))

    async def _make(self, target: ModelTarget, store: Store[RequestContext], context: RequestContext) -> None:
        try:
            async with asyncio.timeout(LIMIT):
                title = titles.tidy(
                    await titles.ask(target.client, target.model, self._text, responses=target.responses)
                )
        except Exception as error:  # noqa: BLE001 - see above
            log.info("no title: %s", failures.of(error, target.asked).detail)
            title = ""
        title = title or titles.first_words(self._text)
        try:
            kept = await store.load_thread(self._thread.id, context)
            if not title or kept.title is not None:
                return  # the person has renamed it meanwhile
            kept.title = title
            await store.save_thread(kept, context)
        except Exception as error:  # noqa: BLE001 - the chat was deleted, the disk is full
            log.info("a title was not kept: %s", failures.of(error).detail)
            return
        # While the answer is streaming, the SDK notices this and informs the page (`thread.updated`).
        self._thread.title = title
        self._titling.on_thread(context.agent_id, self._thread.id)
