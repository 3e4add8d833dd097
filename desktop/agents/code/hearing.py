"""In the child: corrects reasoning that only turns out as such later, as the assistant does (`late_reasoning`).

The file or its agents make the SDK's own model classes, so these are patched before the file is loaded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from desktop.agents.models.late_reasoning import put_right
from desktop.agents.models.tolerant.heard import HEARD, Heard

OURS = "desktop."
"""The prefix of event types the SDK does not know."""


def install() -> None:
    """From now on, every stream of an SDK model includes `Turned` and `Answered`."""
    import agents

    for kind in (agents.OpenAIResponsesModel, agents.OpenAIChatCompletionsModel):
        kind.stream_response = _hearing(kind.stream_response)  # type: ignore[method-assign]


def is_ours(event: Any) -> bool:
    """Whether an event is one of ours, which a file can't know."""
    return event.type == "raw_response_event" and str(event.data.type).startswith(OURS)


def _hearing(stream: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    async def stream_response(model: Any, *given: Any, **named: Any) -> AsyncIterator[Any]:
        heard = Heard(keeps_reason=True)
        HEARD.set(heard)
        async for event in put_right(stream(model, *given, **named), heard):
            yield event

    return stream_response
