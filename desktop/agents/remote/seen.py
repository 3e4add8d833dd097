"""Keeps copies of chats at ChatKit servers in memory while the app runs, in case a server loses one. Lives on the
servers' loop. Nothing is written to the disk.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from desktop.agents.remote.wire import Request

MOST_CHATS = 20
MOST_ITEMS = 400
MOST_BYTES = 2_000_000
"""Limits per chat. Anything beyond is not kept."""

Json = dict[str, Any]


@dataclass
class _Chat:
    thread: Json
    items: dict[str, Json] = field(default_factory=dict)
    bytes: int = 0

    def put(self, item: object) -> None:
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            return
        size = len(json.dumps(item))
        if item["id"] not in self.items and len(self.items) >= MOST_ITEMS:
            return
        if self.bytes + size <= MOST_BYTES:
            self.items[item["id"]] = item
            self.bytes += size


class Seen:
    """The most recently used chats of all agents."""

    def __init__(self) -> None:
        self._chats: OrderedDict[tuple[str, str], _Chat] = OrderedDict()

    def reply(self, agent_id: str, asked: Request, reply: str) -> None:
        """Look at a JSON reply."""
        if asked.type not in ("threads.get_by_id", "items.list", "threads.delete") or not asked.thread:
            return
        if asked.type == "threads.delete":
            self._chats.pop((agent_id, asked.thread), None)
            return
        told: Json = json.loads(reply)
        chat = self._chat(agent_id, asked.thread)
        if asked.type == "threads.get_by_id":
            chat.thread = {name: value for name, value in told.items() if name != "items"}
            told = dict(told["items"]) if isinstance(told.get("items"), dict) else {}
        entries = told.get("data")
        for one in _in_order(asked, entries if isinstance(entries, list) else []):
            chat.put(one)

    def event(self, agent_id: str, thread: str, event: Json) -> str:
        """Look at an event of an answer. Returns its thread once known."""
        kind, told = event.get("type"), event.get("thread")
        if kind in ("thread.created", "thread.updated") and isinstance(told, dict) and isinstance(told.get("id"), str):
            thread = told["id"]
            self._chat(agent_id, thread).thread = {name: value for name, value in told.items() if name != "items"}
        elif thread and kind in ("thread.item.done", "thread.item.replaced"):
            self._chat(agent_id, thread).put(event.get("item"))
        elif thread and kind == "thread.item.removed":
            self._chat(agent_id, thread).items.pop(str(event.get("item_id")), None)
        return thread

    def copy(self, agent_id: str, asked: Request, reason: str) -> str | None:
        """The copy of a lost chat, as a reply to a request that only reads. None if there is none."""
        chat = self._chats.get((agent_id, asked.thread))
        if chat is None or not chat.items or asked.type not in ("threads.get_by_id", "items.list"):
            return None
        items = sorted(chat.items.values(), key=lambda one: str(one.get("created_at")))
        if asked.type == "items.list" and _params(asked).get("order") == "desc":
            items.reverse()
        after = _params(asked).get("after")
        page: Json = {"data": [] if after else items, "has_more": False, "after": None}
        if asked.type == "items.list":
            return json.dumps(page)
        thread = {"id": asked.thread, "created_at": items[0].get("created_at"), **chat.thread}
        return json.dumps({**thread, "status": {"type": "locked", "reason": reason}, "items": page})

    def _chat(self, agent_id: str, thread: str) -> _Chat:
        chat = self._chats.setdefault((agent_id, thread), _Chat({}))
        self._chats.move_to_end((agent_id, thread))
        while len(self._chats) > MOST_CHATS:
            self._chats.popitem(last=False)
        return chat


def _params(asked: Request) -> Json:
    params = json.loads(asked.body).get("params")
    return params if isinstance(params, dict) else {}


def _in_order(asked: Request, entries: list[Any]) -> list[Any]:
    """Oldest first, as stored."""
    return entries[::-1] if _params(asked).get("order") == "desc" else entries
