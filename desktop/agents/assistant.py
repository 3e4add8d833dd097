"""The assistant of the settings: instructions, a model and tools, run by the Agents SDK, as events of the chat.

Importing this imports `agents` and `openai`, more than a second: only `host` does, after the page has loaded.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import openai
from agents import (
    Agent,
    CodeInterpreterTool,
    FileSearchTool,
    ImageGenerationTool,
    ModelSettings,
    RunConfig,
    Runner,
    RunResultStreaming,
    RunState,
    Tool,
    WebSearchTool,
)
from chatkit.agents import AgentContext, _EventWrapper, stream_agent_response
from chatkit.types import (
    AssistantMessageContentPartTextDelta,
    AudioInput,
    GeneratedImageItem,
    ProgressUpdateEvent,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
    WidgetItem,
)
from openai.types.shared import Reasoning

from desktop.agents import failures, history, titles
from desktop.agents.context import RequestContext
from desktop.agents.endpoints import Clients, asked_of, is_openai
from desktop.agents.ids import TurnIds
from desktop.agents.limits import Limits
from desktop.agents.mcp import approvals as cards
from desktop.agents.mcp.approvals import Approvals, notice
from desktop.agents.mcp.servers import McpServers
from desktop.agents.mcp.shown import with_calls
from desktop.agents.mcp.toolbox import Toolbox
from desktop.agents.mcp.waiting import Waiting, waiting_for
from desktop.agents.model_streams import Broken, ChatCompletions, Responses, raise_if_failed
from desktop.agents.models import DEFAULT_MODEL, reasons
from desktop.agents.runs import CURRENT
from desktop.agents.sources import Sources
from desktop.agents.steps import Context, Steps, in_place
from desktop.agents.tracing import Tracing
from desktop.errors import AnswerEmpty, AnswerStalled, AppError, InternalError, KeyMissing
from desktop.settings.agents import AssistantAgent, Endpoint
from desktop.settings.origins import origin_of
from desktop.texts import Catalogue

if TYPE_CHECKING:
    from chatkit.actions import Action
    from chatkit.store import Store
    from openai import AsyncOpenAI

    from desktop.openai_api import transport

log = logging.getLogger(__name__)

DROPPABLE = ("reasoning.summary", "reasoning.effort", "temperature", "store", "include")
"""Parameters that are left out, and the request made again, where a model or endpoint refuses them by name."""
TITLE_LIMIT = 20.0
"""Seconds after which a title is given up."""


class Way:
    """Where one answer comes from: endpoint, model, client, and what failures are told."""

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        key: str | None,
        route: transport.Endpoint,
        client: AsyncOpenAI,
        stall: float,
    ) -> None:
        self.endpoint = endpoint
        self.model = model
        self.key = key
        self.route = route
        self.client = client
        self.asked = asked_of(endpoint, model, key, route, stall)

    @property
    def responses(self) -> bool:
        return self.endpoint.api == "responses"


class Assistants:
    """All assistants; which one is meant comes with each call. Lives on the agents' event loop.

    `on_thread` (agent id, thread id) is called when a title came after its answer.
    """

    def __init__(
        self,
        sources: Sources,
        texts: Catalogue,
        limits: Limits,
        on_thread: Callable[[str, str], None],
        servers: McpServers | None = None,
        approvals: Approvals | None = None,
    ) -> None:
        self._sources = sources
        self._texts = texts
        self._limits = limits
        self._on_thread = on_thread
        # The watch in `_watched` has a sentence of its own, so the client waits longer.
        self._clients = Clients(limits.stall * 2)
        self._tracing = Tracing()
        self._servers = servers or McpServers(sources, limits)
        self._approvals = approvals or Approvals(sources)
        self._waiting = Waiting(texts)
        self._refused: dict[tuple[str, str], frozenset[str]] = {}
        """(address, model) -> the parameters that it refused."""
        self._titling: set[asyncio.Task[None]] = set()
        for name in ("responses", "chat.completions"):
            # `openai` (3.51) imports these at their first use, which would be on the loop and before the first word.
            importlib.import_module(f"openai.resources.{name}")

    async def close(self) -> None:
        """Closes the connections."""
        for task in self._titling:
            task.cancel()
        await self._clients.close()
        await asyncio.to_thread(self._tracing.close)

    async def respond(
        self,
        agent: AssistantAgent,
        thread: ThreadMetadata,
        message: UserMessageItem | None,
        store: Store[RequestContext],
        attachments: object,
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """The answer to `message`, or to what was last added. Raises AppError, each with what was asked of whom."""
        items = await history.load(store, thread, context)
        message = message or next((item for item in reversed(items) if isinstance(item, UserMessageItem)), None)
        async for event in self._waiting.give_up(thread, store, context):
            yield event
        way = await self._way(agent, message)
        title = self._title_of(thread, message)
        failure: AppError | None = None
        try:
            async with aclosing(
                self._answer(agent, way, thread, message, items, store, attachments, context)
            ) as events:
                async for event in events:
                    yield event
                    if title is not None and _is_text(event):
                        title.begin(way, agent, store, context)
                        title = None
            if title is not None:
                title.begin(way, agent, store, context)
        except (AppError, asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as error:  # the SDKs', the network's, the model's
            failure = failures.of(error, way.asked)
            if isinstance(failure, InternalError):
                log.error("an answer failed", exc_info=error)
        if failure is not None:
            raise failure  # outside of `except`: the SDK's exception holds the request, and that holds the key

    async def action(
        self,
        agent: AssistantAgent,
        thread: ThreadMetadata,
        action: Action[str, Any],
        sender: WidgetItem | None,
        store: Store[RequestContext],
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """A button of a card that asks for a tool; the run goes on. A card that nothing waits for any more says so."""
        choice = cards.CHOICES.get(action.type)
        if choice is None or sender is None:
            return
        held = self._waiting.taken(action, sender, thread.id, agent.id)
        if held is None:
            if cards.is_asking(sender):
                yield cards.answered(sender, self._texts, "expired", "again")
            return
        yield cards.answered(sender, self._texts, choice)
        asked = held.calls[0]
        if choice == "rejected":
            held.decide(asked, approved=False)
        else:
            unkept = self._approvals.remember(choice, thread.id, asked.server, asked.tool)
            if unkept is not None:
                yield notice(unkept, self._texts)
            held.decide(asked, approved=True)
        failure: AppError | None = None
        try:
            async with aclosing(self._go_on(agent, held, thread, store, context)) as events:
                async for event in events:
                    yield event
        except (AppError, asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as error:  # as in `respond`
            failure = failures.of(error, held.way.asked)
            if isinstance(failure, InternalError):
                log.error("an answer failed", exc_info=error)
        if failure is not None:
            raise failure

    async def transcribe(self, agent: AssistantAgent, audio: AudioInput) -> str:
        """Speech as text, by the model for dictation at the agent's endpoint. Raises AppError."""
        way = await self._way(agent, None, self._sources.transcription_model)
        ending = {"audio/webm": "webm", "audio/ogg": "ogg", "audio/mp4": "m4a"}.get(audio.media_type, "webm")
        failure: AppError | None = None
        try:
            given = (f"speech.{ending}", audio.data, audio.mime_type)
            answer = await way.client.audio.transcriptions.create(model=way.model, file=given)
            return answer.text
        except Exception as error:  # noqa: BLE001 - as above
            failure = failures.of(error, way.asked)
        raise failure

    # --- the way ------------------------------------------------------------------------------

    async def _way(self, agent: AssistantAgent, message: UserMessageItem | None, model: str = "") -> Way:
        """Raises AgentNotSet (the endpoint), KeyMissing, KeyStoreError, and as `make_client`."""
        endpoint = self._sources.endpoint(agent.endpoint)
        # The keyring may ask the person, the proxy's password comes from it too: never on the loop.
        key = await asyncio.to_thread(self._sources.key, endpoint.base_url) if endpoint.needs_key else None
        if endpoint.needs_key and not key:
            raise KeyMissing(origin=origin_of(endpoint.base_url))
        route = await asyncio.to_thread(self._sources.route, endpoint.base_url)
        client = self._clients.get(endpoint, key, route)
        return Way(endpoint, model or chosen_model(agent, message), key, route, client, self._limits.stall)

    # --- the run ------------------------------------------------------------------------------

    async def _answer(
        self,
        agent: AssistantAgent,
        way: Way,
        thread: ThreadMetadata,
        message: UserMessageItem | None,
        items: list[ThreadItem],
        store: Store[RequestContext],
        attachments: object,
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        readable = cast("history.Reads | None", attachments if hasattr(attachments, "read") else None)
        given = await history.Converter(items, readable, context).to_agent_input(items)
        box: Toolbox | None = None
        if agent.mcp_servers:
            if self._servers.starts(agent.id):
                yield ProgressUpdateEvent(icon="clock", text=self._texts.get("mcp.starting"))
            ready = await self._servers.use(agent.id)
            for problem in ready.problems:
                yield notice(problem, self._texts)
            box = Toolbox(agent.id, thread.id, ready.servers, self._approvals, pictures=way.responses)
        while True:
            begun = False
            sdk_agent = self._sdk_agent(agent, way, message, box)
            run = self._run(agent, way, thread, sdk_agent, given, box, store, context)
            try:
                async with aclosing(run) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except openai.BadRequestError as error:
                if begun or not self._drop(way, error):
                    raise

    async def _run(
        self,
        agent: AssistantAgent,
        way: Way,
        thread: ThreadMetadata,
        sdk_agent: Agent[Any],
        given: list[Any] | RunState[Any, Agent[Any]],
        box: Toolbox | None,
        store: Store[RequestContext],
        context: RequestContext,
        begun: dict[str, str] | None = None,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """One run, its events with our ids. Everything it has begun has ended when this ends.

        `begun`: calls of tools (id -> name) that it goes on with.
        """
        reported = self._tracing.use(self._sources.tracing, way.endpoint, way.key, way.route)
        inner = Context(thread=thread, store=store, request_context=context)
        result = Runner.run_streamed(
            sdk_agent,
            given,
            context=inner,
            run_config=RunConfig(
                tracing_disabled=not reported,
                trace_include_sensitive_data=reported,
                tool_not_found_behavior="return_error_to_model",
                workflow_name=agent.name or agent.id,
                group_id=thread.id,
            ),
        )
        said = _Said()
        if box is not None:
            box.tell = lambda error: inner.made.append(notice(error, self._texts))
        watched = _Result(self._watched(result, inner, way, said, box, begun or {}))
        ids = TurnIds(lambda kind: store.generate_item_id(kind, thread, context))
        try:
            async for event in stream_agent_response(cast(AgentContext[Any], inner), cast(Any, watched)):
                for owned in ids.own(event):
                    yield owned
            if box is not None and result.interruptions:
                held = waiting_for(agent.id, thread.id, way, sdk_agent, box, result)
                async for event in self._go_on(agent, held, thread, store, context):
                    yield event
                return
            if not said.anything:
                raise AnswerEmpty(model=way.model)
        finally:
            result.cancel()

    async def _go_on(
        self,
        agent: AssistantAgent,
        held: Any,
        thread: ThreadMetadata,
        store: Store[RequestContext],
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """The next question of a run that waits, or, where all are answered, the run itself."""
        for asked in list(held.calls):
            if self._approvals.allowed(agent.id, thread.id, asked.server, asked.tool):
                held.decide(asked, approved=True)
        if held.calls:
            yield self._waiting.ask(held, store.generate_item_id("message", thread, context))
            return
        run = self._run(agent, held.way, thread, held.agent, held.state, held.box, store, context, held.begun)
        async with aclosing(run) as events:
            async for event in events:
                yield event

    async def _watched(
        self,
        result: RunResultStreaming,
        context: Context,
        way: Way,
        said: _Said,
        box: Toolbox | None,
        begun: dict[str, str],
    ) -> AsyncGenerator[Any, None]:
        """The events of a run with its steps between them; silence and reported failures become errors."""
        steps = Steps(context, self._texts)
        given: AsyncGenerator[Any, None] = self._unsilent(result, way, said)
        if box is not None:
            given = with_calls(given, steps, box, self._texts, begun)
        async with aclosing(in_place(given, steps, context, _EventWrapper)) as events:
            async for event in events:
                yield event
        if result.interruptions and context.workflow_item is not None:
            await context.end_workflow()  # a card comes after it
            for made in context.take():
                yield _EventWrapper(made)

    async def _unsilent(self, result: RunResultStreaming, way: Way, said: _Said) -> AsyncGenerator[Any, None]:
        events = aiter(result.stream_events())
        while True:
            limit = asyncio.timeout(self._limits.stall)
            try:
                async with limit:
                    event = await anext(events)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if not limit.expired():
                    raise
                raise AnswerStalled(host=way.asked.host, seconds=round(self._limits.stall)) from None
            if event.type == "raw_response_event":
                if isinstance(event.data, Broken):
                    raise event.data.error
                raise_if_failed(event.data, way.asked)
                said.see(event.data)
            yield event

    def _sdk_agent(
        self, agent: AssistantAgent, way: Way, message: UserMessageItem | None, box: Toolbox | None
    ) -> Agent[Any]:
        model = Responses(way.model, way.client) if way.responses else ChatCompletions(way.model, way.client)
        tools = hosted_tools(agent) if way.responses else []
        return Agent(
            name=agent.name or agent.id,
            instructions=agent.instructions or None,
            model=model,
            model_settings=self._settings(agent, way, message, [tool.name for tool in tools]),
            tools=[*tools, *(box.tools if box is not None else [])],
        )

    def _settings(
        self, agent: AssistantAgent, way: Way, message: UserMessageItem | None, tools: list[str]
    ) -> ModelSettings:
        """What the model takes, less what it has refused before."""
        refused = self._refused.get((way.endpoint.base_url, way.model), frozenset())
        # Of other endpoints' models nothing is known: they get what was set.
        thinks = reasons(way.model) if is_openai(way.endpoint) else agent.reasoning_effort is not None
        effort = agent.reasoning_effort if "reasoning.effort" not in refused else None
        summary = "auto" if way.responses and thinks and "reasoning.summary" not in refused else None
        # Only what is set: the SDK sends what is None too.
        reasoning = {name: value for name, value in (("effort", effort), ("summary", summary)) if value and thinks}
        chosen = message.inference_options.tool_choice if message is not None else None
        include: list[Any] = []
        if "web_search" in tools:
            include.append("web_search_call.action.sources")
        if "code_interpreter" in tools:
            include.append("code_interpreter_call.outputs")
        settings = ModelSettings(
            temperature=None if "temperature" in refused or (thinks and is_openai(way.endpoint)) else agent.temperature,
            reasoning=Reasoning.model_validate(reasoning) if reasoning else None,
            tool_choice=chosen.id if chosen is not None and chosen.id in tools else None,
            response_include=include if include and "include" not in refused else None,
        )
        # Chats are kept on this computer, not at OpenAI.
        return replace(settings, store=False) if way.responses and "store" not in refused else settings

    def _drop(self, way: Way, error: openai.BadRequestError) -> bool:
        """Notes a parameter that was refused by name; False where it is none that can be left out."""
        param = error.param or ""
        known = self._refused.get((way.endpoint.base_url, way.model), frozenset())
        for name in DROPPABLE:
            if param == name or param.startswith(f"{name}[") or (not param and f"'{name}'" in error.message):
                if name in known:
                    return False
                log.info("%s takes no %s", way.model, name)
                self._refused[way.endpoint.base_url, way.model] = known | {name}
                return True
        return False

    # --- titles -------------------------------------------------------------------------------

    def _title_of(self, thread: ThreadMetadata, message: UserMessageItem | None) -> _Title | None:
        """What is to be done about a title: nothing, or the first words at once, or a better one beside the answer."""
        text = "" if message is None else "".join(part.text for part in message.content).strip()
        if thread.title is not None or not text:
            return None
        if not self._sources.titles:
            thread.title = titles.first_words(text) or None
            return None
        return _Title(self, thread, text)

    def titling(self, work: Any) -> None:
        """Runs `work` outside of the present run, so that a title outlives its answer."""
        import contextvars

        context = contextvars.copy_context()
        context.run(CURRENT.set, None)
        task: asyncio.Task[None] = context.run(asyncio.get_running_loop().create_task, work)
        self._titling.add(task)
        task.add_done_callback(self._titling.discard)

    def titled(self, agent_id: str, thread_id: str) -> None:
        self._on_thread(agent_id, thread_id)


class _Title:
    """A title on its way. Its failures are nobody's business but the log's: the first words do as well."""

    def __init__(self, assistants: Assistants, thread: ThreadMetadata, text: str) -> None:
        self._assistants = assistants
        self._thread = thread
        self._text = text

    def begin(self, way: Way, agent: AssistantAgent, store: Store[RequestContext], context: RequestContext) -> None:
        self._assistants.titling(self._make(way, store, context))

    async def _make(self, way: Way, store: Store[RequestContext], context: RequestContext) -> None:
        try:
            async with asyncio.timeout(TITLE_LIMIT):
                title = titles.tidy(await titles.ask(way.client, way.model, self._text, responses=way.responses))
        except Exception as error:  # noqa: BLE001 - see above
            log.info("no title: %s", failures.of(error, way.asked).detail)
            title = ""
        title = title or titles.first_words(self._text)
        try:
            kept = await store.load_thread(self._thread.id, context)
            if not title or kept.title is not None:
                return  # the person gave it one meanwhile
            kept.title = title
            await store.save_thread(kept, context)
        except Exception as error:  # noqa: BLE001 - the chat was deleted, the disk is full
            log.info("a title was not kept: %s", failures.of(error).detail)
            return
        # While the answer is still coming, the SDK sees this and tells the page (`thread.updated`).
        self._thread.title = title
        self._assistants.titled(context.agent_id, self._thread.id)


class _Said:
    """Whether an answer had anything in it."""

    def __init__(self) -> None:
        self.anything = False

    def see(self, event: Any) -> None:
        if event.type == "response.output_text.delta":
            self.anything = self.anything or bool(event.delta.strip())
        elif event.type == "response.output_item.done" and event.item.type == "image_generation_call":
            self.anything = True


class _Result:
    """What `stream_agent_response` needs of a run's result."""

    def __init__(self, events: AsyncIterator[Any]) -> None:
        self._events = events

    def stream_events(self) -> AsyncIterator[Any]:
        return self._events


def _is_text(event: ThreadStreamEvent) -> bool:
    if isinstance(event, ThreadItemUpdatedEvent):
        return isinstance(event.update, AssistantMessageContentPartTextDelta)
    return isinstance(event, ThreadItemDoneEvent) and isinstance(event.item, GeneratedImageItem)


def chosen_model(agent: AssistantAgent, message: UserMessageItem | None) -> str:
    """The composer's choice where it is one of the agent's, else the agent's, else the app's."""
    wanted = message.inference_options.model if message is not None else None
    own = agent.model or DEFAULT_MODEL
    return wanted if wanted and wanted in (own, *agent.models) else own


def hosted_tools(agent: AssistantAgent) -> list[Tool]:
    """The tools that the endpoint runs, as the Agents SDK takes them."""
    wanted = agent.tools
    tools: list[Tool] = []
    if wanted.web_search:
        tools.append(WebSearchTool())
    if wanted.vector_store_ids:
        tools.append(FileSearchTool(vector_store_ids=list(wanted.vector_store_ids), include_search_results=True))
    if wanted.code_interpreter:
        tools.append(CodeInterpreterTool({"type": "code_interpreter", "container": {"type": "auto"}}))
    if wanted.image_generation:
        tools.append(ImageGenerationTool({"type": "image_generation"}))
    return tools
