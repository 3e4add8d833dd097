"""The thread that talks to ChatKit servers. Its event loop owns every connection, stream and upload.

`agents.host` starts and stops it, and passes it requests for agents that are servers. Imports nothing heavy before the
first one, and never an SDK.
"""

from __future__ import annotations

import itertools
import json
import logging
import secrets
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from desktop.agents.chatkit.answers import Answer, Reply, Stream, tell, waited
from desktop.agents.limits import Limits
from desktop.agents.remote.bounds import Bounds
from desktop.agents.remote.errors import ServerChatLost, ServerRefused, ServerTokenRefused, ServerTokenWanted
from desktop.common.errors import AppError, InternalError, PageGone
from desktop.common.texts import Catalogue

if TYPE_CHECKING:
    import asyncio

    from desktop.agents.chatkit.prerequisites import Ask, Prerequisites
    from desktop.agents.chatkit.runs import Run
    from desktop.agents.remote.exchange import Line, Streaming
    from desktop.agents.remote.seen import Seen
    from desktop.agents.remote.target import Target
    from desktop.agents.remote.uploads import Uploads
    from desktop.agents.remote.wire import Request
    from desktop.openai_api import transport
    from desktop.settings.agents import ServerAgent

log = logging.getLogger(__name__)

T = TypeVar("T")
MARK = "r"
"""The prefix of this host's stream ids."""


class Sources(Protocol):
    """The part of `agents.sources.Sources` used here."""

    @property
    def message_limit(self) -> int: ...
    def server(self, agent_id: str) -> ServerAgent | None: ...
    def token(self, agent: ServerAgent) -> str | None: ...
    def route(self, base_url: str) -> transport.Endpoint: ...


class Probe:
    """A check somebody waits for."""

    def __init__(self, waiting: Future[Any]) -> None:
        self._waiting = waiting

    def close(self) -> None:
        """Ends it."""
        self._waiting.cancel()


class RemoteHost:
    """Thread-safe. `ask` is called on this thread when a server wants a token."""

    def __init__(
        self,
        sources: Sources,
        texts: Catalogue,
        *,
        limits: Limits | None = None,
        bounds: Bounds | None = None,
        ask: Ask | None = None,
        on_failure: Callable[[str, AppError], None] = lambda _agent, _failure: None,
    ) -> None:
        """`on_failure` (agent id, error) is called on this thread when an answer failed."""
        self._on_failure = on_failure
        self._sources = sources
        self._texts = texts
        self._limits = limits or Limits()
        self._bounds = bounds or Bounds()
        self._ask = ask
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._prerequisites: Prerequisites
        self._uploads: Uploads
        self._seen: Seen
        self._lines: dict[transport.Endpoint, Line] = {}
        self._numbers = itertools.count(1)
        self._secret = secrets.token_hex(4)
        self.runs: dict[str, Run] = {}
        """Streams in progress."""

    # --- life ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the thread, which does its own imports. Returns at once; may be called again."""
        with self._lock:
            if self._closing:
                raise PageGone
            if self._thread is None:
                self._thread = threading.Thread(target=self._main, name="servers", daemon=True)
                self._thread.start()

    def close(self, limit: float = 1.0) -> None:
        """End every stream and close the connections, within `limit` seconds. May be called again."""
        with self._lock:
            self._closing = True
            thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        loop = self._loop if self._started.wait(limit) else None
        if loop is not None:
            with suppress(RuntimeError):  # it has ended already
                loop.call_soon_threadsafe(lambda: loop.create_task(self._wind_down(loop)))
        thread.join(limit)
        if thread.is_alive():
            log.warning("the servers' thread did not end in time")

    def _main(self) -> None:
        import asyncio

        from desktop.agents.chatkit.prerequisites import Prerequisites
        from desktop.agents.remote.seen import Seen
        from desktop.agents.remote.uploads import Uploads

        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda _loop, context: log.debug("asyncio: %s", context.get("message")))
        asyncio.set_event_loop(loop)
        self._prerequisites = Prerequisites(self._ask, self._bounds.ask)
        self._uploads = Uploads(self._bounds)
        self._seen = Seen()
        self._loop = loop
        self._started.set()
        try:
            import httpx  # noqa: F401 - here, while nobody waits for it

            loop.run_forever()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            asyncio.set_event_loop(None)
            loop.close()

    async def _wind_down(self, loop: asyncio.AbstractEventLoop) -> None:
        import asyncio

        for run in list(self.runs.values()):
            run.cancel()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=0.5)
        for line in self._lines.values():
            await line.http.aclose()
        loop.stop()

    # --- from any thread ----------------------------------------------------------------------

    def request(
        self,
        agent: ServerAgent,
        body: str,
        *,
        on_data: Callable[[str], None],
        on_end: Callable[[], None],
        wanted: Callable[[], bool] = lambda: True,
    ) -> Answer:
        """Like `AgentHost.request`. If the server wants a token, this waits for a person. `wanted`: whether anybody
        still waits for the answer then. Raises ServerError, NetworkError, ThreadNotFound, KeyStoreError."""
        from desktop.agents.remote import wire

        asked = wire.request_of(body, self._sources.message_limit)
        return self._do(self._request(agent, asked, on_data, on_end, wanted))

    def ask(
        self,
        agent: ServerAgent,
        kind: str,
        *,
        within: float | None = None,
        cancel: threading.Event | None = None,
        **params: Any,
    ) -> dict[str, Any]:
        """The reply to a request of our own that isn't a stream. Never asks for a token. `within`: seconds until it
        begins, if less than the limit. Raises like `request`, and PageGone once `cancel` is set."""
        from desktop.agents.remote import wire

        bounds = self._bounds if within is None else replace(self._bounds, begin=min(within, self._bounds.begin))
        given_up = cancel.is_set if cancel is not None else lambda: False
        return self._do(self._reply(agent, wire.request(kind, **params), bounds), given_up=given_up)

    def prove(
        self, agent: ServerAgent, token: str | None, uses: Callable[[Probe], object] = lambda _probe: None
    ) -> None:
        """Ask the server for one chat, with this token instead of the stored one. `uses` gets an object that can end
        the wait. Raises like `request`, and PageGone if it was ended."""
        from desktop.agents.remote import wire
        from desktop.agents.remote.exchange import exchange
        from desktop.agents.remote.target import target_of

        async def ask() -> None:
            await exchange(
                self._line(agent.url), target_of(agent, token), wire.request("threads.list", limit=1), self._bounds
            )

        self._do(ask(), lambda waiting: uses(Probe(waiting)))

    def token_answered(self, agent_id: str, *, given: bool) -> None:
        """The person has entered a token for the agent or declined: waiting requests continue."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop is closed, so nothing waits
                loop.call_soon_threadsafe(lambda: self._prerequisites.answer(agent_id, given=given))

    def ack(self, stream_id: str, count: int) -> None:
        """See `AgentHost.ack`."""
        self._tell(stream_id, lambda run: run.ack(count))

    def cancel(self, stream_id: str) -> None:
        """See `AgentHost.cancel`. Closes the connection, so that the server notices."""
        self._tell(stream_id, lambda run: run.cancel())

    def upload_begin(self, agent: ServerAgent, name: str, mime: str, size: int) -> str:
        """The attachment's id from the server. Raises like `request`, and AttachmentType."""

        async def begin() -> str:
            asked = {"name": name, "mime_type": mime or "application/octet-stream", "size": size}
            made = await self._reply(agent, _request("attachments.create", **asked))
            target = await self._target(agent)
            return await self._uploads.begin(self._line, target, made, size)

        return self._do(begin())

    def upload_part(self, attachment_id: str, offset: int, data: bytes) -> int:
        """The bytes sent so far. Raises BadParams, AttachmentDamaged, and like `request`."""
        return self._do(self._uploads.part(attachment_id, offset, data))

    def upload_end(self, attachment_id: str) -> dict[str, Any]:
        """The attachment, once the server has it. Raises like `upload_part`."""
        return self._do(self._uploads.end(attachment_id))

    # --- how ----------------------------------------------------------------------------------

    def _do(
        self,
        work: Coroutine[Any, Any, T],
        uses: Callable[[Future[T]], object] = lambda _waiting: None,
        given_up: Callable[[], bool] = lambda: False,
    ) -> T:
        import asyncio

        try:
            self.begin()
            self._started.wait()
            loop = self._loop
            if loop is None:
                raise InternalError
            waiting = asyncio.run_coroutine_threadsafe(work, loop)
            uses(waiting)
        except BaseException as error:
            work.close()
            if isinstance(error, RuntimeError):  # the loop was closed meanwhile
                raise PageGone from None
            raise
        return waited(waiting, loop, given_up)

    def _tell(self, stream_id: str, what: Callable[[Run], None]) -> None:
        tell(self._loop, self.runs, stream_id, what)

    def _line(self, url: str, public: bool = False) -> Line:
        """The client for an address's origin. A changed proxy or CA file means a new one."""
        from desktop.agents.remote.exchange import Line
        from desktop.openai_api.transport import build_async
        from desktop.settings.servers import server_origin

        route = replace(self._sources.route(server_origin(url)), public=public)
        if route not in self._lines:
            self._lines[route] = Line(*build_async(route))
        return self._lines[route]

    async def _target(self, agent: ServerAgent) -> Target:
        """The target with its stored token. The keyring may take a while without blocking the loop."""
        import asyncio

        from desktop.agents.remote.target import target_of

        return target_of(agent, await asyncio.to_thread(self._sources.token, agent))

    async def _reply(self, agent: ServerAgent, asked: Request, bounds: Bounds | None = None) -> dict[str, Any]:
        from desktop.agents.remote.exchange import exchange

        reply = await exchange(self._line(agent.url), await self._target(agent), asked, bounds or self._bounds)
        if not isinstance(reply, str):
            raise InternalError(asked.type)
        return dict(json.loads(reply))

    async def _request(
        self,
        agent: ServerAgent,
        asked: Request,
        on_data: Callable[[str], None],
        on_end: Callable[[], None],
        wanted: Callable[[], bool],
    ) -> Answer:
        from desktop.agents.remote.exchange import exchange

        while True:
            since = self._prerequisites.given(agent.id)
            target = await self._target(agent)
            try:
                answer = await exchange(self._line(agent.url), target, asked, self._bounds)
                break
            except (ServerTokenWanted, ServerTokenRefused) as error:
                # Another token may have been entered for another request in the meantime.
                if await self._target(agent) == target:
                    await self._prerequisites.until_given(
                        agent.id, error, since=since, said=asked.streams, wanted=wanted
                    )
            except AppError as error:
                told = await self._explained(error, agent, asked)
                left = self._left_of(told, agent, asked)
                if left is None:
                    raise told from None
                return Reply(left)
            # Use the current settings: the person may have changed more than the token.
            agent = self._sources.server(agent.id) or agent
        if isinstance(answer, str):
            self._seen.reply(agent.id, asked, answer)
            return Reply(answer)
        return self._stream(answer, agent, asked, on_data, on_end)

    async def _explained(self, error: AppError, agent: ServerAgent, asked: Request) -> AppError:
        """The error, or the one for a lost chat if that is the cause."""
        from desktop.agents.remote import lost

        if not lost.may_be(error, asked):
            return error
        if not await lost.is_lost(lambda request: self._reply(agent, request), asked.thread):
            return error
        host = str(error.values.get("host", ""))
        return ServerChatLost(error.detail, host=host, thread=asked.thread[:60])

    def _left_of(self, error: AppError, agent: ServerAgent, asked: Request) -> str | None:
        """The app's copy of a chat its server has lost."""
        if not isinstance(error, ServerChatLost):
            return None
        reason = self._texts.get("errors.server_chat_copy", host=error.values["host"])
        return self._seen.copy(agent.id, asked, reason)

    def _stream(
        self,
        answer: Streaming,
        agent: ServerAgent,
        asked: Request,
        on_data: Callable[[str], None],
        on_end: Callable[[], None],
    ) -> Answer:
        import asyncio

        from desktop.agents.chatkit.runs import Run

        run = Run(f"{MARK}{next(self._numbers)}-{self._secret}", on_data, on_end, self._limits)
        self.runs[run.id] = run
        run.task = asyncio.get_running_loop().create_task(self._drive(run, answer, agent, asked))
        return Stream(run.id)

    async def _drive(self, run: Run, answer: Streaming, agent: ServerAgent, asked: Request) -> None:
        """Send a stream to its page, no faster than the page can take it. The server keeps what is not read yet."""
        import asyncio

        from desktop.agents.remote import wire
        from desktop.agents.remote.exchange import events

        failure: AppError | None = None
        begun, thread = False, asked.thread
        try:
            async for event in events(answer, self._bounds):
                if event["type"] == "error" and not begun:
                    said = ServerRefused(host=answer.target.host, status=200, problem=str(event.get("message", "")))
                    failure = await self._explained(said, agent, asked)
                    if failure is not said:
                        break
                    failure = None
                begun = begun or event["type"] != "stream_options"
                thread = self._seen.event(agent.id, thread, event)
                run.emit(answer.target.without_token(wire.piece(event)))
                await run.room()
        except asyncio.CancelledError:
            failure = run.reason
        except AppError as error:
            failure = error if begun else await self._explained(error, agent, asked)
        except Exception as error:
            log.exception("a stream failed")
            failure = InternalError(type(error).__name__)
        finally:
            if failure is not None:
                log.info("a stream of %s ended: %s %s", answer.target.host, failure.code, failure.detail)
                self._on_failure(agent.id, failure)
                told = failure.describe(self._texts)
                sentence = " ".join(part for part in (told["message"], told["hint"]) if part)
                run.emit(wire.error_piece(sentence, again=not isinstance(failure, ServerChatLost)))
            self.runs.pop(run.id, None)
            run.end()
            with suppress(Exception):  # it has already failed
                await answer.response.aclose()


def _request(kind: str, **params: Any) -> Request:
    from desktop.agents.remote import wire

    return wire.request(kind, **params)


__all__: Sequence[str] = ["MARK", "RemoteHost", "Sources"]
