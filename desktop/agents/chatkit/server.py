"""The ChatKit server in the app: every request type, on top of the store, for every in-app agent.

Imported on the agents' thread only. It imports `chatkit.types`, never `agents`. Knows no bridge and no page.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from chatkit.actions import Action
from chatkit.errors import CustomStreamError
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    AudioInput,
    ChatKitReq,
    CustomSummary,
    FeedbackKind,
    ProgressUpdateEvent,
    SDKHiddenContextItem,
    StreamingReq,
    SyncCustomActionResponse,
    ThreadCreatedEvent,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadsCreateReq,
    ThreadStreamEvent,
    TranscriptionResult,
    UserMessageItem,
    WidgetItem,
    WorkflowItem,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
    is_streaming_req,
)
from pydantic import TypeAdapter

from desktop.agents.chatkit import branching, unfinished, without_stack
from desktop.agents.chatkit.context import RequestContext
from desktop.agents.chatkit.prerequisites import Ask, Prerequisites
from desktop.agents.chatkit.questions import Questions
from desktop.agents.chatkit.runs import CURRENT
from desktop.agents.demo import Demo
from desktop.agents.errors import ContextTooLong, DictationNotSet, PageStalled
from desktop.agents.limits import Limits
from desktop.agents.mcp import approvals as cards
from desktop.agents.mcp.servers import McpServers
from desktop.agents.models import failures
from desktop.agents.models.errors import RequestTooLarge
from desktop.agents.sources import Sources
from desktop.agents.store.ids import new_id
from desktop.common.errors import AgentsMissing, AppError, BadParams
from desktop.common.texts import Catalogue
from desktop.settings.agents import AssistantAgent, CodeAgent, DemoAgent

if TYPE_CHECKING:
    from chatkit.server import ChatKitServer, NonStreamingResult, StreamingResult
    from chatkit.store import AttachmentStore, Store

    from desktop.agents.assistant.assistant import Assistants
    from desktop.agents.code.parent import CodeAgents
    from desktop.agents.code.place import Place
else:
    ChatKitServer = without_stack.chatkit_server().ChatKitServer
    NonStreamingResult = without_stack.chatkit_server().NonStreamingResult
    StreamingResult = without_stack.chatkit_server().StreamingResult

log = logging.getLogger(__name__)

REQUESTS: TypeAdapter[ChatKitReq] = TypeAdapter(ChatKitReq)
"""Parses every request of the protocol."""

FINAL = (ContextTooLong, AgentsMissing, RequestTooLarge)
"""Failures that the same message would meet again, whatever the settings."""


class Stack(Protocol):
    """The agent stack, which may still be loading."""

    @property
    def ready(self) -> bool: ...

    async def load(self) -> Assistants:
        """Return when it is loaded. Raises AgentsMissing."""


class LocalServer(ChatKitServer[RequestContext]):
    """One server for all in-app agents. The context says which agent is meant."""

    def __init__(
        self,
        store: Store[RequestContext],
        attachments: AttachmentStore[RequestContext] | None,
        *,
        sources: Sources,
        texts: Catalogue,
        stack: Stack,
        limits: Limits,
        code: Place | None = None,
        on_failure: Callable[[str, AppError], None] = lambda _agent, _failure: None,
        on_code: Ask | None = None,
        on_question: Callable[[], None] | None = None,
    ) -> None:
        """Callbacks on this thread: `on_failure` (agent id, error) when an answer failed, `on_code` when a message
        waits for consent to code, `on_question` when a question outside the chat was asked or settled. None if nobody
        can be asked."""
        super().__init__(store, attachments)
        self._on_failure = on_failure
        self._code_place = code
        self._code: CodeAgents | None = None
        self._sources = sources
        self._texts = texts
        self._stack = stack
        self._limits = limits
        self._demo = Demo(texts, limits.chunk)
        self.code_prerequisites = Prerequisites(on_code, limits.ask)
        """Messages that wait for consent to code."""
        self.questions = Questions(on_question, limits.answer)
        """Questions that only our own pages may answer."""
        self.mcp = McpServers(sources, limits)
        self.approvals = cards.Approvals(sources)

    # --- requests -----------------------------------------------------------------------------

    async def process(
        self, request: str | bytes | bytearray, context: RequestContext
    ) -> StreamingResult | NonStreamingResult:
        """Like the SDK's. Raises pydantic's ValidationError."""
        return await self.handle(REQUESTS.validate_json(request), context)

    async def handle(self, request: ChatKitReq, context: RequestContext) -> StreamingResult | NonStreamingResult:
        """Handle a parsed request. The SDK's `process` (1.6.5) would build its validator each time, which takes 2
        ms."""
        if is_streaming_req(request):
            return StreamingResult(self._process_streaming(request, context))
        return NonStreamingResult(await self._process_non_streaming(request, context))

    async def _process_streaming_impl(
        self, request: StreamingReq, context: RequestContext
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """As the SDK's, but a retry leaves the answer before as a version."""
        run = CURRENT.get()
        if run is not None and not isinstance(request, ThreadsCreateReq):
            run.thread = request.params.thread_id
        asked = branching.context_for(request, context)
        async with (
            branching.another_version(self.store, branching.place_of(request), context),
            aclosing(super()._process_streaming_impl(request, asked)) as events,
        ):
            async for event in events:
                if run is not None and isinstance(event, ThreadCreatedEvent):
                    run.thread = event.thread.id
                yield event

    # --- answers ------------------------------------------------------------------------------

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: RequestContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """An agent's answer. A failure ends it with a sentence; the text so far is kept."""
        agent_id = context.agent_id
        if context.model and input_user_message is not None:
            options = input_user_message.inference_options.model_copy(update={"model": context.model})
            input_user_message = input_user_message.model_copy(update={"inference_options": options})
        async for event in self._kept(self._answer(thread, input_user_message, context), agent_id):
            yield event

    async def action(
        self, thread: ThreadMetadata, action: Action[str, Any], sender: WidgetItem | None, context: RequestContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """A widget's button was pressed: the demo's, or on a question."""
        from desktop.agents.code import shown

        agent = self._sources.agent(context.agent_id)
        if isinstance(agent, DemoAgent):
            events = self._demo.action(thread, action, sender, self._new_id(thread, context))
            async for event in self._kept(events, agent.id):
                yield event
        elif action.type in (cards.AGAIN, shown.AGAIN):
            answered = cards.answered if action.type == cards.AGAIN else shown.answered
            told = None if sender is None else answered(sender, self._texts, "expired")
            async for event in self._kept(self._again(thread, told, context), agent.id):
                yield event
        elif isinstance(agent, AssistantAgent):
            assistants = await self._stack.load()
            events = assistants.action(agent, thread, action, sender, self.store, context)
            async for event in self._kept(events, agent.id):
                yield event
        elif action.type == shown.CHOOSE:
            settled = None if sender is None else await self.code.choose(agent, action, sender)
            if settled is not None:
                async for event in self._kept(self._again(thread, settled, context), agent.id):
                    yield event
        else:
            async for event in self._kept(self.code.action(agent, thread, action, sender, context), agent.id):
                yield event

    async def sync_action(
        self, thread: ThreadMetadata, action: Action[str, Any], sender: WidgetItem | None, context: RequestContext
    ) -> SyncCustomActionResponse:
        """Like `action`, but returns only the changed widget."""
        if isinstance(self._sources.agent(context.agent_id), DemoAgent) and sender is not None:
            changed = self._demo.changed(action, sender)
            await self.store.save_item(thread.id, changed, context=context)
            return SyncCustomActionResponse(updated_item=changed)
        raise BadParams(problem=action.type)

    async def _again(
        self, thread: ThreadMetadata, told: ThreadStreamEvent | None, context: RequestContext
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """The run that asked has ended, so a new run asks again. `told` closes the old card."""
        if told is not None:
            yield told
        async with aclosing(self._answer(thread, None, context)) as events:
            async for event in events:
                yield event

    async def _answer(
        self, thread: ThreadMetadata, message: UserMessageItem | None, context: RequestContext
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        agent = self._sources.agent(context.agent_id)
        if isinstance(agent, DemoAgent):
            async with aclosing(self._demo.respond(thread, message, self._new_id(thread, context))) as events:
                async for event in events:
                    yield event
            return
        if isinstance(agent, CodeAgent):
            async with aclosing(
                self.code.respond(agent, thread, message, self.store, self.attachment_store, context)
            ) as events:
                async for event in events:
                    yield event
            return
        if not self._stack.ready:
            yield ProgressUpdateEvent(icon="clock", text=self._texts.get("agent_run.loading"))
        assistants = await self._stack.load()
        async with aclosing(
            assistants.respond(agent, thread, message, self.store, self.attachment_store, context)
        ) as events:
            async for event in events:
                yield event

    @property
    def code(self) -> CodeAgents:
        """The code agents; made when first needed."""
        if self._code is None:
            from desktop.agents.code.consent import Consents
            from desktop.agents.code.parent import CodeAgents
            from desktop.agents.code.place import Place

            place = self._code_place or Place(Consents(None))
            silence = self._limits.stall * 2
            self._code = CodeAgents(
                self._sources,
                self._texts,
                place,
                silence,
                self.mcp,
                self.approvals,
                self.code_prerequisites,
                self.questions,
            )
        return self._code

    async def tidy(self) -> None:
        """End processes of code agents that can no longer be used."""
        if self._code is not None:
            await self._code.tidy()

    async def close(self) -> None:
        """End the processes of code agents and MCP servers."""
        if self._code is not None:
            await self._code.close()
        await self.mcp.close()

    def _new_id(self, thread: ThreadMetadata, context: RequestContext) -> Callable[[Any], str]:
        return lambda kind: self.store.generate_item_id(kind, thread, context)

    async def _kept(
        self, events: AsyncGenerator[ThreadStreamEvent, None], agent_id: str
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Pass on `events`. On failure, finish unfinished items as they are, and turn the failure into a sentence."""
        run = CURRENT.get()
        open_items = OpenItems()
        failure: AppError | None = None
        try:
            async with aclosing(events):
                async for event in events:
                    open_items.see(event)
                    yield event
                    if run is not None:
                        await run.room()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if run is None or run.reason is None or task is None:
                raise
            task.uncancel()
            failure = run.reason
        except Exception as error:  # every failure of an agent becomes a sentence
            failure = failures.of(error)
            if not isinstance(error, AppError):
                log.warning("an answer failed", exc_info=error)
        if failure is not None:
            log.warning("an answer ended with %s %s", failure.code, failure.detail)
            self._on_failure(agent_id, failure)
            for event in open_items.finish(self._texts):
                yield event
                if isinstance(event, ThreadItemDoneEvent) and self._can_go_on(agent_id, event.item, failure):
                    card = unfinished.card_item(
                        self._texts, event.item.thread_id, new_id("message"), unfinished.of_failure(failure)
                    )
                    yield ThreadItemDoneEvent(item=card)
            raise CustomStreamError(self.sentence(failure), allow_retry=not isinstance(failure, FINAL))

    def _can_go_on(self, agent_id: str, item: ThreadItem, failure: AppError) -> bool:
        """Whether an interrupted answer can be continued."""
        broke_off = isinstance(item, AssistantMessageItem) and not isinstance(failure, (*FINAL, PageStalled))
        return broke_off and isinstance(self._sources.agent(agent_id), AssistantAgent)

    def sentence(self, failure: AppError) -> str:
        """What happened and what to do, for the page."""
        told = failure.describe(self._texts)
        return f"{told['message']} {told['hint']}"

    async def handle_stream_cancelled(
        self, thread: ThreadMetadata, pending_items: list[ThreadItem], context: RequestContext
    ) -> None:
        """Keep the text so far as a finished message, and let the model know that it was stopped.

        The SDK's version uses `add_thread_item`, which may write an item twice if the cancel arrives while it is being
        written, and drops unfinished workflows.
        """
        finished = [item for item in (finished_item(item, self._texts) for item in pending_items) if item]
        hidden = SDKHiddenContextItem(
            id=self.store.generate_item_id("sdk_hidden_context", thread, context),
            thread_id=thread.id,
            created_at=datetime.now(),  # noqa: DTZ005 - as every item of the SDK; the store knows it as local time
            content="The user cancelled the stream. Stop responding to the prior request.",
        )
        for item in (*finished, hidden):
            await self.store.save_item(thread.id, item, context=context)

    # --- the rest -----------------------------------------------------------------------------

    async def add_feedback(
        self, thread_id: str, item_ids: list[str], feedback: FeedbackKind, context: RequestContext
    ) -> None:
        """Store feedback in the thread's metadata, as `feedback`: {item: kind}. It is not sent anywhere."""
        thread = await self.store.load_thread(thread_id, context=context)
        known = thread.metadata.get("feedback")
        given = {**(known if isinstance(known, dict) else {}), **dict.fromkeys(item_ids, feedback)}
        thread.metadata = {**thread.metadata, "feedback": given}
        await self.store.save_thread(thread, context=context)

    async def transcribe(self, audio_input: AudioInput, context: RequestContext) -> TranscriptionResult:
        """Dictation, by the model from the settings at the agent's endpoint. Raises DictationNotSet."""
        agent = self._sources.agent(context.agent_id)
        if isinstance(agent, (CodeAgent, DemoAgent)) or not self._sources.transcription_model:
            raise DictationNotSet
        assistants = await self._stack.load()
        return TranscriptionResult(text=await assistants.transcribe(agent, audio_input))


class OpenItems:
    """The unfinished items of a stream, in their current state."""

    def __init__(self) -> None:
        self._items: dict[str, ThreadItem] = {}

    def see(self, event: ThreadStreamEvent) -> None:
        match event:
            case ThreadItemAddedEvent():
                self._items[event.item.id] = event.item.model_copy(deep=True)
            case ThreadItemDoneEvent() | ThreadItemReplacedEvent():
                self._items.pop(event.item.id, None)
            case ThreadItemRemovedEvent():
                self._items.pop(event.item_id, None)
            case ThreadItemUpdatedEvent():
                item = self._items.get(event.item_id)
                if isinstance(item, AssistantMessageItem):
                    _update_message(item, event.update)
                elif isinstance(item, WorkflowItem):
                    _update_workflow(item, event.update)

    def finish(self, texts: Catalogue) -> Iterable[ThreadStreamEvent]:
        """Events that finish each item, or remove it if it is empty."""
        for item in self._items.values():
            finished = finished_item(item, texts)
            yield ThreadItemRemovedEvent(item_id=item.id) if finished is None else ThreadItemDoneEvent(item=finished)
        self._items = {}


def _update_message(item: AssistantMessageItem, update: object) -> None:
    if not isinstance(
        update,
        AssistantMessageContentPartAdded
        | AssistantMessageContentPartTextDelta
        | AssistantMessageContentPartAnnotationAdded
        | AssistantMessageContentPartDone,
    ):
        return
    while len(item.content) <= update.content_index:
        item.content.append(AssistantMessageContent(text=""))
    part = item.content[update.content_index]
    match update:
        case AssistantMessageContentPartTextDelta():
            part.text += update.delta
        case AssistantMessageContentPartAnnotationAdded():
            part.annotations.append(update.annotation)
        case _:
            # "Done" repeats the text without the annotations sent before (openai-chatkit 1.6.5).
            kept = update.content.annotations or part.annotations
            item.content[update.content_index] = update.content.model_copy(update={"annotations": kept})


def _update_workflow(item: WorkflowItem, update: object) -> None:
    match update:
        case WorkflowTaskAdded():
            item.workflow.tasks.append(update.task.model_copy(deep=True))
        case WorkflowTaskUpdated() if update.task_index < len(item.workflow.tasks):
            item.workflow.tasks[update.task_index] = update.task.model_copy(deep=True)
        case _:
            pass


def finished_item(item: ThreadItem, texts: Catalogue) -> ThreadItem | None:
    """An unfinished item made complete; None if there is nothing in it."""
    if isinstance(item, AssistantMessageItem):
        return item if any(part.text.strip() for part in item.content) else None
    if isinstance(item, WorkflowItem) and item.workflow.tasks:
        done = item.model_copy(deep=True)
        for task in done.workflow.tasks:
            if task.status_indicator == "loading":
                task.status_indicator = "none"
        done.workflow.summary = done.workflow.summary or CustomSummary(title=texts.get("agent_run.stopped"))
        return done
    return None
