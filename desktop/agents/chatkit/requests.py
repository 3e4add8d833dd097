"""Requests to agents in the app: checks them, passes them to the ChatKit server, and sends the answers to a page.

Imported on the agents' thread only. Everything runs on its event loop, but other threads may read `runs`.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import secrets
from collections.abc import Callable
from typing import Any

from chatkit.types import (
    ChatKitReq,
    ErrorEvent,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    UserMessageInput,
    UserMessageItem,
    is_streaming_req,
)
from pydantic import ValidationError

from desktop.agents.chatkit import branching
from desktop.agents.chatkit.answers import Answer, Counts, Reply, Stream
from desktop.agents.chatkit.context import RequestContext
from desktop.agents.chatkit.runs import CURRENT, Run
from desktop.agents.chatkit.server import REQUESTS, LocalServer
from desktop.agents.errors import AnswerUnderWay, MessageEmpty, MessageTooLong
from desktop.agents.limits import Limits
from desktop.agents.models import failures
from desktop.agents.sources import Sources
from desktop.common.errors import AppError, BadParams, InternalError
from desktop.settings.agents import AssistantAgent

log = logging.getLogger(__name__)


class Requests:
    """`problem`: why assistants can't run, if they can't."""

    def __init__(
        self,
        server: LocalServer,
        *,
        sources: Sources,
        counters: Counts,
        limits: Limits,
        problem: Callable[[], AppError | None],
    ) -> None:
        self._server = server
        self._sources = sources
        self._counters = counters
        self._limits = limits
        self._problem = problem
        self._numbers = itertools.count(1)
        self._secret = secrets.token_hex(4)
        self.runs: dict[str, Run] = {}
        """Answers in progress, by stream id."""

    async def answer(
        self, context: RequestContext, body: str, on_data: Callable[[str], None], on_end: Callable[[], None]
    ) -> Answer:
        """See `AgentHost.request`."""
        try:
            request = REQUESTS.validate_json(body)
            await self._check(request, context)
            result: Any = await self._server.handle(request, context)
        except (ValidationError, ValueError, NotImplementedError) as error:
            raise failures.bad_request(error) from None
        except AppError:
            raise
        except Exception as error:  # from the store, the disk or a defect: the page gets a sentence in any case
            failure = failures.of(error)
            if isinstance(failure, InternalError):
                log.error("a request failed", exc_info=error)
            raise failure from None
        pieces = getattr(result, "json_events", None)
        if pieces is None:
            return Reply(result.json.decode())
        return self._stream(pieces, on_data, on_end)

    async def end(self) -> None:
        """Cancel every run, and wait until each has stored what it must."""
        for run in list(self.runs.values()):
            run.cancel()
        tasks = [run.task for run in self.runs.values() if run.task is not None]
        if tasks:
            await asyncio.wait(tasks)

    async def _check(self, request: ChatKitReq, context: RequestContext) -> None:
        """Refuse what must be refused before a stream begins, so that the page keeps what was typed."""
        store = self._server.store
        message: UserMessageInput | None = None
        if isinstance(request, ThreadsCreateReq | ThreadsAddUserMessageReq):
            message = request.params.input
        if message is not None:
            text = "".join(part.text for part in message.content)
            if not text.strip() and not message.attachments:
                raise MessageEmpty
            limit = self._sources.message_limit
            length = len(text) + len(message.quoted_text or "")
            if length > limit:
                raise MessageTooLong(length=length, limit=limit)
            problem = self._problem()
            if problem is not None and isinstance(self._sources.agent(context.agent_id), AssistantAgent):
                raise problem
            for attachment in message.attachments:
                await store.load_attachment(attachment, context=context)
            self._counters.add("messages")
        if is_streaming_req(request) and not isinstance(request, ThreadsCreateReq):
            await store.load_thread(request.params.thread_id, context=context)
        place = branching.place_of(request)
        if place is not None:
            branching.context_for(request, context)
            await self.quiet(place.thread_id)
            if place.instead and not isinstance(store, branching.Branching):
                raise BadParams(problem=branching.INSTEAD_OF)
            if not isinstance(await store.load_item(place.thread_id, place.item_id, context), UserMessageItem):
                raise BadParams(problem=place.item_id)

    async def quiet(self, thread_id: str) -> None:
        """Return when nothing more is written to a chat: what was stopped may still be keeping its text. Raises
        AnswerUnderWay if an answer goes on."""
        for run in list(self.runs.values()):
            if run.thread == thread_id and run.task is not None:
                if not run.ending:
                    raise AnswerUnderWay
                await asyncio.wait([run.task])

    def _stream(self, pieces: Any, on_data: Callable[[str], None], on_end: Callable[[], None]) -> Stream:
        run = Run(f"s{next(self._numbers)}-{self._secret}", on_data, on_end, self._limits)
        context = contextvars.copy_context()
        context.run(CURRENT.set, run)
        self.runs[run.id] = run
        run.task = asyncio.get_running_loop().create_task(self._drive(run, pieces), context=context)
        return Stream(run.id)

    async def _drive(self, run: Run, pieces: Any) -> None:
        """Send a stream to its page. Awaits nothing but the stream, so that a cancel reaches the code making the
        answer, which keeps the text so far."""
        failure: AppError | None = None
        try:
            async for piece in pieces:
                run.emit(piece.decode())
        except asyncio.CancelledError:
            failure = run.reason
        except Exception as error:  # the page gets a sentence, the log the details
            log.error("a stream failed", exc_info=error)
            failure = failures.of(error)
        finally:
            if failure is not None:
                run.emit(_error_piece(self._server.sentence(failure)))
            self.runs.pop(run.id, None)
            run.end()


def _error_piece(sentence: str) -> str:
    event = ErrorEvent(message=sentence, allow_retry=True)
    return f"data: {event.model_dump_json(exclude_none=True)}\n\n"
