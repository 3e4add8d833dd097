"""The agents' thread: an event loop that owns the ChatKit server, the store, the model clients and every run.

Only this module starts and stops it. Importing the module imports no SDK. Knows no page and no window.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from desktop.agents.chatkit.answers import Answer, Counts, NoCounts, Stream, tell, waited
from desktop.agents.limits import Limits
from desktop.agents.sources import Sources
from desktop.common.errors import AppError, InternalError, PageGone
from desktop.common.texts import Catalogue

if TYPE_CHECKING:
    import asyncio

    from desktop.agents.assistant.assistant import Assistants
    from desktop.agents.chatkit.context import RequestContext
    from desktop.agents.chatkit.prerequisites import Ask
    from desktop.agents.chatkit.questions import Choice, Question
    from desktop.agents.chatkit.requests import Requests
    from desktop.agents.chatkit.runs import Run
    from desktop.agents.chatkit.server import LocalServer
    from desktop.agents.code.place import Place
    from desktop.agents.remote.host import RemoteHost
    from desktop.agents.store.stores import Stores
    from desktop.settings.agents import CodeAgent

log = logging.getLogger(__name__)

T = TypeVar("T")
State = Literal["off", "light", "loading", "ready", "failed"]
"""off: not started. light: lists, threads and the demo work. loading: the agent stack is being imported; a message
waits for it and shows this. ready: everything works. failed: no agent can run in the app."""


class _Parts(NamedTuple):
    """The objects that live on the agents' thread."""

    loop: asyncio.AbstractEventLoop
    server: LocalServer
    requests: Requests
    stores: Stores


class AgentHost:
    """Thread-safe.

    `threads` and `attachments`: `Locations.threads` and `.attachments`; None keeps everything in memory. `open_stores`
    replaces both, `import_stack` the import of the agent stack. `code`: the files of code agents on the disk; None
    means that nothing is approved.

    Callbacks, on the host's threads: `on_state`; `on_thread` (agent id, thread id) when a title arrives after its
    answer; `on_failure` (agent id, error) when an answer failed; `on_token` and `on_code` when a message waits until a
    person enters a token or approves code (`code_answered`); `on_question` when a question that no page may answer
    (`questions`) was asked or settled.
    """

    def __init__(
        self,
        sources: Sources,
        texts: Catalogue,
        *,
        threads: Path | None = None,
        attachments: Path | None = None,
        open_stores: Callable[[], Stores] | None = None,
        import_stack: Callable[[], Assistants] | None = None,
        on_state: Callable[[State], None] | None = None,
        on_thread: Callable[[str, str], None] | None = None,
        on_token: Ask | None = None,
        on_code: Ask | None = None,
        on_question: Callable[[], None] | None = None,
        on_failure: Callable[[str, AppError], None] = lambda _agent, _failure: None,
        counters: Counts | None = None,
        limits: Limits | None = None,
        code: Callable[[], Place] | None = None,
    ) -> None:
        self._sources = sources
        self._code = code
        self._texts = texts
        self._places = (threads, attachments)
        self._open_stores = open_stores or self._own_stores
        self._import_stack = import_stack or self._own_stack
        self._on_state = on_state
        self._on_thread = on_thread
        self._on_token = on_token
        self._on_code = on_code
        self._on_question = on_question
        self._remote: RemoteHost | None = None
        self._on_failure = on_failure
        self._counters = counters or NoCounts()
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._light = threading.Event()
        self._closing = False
        self._state: State = "off"
        self._problem: AppError | None = None
        self._made: _Parts | None = None
        self._stack: Future[Assistants] | None = None

    # --- life ---------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self._state

    @property
    def notices(self) -> Sequence[AppError]:
        """Notices about the stored chats; empty until the state is "light"."""
        return self._made.stores.notices if self._made is not None else ()

    @property
    def answering(self) -> bool:
        """Whether any answer is in progress."""
        return (self._made is not None and bool(self._made.requests.runs)) or (
            self._remote is not None and bool(self._remote.runs)
        )

    @property
    def problem(self) -> AppError | None:
        """Why the state is "failed"."""
        return self._problem

    def state_for(self, agent_id: str) -> State:
        """The state for this agent: a ChatKit server needs nothing that is loaded here."""
        return "ready" if self._sources.server(agent_id) is not None else self._state

    def begin(self, agent_id: str = "") -> None:
        """Start the thread for lists and the demo, without the agent stack; for a ChatKit server, the thread that talks
        to it. Returns at once."""
        if agent_id and self._sources.server(agent_id) is not None:
            self.remote.begin()
        else:
            self._start()

    @property
    def remote(self) -> RemoteHost:
        """Talks to ChatKit servers. Made when first needed."""
        from desktop.agents.remote.host import RemoteHost

        with self._lock:
            if self._remote is None:
                if self._closing:
                    raise PageGone
                self._remote = RemoteHost(
                    self._sources, self._texts, limits=self._limits, ask=self._on_token, on_failure=self._on_failure
                )
            return self._remote

    def warm(self, agent_id: str = "") -> None:
        """Start the thread and the import of the agent stack. Returns at once; may be called again.

        The demo needs only the thread; a code agent needs its own process.
        """
        from desktop.settings.agents import CodeAgent, DemoAgent

        if agent_id and self._sources.server(agent_id) is not None:
            self.remote.begin()
            return
        self._start()
        try:
            agent = self._sources.agent(agent_id) if agent_id else None
        except AppError:
            agent = None
        if isinstance(agent, CodeAgent):
            threading.Thread(target=self._warm_code, args=(agent,), name="agents-warm", daemon=True).start()
        elif not isinstance(agent, DemoAgent):
            self._begin_stack()
        if agent is not None and not isinstance(agent, DemoAgent):
            threading.Thread(target=self._warm_servers, args=(agent_id,), name="mcp-warm", daemon=True).start()

    def _warm_servers(self, agent_id: str) -> None:
        with suppress(AppError):  # as below
            parts = self._parts()
            parts.loop.call_soon_threadsafe(parts.server.mcp.settle, agent_id)
            if self._sources.mcp_servers(agent_id):
                self._do(parts, parts.server.mcp.use(agent_id, quiet=True))

    def settle(self, agent_id: str) -> None:
        """Settings have changed, or `agent_id` is now the active agent: end MCP servers it does not use."""
        made = self._made
        if made is not None:
            with suppress(RuntimeError):  # the loop is closed
                made.loop.call_soon_threadsafe(made.server.mcp.settle, agent_id)

    def _warm_code(self, agent: CodeAgent) -> None:
        with suppress(AppError):  # the app is closing or can't run agents; the next request will say so
            parts = self._parts()
            self._do(parts, parts.server.code.warm(agent))

    def close(self, limit: float = 1.0) -> None:
        """Cancel runs, keep their text, close the store, all within `limit` seconds. May be called again."""
        with self._lock:
            self._closing = True
            thread, remote = self._thread, self._remote
        if remote is not None:
            remote.close(limit)
        if thread is None or thread is threading.current_thread():
            return
        if self._light.wait(limit) and self._made is not None and not self._made.loop.is_closed():
            self._made.loop.call_soon_threadsafe(self._stop, self._made)
        thread.join(limit)
        if thread.is_alive():
            log.warning("the agents' thread did not end in time")

    def _start(self) -> None:
        with self._lock:
            if self._closing:
                raise PageGone
            if self._thread is None:
                self._thread = threading.Thread(target=self._main, name="agents", daemon=True)
                self._thread.start()

    def _main(self) -> None:
        import asyncio

        try:
            made = self._made = self._make()
        except Exception as error:  # noqa: BLE001 - whatever it is, every request has to hear of it
            self._problem = self._explained(error)
            self._set_state("failed")
            self._light.set()
            return
        self._set_state("light")
        self._light.set()
        loop, sweep = made.loop, made.stores.sweep

        def sweep_again() -> None:
            if sweep is not None:
                self._sweeping = loop.create_task(sweep())  # the loop keeps no reference to its tasks
                loop.call_later(self._limits.sweep, sweep_again)

        sweep_again()
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            asyncio.set_event_loop(None)
            loop.close()

    def _make(self) -> _Parts:
        """Make the objects of this thread. If that fails, the stores are closed again."""
        import asyncio

        from desktop.agents.chatkit.requests import Requests
        from desktop.agents.chatkit.runs import follow_tasks
        from desktop.agents.chatkit.server import LocalServer

        stores = self._open_stores()
        with ExitStack() as undo:
            undo.callback(stores.close)
            server = LocalServer(
                stores.threads,
                stores.attachments,
                sources=self._sources,
                texts=self._texts,
                stack=_Stack(self),
                limits=self._limits,
                code=self._code() if self._code is not None else None,
                on_failure=self._on_failure,
                on_code=self._on_code,
                on_question=self._on_question,
            )
            requests = Requests(
                server,
                sources=self._sources,
                counters=self._counters,
                limits=self._limits,
                problem=lambda: self._problem if self._state == "failed" else None,
            )
            loop = asyncio.new_event_loop()
            follow_tasks(loop)
            loop.set_exception_handler(_note)
            asyncio.set_event_loop(loop)
            undo.pop_all()
        return _Parts(loop, server, requests, stores)

    def _stop(self, parts: _Parts) -> None:
        parts.loop.create_task(self._wind_down(parts))

    async def _wind_down(self, parts: _Parts) -> None:
        import asyncio

        async with AsyncExitStack() as closing:  # do each of these even if another one raises
            closing.callback(parts.loop.stop)
            closing.callback(parts.stores.close)
            closing.push_async_callback(parts.server.close)
            stack = self._stack
            if stack is not None and stack.done() and not stack.exception():
                closing.push_async_callback(stack.result().close)
            await parts.requests.end()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            if others:
                await asyncio.wait(others, timeout=0.5)

    def _own_stores(self) -> Stores:
        from desktop.agents.store.stores import open_stores

        return open_stores(*self._places)

    def _explained(self, error: Exception) -> AppError:
        from desktop.agents.models import failures

        problem = failures.of(error)
        log.error("agents can't run here: %s", problem.detail, exc_info=error)
        return problem

    def _set_state(self, state: State) -> None:
        self._state = state
        if self._on_state is not None:
            self._on_state(state)

    # --- the agent stack ----------------------------------------------------------------------

    def _begin_stack(self) -> Future[Assistants]:
        """Import `agents` and `openai` on a separate thread, so that the loop keeps answering."""
        with self._lock:
            if self._stack is None:
                self._stack = Future()
                threading.Thread(target=self._import, args=(self._stack,), name="agents-import", daemon=True).start()
            return self._stack

    def _import(self, stack: Future[Assistants]) -> None:
        self._light.wait()
        if self._made is None:
            stack.set_exception(self._problem or InternalError())
            return
        self._set_state("loading")
        try:
            made = self._import_stack()
        except Exception as error:  # noqa: BLE001 - a missing package or a broken one: a sentence either way
            self._problem = self._explained(error)
            stack.set_exception(self._problem)
            self._set_state("failed")
            return
        self._set_state("ready")
        stack.set_result(made)

    def _own_stack(self) -> Assistants:
        from desktop.agents.assistant.assistant import Assistants

        server = self._parts().server
        return Assistants(
            self._sources,
            self._texts,
            self._limits,
            self._thread_changed,
            server.mcp,
            server.approvals,
            server.questions,
        )

    def _thread_changed(self, agent_id: str, thread_id: str) -> None:
        if self._on_thread is not None:
            self._on_thread(agent_id, thread_id)

    # --- requests -----------------------------------------------------------------------------

    def request(
        self,
        agent_id: str,
        body: str,
        *,
        on_data: Callable[[str], None],
        on_end: Callable[[], None],
        wanted: Callable[[], bool] = lambda: True,
        approves: bool = False,
    ) -> Answer:
        """Handle a request of the ChatKit protocol, as JSON. Returns as soon as the kind of answer is known.
        `approves`: the page's buttons may approve a tool; otherwise questions go to `on_question`.

        For a Stream, the pieces go to `on_data` in order, and `on_end` is called once, both on the agents' thread. The
        first piece may arrive before this returns. `wanted`: whether anybody still waits for a ChatKit server's answer
        once a person has entered its token. Raises AppError where an HTTP server would answer 4xx: AgentNotSet,
        AgentsMissing, BadParams, MessageEmpty, MessageTooLong, ThreadNotFound, ServerError, errors of attachments.
        """
        server = self._sources.server(agent_id)
        if server is not None:
            answer = self.remote.request(server, body, on_data=on_data, on_end=on_end, wanted=wanted)
            if isinstance(answer, Stream) and '"input"' in body:
                self._counters.add("messages")
            return answer
        parts = self._parts()
        return self._do(parts, parts.requests.answer(self.context(agent_id, approves=approves), body, on_data, on_end))

    def ack(self, stream_id: str, count: int) -> None:
        """The page has acknowledged the next `count` pieces of a stream. Ignores an unknown stream."""
        if self._remote is not None:
            self._remote.ack(stream_id, count)
        self._tell(stream_id, lambda run: run.ack(count))

    def cancel(self, stream_id: str) -> None:
        """End a run. Nothing more goes to `on_data`; the text so far is kept."""
        if self._remote is not None:
            self._remote.cancel(stream_id)
        self._tell(stream_id, lambda run: run.cancel())

    def code_answered(self, agent_id: str, *, given: bool) -> None:
        """The person has approved an agent's code or declined. Whatever waits for that continues."""
        parts = self._made
        if parts is not None:
            with suppress(RuntimeError):  # the loop is closed, so nothing waits
                parts.loop.call_soon_threadsafe(lambda: parts.server.code_prerequisites.answer(agent_id, given=given))

    @property
    def questions(self) -> tuple[Question, ...]:
        """Open questions that ChatKit's page may not answer, oldest first."""
        return self._made.server.questions.waiting if self._made is not None else ()

    def answer_question(self, number: str, choice: Choice) -> bool:
        """Answer a question; the run that asked continues. False if it isn't open or that is no answer to it."""
        return self._made is not None and self._made.server.questions.answer(number, choice)

    def put_off_questions(self, numbers: Collection[str]) -> None:
        """Put these off. The buttons on their cards ask again."""
        if self._made is not None:
            self._made.server.questions.put_off(numbers)

    def tidy(self) -> None:
        """An agent was changed or removed, or consent withdrawn: end processes of code that may no longer be used.
        Returns at once."""
        parts = self._made
        if parts is not None and not parts.loop.is_closed():
            import asyncio

            asyncio.run_coroutine_threadsafe(parts.server.tidy(), parts.loop)

    def call(self, work: Callable[[Stores], Coroutine[Any, Any, T]]) -> T:
        """Run `work` with the stores on the agents' thread, for what the protocol lacks (search, export)."""
        parts = self._parts()
        return self._do(parts, work(parts.stores))

    def call_quiet(self, thread_id: str, work: Callable[[Stores], Coroutine[Any, Any, T]]) -> T:
        """As `call`, where no answer may be written to the chat meanwhile. Raises AnswerUnderWay."""
        parts = self._parts()

        async def alone() -> T:
            await parts.requests.quiet(thread_id)
            return await work(parts.stores)

        return self._do(parts, alone())

    def _parts(self) -> _Parts:
        """Start the thread, and wait for its objects. Raises whatever prevented them."""
        self._start()
        self._light.wait()
        if self._made is None:
            raise self._problem or InternalError()
        return self._made

    def context(self, agent_id: str, *, approves: bool = False) -> RequestContext:
        """The context of `agent_id`'s requests. Raises AgentNotSet."""
        from desktop.agents.chatkit.context import RequestContext

        self._sources.agent(agent_id)
        user = self._sources.user(agent_id)
        return RequestContext(agent_id=agent_id, user_id=user, locale=self._texts.language, approves=approves)

    def _do(self, parts: _Parts, work: Coroutine[Any, Any, T]) -> T:
        import asyncio

        try:
            waiting = asyncio.run_coroutine_threadsafe(work, parts.loop)
        except RuntimeError:  # the loop was closed in the meantime
            work.close()
            raise PageGone from None
        return waited(waiting, parts.loop)

    def _tell(self, stream_id: str, what: Callable[[Run], None]) -> None:
        made = self._made
        if made is not None:
            tell(made.loop, made.requests.runs, stream_id, what)


class _Stack:
    """The host's agent stack, for the server."""

    def __init__(self, host: AgentHost) -> None:
        self._host = host

    @property
    def ready(self) -> bool:
        return self._host.state == "ready"

    async def load(self) -> Assistants:
        import asyncio

        return await asyncio.shield(asyncio.wrap_future(self._host._begin_stack()))  # its other half


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what asyncio would print: exceptions of tasks nobody waits for."""
    log.debug("asyncio: %s", context.get("message"), exc_info=context.get("exception"))
