"""What tests of the library share: chats at the stand-in, an archive run, and what the archive then holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from chatkit.types import Attachment, ThreadItem

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.host import AgentHost
from desktop.agents.store.attachments import AttachmentFiles
from desktop.agents.store.ids import new_id
from desktop.agents.store.stores import Stores
from desktop.chats.archive.archiving import ArchiveRun
from desktop.chats.archive.copies import Copies, Origin
from desktop.chats.library import Library
from desktop.chats.types import Archived
from desktop.common.locations import Locations
from desktop.common.texts import Catalogue
from desktop.openai_api.client import Requests
from desktop.settings.agents import AssistantAgent, DemoAgent
from desktop.settings.model import Settings, WorkflowAgent
from tests.agents.talk import Given
from tests.agents.things import thread
from tests.standins.api import WORKFLOW, ApiStandIn

ME = "user-0001"
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


class Desk:
    """A profile with an assistant, the demo and a hosted workflow, and the library of its chats."""

    def __init__(self, api: ApiStandIn, client: Requests, folder: Path) -> None:
        self.api = api
        self.settings = Settings(
            agents=[
                AssistantAgent(id="assistant", name="Ada"),
                DemoAgent(id="demo"),
                WorkflowAgent(workflow_id=WORKFLOW, name="Flow"),
            ],
            user_ids={"workflow": ME},
        )
        self.locations = Locations(folder)
        self.host = AgentHost(
            Given(), Catalogue("en"), threads=self.locations.threads, attachments=self.locations.attachments
        )
        self.library = Library(
            self.locations, lambda: self.settings, host=self.host, client=lambda: client, app_name="ChatKit"
        )

    def close(self) -> None:
        self.library.close()
        self.host.close(limit=10.0)

    def chat(self, title: str | None, *items: ThreadItem, agent: str = "assistant", thread_id: str = "") -> str:
        """A chat of an agent in the app; gives its id."""
        made = thread(thread_id or new_id("thread"), title)
        context = RequestContext(agent, "user")

        async def fill(stores: Stores) -> None:
            await stores.threads.save_thread(made, context)
            for item in items:
                await stores.threads.add_thread_item(made.id, item, context)

        self.host.call(fill)
        return made.id

    def attach(self, name: str, kind: str, data: bytes, agent: str = "assistant") -> Attachment:
        context = RequestContext(agent, "user")

        async def add(stores: Stores) -> Attachment:
            return await cast("AttachmentFiles", stores.attachments).add(name, kind, data, context)

        return self.host.call(add)
