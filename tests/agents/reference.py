"""The plainest store that keeps the contract: lists in memory, everything copied in and out.

What `SqliteStore` does is compared with this one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chatkit.store import NotFoundError, Store
from chatkit.types import Attachment, Page, ThreadItem, ThreadMetadata

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.store.ids import FAKE, new_id


@dataclass
class _Kept:
    thread: ThreadMetadata
    agent: str
    place: int
    items: list[tuple[int, ThreadItem]] = field(default_factory=list)
    gone: dict[str, int] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)
    """What a model called an item -> our id of the last one."""


class ReferenceStore(Store[RequestContext]):
    def __init__(self) -> None:
        self._threads: dict[str, _Kept] = {}
        self._gone: dict[str, tuple[str, int]] = {}
        self._attachments: dict[str, tuple[str, Attachment]] = {}
        self._places = 0

    def _next(self) -> int:
        self._places += 1
        return self._places

    def _kept(self, thread_id: str, context: RequestContext) -> _Kept:
        kept = self._threads.get(thread_id)
        if kept is None or kept.agent != context.agent_id:
            raise NotFoundError(thread_id)
        return kept

    async def load_thread(self, thread_id: str, context: RequestContext) -> ThreadMetadata:
        return self._kept(thread_id, context).thread.model_copy(deep=True)

    async def save_thread(self, thread: ThreadMetadata, context: RequestContext) -> None:
        plain = ThreadMetadata(**thread.model_dump(exclude={"items"}))
        if thread.id in self._threads:
            self._kept(thread.id, context).thread = plain
        elif thread.id in self._gone:
            raise NotFoundError(thread.id)
        else:
            self._threads[thread.id] = _Kept(plain, context.agent_id, self._next())

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: RequestContext
    ) -> Page[ThreadMetadata]:
        mine = [(kept.place, kept.thread) for kept in self._threads.values() if kept.agent == context.agent_id]
        places = {thread.id: place for place, thread in mine}
        places |= {gone: place for gone, (agent, place) in self._gone.items() if agent == context.agent_id}
        return _page(mine, places, limit, after, order)

    async def delete_thread(self, thread_id: str, context: RequestContext) -> None:
        kept = self._kept(thread_id, context)
        self._gone[thread_id] = (kept.agent, kept.place)
        del self._threads[thread_id]
        self._attachments = {k: v for k, v in self._attachments.items() if v[1].thread_id != thread_id}

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: RequestContext
    ) -> Page[ThreadItem]:
        kept = self._kept(thread_id, context)
        places = kept.gone | {item.id: place for place, item in kept.items}
        return _page(kept.items, places, limit, after, order)

    def _index(self, kept: _Kept, item_id: str) -> int | None:
        ids = [item.id for _, item in kept.items]
        for known in (item_id, kept.called.get(item_id)):
            if known in ids:
                return ids.index(known)
        return None

    async def load_item(self, thread_id: str, item_id: str, context: RequestContext) -> ThreadItem:
        kept = self._kept(thread_id, context)
        index = self._index(kept, item_id)
        if index is None:
            raise NotFoundError(item_id)
        return kept.items[index][1].model_copy(deep=True)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: RequestContext) -> None:
        kept = self._kept(thread_id, context)
        index = next((n for n, (_, known) in enumerate(kept.items) if known.id == item.id), None)
        turn = max((n for n, (_, known) in enumerate(kept.items) if known.type == "user_message"), default=-1)
        elsewhere = any(known.id == item.id for other in self._threads.values() for _, known in other.items)
        if index is not None and (item.type != "assistant_message" or index > turn):
            self._set(kept, index, item, item.id)
        elif item.id == FAKE:
            same = [n for n, (_, known) in enumerate(kept.items) if known == self._of(item, thread_id, known.id)]
            self._set(kept, same[0] if same else None, item, None if not same else kept.items[same[0]][1].id)
        elif elsewhere or item.id in kept.called:
            index = self._index(kept, item.id) if item.id in kept.called else None
            index = None if index is not None and index < turn else index
            self._set(kept, index, item, None if index is None else kept.items[index][1].id)
        else:
            self._set(kept, None, item, item.id)

    async def save_item(self, thread_id: str, item: ThreadItem, context: RequestContext) -> None:
        kept = self._kept(thread_id, context)
        index = self._index(kept, item.id)
        if index is None:
            await self.add_thread_item(thread_id, item, context)
        else:
            self._set(kept, index, item, kept.items[index][1].id)

    def _of(self, item: ThreadItem, thread_id: str, own: str) -> ThreadItem:
        return item.model_copy(update={"id": own, "thread_id": thread_id}, deep=True)

    def _set(self, kept: _Kept, index: int | None, item: ThreadItem, own: str | None) -> None:
        if own is None:
            own = kept.called[item.id] = new_id("message")
        copy = self._of(item, kept.thread.id, own)
        if index is None:
            kept.items.append((self._next(), copy))
        else:
            kept.items[index] = (kept.items[index][0], copy)

    async def delete_thread_item(self, thread_id: str, item_id: str, context: RequestContext) -> None:
        kept = self._kept(thread_id, context)
        index = self._index(kept, item_id)
        if index is not None:
            place, item = kept.items.pop(index)
            kept.gone[item.id] = place

    async def save_attachment(self, attachment: Attachment, context: RequestContext) -> None:
        if attachment.thread_id is not None:
            self._kept(attachment.thread_id, context)
        if self._attachments.get(attachment.id, (context.agent_id,))[0] != context.agent_id:
            raise NotFoundError(attachment.id)
        self._attachments[attachment.id] = (context.agent_id, attachment.model_copy(deep=True))

    async def load_attachment(self, attachment_id: str, context: RequestContext) -> Attachment:
        agent, attachment = self._attachments.get(attachment_id, ("", None))
        if attachment is None or agent != context.agent_id:
            raise NotFoundError(attachment_id)
        return attachment.model_copy(deep=True)

    async def delete_attachment(self, attachment_id: str, context: RequestContext) -> None:
        await self.load_attachment(attachment_id, context)
        del self._attachments[attachment_id]


def _page(
    entries: list[tuple[int, Any]], places: dict[str, int], limit: int, after: str | None, order: str
) -> Page[Any]:
    if order not in ("asc", "desc"):
        raise ValueError(order)
    sign = 1 if order == "asc" else -1
    if after is not None:
        if after not in places:
            raise NotFoundError(after)
        entries = [entry for entry in entries if sign * entry[0] > sign * places[after]]
    sorted_ = sorted(entries, key=lambda entry: sign * entry[0])
    data = [thing.model_copy(deep=True) for _, thing in sorted_[: max(1, limit)]]
    more = len(sorted_) > len(data)
    return Page(data=data, has_more=more, after=data[-1].id if more else None)
