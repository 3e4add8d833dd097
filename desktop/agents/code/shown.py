"""Turns the child's messages into chat events: steps, texts, and cards with questions. Needs only `chatkit.types`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Literal

from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    DurationSummary,
    FileSource,
    Task,
    ThoughtTask,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
    URLSource,
    WidgetItem,
    Workflow,
    WorkflowItem,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)
from chatkit.widgets import DynamicWidgetRoot
from pydantic import TypeAdapter, ValidationError

from desktop.agents.code.errors import CodeFlood
from desktop.agents.code.protocol import Message
from desktop.agents.mcp import approvals
from desktop.agents.mcp.pictures import picture
from desktop.common.texts import Catalogue
from desktop.common.unseen import written_out

APPROVE, REJECT, AGAIN = "code.approve", "code.reject", "code.again"
"""Actions of a card's buttons; the payload is {"id": …}."""
CHOOSE = "code.choose"
"""Action of a card with choices; the payload is {"field": "entry" or the missing model, "choice": …}."""
MOST_TEXT = 1_000_000
"""The most characters in one turn."""
MOST_STEPS = 500

State = Literal["asked", "apart", "approved", "rejected", "expired", "once", "chat", "always"]
_tasks: TypeAdapter[Any] = TypeAdapter(Task)


class Shown:
    """Shows one turn. `new_id` makes the store's ids by kind of item."""

    def __init__(self, file: str, thread_id: str, texts: Catalogue, new_id: Callable[[Any], str]) -> None:
        self._file = file
        self._thread = thread_id
        self._texts = texts
        self._new_id = new_id
        self._workflow: WorkflowItem | None = None
        self._places: dict[str, int] = {}
        self._late: dict[str, Any] = {}
        self._key = ""
        self._message: AssistantMessageItem | None = None
        self._text: list[str] = []
        self._size = 0
        self._steps = 0

    def see(self, message: Message) -> Iterator[ThreadStreamEvent]:
        """The events for a message. Ignores anything else. Raises CodeFlood."""
        match message["type"]:
            case "task":
                yield from self._task(str(message.get("key")), message.get("task"))
            case "text":
                yield from self._delta(str(message.get("key")), str(message.get("delta", "")))
            case "text_done":
                yield from self._done(message)
            case "turned":
                yield from self._turned(str(message.get("key")), str(message.get("task")))
            case "task_gone":
                yield from self._gone(str(message.get("key")))
            case _:
                pass

    def card(
        self, title: str, detail: str, number: str, *, apart: bool = False
    ) -> tuple[WidgetItem, list[ThreadStreamEvent]]:
        """A question to the person: its item, and the events that show it. `apart`: asked in a separate window."""
        events = list(self.close())
        # Approval applies to what is visible: either everything, or text marked as shortened.
        title, detail = approvals.within(written_out(title)), approvals.pretty(detail)
        item = WidgetItem(
            id=self._new_id("message"),
            thread_id=self._thread,
            created_at=_now(),
            widget=card(self._texts, title, detail, number, "apart" if apart else "asked"),
            copy_text=title,
        )
        return item, [*events, ThreadItemDoneEvent(item=item)]

    def asking(
        self, server: str, tool: str, arguments: str, number: str, *, apart: bool = False
    ) -> tuple[WidgetItem, list[ThreadStreamEvent]]:
        """Like `card`, for an MCP server's tool."""
        events = list(self.close())
        item_id = self._new_id("message")
        item = approvals.item(self._texts, self._thread, item_id, server, tool, arguments, number, apart=apart)
        return item, [*events, ThreadItemDoneEvent(item=item)]

    def offering(self, question: str, field: str, choices: list[str]) -> list[ThreadStreamEvent]:
        """A card that offers replacements for something missing or unclear."""
        item = WidgetItem(
            id=self._new_id("message"),
            thread_id=self._thread,
            created_at=_now(),
            widget=offer(question, field, choices),
            copy_text=question,
        )
        return [*self.close(), ThreadItemDoneEvent(item=item)]

    def picture(self, address: str) -> Iterator[ThreadStreamEvent]:
        """A picture from a tool."""
        yield from self.close()
        yield ThreadItemDoneEvent(item=picture(self._new_id("message"), self._thread, address))

    def close(self) -> Iterator[ThreadStreamEvent]:
        """Finish everything still open."""
        yield from self._end_message()
        yield from self._end_workflow()

    # --- steps --------------------------------------------------------------------------------

    def _task(self, key: str, given: object, begun: datetime | None = None) -> Iterator[ThreadStreamEvent]:
        try:
            task = _tasks.validate_python(given)
        except ValidationError:
            return
        place = self._places.get(key)
        if place is not None and self._workflow is not None:
            self._workflow.workflow.tasks[place] = task
            yield self._updated(self._workflow.id, WorkflowTaskUpdated(task_index=place, task=task))
            return
        if task.status_indicator == "complete" and key in self._late and _same(task, self._late[key]):
            del self._late[key]  # its end adds nothing to the finished steps
            return
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise CodeFlood(file=self._file, limit=MOST_STEPS)
        yield from self._end_message()
        if self._workflow is None:
            self._workflow = WorkflowItem(
                id=self._new_id("workflow"),
                thread_id=self._thread,
                created_at=begun or _now(),
                workflow=Workflow(type="custom", tasks=[]),
            )
            yield ThreadItemAddedEvent(item=self._workflow.model_copy(deep=True))
        self._places[key] = len(self._workflow.workflow.tasks)
        self._workflow.workflow.tasks.append(task)
        yield self._updated(self._workflow.id, WorkflowTaskAdded(task_index=self._places[key], task=task))

    def _gone(self, key: str) -> Iterator[ThreadStreamEvent]:
        """Remove a step that turned out not to be one. The page learns of it when the steps end."""
        item, place = self._workflow, self._places.pop(key, None)
        if item is None or place is None:
            return
        item.workflow.tasks.pop(place)
        self._places = {name: other - (other > place) for name, other in self._places.items()}
        if not item.workflow.tasks:
            self._workflow = None
            yield ThreadItemRemovedEvent(item_id=item.id)

    def _end_workflow(self) -> Iterator[ThreadStreamEvent]:
        item = self._workflow
        if item is None:
            return
        for key, place in self._places.items():
            task = item.workflow.tasks[place]
            if task.status_indicator == "loading":
                self._late[key] = task.model_copy()
                task.status_indicator = "complete"
        self._workflow, self._places = None, {}
        item.workflow.expanded = False
        item.workflow.summary = DurationSummary(duration=int((_now() - item.created_at).total_seconds()))
        yield ThreadItemDoneEvent(item=item)

    # --- texts --------------------------------------------------------------------------------

    def _delta(self, key: str, delta: str) -> Iterator[ThreadStreamEvent]:
        self._size += len(delta)
        if self._size > MOST_TEXT:
            raise CodeFlood(file=self._file, limit=MOST_TEXT)
        if self._message is None or self._key != key:
            yield from self.close()
            self._key, self._text = key, []
            self._message = AssistantMessageItem(
                id=self._new_id("message"), thread_id=self._thread, created_at=_now(), content=[]
            )
            yield ThreadItemAddedEvent(item=self._message.model_copy(deep=True))
            added = AssistantMessageContentPartAdded(content_index=0, content=AssistantMessageContent(text=""))
            yield self._updated(self._message.id, added)
        self._text.append(delta)
        yield self._updated(self._message.id, AssistantMessageContentPartTextDelta(content_index=0, delta=delta))

    def _done(self, message: Message) -> Iterator[ThreadStreamEvent]:
        if self._message is None or self._key != str(message.get("key")):
            return
        sources = message.get("annotations")
        yield from self._end_message(sources if isinstance(sources, list) else [])

    def _turned(self, key: str, task: str) -> Iterator[ThreadStreamEvent]:
        """Remove a message's text so far, and show it as reasoning instead."""
        item = self._message
        if item is None or self._key != key:
            return
        self._message = None
        yield ThreadItemRemovedEvent(item_id=item.id)
        thought = "".join(self._text).strip()
        if thought:
            yield from self._task(task, ThoughtTask(content=thought, status_indicator="complete"), item.created_at)

    def _end_message(self, sources: list[Any] | None = None) -> Iterator[ThreadStreamEvent]:
        item = self._message
        if item is None:
            return
        self._message = None
        found = [annotation for given in sources or [] if (annotation := _annotation(given)) is not None]
        content = AssistantMessageContent(text="".join(self._text), annotations=found)
        yield self._updated(item.id, AssistantMessageContentPartDone(content_index=0, content=content))
        yield ThreadItemDoneEvent(item=item.model_copy(update={"content": [content]}))

    @staticmethod
    def _updated(item_id: str, update: Any) -> ThreadItemUpdatedEvent:
        return ThreadItemUpdatedEvent(item_id=item_id, update=update.model_copy(deep=True))


def _same(one: Any, other: Any) -> bool:
    return bool(one.model_copy(update={"status_indicator": other.status_indicator}) == other)


def _annotation(given: Any) -> Annotation | None:
    if not isinstance(given, dict):
        return None
    index = given.get("index") if isinstance(given.get("index"), int) else None
    title = str(given.get("title", ""))[:500]
    if str(given.get("url", "")).startswith(("https://", "http://")):
        return Annotation(source=URLSource(title=title, url=str(given["url"])[:2000]), index=index)
    if given.get("filename"):
        return Annotation(source=FileSource(title=title, filename=str(given["filename"])[:500]), index=index)
    return None


# --- cards ------------------------------------------------------------------------------------


def card(texts: Catalogue, title: str, detail: str, number: str, state: State) -> DynamicWidgetRoot:
    """The card a run waits for. Both ChatKit and the built-in view show it and send its actions."""
    say = texts.get
    children: list[dict[str, Any]] = [
        {"type": "Title", "size": "sm", "value": say("code.approval")},
        {"type": "Text", "id": "question", "value": title},
    ]
    if detail:
        children.append({"type": "Markdown", "id": "detail", "value": approvals.fenced(detail)})
    buttons: list[tuple[str, str, str]] = []
    if state == "asked":
        buttons = [(say("code.approve"), "primary", APPROVE), (say("code.reject"), "secondary", REJECT)]
    elif state == "apart":
        children.append({"type": "Text", "id": "state", "value": say("approval.apart")})
        buttons = [(say("approval.open"), "primary", approvals.OPEN)]
    else:
        words = {"approved": "code.approved", "rejected": "code.rejected", "expired": "code.expired"}[state]
        children.append({"type": "Text", "id": "state", "weight": "semibold", "value": say(words)})
        if state == "expired" and number:
            buttons = [(say("code.again"), "secondary", AGAIN)]
    return approvals.with_buttons(children, buttons, number)


def offer(question: str, field: str, choices: list[str]) -> DynamicWidgetRoot:
    """A question with a button per choice."""
    buttons = [
        {
            "type": "Button",
            "label": choice,
            "style": "secondary",
            "onClickAction": {"type": CHOOSE, "payload": {"field": field, "choice": choice}},
        }
        for choice in choices
    ]
    children = [
        {"type": "Text", "id": "question", "value": approvals.within(written_out(question))},
        {"type": "Row", "gap": 2, "wrap": "wrap", "children": buttons},
    ]
    return DynamicWidgetRoot.model_validate({"type": "Card", "size": "sm", "children": children})


def chosen(item: WidgetItem, action: Any) -> tuple[str, str] | None:
    """The field and the choice of a button, if the card really has it."""
    for child in item.widget.model_dump(mode="json").get("children") or []:
        for button in child.get("children") or []:
            given = button.get("onClickAction") or {}
            if given.get("type") == CHOOSE == action.type and given.get("payload") == action.payload:
                return str(given["payload"]["field"]), str(given["payload"]["choice"])
    return None


def settled(item: WidgetItem, texts: Catalogue, choice: str) -> ThreadItemReplacedEvent:
    """The card with the choice instead of its buttons."""
    question, _ = _words(item)
    children = [
        {"type": "Text", "id": "question", "value": question},
        {"type": "Text", "id": "state", "weight": "semibold", "value": texts.get("code.chosen", choice=choice)},
    ]
    widget = DynamicWidgetRoot.model_validate({"type": "Card", "size": "sm", "children": children})
    return ThreadItemReplacedEvent(item=item.model_copy(update={"widget": widget}))


def answered(item: WidgetItem, texts: Catalogue, state: State, number: str = "") -> ThreadItemReplacedEvent:
    """The card with its answer instead of its buttons. `number`: an expired card offers to start over."""
    title, detail = _words(item)
    return ThreadItemReplacedEvent(item=item.model_copy(update={"widget": card(texts, title, detail, number, state)}))


def _words(item: WidgetItem) -> tuple[str, str]:
    found = {}
    for child in item.widget.model_dump().get("children") or []:
        found[child.get("id")] = str(child.get("value") or "")
    return found.get("question", ""), approvals.unfenced(found.get("detail", ""))


def is_asking(item: WidgetItem) -> bool:
    """Whether it is a code agent's card with its buttons still there."""
    about_a_tool = any(child.get("id") == "arguments" for child in item.widget.model_dump().get("children") or [])
    return not about_a_tool and bool({APPROVE, approvals.OPEN} & set(approvals.actions(item.widget)))


def _now() -> datetime:
    return datetime.now()  # noqa: DTZ005 - as every item of the SDK; the store knows it as local time
