"""Observes an assistant's answer as it streams, and turns failures into errors. The only SDK it knows is ChatKit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from chatkit.types import (
    AssistantMessageContentPartTextDelta,
    GeneratedImageItem,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)

from desktop.agents.models import failures
from desktop.agents.models.target import ModelTarget
from desktop.common.errors import AppError, InternalError

log = logging.getLogger(__name__)


class Said:
    """Whether an answer has content, and whether it is complete."""

    def __init__(self) -> None:
        self.anything = False
        self.cut = ""
        """Why the model's last turn is incomplete."""
        self.too_often = False
        """Whether the agent has used tools as many times in a row as allowed."""
        self._before = False
        """Whether there was content before the model's last turn."""

    def see(self, event: Any) -> None:
        """Look at a raw event of the model."""
        if event.type == "response.created":
            self.cut = ""
            self._before = self.anything
        elif event.type == "desktop.turned":  # the text so far was reasoning
            self.anything = self._before
        elif event.type == "response.output_text.delta":
            self.anything = self.anything or bool(event.delta.strip())
        elif event.type == "response.output_item.done" and event.item.type == "image_generation_call":
            self.anything = True


class Result:
    """The part of a run's result that `stream_agent_response` uses."""

    def __init__(self, events: AsyncIterator[Any]) -> None:
        self._events = events

    def stream_events(self) -> AsyncIterator[Any]:
        """Like the SDK's."""
        return self._events


async def told(
    events: AsyncGenerator[ThreadStreamEvent, None], target: ModelTarget
) -> AsyncGenerator[ThreadStreamEvent, None]:
    """The `events` of a run. Exceptions of the SDKs, the network or the model become an AppError."""
    failure: AppError | None = None
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    except (AppError, asyncio.CancelledError, GeneratorExit):
        raise
    except Exception as error:
        failure = failures.of(error, target.asked)
        if isinstance(failure, InternalError):
            log.error("an answer failed", exc_info=error)
    if failure is not None:
        raise failure  # outside `except`: the SDK's exception refers to the request, which contains the key


def is_text(event: ThreadStreamEvent) -> bool:
    """Whether the event shows text of an answer to a person."""
    if isinstance(event, ThreadItemUpdatedEvent):
        return isinstance(event.update, AssistantMessageContentPartTextDelta)
    return isinstance(event, ThreadItemDoneEvent) and isinstance(event.item, GeneratedImageItem)
