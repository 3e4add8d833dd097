"""Tools that run at the endpoint (searches, code, files), as steps of a workflow in the chat, and sources beneath."""

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
    """The SDK's context; its events are collected here, and so keep their place among the model's.

    The SDK's own way is a second queue, merged in no certain order (openai-chatkit 1.6.5, `_merge_generators`).
    """

    made: list[ThreadStreamEvent] = Field(default_factory=list)

    async def stream(self, event: ThreadStreamEvent) -> None:
        self.made.append(event.model_copy(deep=True))

    def take(self) -> list[ThreadStreamEvent]:
        """What was made since the last time."""
        made, self.made = self.made, []
        return made


class LastRemoved(ThreadItemRemovedEvent):
    """The item that was last begun under a model's id goes away; others of the same id stay (`TurnIds`)."""

    last_only: ClassVar[bool] = True


class Steps:
    """Turns raw events of the Responses API into events of the context's workflow."""

    def __init__(self, context: Context, texts: Catalogue) -> None:
        self._context = context
        self._texts = texts
        self._places: dict[str, tuple[str, int]] = {}
        """The endpoint's id of a tool call -> the workflow and the place of its task."""
        self._answering = False
        """Whether a message has begun, and no reasoning after it: the SDK shows none of what is thought then."""
        self._late: list[str] = []
        """What was thought then."""
        self._begun = datetime.now()  # noqa: DTZ005 - as the SDK makes them
        """When the last message did."""
        self._before = 0
        """Tasks of the workflow before the model's present turn."""

    async def see(self, event: Any) -> None:
        """A raw event; most are of no concern here."""
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
        """What a message said so far goes away, and stands as a thought in its place."""
        context = self._context
        self._answering = False
        await context.stream(LastRemoved(item_id=turned.item_id))
        await self._show_thought(turned.thought.strip())

    async def _unthought(self) -> None:
        """The last thought goes away: it is the answer, and is about to be said."""
        item = self._context.workflow_item
        if item is None or len(item.workflow.tasks) <= self._before or item.workflow.tasks[-1].type != "thought":
            return
        item.workflow.tasks.pop()
        if not item.workflow.tasks:
            self._context.workflow_item = None
            await self._context.stream(ThreadItemRemovedEvent(item_id=item.id))

    async def _show_late(self) -> None:
        """What was thought in the middle of a message, as a step after it."""
        thought, self._late, self._answering = "".join(self._late), [], False
        if thought.strip():
            if self._context.workflow_item is not None:
                await self._context.end_workflow()
            await self._show_thought(thought)

    async def _show_thought(self, thought: str) -> None:
        """A finished step of its own. At once: the SDK would go on with a step that begins."""
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
        """A step, in the place of the one of the same key."""
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
        """Pictures that tools gave (data: addresses), each an item of its own after the steps so far."""
        context = self._context
        if context.workflow_item is not None:
            await context.end_workflow()
        for address in addresses:
            item = picture(context.generate_id("message"), context.thread.id, address)
            await context.stream(ThreadItemDoneEvent(item=item))


async def in_place(events: AsyncIterator[Any], steps: Steps, context: Context, wrap: Any) -> AsyncGenerator[Any, None]:
    """`events` of a run, with the events that `steps` makes of them before each. None among them: there is a step.

    One step at a time: the SDK goes on with the copy of a workflow that it is handed (openai-chatkit 1.6.5).
    """
    async for event in events:
        if event is not None and event.type == "raw_response_event":
            await steps.see(event.data)
        for made in context.take():
            yield wrap(made)
        if event is not None:
            yield event
