"""What tests of the library share: chats at the stand-in, an archive run, and what the archive then holds."""

from __future__ import annotations

from typing import Any

from desktop.chats.archiving import ArchiveRun
from desktop.chats.copies import Copies, Origin
from desktop.chats.types import Archived
from desktop.openai_api.client import Requests
from tests.standins.api import ApiStandIn

ME = "me"
Json = dict[str, Any]


def fill(api: ApiStandIn, count: int = 5) -> list[str]:
    """`count` chats of mine, the last one the newest, the first with an item of every type; and one of somebody's."""
    made = [
        api.world.add_thread(ME, f"Chat {number}", created_at=1_760_000_000 + number * 86_400, messages=number % 4)
        for number in range(count)
    ]
    api.world.add_one_of_each(made[0])
    api.world.add_thread("you", "Not mine")
    return made


def archive(copies: Copies, client: Requests, user: str | None = ME, **options: Any) -> Archived:
    def origin(owner: str) -> Origin:
        return Origin("", agent="workflow" if owner == ME else "", own=owner == ME)

    return ArchiveRun(copies, client, user, origin, random=lambda: 0.0).run(**options)


def content(copies: Copies, everybody: bool = True) -> dict[str, tuple[Json, list[Json]]]:
    """{id: (the thread, its items)}, as the API gave them."""
    return {
        row.id: (row.raw, [line.raw for line in copies.lines(row.seq, limit=100_000)])
        for row in copies.rows(limit=100_000, everybody=everybody)
    }


def at_openai(api: ApiStandIn, user: str | None = ME) -> dict[str, tuple[Json, list[Json]]]:
    """The same, at the stand-in."""
    return {
        thread_id: (thread, api.world.items[thread_id])
        for thread_id, thread in api.world.threads.items()
        if user in (None, thread["user"])
    }
