"""Corrects a model's events when part of an answer turns out to be reasoning, or the reverse.

A closing tag that nothing opened means that everything before it was reasoning. And a model known to begin with
reasoning may answer at once. The transport reports both (`Heard`); this module changes the Agents SDK's events
accordingly.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from openai.types.responses import (
    ResponseContentPartAddedEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputMessage,
    ResponseOutputText,
)

from desktop.agents.models.tolerant.heard import Heard

ENDS = ("response.completed", "response.incomplete")


class Turned:
    """Inserted where the message's text so far turned out to be reasoning. The message begins again after it."""

    type = "desktop.turned"

    def __init__(self, item_id: str, thought: str) -> None:
        self.item_id = item_id
        self.thought = thought


class Answered:
    """Inserted before a message whose text was mistaken for reasoning."""

    type = "desktop.answered"


async def put_right(events: AsyncIterator[Any], heard: Heard) -> AsyncIterator[Any]:
    """The events of one response, corrected by `LateThoughts`."""
    late = LateThoughts(heard)
    async for event in events:
        for one in late.see(event):
            yield one


class LateThoughts:
    """Corrects the events of one response."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._first: str | None = None
        """The id of the first message with text."""
        self._said = ""
        self._turned = False
        self._answered = False
        self._again = False
        """Whether the message has begun again."""

    def see(self, event: Any) -> Iterator[Any]:
        """`event`, with `Turned` and `Answered` inserted, and reasoning removed from the text."""
        kind = event.type
        if self._heard.answered and not self._answered and _is_message(event, "response.output_item.added"):
            self._answered = True
            yield Answered()
        if not self._turned and self._heard.turned and len(self._said) >= self._heard.turned:
            self._turned = True
            yield Turned(self._first or "", self._said)
        if kind in ENDS:
            self._settle(event.response)
        elif not self._turned:
            if kind == "response.output_text.delta":
                self._first = event.item_id if self._first is None else self._first
                if event.item_id == self._first:
                    self._said += event.delta
        elif self._is_of_the_first(event):
            yield from self._later(event)
            return
        yield event

    def _is_of_the_first(self, event: Any) -> bool:
        if event.type in ("response.output_item.added", "response.output_item.done"):
            return _is_message(event, event.type) and str(event.item.id) == self._first
        text = ("response.output_text.", "response.content_part.", "response.refusal.")
        return str(event.type).startswith(text) and str(event.item_id) == self._first

    def _later(self, event: Any) -> Iterator[Any]:
        """An event of the message that began with reasoning; empty if nothing follows it."""
        kind = event.type
        if kind in ("response.output_text.delta", "response.refusal.delta") and not self._again:
            self._again = True
            yield from _begun(event)
        if not self._again:
            return
        if kind == "response.output_text.done":
            event.text = event.text[len(self._said) :]
        elif kind == "response.content_part.done":
            event.part = self._without(event.part)
        elif kind == "response.output_item.done":
            event.item = self._answer(event.item)
        yield event

    def _settle(self, response: Any) -> None:
        """The complete response, which the model gets again in the next round of tools."""
        if self._turned:
            at = next((i for i, item in enumerate(response.output) if item.type == "message"), None)
            if at is not None:
                response.output[at] = self._answer(response.output[at])
                if not self._again and len(response.output) > 1:
                    del response.output[at]  # only reasoning, then a tool call
        if self._answered:
            response.output = [item for item in response.output if item.type != "reasoning"]

    def _answer(self, message: ResponseOutputMessage) -> ResponseOutputMessage:
        content = [self._without(part) for part in message.content[:1]] + message.content[1:]
        return message.model_copy(update={"content": content})

    def _without(self, part: Any) -> Any:
        if not isinstance(part, ResponseOutputText):
            return part
        return part.model_copy(update={"text": part.text[len(self._said) :]})


def _is_message(event: Any, kind: str) -> bool:
    return bool(event.type == kind and event.item.type == "message")


def _begun(event: Any) -> Iterator[Any]:
    """The beginning of a message, before the first of its words."""
    message = ResponseOutputMessage(
        id=event.item_id, type="message", role="assistant", status="in_progress", content=[]
    )
    number, place = event.sequence_number, event.output_index
    yield ResponseOutputItemAddedEvent(
        type="response.output_item.added", item=message, output_index=place, sequence_number=number
    )
    yield ResponseContentPartAddedEvent(
        type="response.content_part.added", item_id=event.item_id, output_index=place, sequence_number=number,
        content_index=event.content_index, part=ResponseOutputText(type="output_text", text="", annotations=[]),
    )  # fmt: skip
