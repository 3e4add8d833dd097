"""The Agents SDK's two kinds of model, with a stream that loses nothing.

openai-agents 0.24 (`RunResultStreaming.stream_events`) drops queued events as soon as the model's stream fails, so the
last words before a broken connection would be lost. It also turns a refusal into an exception without its text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel
from agents.items import TResponseStreamEvent
from openai.types.responses import (
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)

from desktop.agents.models import failures
from desktop.agents.models.late_reasoning import put_right
from desktop.agents.models.tolerant.heard import HEARD, Heard
from desktop.openai_api.errors import AnswerFlood


class Cut:
    """Inserted before the end of an incomplete answer."""

    type = "desktop.cut"

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Broken:
    """Inserted into the queue of events where the stream broke. The reader of the events raises `error`."""

    type = "desktop.broken"

    def __init__(self, error: Exception) -> None:
        self.error = error


class Responses(OpenAIResponsesModel):
    """A model that speaks Responses."""

    async def stream_response(self, *args: Any, **rest: Any) -> AsyncIterator[TResponseStreamEvent]:
        heard = Heard()
        HEARD.set(heard)
        async for event in in_order(super().stream_response(*args, **rest), heard):
            yield event


class ChatCompletions(OpenAIChatCompletionsModel):
    """A model that speaks Chat Completions."""

    async def stream_response(self, *args: Any, **rest: Any) -> AsyncIterator[TResponseStreamEvent]:
        heard = Heard()
        HEARD.set(heard)
        async for event in in_order(super().stream_response(*args, **rest), heard):
            yield event


async def in_order(events: AsyncIterator[Any], heard: Heard) -> AsyncIterator[Any]:
    """`events`, with a failure as the last one, `Broken`, and nothing more until the run is cancelled. `Cut` before the
    end says why an answer is incomplete. For text that turns out to be reasoning, or the reverse, see `put_right`."""
    try:
        async for event in put_right(events, heard):
            if event.type == "response.completed" and heard.reason:
                yield Cut(heard.reason)
            yield spoken(event)
    except Exception as error:  # noqa: BLE001 - raised again by who reads the events
        yield Broken(error)
        await asyncio.Event().wait()


def spoken(event: Any) -> Any:
    """Turn a refusal into text and a source into plain data. Everything else is unchanged."""
    match event.type:
        case "response.refusal.delta":
            return ResponseTextDeltaEvent(
                **_place(event), type="response.output_text.delta", delta=event.delta, logprobs=[]
            )
        case "response.refusal.done":
            return ResponseTextDoneEvent(
                **_place(event), type="response.output_text.done", text=event.refusal, logprobs=[]
            )
        case "response.content_part.added" | "response.content_part.done" if event.part.type == "refusal":
            event.part = _text(event.part)
        case "response.output_text.annotation.added" if not isinstance(event.annotation, dict):
            # openai-chatkit 1.6.5 (`_convert_annotation`) rejects openai 3.51's classes.
            event.annotation = event.annotation.model_dump()
        case "response.output_item.added" | "response.output_item.done":
            _speak(event.item)
        case "response.completed":
            for item in event.response.output:
                _speak(item)
        case _:
            pass
    return event


def _place(event: Any) -> dict[str, Any]:
    names = ("item_id", "output_index", "content_index", "sequence_number")
    return {name: getattr(event, name) for name in names}


def _speak(item: Any) -> None:
    if isinstance(item, ResponseOutputMessage):
        item.content = [_text(part) if isinstance(part, ResponseOutputRefusal) else part for part in item.content]


def _text(part: Any) -> ResponseOutputText:
    return ResponseOutputText(type="output_text", text=part.refusal, annotations=[])


MOST_TEXT = 4_000_000
"""The most characters a model may write in one answer, with reasoning and tool arguments: about a million words."""


def weighed(event: Any, written: int, asked: failures.Asked) -> int:
    """`written` plus what this event adds. Raises AnswerFlood for an endless answer."""
    delta = getattr(event, "delta", None)
    written += len(delta) if isinstance(delta, str) else 0
    if written > MOST_TEXT:
        raise AnswerFlood("deltas", host=asked.host, limit=f"{MOST_TEXT // 1_000_000} MB")
    return written


def raise_if_failed(event: Any, asked: failures.Asked) -> None:
    """Raise a failure reported inside the stream: ContextTooLong, AnswerFailed and so on."""
    match event.type:
        case "response.failed":
            told = event.response.error
            raise failures.of_body({"code": told.code if told else None}, told.message if told else "", asked)
        case "error":
            raise failures.of_body({"code": event.code}, event.message, asked)
        case _:
            pass
