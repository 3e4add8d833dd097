"""Shows tools run by the endpoint (searches, code, files) as workflow steps in the chat, and their sources."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

from chatkit.agents import AgentContext
from chatkit.types import (
    DurationSummary,
    Task,
    ThoughtTask,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadStreamEvent,
    Workflow,
    WorkflowItem,
)
from pydantic import Field

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.chatkit.tasks import tool_task
from desktop.agents.mcp.pictures import picture
from desktop.agents.models.late_reasoning import Answered, Turned
from desktop.common.texts import Catalogue


class Context(AgentContext[RequestContext]):
    """The SDK's context. It collects events here, so that they keep their order among the model's.

    The SDK itself uses a second queue and merges in no fixed order (openai-chatkit 1.6.5, `_merge_generators`).
    """

    made: list[ThreadStreamEvent] = Field(default_factory=list)

    async def stream(self, event: ThreadStreamEvent) -> None:
        self.made.append(event.model_copy(deep=True))

    def take(self) -> list[ThreadStreamEvent]:
        """The events added since the last call."""
        made, self.made = self.made, []
        return made


class LastRemoved(ThreadItemRemovedEvent):
    """Removes the item last begun under a model's id. Others with the same id stay (`TurnIds`)."""

    last_only: ClassVar[bool] = True


class Steps:
    """Turns raw events of the Responses API into events of the context's workflow."""

    def __init__(self, context: Context, texts: Catalogue) -> None:
        self._context = context
        self._texts = texts
        self._places: dict[str, tuple[str, int]] = {}
        """The endpoint's id of a tool call -> the workflow and the index of its task."""
        self._answering = False
        """Whether a message has begun without reasoning after it: the SDK shows no reasoning from then on."""
        self._late: list[str] = []
        """Reasoning since then."""
        self._begun = datetime.now()  # noqa: DTZ005 - as the SDK makes them
        """When the last message began."""
        self._before = 0
        """Tasks of the workflow before the model's current turn."""

    async def see(self, event: Any) -> None:
        """Handle a raw event; most are ignored."""
        kind = event.type
        if isinstance(event, Turned):
            await self._thought(event)
            return
        if isinstance(event, Answered):
            await self._unthought()
            return
        if kind == "response.reasoning_summary_text.delta" and self._answering:
            self._late.append(event.delta)
        elif kind == "response.completed":
            await self._show_late()
        elif kind == "response.created":
            item = self._context.workflow_item
            self._before = len(item.workflow.tasks) if item is not None else 0
        if kind not in ("response.output_item.added", "response.output_item.done"):
            return
        item = event.item
        if kind.endswith("added") and item.type in ("message", "reasoning"):
            self._answering = item.type == "message"
            self._begun = datetime.now()  # noqa: DTZ005 - as the SDK makes them
        done = kind.endswith("done")
        task = tool_task(item, self._texts, done=done)
        if task is not None:
            await self.show(item.id, task)

    async def _thought(self, turned: Turned) -> None:
        """Remove the message's text so far, and show it as reasoning instead."""
        context = self._context
        self._answering = False
        await context.stream(LastRemoved(item_id=turned.item_id))
        await self._show_thought(turned.thought.strip())

    async def _unthought(self) -> None:
        """Remove the last reasoning: it is the answer, and will be sent as text."""
        item = self._context.workflow_item
        if item is None or len(item.workflow.tasks) <= self._before or item.workflow.tasks[-1].type != "thought":
            return
        item.workflow.tasks.pop()
        if not item.workflow.tasks:
            self._context.workflow_item = None
            await self._context.stream(ThreadItemRemovedEvent(item_id=item.id))

    async def _show_late(self) -> None:
        """Show reasoning from within a message as a step after it."""
        thought, self._late, self._answering = "".join(self._late), [], False
        if thought.strip():
            if self._context.workflow_item is not None:
                await self._context.end_workflow()
            await self._show_thought(thought)

    async def _show_thought(self, thought: str) -> None:
        """Show a finished step. In one go, because the SDK would continue a step that has only begun."""
        if not thought:
            return
        context = self._context
        seconds = int((datetime.now() - self._begun).total_seconds())  # noqa: DTZ005 - as above
        tasks: list[Task] = [ThoughtTask(content=thought, status_indicator="complete")]
        item = WorkflowItem(
            id=context.generate_id("workflow"),
            thread_id=context.thread.id,
            created_at=self._begun,
            workflow=Workflow(type="reasoning", tasks=tasks, summary=DurationSummary(duration=seconds), expanded=False),
        )
        await context.stream(ThreadItemDoneEvent(item=item))

    async def show(self, key: str, task: Task) -> None:
        """Show a step, replacing the one with the same key."""
        workflow = self._context.workflow_item
        place = self._places.get(key)
        if place is not None and workflow is not None and place[0] == workflow.id:
            await self._context.update_workflow_task(task, place[1])
            return
        await self._context.add_workflow_task(task)
        workflow = self._context.workflow_item
        if workflow is not None:
            self._places[key] = (workflow.id, len(workflow.workflow.tasks) - 1)

    async def pictures(self, addresses: Sequence[str]) -> None:
        """Show pictures from tools (data: addresses), each as its own item after the steps so far."""
        context = self._context
        if context.workflow_item is not None:
            await context.end_workflow()
        for address in addresses:
            item = picture(context.generate_id("message"), context.thread.id, address)
            await context.stream(ThreadItemDoneEvent(item=item))


async def in_place(events: AsyncIterator[Any], steps: Steps, context: Context, wrap: Any) -> AsyncGenerator[Any, None]:
    """The `events` of a run, each preceded by the events `steps` makes of it. None among them marks a step.

    One step at a time, because the SDK continues with the copy of a workflow it is given (openai-chatkit 1.6.5).
    """
    async for event in events:
        if event is not None and event.type == "raw_response_event":
            await steps.see(event.data)
        for made in context.take():
            yield wrap(made)
        if event is not None:
            yield event
