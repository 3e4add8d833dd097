"""Our own ids for threads, items and attachments. Those from models are not unique.

With the Chat Completions API every message has the id `__fake_id__` (openai-agents 0.24), and some compatible servers
start at `msg_0` with every answer. `TurnIds` replaces them while a turn is streamed, so that page and store see the
same id; `derived` is the store's last resort. Knows no database.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatkit.store import StoreItemType
    from chatkit.types import ThreadItem, ThreadStreamEvent

FAKE = "__fake_id__"

_PREFIX: dict[StoreItemType, str] = {
    "thread": "thr",
    "message": "msg",
    "tool_call": "tc",
    "workflow": "wf",
    "task": "tsk",
    "attachment": "atc",
    "sdk_hidden_context": "shcx",
}
_OURS = re.compile(rf"(?:{'|'.join(_PREFIX.values())})_[0-9a-f]{{24}}")
_KIND: dict[str, StoreItemType] = {
    "client_tool_call": "tool_call",
    "workflow": "workflow",
    "task": "task",
    "hidden_context_item": "sdk_hidden_context",
    "sdk_hidden_context": "sdk_hidden_context",
}


def new_id(kind: StoreItemType) -> str:
    """A unique id: `msg_` and 96 random bits in hex."""
    return f"{_PREFIX[kind]}_{secrets.token_hex(12)}"


def derived(item_type: str, *parts: object) -> str:
    """An id for an item of `item_type`, always the same for the same `parts`."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()
    return f"{_PREFIX[_KIND.get(item_type, 'message')]}_{digest[:24]}"


def is_ours(known: str) -> bool:
    """Whether `known` has the form made by `new_id`."""
    return _OURS.fullmatch(known) is not None


class TurnIds:
    """The ids of one turn: maps a model's ids to ours.

    `new` makes an id of a kind (`lambda kind: store.generate_item_id(kind, thread, context)`).
    """

    def __init__(self, new: Callable[[StoreItemType], str] = new_id) -> None:
        self._new = new
        self._now: dict[str, str] = {}
        """Foreign id -> ours, for the item streamed under it most recently."""
        self._all: dict[str, list[str]] = {}
        self._done: set[str] = set()

    def own(self, event: ThreadStreamEvent) -> list[ThreadStreamEvent]:
        """`event` with our ids. A removal is repeated for each item that had the foreign id, unless it is only for the
        last one (`last_only`)."""
        if event.type == "thread.item.updated":
            event.item_id = self._now.get(event.item_id, event.item_id)
        elif event.type == "thread.item.added":
            if not is_ours(event.item.id):
                event.item = self._as(event.item, self._begin(event.item))
        elif event.type == "thread.item.done":
            if not is_ours(event.item.id):
                ours = self._now.get(event.item.id)
                if ours is None or ours in self._done:
                    ours = self._begin(event.item)
                self._done.add(ours)
                event.item = self._as(event.item, ours)
        elif event.type == "thread.item.replaced":
            event.item = self._as(event.item, self._now.get(event.item.id, event.item.id))
        elif event.type == "thread.item.removed" and getattr(event, "last_only", False):
            event.item_id = self._now.get(event.item_id, event.item_id)
        elif event.type == "thread.item.removed" and event.item_id in self._all:
            return [type(event)(item_id=ours) for ours in self._all.pop(event.item_id)]
        return [event]

    async def stream(self, events: AsyncIterator[ThreadStreamEvent]) -> AsyncIterator[ThreadStreamEvent]:
        """`events` with our ids."""
        async for event in events:
            for owned in self.own(event):
                yield owned

    def _begin(self, item: ThreadItem) -> str:
        ours = self._new(_KIND.get(item.type, "message"))
        self._now[item.id] = ours
        self._all.setdefault(item.id, []).append(ours)
        return ours

    @staticmethod
    def _as(item: ThreadItem, ours: str) -> ThreadItem:
        # A copy, because the SDK keeps using its own item.
        return item if item.id == ours else item.model_copy(update={"id": ours})
