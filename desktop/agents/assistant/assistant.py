"""Runs assistants from the settings (instructions, a model, tools) with the Agents SDK, and yields the chat's events.

Importing this imports `agents` and `openai`, which takes more than a second. Only `host` does, after the page has
loaded.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from agents import (
    Agent,
    MaxTurnsExceeded,
    RunConfig,
    Runner,
    RunResultStreaming,
    RunState,
)
from chatkit.agents import AgentContext, _EventWrapper, stream_agent_response
from chatkit.types import (
    AudioInput,
    ProgressUpdateEvent,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
    WidgetItem,
)

from desktop.agents.assistant import history
from desktop.agents.assistant.answered_by import noted
from desktop.agents.assistant.model_settings import chosen_model, hosted_tools, model_settings, own_model
from desktop.agents.assistant.outcome import Result, Said, is_text
from desktop.agents.assistant.outcome import told as told_plainly
from desktop.agents.assistant.retirement_notice import Endings
from desktop.agents.assistant.steps import Context, Steps, in_place
from desktop.agents.chatkit import unfinished
from desktop.agents.chatkit.context import RequestContext
from desktop.agents.chatkit.questions import Choice, Questions
from desktop.agents.chatkit.titling import Titling
from desktop.agents.errors import AnswerCut, AnswerEmpty, AnswerFailed, AnswerStalled
from desktop.agents.limits import Limits
from desktop.agents.mcp import approvals as cards
from desktop.agents.mcp.approvals import Approvals, notice
from desktop.agents.mcp.ready import until_ready
from desktop.agents.mcp.servers import McpServers, Ready
from desktop.agents.mcp.shown import with_calls
from desktop.agents.mcp.toolbox import Toolbox
from desktop.agents.mcp.waiting import Held, Waiting, after_its_limit, waiting_for
from desktop.agents.models import failures
from desktop.agents.models.chat_input import Reads
from desktop.agents.models.endpoints import Clients
from desktop.agents.models.numbers import places_fit
from desktop.agents.models.streams import Broken, ChatCompletions, Cut, Responses, raise_if_failed, weighed
from desktop.agents.models.target import ModelTarget
from desktop.agents.models.tracing import Tracing
from desktop.agents.sources import Sources
from desktop.agents.store.ids import TurnIds
from desktop.common.errors import AppError, Phrase
from desktop.common.texts import Catalogue
from desktop.keys.errors import KeyMissing
from desktop.settings.agents import TOOL_ROUNDS, AssistantAgent
from desktop.settings.origins import origin_of

if TYPE_CHECKING:
    from chatkit.actions import Action
    from chatkit.store import Store


log = logging.getLogger(__name__)


class Assistants:
    """Runs all assistants; each call says which one. Lives on the agents' event loop.

    `on_thread` (agent id, thread id) is called when a title arrives after its answer.
    """

    def __init__(
        self,
        sources: Sources,
        texts: Catalogue,
        limits: Limits,
        on_thread: Callable[[str, str], None],
        servers: McpServers,
        approvals: Approvals,
        questions: Questions,
    ) -> None:
        self._questions = questions
        self._sources = sources
        self._texts = texts
        self._limits = limits
        # The client waits longer than the watch in `_watched`, which has its own sentence.
        self._clients = Clients(limits.stall * 2)
        self._tracing = Tracing()
        self._servers = servers
        self._approvals = approvals
        self._waiting = Waiting(texts)
        self._titling = Titling(on_thread)
        self._endings = Endings()
        for name in ("responses", "chat.completions"):
            # `openai` (3.51) imports these at first use, which would delay the loop and the first word.
            importlib.import_module(f"openai.resources.{name}")

    async def close(self) -> None:
        """Close the connections."""
        self._titling.close()
        self._endings.close()
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
        """The answer to `message`, or to the last item. Raises AppError with the facts about the call."""
        items = await history.load(store, thread, context)
        message = message or next((item for item in reversed(items) if isinstance(item, UserMessageItem)), None)
        async for event in self._waiting.give_up(thread, store, context):
            yield event
        target = await self._target(agent, chosen_model(agent, message, thread, context))
        self._endings.look_up(target)
        title = self._titling.wanted(thread, message, by_model=self._sources.titles)
        answer = self._answer(agent, target, thread, message, items, store, attachments, context)
        async with aclosing(told_plainly(answer, target)) as events:
            async for event in events:
                yield event
                if title is not None and is_text(event):
                    title.begin(target, store, context)
                    title = None
        if title is not None:
            title.begin(target, store, context)
        ending = self._endings.due(target)
        if ending is not None:
            yield notice(ending, self._texts)

    async def action(
        self,
        agent: AssistantAgent,
        thread: ThreadMetadata,
        action: Action[str, Any],
        sender: WidgetItem | None,
        store: Store[RequestContext],
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """A button on a card about a tool was pressed: the run continues. A card nobody waits for any more says so. On
        a page that may not approve, every button only brings our window forward."""
        if sender is not None and unfinished.reason_of(sender):
            async with aclosing(self._continue(agent, thread, action, sender, store, context)) as events:
                async for event in events:
                    yield event
            return
        choice = cards.CHOICES.get(action.type)
        if sender is None or (choice is None and action.type != cards.OPEN):
            return
        held = self._waiting.of(action, sender, thread.id, agent.id)
        if held is None:
            if cards.is_asking(sender):
                yield cards.answered(sender, self._texts, "expired", "again")
            return
        if self._questions.is_open(held.asked_as):
            self._questions.bring_forward()
            return
        events = (
            self._asked_apart(agent, held, thread, store, context)
            if choice is None or not context.approves
            else self._decided(agent, held, choice, thread, store, context)
        )
        async with aclosing(told_plainly(events, held.target)) as told:
            async for event in told:
                yield event

    async def _continue(
        self,
        agent: AssistantAgent,
        thread: ThreadMetadata,
        action: Action[str, Any],
        sender: WidgetItem,
        store: Store[RequestContext],
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """*Continue* or *Go on*: resume the waiting run, or start a new one that continues."""
        last = await store.load_thread_items(thread.id, None, 1, "desc", context)
        if not last.data or last.data[0].id != sender.id:
            yield unfinished.answered(sender, self._texts, "passed")
            return
        yield unfinished.answered(sender, self._texts, "continued")
        held = self._waiting.of(action, sender, thread.id, agent.id)
        if held is not None and self._waiting.take(held):
            target = held.target
            run = self._go_on(agent, held, thread, store, context)
        else:
            items = await history.load(store, thread, context)
            message = next((item for item in reversed(items) if isinstance(item, UserMessageItem)), None)
            target = await self._target(agent, chosen_model(agent, message, thread, context))
            run = self._answer(agent, target, thread, message, items, store, None, context, going_on=True)
        async with aclosing(told_plainly(run, target)) as events:
            async for event in events:
                yield event

    async def transcribe(self, agent: AssistantAgent, audio: AudioInput) -> str:
        """Transcribe speech with the dictation model at the agent's endpoint. Raises AppError."""
        target = await self._target(agent, self._sources.transcription_model)
        ending = {"audio/webm": "webm", "audio/ogg": "ogg", "audio/mp4": "m4a"}.get(audio.media_type, "webm")
        failure: AppError | None = None
        try:
            given = (f"speech.{ending}", audio.data, audio.mime_type)
            answer = await target.client.audio.transcriptions.create(model=target.model, file=given)
            return answer.text
        except Exception as error:  # noqa: BLE001 - as above
            failure = failures.of(error, target.asked)
        raise failure

    # --- the model ---------------------------------------------------------------------------

    async def _target(self, agent: AssistantAgent, model: str) -> ModelTarget:
        """Raises AgentNotSet (the endpoint), KeyMissing, KeyStoreError, and like `make_client`."""
        endpoint = self._sources.endpoint(agent.endpoint)
        # Never on the loop: the keyring may ask the person, also for the proxy's password.
        key = await asyncio.to_thread(self._sources.key, endpoint.base_url) if endpoint.needs_key else None
        if endpoint.needs_key and not key:
            raise KeyMissing(origin=origin_of(endpoint.base_url))
        route = await asyncio.to_thread(self._sources.route, endpoint.base_url)
        client = self._clients.get(endpoint, key, route)
        return ModelTarget(endpoint, model, key, route, client, self._limits.stall)

    # --- the run ------------------------------------------------------------------------------

    async def _answer(
        self,
        agent: AssistantAgent,
        target: ModelTarget,
        thread: ThreadMetadata,
        message: UserMessageItem | None,
        items: list[ThreadItem],
        store: Store[RequestContext],
        attachments: object,
        context: RequestContext,
        *,
        going_on: bool = False,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Start a new run. `going_on`: it continues the last answer, which was cut off."""
        readable = cast("Reads | None", attachments if hasattr(attachments, "read") else None)
        given = await history.Converter(items, readable, context).to_agent_input(items)
        box: Toolbox | None = None
        if agent.mcp_servers:
            async with aclosing(until_ready(self._servers, agent.id, self._texts)) as starts:
                async for one in starts:
                    if isinstance(one, Ready):
                        box = Toolbox(agent.id, thread.id, one.servers, self._approvals, pictures=target.responses)
                    else:
                        yield one
        if going_on:
            given.append({"role": "user", "content": unfinished.ASK})
        sdk_agent = self._sdk_agent(agent, target, message, box)
        run = self._run(agent, target, thread, sdk_agent, given, box, store, context)
        async with aclosing(run) as events:
            async for event in events:
                yield event

    async def _run(
        self,
        agent: AssistantAgent,
        target: ModelTarget,
        thread: ThreadMetadata,
        sdk_agent: Agent[Any],
        given: list[Any] | RunState[Any, Agent[Any]],
        box: Toolbox | None,
        store: Store[RequestContext],
        context: RequestContext,
        begun: dict[str, str] | None = None,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """One run, its events with our ids. When this ends, everything it started has ended.

        `begun`: tool calls (id -> name) it continues with.
        """
        reported = self._tracing.use(self._sources.tracing, target.endpoint, target.key, target.route)
        inner = Context(thread=thread, store=store, request_context=context)
        result = Runner.run_streamed(
            sdk_agent,
            given,
            context=inner,
            max_turns=agent.tool_rounds or TOOL_ROUNDS,
            run_config=RunConfig(
                tracing_disabled=not reported,
                trace_include_sensitive_data=reported,
                tool_not_found_behavior="return_error_to_model",
                workflow_name=agent.name or agent.id,
                group_id=thread.id,
            ),
        )
        said = Said()
        if box is not None:
            box.tell = lambda error: inner.made.append(notice(error, self._texts))
        watched = Result(self._watched(result, inner, target, said, box, begun or {}))
        ids = TurnIds(lambda kind: store.generate_item_id(kind, thread, context))
        try:
            async for event in stream_agent_response(cast(AgentContext[Any], inner), cast(Any, watched)):
                for owned in ids.own(event):
                    if not places_fit(getattr(owned, "update", None)):
                        raise AnswerFailed("a place", host=target.asked.host, problem=Phrase("agent_run.bad_place"))
                    if isinstance(owned, ThreadItemDoneEvent) and target.model != own_model(agent):
                        await noted(store, thread.id, agent.id, owned.item, target.model)
                    yield owned
            if box is not None and result.interruptions:
                held = waiting_for(agent.id, thread.id, target, sdk_agent, box, result)
                async for event in self._go_on(agent, held, thread, store, context):
                    yield event
                return
            if said.too_often:
                rounds = agent.tool_rounds or TOOL_ROUNDS
                card_id = store.generate_item_id("message", thread, context)
                held = after_its_limit(agent.id, thread.id, target, sdk_agent, box, result, rounds)
                told = {"agent": agent.name or agent.id, "count": rounds}
                number = self._waiting.keep(held)
                held.card = unfinished.card_item(self._texts, thread.id, card_id, "turns", number, **told)
                yield ThreadItemDoneEvent(item=held.card)
            elif said.cut and said.anything:
                card_id = store.generate_item_id("message", thread, context)
                yield ThreadItemDoneEvent(item=unfinished.card_item(self._texts, thread.id, card_id, said.cut))
            elif said.cut:
                raise AnswerCut(said.cut, host=target.asked.host, problem=Phrase(f"agent_run.incomplete.{said.cut}"))
            elif not said.anything:
                raise AnswerEmpty(model=target.model)
        finally:
            result.cancel()

    async def _go_on(
        self,
        agent: AssistantAgent,
        held: Held,
        thread: ThreadMetadata,
        store: Store[RequestContext],
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """The next question of a waiting run, or the run itself if all are answered."""
        for asked in list(held.calls):
            if self._approvals.allowed(agent.id, thread.id, asked.server, asked.tool):
                held.decide(asked, approved=True)
        if held.calls:
            apart = not context.approves
            yield self._waiting.ask(held, store.generate_item_id("message", thread, context), apart=apart)
            if apart:
                async with aclosing(self._asked_apart(agent, held, thread, store, context)) as events:
                    async for event in events:
                        yield event
            return
        run = self._run(agent, held.target, thread, held.agent, held.state, held.box, store, context, held.begun)
        async with aclosing(run) as events:
            async for event in events:
                yield event

    async def _asked_apart(
        self,
        agent: AssistantAgent,
        held: Held,
        thread: ThreadMetadata,
        store: Store[RequestContext],
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Wait for a person's answer in our window. If it is put off, the run keeps waiting."""
        if self._questions.can_ask:
            yield ProgressUpdateEvent(icon="clock", text=self._texts.get("approval.waits"))
        call = held.calls[0]
        asked = cards.question(agent.id, thread.id, held.asked_as, call.server.label, call.tool.name, call.arguments)
        choice = await self._questions.ask(asked)
        if choice is None:
            return
        async with aclosing(self._decided(agent, held, choice, thread, store, context)) as events:
            async for event in events:
                yield event

    async def _decided(
        self,
        agent: AssistantAgent,
        held: Held,
        choice: Choice,
        thread: ThreadMetadata,
        store: Store[RequestContext],
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Show the person's answer on the card, and continue the run."""
        if not self._waiting.take(held) or held.card is None:
            return
        yield cards.answered(held.card, self._texts, choice)
        asked = held.calls[0]
        if choice == "rejected":
            held.decide(asked, approved=False)
        else:
            unkept = self._approvals.remember(choice, thread.id, asked.server, asked.tool)
            if unkept is not None:
                yield notice(unkept, self._texts)
            held.decide(asked, approved=True)
        async with aclosing(self._go_on(agent, held, thread, store, context)) as events:
            async for event in events:
                yield event

    async def _watched(
        self,
        result: RunResultStreaming,
        context: Context,
        target: ModelTarget,
        said: Said,
        box: Toolbox | None,
        begun: dict[str, str],
    ) -> AsyncGenerator[Any, None]:
        """The events of a run with its steps in between. Silence and reported failures become errors."""
        steps = Steps(context, self._texts)
        given: AsyncGenerator[Any, None] = self._unsilent(result, target, said)
        if box is not None:
            given = with_calls(given, steps, box, self._texts, begun)
        try:
            async with aclosing(in_place(given, steps, context, _EventWrapper)) as events:
                async for event in events:
                    yield event
        except MaxTurnsExceeded:
            said.too_often = True
        open_one = context.workflow_item
        thinks = open_one is not None and open_one.workflow.type == "reasoning"  # within an answer
        if open_one is not None and (result.interruptions or said.too_often or thinks):
            await context.end_workflow()  # followed by a card
            for made in context.take():
                yield _EventWrapper(made)

    async def _unsilent(self, result: RunResultStreaming, target: ModelTarget, said: Said) -> AsyncGenerator[Any, None]:
        events = aiter(result.stream_events())
        written = 0
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
                raise AnswerStalled(host=target.asked.host, seconds=round(self._limits.stall)) from None
            if event.type == "raw_response_event":
                if isinstance(event.data, Broken):
                    raise event.data.error
                if isinstance(event.data, Cut):
                    said.cut = event.data.reason
                    continue
                raise_if_failed(event.data, target.asked)
                written = weighed(event.data, written, target.asked)
                said.see(event.data)
            yield event

    def _sdk_agent(
        self, agent: AssistantAgent, target: ModelTarget, message: UserMessageItem | None, box: Toolbox | None
    ) -> Agent[Any]:
        model = (
            Responses(target.model, target.client) if target.responses else ChatCompletions(target.model, target.client)
        )
        tools = hosted_tools(agent) if target.responses else []
        made = Agent[Any](
            name=agent.name or agent.id,
            instructions=agent.instructions or None,
            model=model,
            model_settings=model_settings(agent, target, message, [tool.name for tool in tools]),
            tools=[*tools, *(box.tools if box is not None else [])],
        )
        if box is not None:
            box.offered = made.tools
        return made
