"""The demo agent: scripted, without key or network. Shows Markdown, a widget, steps, an error and a question.

Its texts are in the catalogue (`agent_run.demo.…`), and so are the words it reacts to. Needs only `chatkit.types`.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import datetime
from typing import Any

from chatkit.actions import Action
from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    CustomSummary,
    CustomTask,
    SearchTask,
    StructuredInputItem,
    StructuredInputMultipleChoice,
    StructuredInputMultipleChoiceOption,
    Task,
    ThoughtTask,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    URLSource,
    UserMessageItem,
    WidgetItem,
    Workflow,
    WorkflowItem,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)
from chatkit.widgets import DynamicWidgetRoot

from desktop.agents.chatkit.titles import first_words
from desktop.agents.errors import AnswerFailed
from desktop.common.errors import Phrase
from desktop.common.texts import Catalogue

NewId = Callable[[Any], str]
"""Makes ids for the store, by kind of item ("message", "workflow")."""
Events = AsyncGenerator[ThreadStreamEvent, None]

PRESSED = "demo.pressed"
"""The action of the widget's button."""
REMEMBERED = 200
"""How many failed messages the demo remembers, so that a retry succeeds."""
SOURCE = "https://platform.openai.com/docs/guides/chatkit"


class Demo:
    """`chunk`: seconds between two words. The first comes at once."""

    def __init__(self, texts: Catalogue, chunk: float) -> None:
        self._texts = texts
        self._chunk = chunk
        self._failed: deque[str] = deque(maxlen=REMEMBERED)

    async def respond(self, thread: ThreadMetadata, message: UserMessageItem | None, new_id: NewId) -> Events:
        """The message chooses the script. None for an answered question or a tool's output."""
        say = self._texts.get
        text = _text(message)
        if message is not None and thread.title is None:
            thread.title = first_words(text) or None
        if message is None:
            script = self._say(thread, new_id, say("agent_run.demo.answered"))
        elif message.id in self._failed:
            self._failed.remove(message.id)
            script = self._say(thread, new_id, say("agent_run.demo.retried"))
        elif self._means(text, say("agent_run.demo.words_error")):
            script = self._error(thread, message, new_id)
        elif self._means(text, say("agent_run.demo.words_widget")):
            script = self._widget(thread, new_id)
        elif self._means(text, say("agent_run.demo.words_step")):
            script = self._steps(thread, new_id)
        elif self._means(text, say("agent_run.demo.words_question")):
            script = self._question(thread, new_id)
        elif self._means(text, say("agent_run.demo.words_markdown")):
            script = self._say(thread, new_id, say("agent_run.demo.markdown"))
        elif self._means(text, say("agent_run.demo.words_long")):
            script = self._say(thread, new_id, "\n\n".join([say("agent_run.demo.long")] * 12))
        elif self._means(text, say("agent_run.demo.words_help")):
            script = self._say(thread, new_id, say("agent_run.demo.help"))
        else:
            quoted = "\n".join(f"> {line}" for line in text.splitlines()[:20])
            script = self._say(
                thread, new_id, f"{say('agent_run.demo.heard')}\n\n{quoted}\n\n{say('agent_run.demo.hint')}"
            )
        async for event in script:
            yield event

    async def action(
        self, thread: ThreadMetadata, action: Action[str, Any], sender: WidgetItem | None, new_id: NewId
    ) -> Events:
        """The widget's button was pressed: the widget and a message say so."""
        if sender is not None:
            yield ThreadItemReplacedEvent(item=self.changed(action, sender))
        async for event in self._say(thread, new_id, self._texts.get("agent_run.demo.pressed")):
            yield event

    def changed(self, action: Action[str, Any], sender: WidgetItem) -> WidgetItem:
        """The widget after its button was pressed."""
        return sender.model_copy(update={"widget": self._card(pressed=action.type == PRESSED)})

    # --- scripts ------------------------------------------------------------------------------

    async def _say(
        self, thread: ThreadMetadata, new_id: NewId, text: str, sources: list[Annotation] | None = None
    ) -> Events:
        item = AssistantMessageItem(id=new_id("message"), thread_id=thread.id, created_at=_now(), content=[])
        yield ThreadItemAddedEvent(item=item)
        yield _updated(item.id, AssistantMessageContentPartAdded(content_index=0, content=_part("")))
        async for word in self._words(text):
            yield _updated(item.id, AssistantMessageContentPartTextDelta(content_index=0, delta=word))
        whole = _part(text, sources)
        yield _updated(item.id, AssistantMessageContentPartDone(content_index=0, content=whole))
        yield ThreadItemDoneEvent(item=item.model_copy(update={"content": [whole]}))

    async def _words(self, text: str) -> AsyncIterator[str]:
        for count, word in enumerate(re.findall(r"\S+\s*|\s+", text)):
            if count:
                await asyncio.sleep(self._chunk)
            yield word

    async def _error(self, thread: ThreadMetadata, message: UserMessageItem, new_id: NewId) -> Events:
        self._failed.append(message.id)
        begun = self._say(thread, new_id, self._texts.get("agent_run.demo.error"))
        async for event in begun:
            if isinstance(event, ThreadItemUpdatedEvent) and isinstance(event.update, AssistantMessageContentPartDone):
                await begun.aclose()
                raise AnswerFailed("demo", host=Phrase("agent_run.demo.name"), problem=Phrase("agent_run.demo.problem"))
            yield event

    async def _steps(self, thread: ThreadMetadata, new_id: NewId) -> Events:
        say = self._texts.get
        source = URLSource(title=say("agent_run.demo.source"), url=SOURCE)
        item = WorkflowItem(
            id=new_id("workflow"), thread_id=thread.id, created_at=_now(), workflow=Workflow(type="custom", tasks=[])
        )
        yield ThreadItemAddedEvent(item=item.model_copy(deep=True))
        tasks: list[Task] = [
            ThoughtTask(title=say("agent_run.demo.thinking"), content=say("agent_run.demo.thought")),
            SearchTask(title=say("agent_run.searching"), queries=[say("agent_run.demo.query")]),
            CustomTask(title=say("agent_run.calculating"), icon="square-code", content="```python\n6 * 7\n```"),
        ]
        for index, task in enumerate(tasks):
            task.status_indicator = "loading"
            item.workflow.tasks.append(task)
            yield _updated(item.id, WorkflowTaskAdded(task_index=index, task=task.model_copy(deep=True)))
            await asyncio.sleep(self._chunk * 20)
            task.status_indicator = "complete"
            if isinstance(task, SearchTask):
                task.title = say("agent_run.searched")
                task.sources = [source]
            elif isinstance(task, CustomTask):
                task.title = say("agent_run.calculated")
            yield _updated(item.id, WorkflowTaskUpdated(task_index=index, task=task.model_copy(deep=True)))
        item.workflow.summary = CustomSummary(title=say("agent_run.demo.steps"))
        yield ThreadItemDoneEvent(item=item)
        text = say("agent_run.demo.after_steps")
        async for event in self._say(thread, new_id, text, [Annotation(source=source, index=len(text))]):
            yield event

    async def _widget(self, thread: ThreadMetadata, new_id: NewId) -> Events:
        async for event in self._say(thread, new_id, self._texts.get("agent_run.demo.widget")):
            yield event
        yield ThreadItemDoneEvent(
            item=WidgetItem(
                id=new_id("message"),
                thread_id=thread.id,
                created_at=_now(),
                widget=self._card(pressed=False),
                copy_text=self._texts.get("agent_run.demo.card"),
            )
        )

    def _card(self, *, pressed: bool) -> DynamicWidgetRoot:
        say = self._texts.get
        button = {
            "type": "Button",
            "label": say("agent_run.demo.button_pressed") if pressed else say("agent_run.demo.button"),
            "style": "primary",
            "disabled": pressed,
            "onClickAction": {"type": PRESSED, "payload": {}},
        }
        return DynamicWidgetRoot.model_validate(
            {
                "type": "Card",
                "size": "sm",
                "children": [
                    {"type": "Title", "value": say("agent_run.demo.card")},
                    {"type": "Text", "value": say("agent_run.demo.card_text")},
                    button,
                ],
            }
        )

    async def _question(self, thread: ThreadMetadata, new_id: NewId) -> Events:
        say = self._texts.get
        yield ThreadItemDoneEvent(
            item=StructuredInputItem(
                id=new_id("message"),
                thread_id=thread.id,
                created_at=_now(),
                inputs=[
                    StructuredInputMultipleChoice(
                        id="season",
                        question=say("agent_run.demo.question"),
                        options=[
                            StructuredInputMultipleChoiceOption(value=choice)
                            for choice in say("agent_run.demo.choices").split(", ")
                        ],
                    )
                ],
            )
        )

    @staticmethod
    def _means(text: str, words: str) -> bool:
        """Whether a word of `text` begins with one of `words`, which are separated by commas."""
        return any(re.search(rf"(?<!\w){re.escape(word)}", text, re.IGNORECASE) for word in words.split(", "))


def _text(message: UserMessageItem | None) -> str:
    return "" if message is None else "".join(part.text for part in message.content)


def _part(text: str, sources: list[Annotation] | None = None) -> AssistantMessageContent:
    return AssistantMessageContent(text=text, annotations=sources or [])


def _updated(item_id: str, update: Any) -> ThreadItemUpdatedEvent:
    return ThreadItemUpdatedEvent(item_id=item_id, update=update)


def _now() -> datetime:
    return datetime.now()  # noqa: DTZ005 - as every item of the SDK; the store knows it as local time
