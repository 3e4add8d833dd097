"""Which model made an answer, noted in its thread where it is not the agent's own."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

from chatkit.store import NotFoundError
from chatkit.types import AssistantMessageItem, ThreadItem


@runtime_checkable
class Notes(Protocol):
    """A store that keeps notes on threads; see `SqliteStore.note`."""

    async def note(self, thread_id: str, agent_id: str, name: str, value: Any) -> None: ...


async def noted(store: object, thread_id: str, agent_id: str, item: ThreadItem, model: str) -> None:
    """Note that `model` made `item`, if that is an answer. Does nothing for a thread that was deleted meanwhile."""
    if isinstance(item, AssistantMessageItem) and isinstance(store, Notes):
        with suppress(NotFoundError):
            await store.note(thread_id, agent_id, "answered_by", {item.id: model})
