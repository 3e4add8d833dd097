"""The chats beside the built-in view: those of all agents in the app, by their last activity, the pinned ones first.

ChatKit's protocol lists one agent's chats by creation, so these are methods of our own. The chats of a ChatKit server
are on the server: they are listed alone, in its order, when that agent is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from pydantic import Field, StringConstraints

from desktop.agents.errors import AnswerUnderWay
from desktop.chats.types import iso
from desktop.common.errors import BadParams, FolderUnwritable, Phrase
from desktop.common.page import Method, Params
from desktop.openai_api.errors import ThreadNotFound
from desktop.pages.common.fields import lock_of
from desktop.pages.common.services import Services
from desktop.settings import roster
from desktop.settings.agents import InAppAgent, ServerAgent
from desktop.settings.errors import AgentNotSet, SettingsInvalid

if TYPE_CHECKING:
    from desktop.agents.store.rows import ThreadRecord
    from desktop.agents.store.stores import Stores
    from desktop.agents.store.threads import SqliteStore

T = TypeVar("T")
PAGE = 60
"""Chats given at a time."""
MOST = 5_000
"""The most given at once, so that a chat far down is among them."""
SEARCHED = 100
"""Chats on a ChatKit server whose titles are searched."""
HITS = 50
"""The most chats a search shows."""
TITLE = 200
NARROWEST, WIDEST = 200, 640
"""Bounds of the list's width, in pixels."""

AgentId = Annotated[str, StringConstraints(max_length=64)]
ThreadId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")]


class ListParams(Params):
    agent: AgentId = ""
    """Only this agent's chats; empty for those of all agents on this computer."""
    after: Annotated[str, StringConstraints(max_length=300)] | None = None
    through: ThreadId | None = None
    """Give at least as many as it takes to reach this chat."""


class SearchParams(Params):
    query: Annotated[str, StringConstraints(max_length=500)]
    agent: AgentId = ""
    """As for the list."""


class ChatParams(Params):
    agent: AgentId
    id: ThreadId


class OpenParams(ChatParams):
    item: ThreadId | None = None
    """The message to show, in whichever version of the chat it is."""


class RenameParams(ChatParams):
    title: Annotated[str, StringConstraints(min_length=1, max_length=TITLE, strip_whitespace=True)]


class PinParams(ChatParams):
    pinned: bool


class AgentParams(Params):
    id: AgentId


class SideParams(Params):
    width: Annotated[int, Field(ge=NARROWEST, le=WIDEST)] | None = None
    agent: AgentId | None = None


class ChatMethods:
    """`history.*`, the list and what a person does with a chat in it, and the choice of another agent."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            "history.list": Method(ListParams, self._list),
            "history.search": Method(SearchParams, self._search),
            "history.pin": Method(PinParams, self._pin),
            "history.rename": Method(RenameParams, self._rename),
            "history.delete": Method(ChatParams, self._delete),
            "history.open": Method(OpenParams, self._open),
            "history.keep": Method(SideParams, self._keep),
            "agent.use": Method(AgentParams, self._use),
        }

    def agents(self) -> list[dict[str, Any]]:
        """The agents to choose from, `[{id, name, where}]`."""
        services, active = self._services, self._services.settings.current.agent()
        locked = lock_of(services.settings, "active_agent", "command_line", "environment")
        return [
            {
                "id": one.id,
                "name": one.name or services.brand.app.name,
                "where": _where(one),
            }
            for one in services.settings.current.agents
            if not locked or (active is not None and one.id == active.id)
        ]

    def side(self) -> dict[str, Any]:
        """How the list is shown: `{width, agent}`; width None for the page's own."""
        width, agent = self._services.state.side()
        active = self._services.settings.current.agent()
        own = active.id if isinstance(active, ServerAgent) else ""
        chosen = agent if active is not None and agent == active.id else own
        return {"width": width if width and NARROWEST <= width <= WIDEST else None, "agent": chosen}

    def _list(self, params: ListParams) -> dict[str, Any]:
        """`{chats, after}`: a page of chats, the last active first, after all that are pinned. `after` asks for the
        next page; None at the end. A chat is `{id, agent, title, created_at, active_at, pinned}`. Raises AgentNotSet,
        BadParams (`after`), and whatever a ChatKit server raises."""
        server = self._server(params.agent)
        if server is not None:
            return self._listed_at(server, params.after)
        ids = self._listed(params.agent)

        async def load(store: SqliteStore) -> dict[str, Any]:
            first: tuple[ThreadRecord, ...] = () if params.after else await store.pinned(ids)
            place = await store.position(ids, params.through) if params.through else None
            limit = min(MOST, PAGE if place is None else max(PAGE, place + PAGE // 2))
            page = await store.records(ids, limit=limit, after=params.after)
            others = (one for one in page.data if not one.pinned)
            return {"chats": [_told(one) for one in (*first, *others)], "after": page.after}

        return self._do(load, BadParams(problem="after"))

    def _listed_at(self, agent: ServerAgent, after: str | None) -> dict[str, Any]:
        further: dict[str, Any] = {"after": after} if after else {}
        page = self._services.agents.remote.ask(agent, "threads.list", limit=PAGE, order="desc", **further)
        chats = [
            {
                "id": str(one["id"]),
                "agent": agent.id,
                "title": one.get("title"),
                "created_at": one.get("created_at"),
                "active_at": one.get("created_at"),
                "pinned": False,
            }
            for one in page["data"]
        ]
        return {"chats": chats, "after": page.get("after") if page.get("has_more") else None}

    def _search(self, params: SearchParams) -> dict[str, Any]:
        """`{hits: [{thread_id, agent, title, passage, item}]}`. Title and passage are `{text, ranges}`; `passage` and
        `item`, the message it is of, may be None. Raises AgentNotSet, and whatever a ChatKit server raises."""
        server = self._server(params.agent)
        if server is not None:
            return {"hits": self._titles(server, params.query)}
        ids = self._listed(params.agent)

        async def search(store: SqliteStore) -> list[dict[str, Any]]:
            # An agent that was removed may have left chats, which nobody can open here.
            found = await store.search(params.query, params.agent or None, HITS * 2)
            return [
                {
                    "thread_id": hit.thread_id,
                    "agent": hit.agent_id,
                    "title": hit.title.wire(),
                    "passage": hit.passage.wire() if hit.passage else None,
                    "item": hit.item_id,
                }
                for hit in found
                if hit.agent_id in ids
            ][:HITS]

        return {"hits": self._do(search, BadParams(problem="query"))}

    def _titles(self, agent: ServerAgent, query: str) -> list[dict[str, Any]]:
        """ChatKit's protocol has no search, so this finds a server's newest chats whose titles contain every word."""
        words = query.casefold().split()
        listed = self._services.agents.remote.ask(agent, "threads.list", limit=SEARCHED, order="desc")
        named = [(str(one["id"]), str(one.get("title") or "")) for one in listed["data"]]
        found = [(name, title) for name, title in named if all(word in title.casefold() for word in words)]
        return [
            {
                "thread_id": name,
                "agent": agent.id,
                "title": {"text": title, "ranges": []},
                "passage": None,
                "item": None,
            }
            for name, title in found[:HITS]
        ]

    def _pin(self, params: PinParams) -> None:
        """Raises ThreadNotFound, AgentNotSet."""
        agent = self._here(params.agent)
        self._do(lambda store: store.note(params.id, agent, "pinned", params.pinned or None), _missing(params.id))

    def _rename(self, params: RenameParams) -> dict[str, str]:
        """`{title}`. Raises ThreadNotFound, AgentNotSet, and whatever a ChatKit server raises."""
        title = " ".join(params.title.split())
        server = self._server(params.agent)
        if server is not None:
            self._services.agents.remote.ask(server, "threads.update", thread_id=params.id, title=title)
            return {"title": title}
        agent = self._here(params.agent)

        async def rename(store: SqliteStore) -> None:
            from chatkit.store import NotFoundError

            if (await store.record(params.id)).agent_id != agent:
                raise NotFoundError(params.id)
            await store.rename(params.id, title)

        self._do(rename, _missing(params.id))
        return {"title": title}

    def _delete(self, params: ChatParams) -> None:
        """Raises ThreadNotFound, AgentNotSet, and whatever a ChatKit server raises."""
        server = self._server(params.agent)
        if server is not None:
            self._services.agents.remote.ask(server, "threads.delete", thread_id=params.id)
            return
        context = self._services.agents.context(self._here(params.agent))
        self._do(lambda store: store.delete_thread(params.id, context), _missing(params.id))
        with suppress(FolderUnwritable):  # the chat is gone; its draft is forgotten in memory at least
            self._services.drafts.keep(params.agent, params.id, "")

    def _open(self, params: OpenParams) -> None:
        """Open another agent's chat, whose agent becomes the active one. Raises AgentNotSet, SettingsInvalid."""
        self._may_use(params.agent)
        item = params.item
        if item is not None and self._server(params.agent) is None:
            context = self._services.agents.context(self._here(params.agent))
            with suppress(ThreadNotFound, AnswerUnderWay):  # the chat is opened as it is
                self._do(
                    lambda store: store.show_version(params.id, item, context), _missing(params.id), alone=params.id
                )
        self._services.app.open_chat(params.agent, params.id)

    def _use(self, params: AgentParams) -> None:
        """Make another agent the active one, with its last chat. Raises AgentNotSet, SettingsInvalid."""
        self._may_use(params.id)
        self._services.app.use_agent(params.id)

    def _keep(self, params: SideParams) -> None:
        """Remember how the list is shown."""
        self._services.state.set_side(params.width, params.agent)

    # --- inside -------------------------------------------------------------------------------

    def _may_use(self, agent_id: str) -> None:
        settings = self._services.settings
        if roster.find(settings.current.agents, agent_id) is None:
            raise AgentNotSet()
        if lock_of(settings, "active_agent", "command_line", "environment"):
            raise SettingsInvalid(name="active_agent", problem=Phrase("problems.fixed"))

    def _listed(self, agent_id: str) -> list[str]:
        """The agents whose chats are listed together. Raises AgentNotSet."""
        if agent_id:
            return [self._here(agent_id)]
        agents = self._services.settings.current.agents
        if not any(isinstance(one, InAppAgent) for one in agents):
            raise AgentNotSet()
        return [one.id for one in agents if _where(one) == "here"]

    def _server(self, agent_id: str) -> ServerAgent | None:
        found = roster.find(self._services.settings.current.agents, agent_id)
        return found if isinstance(found, ServerAgent) else None

    def _here(self, agent_id: str) -> str:
        """Raises AgentNotSet for an agent whose chats are not on this computer."""
        found = roster.find(self._services.settings.current.agents, agent_id)
        if found is None or _where(found) != "here":
            raise AgentNotSet()
        return found.id

    def _do(self, work: Callable[[SqliteStore], Coroutine[Any, Any, T]], missing: Exception, *, alone: str = "") -> T:
        """`alone`: a chat to which nothing may be written meanwhile."""

        async def do(stores: Stores) -> T:
            from chatkit.store import NotFoundError

            try:
                return await work(cast("SqliteStore", stores.threads))
            except NotFoundError:
                raise missing from None

        agents = self._services.agents
        return agents.call_quiet(alone, do) if alone else agents.call(do)


def _missing(thread_id: str) -> ThreadNotFound:
    return ThreadNotFound(thread_id, thread=thread_id[:60])


def _where(agent: object) -> str:
    """Where an agent's chats are: here, server, or openai for a hosted workflow, whose chats are not in the list."""
    if isinstance(agent, ServerAgent):
        return "server"
    return "here" if isinstance(agent, InAppAgent) else "openai"


def _told(one: ThreadRecord) -> dict[str, Any]:
    return {
        "id": one.id,
        "agent": one.agent_id,
        "title": one.title,
        "created_at": iso(one.created_at),
        "active_at": iso(one.updated_at),
        "pinned": one.pinned,
    }
