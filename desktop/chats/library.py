"""The library of all chats in a profile: with agents in the app, hosted, archived, and at ChatKit servers.

For pages and commands: every method waits for its answer, and may be called from any thread but the agents' own.
Knows no page and no terminal; imports the SDK only where in-app chats are asked for.
"""

from __future__ import annotations

import heapq
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from desktop.chats.archive.archive import Archive
from desktop.chats.errors import ChatAtOpenAI, ChatReadOnly
from desktop.chats.sources.hosted import Hosted, chat_of
from desktop.chats.sources.in_app import InApp
from desktop.chats.sources.on_servers import OnServers
from desktop.chats.sources.shelf import Listed
from desktop.chats.types import (
    EVERYWHERE,
    Archived,
    Chat,
    Chats,
    Deletion,
    Exported,
    Format,
    Found,
    Item,
    Items,
    Tell,
    Where,
)
from desktop.common.errors import AppError, BadParams, BridgeError
from desktop.openai_api import threads
from desktop.openai_api.errors import ThreadNotFound

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.agents.host import AgentHost
    from desktop.agents.store.search import Hit
    from desktop.chats.archive.copies import Copies
    from desktop.common.locations import Locations
    from desktop.common.texts import Catalogue
    from desktop.openai_api.client import Requests
    from desktop.settings.agents import ServerAgent
    from desktop.settings.model import Settings

T = TypeVar("T")
OPENAI = ""
"""The name of OpenAI among the sources that are asked; the others are agents that are servers."""
LIMIT = 50
TITLE = 200
"""Characters of a title that a person gives."""
ALL_AT_ONCE = 100


class Library:
    """`settings` gives those in effect now. `host`: the agents in the app; None: none can run here. `client`: a client
    for the API, shared and closed by whoever made it; it raises KeyMissing. `app_name` is the name of agents without
    one. `close` the library at the end.
    """

    def __init__(
        self,
        locations: Locations,
        settings: Callable[[], Settings],
        *,
        host: AgentHost | None = None,
        client: Callable[[], Requests] | None = None,
        app_name: str = "",
    ) -> None:
        self._locations = locations
        self._settings = settings
        self._app_name = app_name
        self._in_app = InApp(host, locations.threads, self.agent_name)
        self._hosted = Hosted(client, self._users)
        self._servers = OnServers(host, self._server_agents)
        self._archive = Archive(locations, self._users, self.agent_name)
        self._problems: list[AppError] = []

    def close(self) -> None:
        """Closes the archive. May be called again."""
        self._archive.close()

    @property
    def problems(self) -> Sequence[AppError]:
        """Why the last list or search lacks chats that are on this machine: those written by a newer version, say."""
        return tuple(self._problems)

    @property
    def notices(self) -> Sequence[AppError]:
        """What a person should be told of the archive: a damaged file that was set aside."""
        return self._archive.notices

    # --- finding ------------------------------------------------------------------------------

    def agents(self) -> dict[str, str]:
        """{id: name} of the profile's agents, for a filter."""
        return {agent.id: self.agent_name(agent.id) for agent in self._settings().agents}

    def agent_name(self, agent_id: str) -> str:
        for agent in self._settings().agents:
            if agent.id == agent_id:
                return agent.name or self._app_name or agent.id
        return ""

    def sources(self, agent: str | None = None) -> tuple[str, ...]:
        """Who can be asked for chats that are not on this machine: OPENAI, and agents that are servers. `agent`: only
        those that have chats of it."""
        servers = tuple(self._servers.agents())
        if agent is not None and agent in servers:
            return (agent,)
        there = self.has_hosted and (agent is None or agent in self._users().values())
        return ((OPENAI,) if there else ()) + (servers if agent is None else ())

    def refresh(
        self,
        cancel: threading.Event | None = None,
        told: Callable[[int], object] | None = None,
        source: str = OPENAI,
    ) -> int:
        """Asks a source which chats it has; before that, lists and searches know only of what is on this machine.

        Takes a request for every hundred chats; `told` hears of each. Gives how many there are. Raises KeyMissing,
        ApiError, NetworkError, ServerError, KeyStoreError; ThreadNotFound for a source that is none.
        """
        if source == OPENAI:
            return self._hosted.refresh(cancel, told)
        return self._servers.refresh(source, cancel, told)

    @property
    def has_hosted(self) -> bool:
        """Whether this profile has hosted agents that were ever talked to."""
        return self._hosted.there

    def chats(
        self,
        *,
        agent: str | None = None,
        since: datetime | None = None,
        where: Iterable[Where] = EVERYWHERE,
        limit: int = LIMIT,
        after: str | None = None,
        everybody: bool = False,
    ) -> Chats:
        """A page of chats, the newest first; `everybody`: archived ones of other users too. Raises BadParams for an
        `after` that is none of ours, and what kept all chats of this machine from being read where there are no
        others; else that is among `problems`."""
        cursors = _cursors(after)
        pages: dict[Where, list[tuple[Chat, str]]] = {}
        wanted = tuple(where)
        problems: list[AppError] = []
        try:
            if "in_app" in wanted:
                place = cursors.get("in_app")
                pages["in_app"] = _tried(lambda: self._in_app.page(limit + 1, place, agent, since), [], problems)
            copies = _tried(self._archive.copies, None, problems)
            if "archived" in wanted and copies is not None:
                rows = copies.rows(
                    limit=limit + 1, after=cursors.get("archived"), agent=agent, since=since, everybody=everybody
                )
                pages["archived"] = [(self._archive.chat(row), row.cursor) for row in rows]
            if "hosted" in wanted:
                pages["hosted"] = self._hosted_page(limit + 1, cursors.get("hosted"), agent, since, copies)
            if "server" in wanted:
                listed = self._servers.shelf.page(limit + 1, cursors.get("server"), agent, since)
                pages["server"] = [(self._at_server(one), one.cursor) for one in listed]
        except ValueError as error:
            raise BadParams(f"after: {error}") from None
        if problems and after is None and not any(pages.values()):
            raise problems[0]
        self._problems = problems
        merged = heapq.merge(*pages.values(), key=lambda pair: pair[0].updated_at, reverse=True)
        data: list[Chat] = []
        for chat, cursor in merged:
            if len(data) == limit:
                return Chats(tuple(data), json.dumps(cursors, separators=(",", ":")))
            data.append(chat)
            cursors[chat.where] = cursor
        return Chats(tuple(data))

    def all(self, **chosen: Any) -> Iterator[Chat]:
        """Every chat that `chats` would give with these arguments, page by page."""
        after: str | None = None
        while True:
            page = self.chats(**chosen, limit=ALL_AT_ONCE, after=after)
            yield from page.data
            after = page.after
            if after is None:
                return

    def chat(self, chat_id: str) -> Chat:
        """One chat; OpenAI or its server is asked for what is not on this machine. Raises ThreadNotFound, KeyMissing,
        ApiError, NetworkError, ServerError."""
        if self._servers.owns(chat_id):
            return self._at_server(self._servers.get(chat_id))
        problems: list[AppError] = []
        found = _tried(lambda: self._in_app.chat(chat_id), None, problems)
        if found is not None:
            return found
        copies = _tried(self._archive.copies, None, problems)
        row = copies.row(chat_id) if copies is not None else None
        if row is not None:
            return self._archive.chat(row)
        try:
            if not chat_id.startswith("cthr") and not self._hosted.there:
                raise ThreadNotFound("nowhere", status=0, thread=chat_id[:60])
            listed = self._hosted.listed(self._hosted.get(chat_id))
        except AppError as error:
            raise (problems or [error])[0] from None  # it may be among what can't be read
        return chat_of(listed, self.agent_name(listed.agent))

    def search(
        self,
        query: str,
        *,
        agent: str | None = None,
        since: datetime | None = None,
        where: Iterable[Where] = EVERYWHERE,
        limit: int = LIMIT,
    ) -> tuple[Found, ...]:
        """Chats whose title or messages hold the beginnings of all words of `query`; of those that are not on this
        machine, the titles that `refresh` has found. By title first, then by message, each the newest first. Raises as
        `chats`."""
        from desktop.agents.store.search import Passage, title_finder, words_of

        if not words_of(query):
            return ()
        wanted, found = tuple(where), []
        problems: list[AppError] = []
        if "in_app" in wanted:
            nothing: list[tuple[Chat, Hit]] = []
            for chat, hit in _tried(lambda: self._in_app.search(query, agent, limit), nothing, problems):
                found.append(Found(chat, hit.title, hit.item_id, hit.passage))
        copies = _tried(self._archive.copies, None, problems)
        if "archived" in wanted and copies is not None:
            for hit in copies.search(query, agent, limit):
                row = copies.row(hit.thread_id)
                if row is not None and row.own:
                    found.append(Found(self._archive.chat(row), hit.title, hit.item_id, hit.passage))
        look = title_finder(query)

        def titled(listed: Iterable[Listed]) -> list[tuple[Listed, Passage]]:
            mine = ((one, look(one.title)) for one in listed if agent in (None, one.agent))
            return [(one, passage) for one, passage in mine if passage is not None]

        if "hosted" in wanted:
            matching = titled(self._hosted.shelf.all())
            known = copies.known(one.id for one, _ in matching) if copies is not None else set()
            for one, passage in matching[: limit + len(known)]:
                if one.id not in known:
                    found.append(Found(chat_of(one, self.agent_name(one.agent)), passage))
        if "server" in wanted:
            for one, passage in titled(self._servers.shelf.all())[:limit]:
                found.append(Found(self._at_server(one), passage))
        if problems and not found:
            raise problems[0]
        self._problems = problems
        if since is not None:
            found = [one for one in found if one.chat.updated_at >= since]
        found.sort(key=lambda one: one.chat.updated_at, reverse=True)
        found.sort(key=lambda one: one.item_id is not None)
        return tuple(found[:limit])

    def thread_id(self, chat_id: str) -> str:
        """A chat's id as its agent knows it. Asks nobody."""
        return chat_id.partition("/")[2] if self._servers.owns(chat_id) else chat_id

    # --- reading ------------------------------------------------------------------------------

    def items(self, chat_id: str, *, after: str | None = None, limit: int = LIMIT) -> Items:
        """A page of a chat's items. Raises what `chat` raises, and BadParams for an `after` that is none of ours."""
        chat = self.chat(chat_id)
        if chat.where == "server":
            return self._servers.items(chat_id, after, limit)
        if chat.where == "hosted":
            return self._hosted.items(chat_id, after, limit)
        try:
            found = self._local_items(chat, int(after or 0), limit + 1)
        except ValueError as error:
            raise BadParams(f"after: {error}") from None
        return Items(tuple(item for item, _ in found[:limit]), str(found[limit - 1][1]) if len(found) > limit else None)

    def thread(self, chat: Chat) -> dict[str, Any]:
        """All that is known of a chat but its items, as its source has it. Raises ThreadNotFound, ApiError,
        NetworkError, ServerError."""
        if chat.where == "in_app":
            return self._in_app.thread(chat.id)
        if chat.where == "archived":
            return self._archive.row(chat.id).raw
        if chat.where == "server":
            return self._servers.thread(chat.id)
        return self._hosted.get(chat.id).raw()

    def all_items(self, chat: Chat, cancel: threading.Event | None = None) -> Iterator[Item]:
        """Every item, oldest first, a few in memory at a time. A hosted chat is read whole before the first is given.

        Raises ThreadNotFound, ApiError, NetworkError, ServerError; CancelledError where `cancel` ended a wait.
        """
        if chat.where == "server":
            yield from self._servers.all_items(chat.id, cancel)
            return
        if chat.where == "hosted":
            yield from self._hosted.all_items(chat.id, self._locations.folder, cancel)
            return
        yield from _paged(lambda after: self._local_items(chat, after, ALL_AT_ONCE))

    def left_items(self, chat: Chat) -> Iterator[Item]:
        """Items of the versions that the chat does not show, of an agent in the app."""
        if chat.where != "in_app":
            return iter(())
        return _paged(lambda after: self._in_app.left_items(chat.id, after, ALL_AT_ONCE))

    def removed_items(self, chat: Chat) -> Iterator[Item]:
        """Items of an archived chat that OpenAI no longer had when it was copied again."""
        return self._archive.removed_items(chat.id) if chat.where == "archived" else iter(())

    def attachment(self, chat: Chat, attachment_id: str) -> bytes | None:
        """The bytes of a file that went with a message; None where they can't be had: neither OpenAI nor ChatKit's
        protocol gives them out."""
        return self._in_app.attachment(attachment_id, chat.agent_id) if chat.where == "in_app" else None

    # --- taking along -------------------------------------------------------------------------

    def export(
        self,
        chats: Iterable[Chat],
        out: Path,
        form: Format,
        texts: Catalogue,
        *,
        tell: Tell | None = None,
        cancel: threading.Event | None = None,
    ) -> Exported:
        """Writes each chat to a file of its own in the folder `out`; `chats.export.exporting` writes a single one too.

        Never raises AppError: what stopped it is the result's `error`. Called again with the same folder it goes on.
        """
        from desktop.chats.export.exporting import Export

        return Export(self, texts, form).to_folder(list(chats), out, tell=tell, cancel=cancel)

    # --- changing -----------------------------------------------------------------------------

    def rename(self, chat_id: str, title: str) -> Chat:
        """Another title, for a chat of an agent in the app, or at a server. Raises ChatReadOnly for any other; and as
        `chat`."""
        chat = self.chat(chat_id)
        if chat.read_only:
            raise ChatReadOnly(chat.where)
        shown = " ".join(title.split())[:TITLE].strip()
        if not shown:
            raise BadParams("an empty title")
        (self._servers if chat.where == "server" else self._in_app).rename(chat_id, shown)
        return replace(chat, title=shown)

    def delete(self, ids: Iterable[str], *, at_openai: bool = False) -> Deletion:
        """Deletes chats, for good: where they are, or at OpenAI; never in both places at once.

        `at_openai` False: chats of agents in the app, copies, while the hosted chat stays, and chats at servers. True:
        hosted chats; the copy stays. What is not where it should be deleted is among what failed: ChatAtOpenAI,
        ThreadNotFound.
        """
        deleted: list[str] = []
        failed: list[tuple[str, AppError]] = []
        for chat_id in dict.fromkeys(ids):
            try:
                if at_openai:
                    self._delete_hosted(chat_id)
                else:
                    self._delete_here(chat_id)
            except AppError as error:
                failed.append((chat_id, error))
            else:
                deleted.append(chat_id)
        return Deletion(tuple(deleted), tuple(failed))

    def _delete_here(self, chat_id: str) -> None:
        chat = self.chat(chat_id)
        if chat.where == "in_app":
            self._in_app.delete(chat_id)
        elif chat.where == "server":
            self._servers.delete(chat_id)
        elif chat.where == "archived":
            self._archive.opened().delete(chat_id)
        else:
            raise ChatAtOpenAI(chat_id)

    def _delete_hosted(self, chat_id: str) -> None:
        threads.delete_thread(self._hosted.client(), chat_id)
        self._hosted.shelf.forget(chat_id)
        copies = _tried(self._archive.copies, None, [])
        if copies is not None:
            copies.mark_gone(chat_id)

    # --- the archive --------------------------------------------------------------------------

    def archive(
        self,
        *,
        tell: Tell | None = None,
        cancel: threading.Event | None = None,
        agent: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
        ids: Iterable[str] | None = None,
        everybody: bool = False,
        again: bool = False,
    ) -> Archived:
        """Copies hosted chats of this profile's person onto this machine: what is new or changed. Deletes nothing.

        `agent`: those of one hosted agent. `again`: see `ArchiveRun.run`. `everybody`: of all users of the key's
        project; those are other people's chats, and whoever calls this has asked. Never raises AppError: what stopped
        it is the result's `error`.
        """
        users = self._users()
        chosen = [None] if everybody or ids is not None else [one for one in users if agent in (None, users[one])]
        begun = None if since is None else since.timestamp()
        return self._archive.take(
            self._hosted.client, chosen, tell=tell, cancel=cancel, since=begun, limit=limit, ids=ids, again=again
        )

    def users_in_project(self, cancel: threading.Event | None = None) -> tuple[int, int]:
        """(threads, users) of the whole project of the key: what an archive of everybody would take. Raises KeyMissing,
        ApiError, NetworkError, CancelledError."""
        from desktop.chats.sources.patient import Patient

        client = Patient(self._hosted.client(), cancel or threading.Event())
        count, users = 0, set()
        for thread in threads.iter_threads(client, None):
            count += 1
            users.add(thread.user)
        return count, len(users)

    # --- inside -------------------------------------------------------------------------------

    def _users(self) -> dict[str, str]:
        from desktop.settings.model import WorkflowAgent

        settings = self._settings()
        known = ((settings.user_ids.get(one.id, ""), one) for one in settings.agents)
        return {user: one.id for user, one in known if user and isinstance(one, WorkflowAgent)}

    def _server_agents(self) -> dict[str, ServerAgent]:
        from desktop.settings.agents import ServerAgent as Server

        return {one.id: one for one in self._settings().agents if isinstance(one, Server)}

    def _at_server(self, one: Listed) -> Chat:
        return self._servers.chat(one, self.agent_name(one.agent))

    def _local_items(self, chat: Chat, after: int, limit: int) -> list[tuple[Item, int]]:
        """Items with their places, from this machine."""
        return (self._in_app if chat.where == "in_app" else self._archive).items(chat.id, after, limit)

    def _hosted_page(
        self, limit: int, after: str | None, agent: str | None, since: datetime | None, copies: Copies | None
    ) -> list[tuple[Chat, str]]:
        """Hosted chats of which there is no copy."""
        pairs: list[tuple[Chat, str]] = []
        while len(pairs) < limit:
            found = self._hosted.shelf.page(limit, after, agent, since)
            known = copies.known(one.id for one in found) if copies is not None else set()
            pairs += [(chat_of(one, self.agent_name(one.agent)), one.cursor) for one in found if one.id not in known]
            if len(found) < limit:
                break
            after = found[-1].cursor
        return pairs[:limit]


def _paged(page: Callable[[int], list[tuple[Item, int]]]) -> Iterator[Item]:
    """Every item of `page`, which gives those after a place."""
    after = 0
    while found := page(after):
        yield from (item for item, _ in found)
        after = found[-1][1]


def _tried(read: Callable[[], T], instead: T, problems: list[AppError]) -> T:
    """What `read` gives; `instead` where a part of the library can't be read, and why among `problems`."""
    try:
        return read()
    except BridgeError:
        raise  # the app is closing
    except AppError as error:
        problems.append(error)
        return instead


def _cursors(after: str | None) -> dict[str, str]:
    """Where each kind of chat goes on. Raises BadParams."""
    if not after:
        return {}
    try:
        found = json.loads(after)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(
        name in EVERYWHERE and isinstance(value, str) for name, value in found.items()
    ):
        raise BadParams("after: no cursor of ours")
    return found
