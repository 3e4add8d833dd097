"""Chats at a profile's ChatKit servers, through ChatKit's protocol: list, read, rename, delete.

What was listed is kept in memory and nowhere else. A chat's id begins with its agent's (`team/thr_1`): two servers may
give the same one. Nobody is asked for a token here. Knows no store and no archive.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from desktop.agents.remote.errors import ServerBusy, ServerDown, ServerFlood, ServerGone, ServerUnfit
from desktop.agents.store.columns import MOST_OF_A_TITLE, clean
from desktop.chats.sources.items import kind_of
from desktop.chats.sources.patient import CancelledError
from desktop.chats.sources.shelf import Listed, Shelf, place
from desktop.chats.types import Chat, Item, Items
from desktop.common.errors import AppError, PageGone
from desktop.openai_api.errors import ConnectionLost, ThreadNotFound
from desktop.settings.origins import is_loopback

if TYPE_CHECKING:
    from desktop.agents.host import AgentHost
    from desktop.settings.agents import ServerAgent

BETWEEN = "/"
PAGE = 100
WITHIN = 30.0
"""Seconds for an answer to begin: a list is no model that thinks."""
MOST = 100_000
"""Chats of a server, and entries of a chat; a server that lists more is taken for one that never ends."""
NOTHING_NEW = 3
"""Pages in a row with nothing new in them, after which a list is taken for a circle."""
RETRIES = 3
PATIENCE = 120.0
"""Seconds a long job waits where a server asks for it."""
LONGEST = 400
"""Characters of an id; a chat whose id is longer is not listed."""

Json = dict[str, Any]


class OnServers:
    """`host`: what talks to the servers; None: nothing can. `agents`: {agent id: the server} in effect now.

    Nothing is asked before `refresh`; what it has found so far can be read meanwhile. Usable from every thread.
    Everything that asks raises ServerError, NetworkError, KeyStoreError, ThreadNotFound.
    """

    def __init__(self, host: AgentHost | None, agents: Callable[[], Mapping[str, ServerAgent]]) -> None:
        self._host = host
        self._agents = agents
        self.shelf = Shelf()

    def agents(self) -> Mapping[str, ServerAgent]:
        """Those that can be asked."""
        return self._agents() if self._host is not None else {}

    def owns(self, chat_id: str) -> bool:
        """Whether the id is that of a chat at one of the servers."""
        agent, between, thread_id = chat_id.partition(BETWEEN)
        return bool(between and thread_id) and agent in self.agents()

    def where(self, agent_id: str) -> str:
        """The server's host, as sentences name it."""
        agent = self.agents().get(agent_id)
        return urlsplit(agent.url).netloc if agent is not None else ""

    def refresh(
        self, agent_id: str, cancel: threading.Event | None = None, told: Callable[[int], object] | None = None
    ) -> int:
        """Asks a server for all titles; gives how many there are, and tells them page by page. What was known stays
        known where it fails."""
        agent = self._agent(agent_id)
        found: set[str] = set()
        try:
            for page in self._pages(agent, "threads.list", cancel, order="desc"):
                for thread in page:
                    one = self._listed(agent, thread)
                    if one is not None:
                        found.add(one.id)
                        self.shelf.put(one)
                if told is not None:
                    told(len(found))
        except CancelledError:
            return len(found)
        self.shelf.keep_only(found, agent_id)
        return len(found)

    def chat(self, one: Listed, name: str) -> Chat:
        """`name`: of its agent."""
        return Chat(
            id=one.id,
            where="server",
            agent_id=one.agent,
            agent_name=name,
            title=one.title or None,
            created_at=one.began,
            updated_at=one.began,
            server=self.where(one.agent),
        )

    def get(self, chat_id: str) -> Listed:
        """A chat as it was listed; one that was not is asked for."""
        known = self.shelf.get(chat_id)
        return known if known is not None else self._asked(chat_id)[0]

    def thread(self, chat_id: str) -> Json:
        """All of a thread but its items, asked for now."""
        return self._asked(chat_id)[1]

    def items(self, chat_id: str, after: str | None, limit: int) -> Items:
        """A page of a chat's items, oldest first."""
        agent, thread_id = self._named(chat_id)
        more = {} if after is None else {"after": after}
        asked = {"thread_id": thread_id, "order": "asc", "limit": limit, **more}
        with self._there(chat_id):
            try:
                reply = self._ask(agent, "items.list", asked)
            except ServerFlood:
                reply = self._ask(agent, "items.list", asked | {"limit": 1})
        data = tuple(self._item(agent, raw) for raw in reply["data"])
        return Items(data, _cursor(reply))

    def all_items(self, chat_id: str, cancel: threading.Event | None = None) -> Iterator[Item]:
        """Every item, oldest first, a page in memory at a time. What may pass is asked for again."""
        agent, thread_id = self._named(chat_id)
        with self._there(chat_id):
            pages = self._pages(agent, "items.list", cancel, retries=RETRIES, thread_id=thread_id, order="asc")
            for page in pages:
                yield from (self._item(agent, raw) for raw in page)

    def rename(self, chat_id: str, title: str) -> None:
        agent, thread_id = self._named(chat_id)
        with self._there(chat_id):
            self._ask(agent, "threads.update", {"thread_id": thread_id, "title": title})
        self.shelf.rename(chat_id, title)

    def delete(self, chat_id: str) -> None:
        """At the server, for good."""
        agent, thread_id = self._named(chat_id)
        with self._there(chat_id):
            self._ask(agent, "threads.delete", {"thread_id": thread_id})
        self.shelf.forget(chat_id)

    # --- asking -------------------------------------------------------------------------------

    @contextmanager
    def _there(self, chat_id: str) -> Iterator[None]:
        """A server's failure is ThreadNotFound where the thread is not there: with the ChatKit SDK an unknown thread is
        a 500 as any other."""
        try:
            yield
        except ThreadNotFound as error:
            self.shelf.forget(chat_id)
            raise ThreadNotFound(error.detail, status=0, thread=chat_id[:60]) from None
        except ServerDown as error:
            if not self._is_gone(chat_id):
                raise
            raise ThreadNotFound(error.detail, status=0, thread=chat_id[:60]) from None

    def _is_gone(self, chat_id: str) -> bool:
        """Whether the server lists its chats and this one is not among them."""
        agent, thread_id = self._named(chat_id)
        try:
            pages = self._pages(agent, "threads.list", None, order="desc")
            there = any(thread["id"] == thread_id for page in pages for thread in page)
        except AppError:
            return False
        if not there:
            self.shelf.forget(chat_id)
        return not there

    def _agent(self, agent_id: str) -> ServerAgent:
        agent = self.agents().get(agent_id)
        if agent is None:
            raise ThreadNotFound("no such server", status=0, thread=agent_id[:60])
        return agent

    def _named(self, chat_id: str) -> tuple[ServerAgent, str]:
        agent_id, _, thread_id = chat_id.partition(BETWEEN)
        return self._agent(agent_id), thread_id

    def _asked(self, chat_id: str) -> tuple[Listed, Json]:
        agent, thread_id = self._named(chat_id)
        with self._there(chat_id):
            thread = self._ask(agent, "threads.get_by_id", {"thread_id": thread_id})
        one = self._listed(agent, thread)
        if one is None or one.id != chat_id:
            raise ServerUnfit("another thread than the one asked for", host=self.where(agent.id))
        return one, {name: value for name, value in thread.items() if name != "items"}

    def _ask(
        self, agent: ServerAgent, kind: str, params: Json, cancel: threading.Event | None = None, retries: int = 0
    ) -> Json:
        """Raises CancelledError once `cancel` is set."""
        from desktop.openai_api.client import with_retries

        host = self._host
        if host is None:
            raise AssertionError("asked without a host")
        stop = cancel or threading.Event()

        def attempt() -> Json:
            if stop.is_set():
                raise CancelledError
            return host.remote.ask(agent, kind, within=WITHIN, cancel=cancel, **params)

        try:
            return with_retries(
                attempt,
                retries=retries,
                sleep=stop.wait,
                patience=PATIENCE,
                worth=(ServerBusy, ServerDown, ServerGone, ConnectionLost),
            )
        except PageGone:
            if stop.is_set():
                raise CancelledError from None
            raise

    def _pages(
        self, agent: ServerAgent, kind: str, cancel: threading.Event | None, retries: int = 0, **params: Any
    ) -> Iterator[list[Json]]:
        """The records of one page after the other, each record once. Raises ServerUnfit for a list that leads nowhere,
        ServerFlood for one without an end."""
        host, size, empty = self.where(agent.id), PAGE, 0
        after: str | None = None
        asked: set[str] = set()
        seen: set[bytes] = set()
        while True:
            more = {} if after is None else {"after": after}
            try:
                reply = self._ask(agent, kind, {**params, "limit": size, **more}, cancel, retries)
            except ServerFlood:
                if size <= 1:
                    raise
                size = max(1, size // 4)  # its records are long: fewer at once
                continue
            data = []
            for record in reply["data"]:
                # By all of it: a server with models of chat completions may give several entries one id.
                mark = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).digest()
                if mark not in seen:
                    seen.add(mark)
                    data.append(record)
            yield data
            after = _cursor(reply)
            if after is None:
                if reply.get("has_more"):
                    raise ServerUnfit("more without a way to it", host=host)
                return
            empty = 0 if data else empty + 1
            if after in asked or empty >= NOTHING_NEW:
                raise ServerUnfit("a list that goes in a circle", host=host)
            if len(seen) >= MOST:
                raise ServerFlood(f"more than {MOST} records", host=host, limit=f"{MOST}")
            asked.add(after)

    # --- what comes back ----------------------------------------------------------------------

    def _listed(self, agent: ServerAgent, thread: Json) -> Listed | None:
        thread_id, title = thread.get("id"), thread.get("title")
        if not isinstance(thread_id, str) or not 0 < len(thread_id) <= LONGEST:
            return None
        began = _moment(thread.get("created_at"), agent)
        seconds = 0 if began is None else int(began.timestamp())
        return Listed(
            place(seconds, f"{agent.id}{BETWEEN}{thread_id}"),
            agent.id,
            "",
            clean(title)[:MOST_OF_A_TITLE] if isinstance(title, str) else "",
        )

    def _item(self, agent: ServerAgent, raw: Json) -> Item:
        return Item(str(raw["id"]), kind_of(raw), _moment(raw.get("created_at"), agent), raw)


def _cursor(reply: Mapping[str, Any]) -> str | None:
    """Where a page goes on; None at the end."""
    after, data = reply.get("after"), reply["data"]
    if not reply.get("has_more"):
        return None
    return after if isinstance(after, str) and after else str(data[-1]["id"]) if data else None


def _moment(value: object, agent: ServerAgent) -> datetime | None:
    """The SDK's times mostly carry no zone: they are taken for this computer's where the server is on it, else for UTC,
    in which servers run."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if not isinstance(value, str):
            return None
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None and not is_loopback(urlsplit(agent.url).hostname or ""):
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
