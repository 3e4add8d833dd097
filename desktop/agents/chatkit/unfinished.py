"""Incomplete answers: the card that says why and offers to continue. Needs only `chatkit.types`.

The card is an item of the thread, so it also marks the answer as incomplete in the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from chatkit.types import AssistantMessageItem, ThreadItem, ThreadItemReplacedEvent, UserMessageItem, WidgetItem
from chatkit.widgets import DynamicWidgetRoot

from desktop.agents.errors import AnswerStalled
from desktop.common.errors import AppError
from desktop.common.texts import Catalogue
from desktop.openai_api.errors import ConnectionLost, NetworkError

CONTINUE, GO_ON = "answer.continue", "answer.go_on"
"""Actions of the card's button; the payload is {"reason": …, "id": …}."""
REASONS = ("length", "content_filter", "error", "interrupted", "turns")
ASK = (
    "Your last answer was cut off. Go on exactly where it stopped, in the middle of a word or a sentence if need be. "
    "Do not repeat anything and do not mention this."
)
"""What the model gets for *Continue*; not part of the chat."""


def card_item(
    texts: Catalogue, thread_id: str, item_id: str, reason: str, number: str = "", **values: object
) -> WidgetItem:
    """The card as an item of the chat. `number`: the run that waits for *Go on*. `values`: for its sentence."""
    sentence = texts.get(f"agent_run.cut.{reason}", **values)
    return WidgetItem(
        id=item_id,
        thread_id=thread_id,
        created_at=datetime.now(),  # noqa: DTZ005 - as every item of the SDK; the store knows it as local time
        widget=_card(texts, sentence, reason, number, "asked"),
        copy_text=sentence,
    )


def _card(
    texts: Catalogue, sentence: str, reason: str, number: str, state: Literal["asked", "continued", "passed"]
) -> DynamicWidgetRoot:
    children: list[dict[str, Any]] = [{"type": "Text", "id": "cut", "weight": "semibold", "value": sentence[:400]}]
    if state == "asked":
        action = GO_ON if reason == "turns" else CONTINUE
        label = texts.get("agent_run.cut.go_on") if reason == "turns" else texts.get("agent_run.cut.continue")
        button = {
            "type": "Button",
            "label": label,
            "style": "primary",
            "onClickAction": {"type": action, "payload": {"reason": reason, "id": number}},
        }
        children.append({"type": "Row", "gap": 2, "children": [button]})
    else:
        children.append({"type": "Text", "id": "state", "value": texts.get(f"agent_run.cut.{state}")})
    return DynamicWidgetRoot.model_validate({"type": "Card", "size": "sm", "id": f"cut.{reason}", "children": children})


def answered(asked: WidgetItem, texts: Catalogue, state: Literal["continued", "passed"]) -> ThreadItemReplacedEvent:
    """The card without its button, after it was pressed."""
    shown = asked.widget.model_dump()
    sentence = next((str(one.get("value")) for one in shown.get("children") or [] if one.get("id") == "cut"), "")
    card = _card(texts, sentence, reason_of(asked) or REASONS[0], "", state)
    return ThreadItemReplacedEvent(item=asked.model_copy(update={"widget": card}))


def reason_of(item: ThreadItem) -> str:
    """Why the answer before this item is incomplete; empty if the item isn't such a card."""
    if not isinstance(item, WidgetItem):
        return ""
    return _reason(item.widget.model_dump())


def incomplete_of(event: Mapping[str, Any]) -> dict[str, str] | None:
    """`{"reason": …}` if an event of the stream (parsed JSON) marks the answer as incomplete, otherwise None."""
    item = event.get("item")
    if event.get("type") != "thread.item.done" or not isinstance(item, Mapping) or item.get("type") != "widget":
        return None
    reason = _reason(item.get("widget"))
    return {"reason": reason} if reason else None


def _reason(widget: object) -> str:
    name = str(widget.get("id") or "") if isinstance(widget, Mapping) else ""
    reason = name.removeprefix("cut.")
    return reason if name.startswith("cut.") and reason in REASONS else ""


def of_failure(error: AppError) -> str:
    """Why an answer was interrupted."""
    return "interrupted" if isinstance(error, NetworkError | ConnectionLost | AnswerStalled) else "error"


def joined(items: Iterable[ThreadItem]) -> list[ThreadItem]:
    """The items for a model: an answer and its continuation joined, without the cards between."""
    found: list[ThreadItem] = []
    last: int | None = None
    cut = False
    for item in items:
        if reason_of(item):
            cut = last is not None
            continue
        if isinstance(item, UserMessageItem):
            last, cut = None, False
        elif isinstance(item, AssistantMessageItem):
            before = found[last] if cut and last is not None else None
            if isinstance(before, AssistantMessageItem) and last is not None:
                found[last] = _both(before, item)
                cut = False
                continue
            last = len(found)
        found.append(item)
    return found


def _both(first: AssistantMessageItem, second: AssistantMessageItem) -> AssistantMessageItem:
    said = ["".join(part.text for part in one.content) for one in (first, second)]
    part = first.content[0].model_copy(update={"text": "".join(said), "annotations": []})
    return first.model_copy(update={"content": [part]})
