"""The ChatKit server inside the app: every request type, over the store, for every in-app agent.

Imported on the agents' thread only: it brings `chatkit.types` along, never `agents`. Knows no bridge and no page.
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
    SyncCustomActionResponse,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
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

from desktop.agents.chatkit import unfinished, without_stack
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
    from desktop.agents.code.parent import CodeAgents, Place
else:
    ChatKitServer = without_stack.chatkit_server().ChatKitServer
    NonStreamingResult = without_stack.chatkit_server().NonStreamingResult
    StreamingResult = without_stack.chatkit_server().StreamingResult

log = logging.getLogger(__name__)

REQUESTS: TypeAdapter[ChatKitReq] = TypeAdapter(ChatKitReq)
"""Reads every request of the protocol."""

FINAL = (ContextTooLong, AgentsMissing, RequestTooLarge)
"""Failures that the same message will meet again, whatever is changed in the settings."""


class Stack(Protocol):
    """The agent stack, which may still be on its way."""

    @property
    def ready(self) -> bool: ...

    async def load(self) -> Assistants:
        """Returns when it is there. Raises AgentsMissing."""


class LocalServer(ChatKitServer[RequestContext]):
    """One for all in-app agents; which of them is meant stands in the context."""

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
        """`on_failure` (agent id, what) is called on this thread when an answer has failed, `on_code` when a message
        waits for a yes to code, `on_question` when a question apart from the chat has come or gone; None: nobody can
        be asked."""
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
        """Messages that wait for a yes to code."""
        self.questions = Questions(on_question, limits.answer)
        """Questions that no page answers but ours."""
        self.mcp = McpServers(sources, limits)
        self.approvals = cards.Approvals(sources)

    # --- requests -----------------------------------------------------------------------------

    async def process(
        self, request: str | bytes | bytearray, context: RequestContext
    ) -> StreamingResult | NonStreamingResult:
        """As the SDK's. Raises pydantic's ValidationError."""
        return await self.handle(REQUESTS.validate_json(request), context)

    async def handle(self, request: ChatKitReq, context: RequestContext) -> StreamingResult | NonStreamingResult:
        """A request that was read already. The SDK's `process` (1.6.5) makes its validator anew each time, 2 ms."""
        if is_streaming_req(request):
            return StreamingResult(self._process_streaming(request, context))
        return NonStreamingResult(await self._process_non_streaming(request, context))

    # --- answers ------------------------------------------------------------------------------

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: RequestContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """An agent's answer. A failure ends it with a sentence; what was said by then is kept."""
        agent_id = context.agent_id
        async for event in self._kept(self._answer(thread, input_user_message, context), agent_id):
            yield event

    async def action(
        self, thread: ThreadMetadata, action: Action[str, Any], sender: WidgetItem | None, context: RequestContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        """A button of a widget: the demo's, or of a code agent's question."""
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
        """As `action`, answered with the changed widget alone."""
        if isinstance(self._sources.agent(context.agent_id), DemoAgent) and sender is not None:
            changed = self._demo.changed(action, sender)
            await self.store.save_item(thread.id, changed, context=context)
            return SyncCustomActionResponse(updated_item=changed)
        raise BadParams(problem=action.type)

    async def _again(
        self, thread: ThreadMetadata, told: ThreadStreamEvent | None, context: RequestContext
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """What a run asked that has ended since is asked by a new one. `told` closes the card that asked."""
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
        """The code agents; made when the first is wanted."""
        if self._code is None:
            from desktop.agents.code.consent import Consents
            from desktop.agents.code.parent import CodeAgents, Place

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
        """Ends processes of code agents that nobody may ask any more."""
        if self._code is not None:
            await self._code.tidy()

    async def close(self) -> None:
        """Ends the processes of code agents and of MCP servers."""
        if self._code is not None:
            await self._code.close()
        await self.mcp.close()

    def _new_id(self, thread: ThreadMetadata, context: RequestContext) -> Callable[[Any], str]:
        return lambda kind: self.store.generate_item_id(kind, thread, context)

    async def _kept(
        self, events: AsyncGenerator[ThreadStreamEvent, None], agent_id: str
    ) -> AsyncIterator[ThreadStreamEvent]:
        """`events`; where they fail, what is unfinished is finished as it stands and the failure becomes a sentence."""
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
        """Whether an answer that broke off can be continued."""
        broke_off = isinstance(item, AssistantMessageItem) and not isinstance(failure, (*FINAL, PageStalled))
        return broke_off and isinstance(self._sources.agent(agent_id), AssistantAgent)

    def sentence(self, failure: AppError) -> str:
        """What happened and what to do, as the page shows it."""
        told = failure.describe(self._texts)
        return f"{told['message']} {told['hint']}"

    async def handle_stream_cancelled(
        self, thread: ThreadMetadata, pending_items: list[ThreadItem], context: RequestContext
    ) -> None:
        """What was said so far stays, as a finished message; the model is told that it was stopped.

        The SDK's own does this with `add_thread_item`, which may write an item twice when the cancel comes while it is
        being written, and drops unfinished workflows.
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
        """Kept with the thread, under `feedback` of its metadata: {item: kind}. It is sent nowhere."""
        thread = await self.store.load_thread(thread_id, context=context)
        known = thread.metadata.get("feedback")
        given = {**(known if isinstance(known, dict) else {}), **dict.fromkeys(item_ids, feedback)}
        thread.metadata = {**thread.metadata, "feedback": given}
        await self.store.save_thread(thread, context=context)

    async def transcribe(self, audio_input: AudioInput, context: RequestContext) -> TranscriptionResult:
        """Dictation, by the model of the settings at the agent's endpoint. Raises DictationNotSet."""
        agent = self._sources.agent(context.agent_id)
        if isinstance(agent, (CodeAgent, DemoAgent)) or not self._sources.transcription_model:
            raise DictationNotSet
        assistants = await self._stack.load()
        return TranscriptionResult(text=await assistants.transcribe(agent, audio_input))


class OpenItems:
    """The items of a stream that are begun and not done, as they stand."""

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
        """The events that end each of them: kept where something is in it, else taken away."""
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
            # "Done" brings the text without the annotations that came before (openai-chatkit 1.6.5).
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
    """An unfinished item as one that can stand; None where there is nothing in it."""
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
