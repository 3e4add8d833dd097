"""What tests of the thread store are made of: threads, items, and a store that can be called without `await`."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageItem,
    ClientToolCallItem,
    EndOfTurnItem,
    FileAttachment,
    FileSource,
    GeneratedImage,
    GeneratedImageItem,
    HiddenContextItem,
    InferenceOptions,
    SDKHiddenContextItem,
    StructuredInputFreeform,
    StructuredInputItem,
    TaskItem,
    ThoughtTask,
    ThreadItem,
    ThreadMetadata,
    ToolChoice,
    UserMessageItem,
    UserMessageTagContent,
    UserMessageTextContent,
    WidgetItem,
    Workflow,
    WorkflowItem,
)

from desktop.agents.chatkit.context import RequestContext

ME = RequestContext("assistant", "user_1")
OTHER = RequestContext("demo", "user_1")
NOON = datetime(2026, 11, 20, 12, 0, 0, 123456)  # noqa: DTZ001 - local, as the SDK makes them

_numbers = itertools.count(1)


def name(prefix: str) -> str:
    return f"{prefix}_{next(_numbers)}"


def thread(thread_id: str | None = None, title: str | None = None, created_at: datetime = NOON) -> ThreadMetadata:
    return ThreadMetadata(id=thread_id or name("thr"), title=title, created_at=created_at)


def said(text: str = "hello", item_id: str | None = None, thread_id: str = "", at: datetime = NOON) -> UserMessageItem:
    """A message of the person."""
    return UserMessageItem(
        id=item_id or name("msg"),
        thread_id=thread_id,
        created_at=at,
        content=[UserMessageTextContent(text=text)],
        inference_options=InferenceOptions(),
    )


def answer(
    text: str = "hi", item_id: str | None = None, thread_id: str = "", at: datetime = NOON
) -> AssistantMessageItem:
    """A message of the agent."""
    content = [AssistantMessageContent(text=text)]
    return AssistantMessageItem(id=item_id or name("msg"), thread_id=thread_id, created_at=at, content=content)


def text(item: ThreadItem) -> str:
    assert isinstance(item, UserMessageItem | AssistantMessageItem)
    return item.content[0].text


def one_of_each(thread_id: str) -> list[ThreadItem]:
    """An item of every type, with what it can hold."""

    def common(prefix: str) -> dict[str, Any]:
        return {"id": name(prefix), "thread_id": thread_id, "created_at": NOON}

    return [
        UserMessageItem(
            **common("msg"),
            content=[
                UserMessageTextContent(text="look at "),
                UserMessageTagContent(id="t", text="@this", data={"deep": [1, None, {"x": True}]}, group="g"),
            ],
            attachments=[
                FileAttachment(id="atc_1", name="a.txt", mime_type="text/plain", thread_id=thread_id, metadata={"n": 1})
            ],
            quoted_text="quoted",
            inference_options=InferenceOptions(tool_choice=ToolChoice(id="search"), model="m"),
        ),
        answer("see [1]", thread_id=thread_id),
        ClientToolCallItem(
            **common("tc"), status="completed", call_id="c", name="n", arguments={"a": [1]}, output={"b": 0}
        ),
        WidgetItem.model_validate(
            {
                **common("msg"),
                "widget": {"type": "Card", "children": [{"type": "Text", "value": "v", "id": "i"}]},
                "copy_text": "copied",
            }
        ),
        GeneratedImageItem(**common("msg"), image=GeneratedImage(id="g", url="data:image/png;base64,AA==")),
        GeneratedImageItem(**common("msg"), image=None),
        StructuredInputItem(**common("msg"), inputs=[StructuredInputFreeform(id="q", question="Which?")]),
        WorkflowItem(
            **common("wf"), workflow=Workflow(type="reasoning", tasks=[ThoughtTask(content="hm")], expanded=True)
        ),
        TaskItem.model_validate(
            {
                **common("tsk"),
                "task": {"type": "file", "sources": [FileSource(title="t", filename="f.pdf").model_dump()]},
            }
        ),
        HiddenContextItem(**common("msg"), content={"any": ["thing", None, 1.5]}),
        SDKHiddenContextItem(**common("shcx"), content="hidden"),
        EndOfTurnItem(**common("msg")),
    ]


class Blocking:
    """A store whose methods wait for themselves; what a page holds is given as a list where `items` is asked for."""

    def __init__(self, store: Any) -> None:
        self.real = store
        self._runner = asyncio.Runner()

    def __getattr__(self, called: str) -> Any:
        method: Callable[..., Any] = getattr(self.real, called)
        if not inspect.iscoroutinefunction(method):
            return method
        return lambda *args, **kwargs: self._runner.run(method(*args, **kwargs))

    def items(
        self, thread_id: str, order: str = "asc", limit: int = 1000, context: RequestContext = ME
    ) -> list[ThreadItem]:
        """Every item, read in one page."""
        data: list[ThreadItem] = self.load_thread_items(thread_id, None, limit, order, context).data
        return data

    def texts(self, thread_id: str) -> list[str]:
        return [text(item) for item in self.items(thread_id)]

    def walk(self, size: int, order: str, thread_id: str | None = None) -> list[str]:
        """The ids of all items of a thread, or of all threads, read in pages of `size`."""
        found: list[str] = []
        after: str | None = None
        while True:
            if thread_id is None:
                page = self.load_threads(size, after, order, ME)
            else:
                page = self.load_thread_items(thread_id, after, size, order, ME)
            assert len(page.data) <= size
            found += [entry.id for entry in page.data]
            after = page.after
            if not page.has_more:
                assert after is None
                return found
            assert after is not None

    def done(self) -> None:
        close = getattr(self.real, "close", None)
        if close:
            assert close()
        self._runner.close()
