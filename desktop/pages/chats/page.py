"""The page of all chats: find, read, open and rename them. `jobs` exports, archives and deletes them.

It runs no remote script. What people and agents wrote arrives as text, or as HTML that `chats` has made safe.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from desktop.common.page import Method, NoParams, Page, Params
from desktop.pages.chats.jobs import ArchiveJob, DeleteJob, ExportJob, Jobs
from desktop.pages.common.archiving import library_of
from desktop.pages.common.check_run import FieldError
from desktop.pages.common.fields import lock_of
from desktop.pages.common.files import files_of
from desktop.pages.common.help import help_methods
from desktop.pages.common.look import look_of
from desktop.pages.common.services import Services
from desktop.settings import roster
from desktop.settings.errors import AgentNotSet

if TYPE_CHECKING:
    from desktop.chats.library import Library
    from desktop.chats.types import Chat, Item

log = logging.getLogger(__name__)

MANY = 8 * 1024 * 1024
"""The largest call that lists chats, in bytes: about a hundred thousand of them."""
LISTED = 100
"""Chats per page of the list."""
HITS = 100
"""The most chats a search shows."""
READ = 20
"""Items per page of a chat: a single item may be as long as an API allows."""
LONGEST = 100_000
"""Characters shown of one part of a message. An export has all of them."""
OFFER = "archive_offer"

Id = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Filter(Params):
    agent: Annotated[str, StringConstraints(max_length=64)] = ""
    """Empty for all agents."""
    days: Annotated[int, Field(ge=0, le=36_500)] = 0
    """Only chats of the last so many days; 0 for all."""


class ListParams(Filter):
    after: Annotated[str, StringConstraints(max_length=2_000)] = ""


class SearchParams(Filter):
    query: Annotated[str, StringConstraints(max_length=500)]


class ItemsParams(Params):
    id: Id
    after: Annotated[str, StringConstraints(max_length=2_000)] = ""


class RefreshParams(Params):
    source: Annotated[str, StringConstraints(max_length=64)] = ""
    """A server's agent; empty for OpenAI."""


class IdParams(Params):
    id: Id


class RenameParams(Params):
    id: Id
    title: Annotated[str, StringConstraints(max_length=1_000)]


class ChatsPage:
    """One for each showing of the page. It closes `library` at its end; if None, it opens its own."""

    def __init__(self, services: Services, library: Library | None = None) -> None:
        self._services = services
        self._library = library or library_of(services)
        self._jobs = Jobs(services, self._library)
        self._gone = threading.Event()

    def page(self) -> Page:
        return Page(
            name="chats",
            html="chats/chats.html",
            files=(
                *files_of("chats"),
                f"texts/{self._services.texts.language}/common.json",
            ),
            methods={
                **help_methods(self._services),
                "chats.start": Method(NoParams, self._start),
                "chats.refresh": Method(RefreshParams, self._refresh),
                "chats.list": Method(ListParams, self._list),
                "chats.all": Method(Filter, self._all),
                "chats.search": Method(SearchParams, self._search),
                "chats.items": Method(ItemsParams, self._items),
                "chats.open": Method(IdParams, self._open),
                "chats.rename": Method(RenameParams, self._rename),
                "chats.pick_folder": Method(NoParams, self._pick_folder),
                "chats.export": Method(ExportJob, self._export, limit=MANY),
                "chats.delete": Method(DeleteJob, self._jobs.delete, limit=MANY),
                "chats.archive": Method(ArchiveJob, self._archive),
                "chats.cancel": Method(NoParams, self._jobs.cancel),
                "chats.open_folder": Method(NoParams, self._jobs.open_folder),
                "chats.offer_seen": Method(NoParams, self._offer_seen),
            },
            title=self._services.texts.get("chats.window"),
            on_gone=self._on_gone,
        )

    # --- the start --------------------------------------------------------------------------------

    def _start(self, _: NoParams) -> dict[str, Any]:
        """Everything but the chats. Waits for no store and no network."""
        services = self._services
        agents = self._library.agents()
        return {
            "texts": services.texts.page("common", "chats"),
            "look": look_of(services),
            "language": services.texts.language,
            "agents": [{"id": one, "name": name} for one, name in agents.items()],
            "hosted": self._library.has_hosted,
            "sources": [{"id": one, "name": agents.get(one, "OpenAI")} for one in self._library.sources()],
            "offer": self._offered(),
            "folder": self._folder(),
            "notices": [error.describe(services.texts) for error in services.settings.notices],
        }

    def _offered(self) -> bool:
        """Whether to mention once that hosted chats can be copied: not if some already are, and never twice."""
        services = self._services
        seen = services.state.notice_seen(OFFER)
        return self._library.has_hosted and not seen and not services.locations.copies.exists()

    def _offer_seen(self, _: NoParams) -> None:
        self._services.state.set_notice_seen(OFFER)

    def _folder(self) -> str:
        """The default folder for exports: the last one, or else a folder in Documents."""
        from desktop.chats.export.names import safe
        from desktop.common.locations import documents_dir

        kept = self._services.state.export_folder()
        if kept:
            return kept
        name = self._services.texts.get("chats.folder_name", name=self._services.brand.app.name)
        return str(documents_dir() / safe(name, "chats"))

    # --- finding ----------------------------------------------------------------------------------

    def _refresh(self, params: RefreshParams) -> dict[str, int]:
        """Ask a source for its chats: `{count}`. Raises KeyMissing, ApiError, NetworkError, ServerError."""

        def told(count: int) -> None:
            self._services.app.emit("chats", "chats.counted", {"source": params.source, "count": count})

        return {"count": self._library.refresh(self._gone, told, params.source)}

    def _list(self, params: ListParams) -> dict[str, Any]:
        """`{data: [chat], after}`, newest first; `after` is None at the end."""
        found = self._library.chats(**_chosen(params), limit=LISTED, after=params.after or None)
        notices = (*self._library.problems, *self._library.notices)
        told = [error.describe(self._services.texts) for error in notices]
        return {"data": [self._told(chat) for chat in found.data], "after": found.after, "notices": told}

    def _all(self, params: Filter) -> dict[str, Any]:
        """`{data: [[id, where, gone, server]]}` for every chat in the list."""
        every = self._library.all(**_chosen(params))
        return {"data": [[chat.id, chat.where, chat.gone, chat.server] for chat in every]}

    def _search(self, params: SearchParams) -> dict[str, Any]:
        """`{data: [{chat, title, item_id, passage}]}`."""
        found = self._library.search(params.query, **_chosen(params), limit=HITS)
        return {"data": [one.wire() | {"chat": self._told(one.chat)} for one in found]}

    def _told(self, chat: Chat) -> dict[str, Any]:
        return chat.wire() | {"opens": self._opens(chat)}

    def _opens(self, chat: Chat) -> bool:
        """Whether the chat can be continued: its agent still exists and may be chosen."""
        settings = self._services.settings
        agent = roster.find(settings.current.agents, chat.agent_id)
        if agent is None or chat.gone:
            return False
        if chat.where in ("archived", "hosted") and settings.current.user_ids.get(agent.id) != chat.user:
            return False
        active = settings.current.agent()
        same = active is not None and active.id == agent.id
        return same or not lock_of(settings, "active_agent", "command_line", "environment")

    # --- one chat ---------------------------------------------------------------------------------

    def _items(self, params: ItemsParams) -> dict[str, Any]:
        """`{chat, data: [{id, role, who, at, html}], after}`, oldest first. Raises ThreadNotFound, and the errors of
        OpenAI or the server."""
        chat = self._library.chat(params.id)
        found = self._library.items(params.id, after=params.after or None, limit=READ)
        data = [entry for item in found.data if (entry := self._entry(chat, item)) is not None]
        return {"chat": self._told(chat), "data": data, "after": found.after}

    def _entry(self, chat: Chat, item: Item) -> dict[str, Any] | None:
        from dataclasses import replace

        from desktop.chats.export.as_html import body
        from desktop.chats.export.as_markdown import who
        from desktop.chats.export.reading import entry_of
        from desktop.chats.types import iso

        texts = self._services.texts
        entry = entry_of(item)
        if entry is None:
            return None
        parts = tuple(replace(one, text=_cut(one.text), more=_cut(one.more)) for one in entry.parts)
        html = body(replace(entry, parts=parts), texts, lambda attachment: self._library.attachment(chat, attachment))
        return {
            "id": item.id,
            "role": entry.role,
            "who": who(entry, chat, texts),
            "at": iso(entry.at) if entry.at else None,
            "html": html,
            "cut": parts != entry.parts,
        }

    def _open(self, params: IdParams) -> None:
        """Open it in the chat window; its agent becomes the active one. Raises AgentNotSet if that is impossible."""
        chat = self._library.chat(params.id)
        if not self._opens(chat):
            raise AgentNotSet()
        self._services.app.open_chat(chat.agent_id, chat.thread_id)

    def _rename(self, params: RenameParams) -> dict[str, Any]:
        """Rename a chat, and return it. Raises FieldError, ChatReadOnly, ThreadNotFound."""
        if not params.title.strip():
            raise FieldError("title", self._services.texts.get("chats.title_empty"))
        chat = self._library.rename(params.id, params.title)
        self._services.app.emit("chat", "thread.changed", {"agent": chat.agent_id, "thread": chat.thread_id})
        return self._told(chat)

    # --- taking along -----------------------------------------------------------------------------

    def _pick_folder(self, _: NoParams) -> str | None:
        """The folder chosen; None if cancelled."""
        return self._services.app.pick_folder()

    def _export(self, params: ExportJob) -> dict[str, bool]:
        texts = self._services.texts
        typed = params.folder.strip()
        if not typed:
            raise FieldError("folder", texts.get("chats.folder_empty"))
        folder = Path(typed).expanduser()
        if not folder.is_absolute():
            raise FieldError("folder", texts.get("chats.folder_relative"))
        if folder.exists() and not folder.is_dir():
            raise FieldError("folder", texts.get("chats.folder_is_file"))
        self._services.state.set_export_folder(str(folder))
        return self._jobs.export(params, folder, self._every(params))

    def _every(self, params: ExportJob) -> Iterable[Chat]:
        return self._library.all(**_chosen(Filter(agent=params.agent, days=params.days)))

    def _archive(self, params: ArchiveJob) -> dict[str, bool]:
        self._services.keeper.api()  # report a missing key at once
        started = self._jobs.archive(params)
        if started["started"]:
            self._services.state.set_notice_seen(OFFER)
        return started

    # --- the end ----------------------------------------------------------------------------------

    def _on_gone(self) -> None:
        """End the page's job. What it has written stays."""
        self._gone.set()
        self._jobs.close(self._library.close)


def _chosen(params: Filter) -> dict[str, Any]:
    """The filter as arguments for the library."""
    since = None
    if params.days:
        midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        since = (midnight - timedelta(days=params.days - 1)).astimezone(UTC)
    return {"agent": params.agent or None, "since": since}


def _cut(text: str) -> str:
    # A picture can't be cut.
    return text if len(text) <= LONGEST or text.startswith("data:image/") else text[:LONGEST] + "…"
