"""In the child: what the SDK's models are told of an answer only while it comes is put right, as the assistant has it.

The models are the SDK's own, whoever makes them, the file or an agent of it that names one: so they are changed where
they are, before the file is loaded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from desktop.agents.models.late_reasoning import put_right
from desktop.agents.models.tolerant.heard import HEARD, Heard

OURS = "desktop."
"""How the types of events begin that the SDK does not know."""


def install() -> None:
    """From now on every stream of a model of the SDK's has `Turned` and `Answered` at their places."""
    import agents

    for kind in (agents.OpenAIResponsesModel, agents.OpenAIChatCompletionsModel):
        kind.stream_response = _hearing(kind.stream_response)  # type: ignore[method-assign]


def is_ours(event: Any) -> bool:
    """Whether an event of a run is none that a file can know."""
    return event.type == "raw_response_event" and str(event.data.type).startswith(OURS)


def _hearing(stream: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    async def stream_response(model: Any, *given: Any, **named: Any) -> AsyncIterator[Any]:
        heard = Heard(keeps_reason=True)
        HEARD.set(heard)
        async for event in put_right(stream(model, *given, **named), heard):
            yield event

    return stream_response
