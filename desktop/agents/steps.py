"""Tools that run at the endpoint (searches, code, files), as steps of a workflow in the chat, and sources beneath."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from chatkit.agents import AgentContext
from chatkit.types import CustomTask, FileSource, FileTask, SearchTask, Task, ThreadStreamEvent, URLSource
from pydantic import Field

from desktop.agents.context import RequestContext
from desktop.texts import Catalogue

MOST_CODE = 8_000
"""Characters of code, and of its output, that a step shows."""
MOST_SOURCES = 20


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


class Steps:
    """Turns raw events of the Responses API into events of the context's workflow."""

    def __init__(self, context: Context, texts: Catalogue) -> None:
        self._context = context
        self._texts = texts
        self._places: dict[str, tuple[str, int]] = {}
        """The endpoint's id of a tool call -> the workflow and the place of its task."""

    async def see(self, event: Any) -> None:
        """A raw event; most are of no concern here."""
        kind = event.type
        if kind not in ("response.output_item.added", "response.output_item.done"):
            return
        item = event.item
        done = kind.endswith("done")
        task = self._task(item, done=done)
        if task is None:
            return
        workflow = self._context.workflow_item
        place = self._places.get(item.id)
        if place is not None and workflow is not None and place[0] == workflow.id:
            await self._context.update_workflow_task(task, place[1])
            return
        await self._context.add_workflow_task(task)
        workflow = self._context.workflow_item
        if workflow is not None:
            self._places[item.id] = (workflow.id, len(workflow.workflow.tasks) - 1)

    def _task(self, item: Any, *, done: bool) -> Task | None:
        say = self._texts.get
        task: Task
        match item.type:
            case "web_search_call":
                title = say("agent_run.searched") if done else say("agent_run.searching")
                task = SearchTask(title=title, queries=_queries(item), sources=_web_sources(item))
            case "file_search_call":
                title = say("agent_run.searched_files") if done else say("agent_run.searching_files")
                task = FileTask(title=title, sources=_file_sources(item))
            case "code_interpreter_call":
                title = say("agent_run.calculated") if done else say("agent_run.calculating")
                task = CustomTask(title=title, icon="square-code", content=_code(item) if done else None)
            case _:
                return None
        if done and getattr(item, "status", "") in ("failed", "incomplete"):
            task.title = say("agent_run.step_failed", step=title)
        task.status_indicator = "complete" if done else "loading"
        return task


def _queries(item: Any) -> list[str]:
    action = item.action
    queries = getattr(action, "queries", None) or [getattr(action, "query", None) or getattr(action, "pattern", None)]
    return [str(query) for query in queries if query]


def _web_sources(item: Any) -> list[URLSource]:
    action = item.action
    found = [source.url for source in getattr(action, "sources", None) or [] if getattr(source, "url", None)]
    if getattr(action, "url", None):
        found.append(action.url)
    return [URLSource(title=urlsplit(url).hostname or url, url=url) for url in dict.fromkeys(found)][:MOST_SOURCES]


def _file_sources(item: Any) -> list[FileSource]:
    names = dict.fromkeys(result.filename for result in item.results or [] if result.filename)
    return [FileSource(title=name, filename=name) for name in names][:MOST_SOURCES]


def _code(item: Any) -> str | None:
    parts = [f"```python\n{item.code[:MOST_CODE]}\n```"] if item.code else []
    logs = "\n".join(output.logs for output in item.outputs or [] if output.type == "logs")
    if logs:
        parts.append(f"```\n{logs[:MOST_CODE]}\n```")
    return "\n\n".join(parts) or None


async def in_place(events: AsyncIterator[Any], steps: Steps, context: Context, wrap: Any) -> AsyncGenerator[Any, None]:
    """`events` of a run, with the events that `steps` makes of them before each."""
    async for event in events:
        if event.type == "raw_response_event":
            await steps.see(event.data)
        for made in context.take():
            yield wrap(made)
        yield event
