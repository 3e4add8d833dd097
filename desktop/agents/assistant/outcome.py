"""What is noted of an assistant's answer while it passes, and how its failures are told. Of SDKs it knows ChatKit."""

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
    """Whether an answer had anything in it, and whether it is all there is."""

    def __init__(self) -> None:
        self.anything = False
        self.cut = ""
        """Why it is not finished, of the model's last turn."""
        self.too_often = False
        """Whether tools were used in a row as often as the agent may."""
        self._before = False
        """Whether there was anything before the model's last turn."""

    def see(self, event: Any) -> None:
        """A raw event of the model."""
        if event.type == "response.created":
            self.cut = ""
            self._before = self.anything
        elif event.type == "desktop.turned":  # what was said was thought
            self.anything = self._before
        elif event.type == "response.output_text.delta":
            self.anything = self.anything or bool(event.delta.strip())
        elif event.type == "response.output_item.done" and event.item.type == "image_generation_call":
            self.anything = True


class Result:
    """What `stream_agent_response` needs of a run's result."""

    def __init__(self, events: AsyncIterator[Any]) -> None:
        self._events = events

    def stream_events(self) -> AsyncIterator[Any]:
        """As the SDK's."""
        return self._events


async def told(
    events: AsyncGenerator[ThreadStreamEvent, None], target: ModelTarget
) -> AsyncGenerator[ThreadStreamEvent, None]:
    """`events` of a run; what the SDKs, the network or the model raise becomes an AppError."""
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
        raise failure  # outside of `except`: the SDK's exception holds the request, and that holds the key


def is_text(event: ThreadStreamEvent) -> bool:
    """Whether it is the first that a person sees of an answer."""
    if isinstance(event, ThreadItemUpdatedEvent):
        return isinstance(event.update, AssistantMessageContentPartTextDelta)
    return isinstance(event, ThreadItemDoneEvent) and isinstance(event.item, GeneratedImageItem)
