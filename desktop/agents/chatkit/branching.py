"""Requests that begin another version of a chat, and what they say beyond ChatKit's protocol.

ChatKit's protocol has a retry, for which the SDK deletes the answer before. Here that one stays as a version. A message
may take the place of an earlier one, and a retry may ask another model: both stand in the `metadata` that the protocol
leaves to integrations. Knows the protocol and the store's half of it, no agent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from chatkit.types import ChatKitReq, ThreadsAddUserMessageReq, ThreadsRetryAfterItemReq

from desktop.agents.chatkit.context import RequestContext
from desktop.common.errors import BadParams

INSTEAD_OF = "instead_of"
"""In the metadata of a message: the id of the message that it replaces."""
MODEL = "model"
"""In the metadata of a retry: the model that is asked."""
LONGEST = 200
"""Characters of either."""


@runtime_checkable
class Branching(Protocol):
    """A store that keeps versions; see `SqliteStore`."""

    async def branch(self, thread_id: str, item_id: str, context: RequestContext, *, instead: bool) -> None: ...

    async def branched(self, thread_id: str, context: RequestContext) -> None: ...


@dataclass(frozen=True)
class Place:
    """Where another version begins: after a message, or `instead` of it."""

    thread_id: str
    item_id: str
    instead: bool


def place_of(request: ChatKitReq) -> Place | None:
    """Where the request begins another version; None if it does not. Raises BadParams."""
    if isinstance(request, ThreadsRetryAfterItemReq):
        return Place(request.params.thread_id, request.params.item_id, instead=False)
    if isinstance(request, ThreadsAddUserMessageReq) and INSTEAD_OF in request.metadata:
        return Place(request.params.thread_id, _word(request, INSTEAD_OF), instead=True)
    return None


def context_for(request: ChatKitReq, context: RequestContext) -> RequestContext:
    """The context with the model that a retry asks for. Raises BadParams."""
    if not isinstance(request, ThreadsRetryAfterItemReq) or MODEL not in request.metadata:
        return context
    return replace(context, model=_word(request, MODEL))


@asynccontextmanager
async def another_version(store: object, place: Place | None, context: RequestContext) -> AsyncIterator[None]:
    """What is added to the chat meanwhile is of another version. Raises NotFoundError."""
    if place is None or not isinstance(store, Branching):
        yield
        return
    await store.branch(place.thread_id, place.item_id, context, instead=place.instead)
    try:
        yield
    finally:
        await store.branched(place.thread_id, context)


def _word(request: ThreadsRetryAfterItemReq | ThreadsAddUserMessageReq, name: str) -> str:
    value = request.metadata[name]
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        raise BadParams(problem=f"metadata.{name}")
    return value
