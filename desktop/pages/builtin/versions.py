"""The built-in view's methods for versions of messages and answers, which ChatKit's protocol lacks.

A new version is asked for in ChatKit's protocol itself (`agents.chatkit.branching`). A ChatKit server keeps none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from pydantic import StringConstraints

from desktop.common.errors import BadParams
from desktop.common.page import Method, Params
from desktop.openai_api.errors import ThreadNotFound
from desktop.pages.common.agent_stream import AgentMethods
from desktop.pages.common.services import Services
from desktop.settings.errors import AgentNotSet

if TYPE_CHECKING:
    from desktop.agents.chatkit.context import RequestContext
    from desktop.agents.store.attachments import AttachmentFiles
    from desktop.agents.store.stores import Stores
    from desktop.agents.store.threads import SqliteStore

T = TypeVar("T")
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")]


class ChatParams(Params):
    id: Id


class ItemParams(ChatParams):
    item: Id


class Versions:
    """Part of the built-in view. Its methods raise AgentNotSet, ThreadNotFound (of an item too), AnswerUnderWay;
    BadParams where a ChatKit server has the chats."""

    def __init__(self, services: Services, agents: AgentMethods) -> None:
        self._services = services
        self._agents = agents

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            "builtin.versions": Method(ChatParams, self._versions),
            "builtin.show_version": Method(ItemParams, self._show),
            "builtin.new_chat_from": Method(ItemParams, self._new_chat),
        }

    def _versions(self, params: ChatParams) -> dict[str, Any]:
        """`{places: [{after, items, shown}]}`: where the chat has more than one version. `after`: the item before,
        None at the beginning; `items`: the first of each version; `shown`: the index of the shown one, or -1."""

        async def look(store: SqliteStore, stores: Stores, context: RequestContext) -> dict[str, Any]:
            found = await store.versions(params.id, context)
            places = [{"after": one.after, "items": list(one.items), "shown": one.shown} for one in found]
            return {"places": places}

        return self._do(params.id, look)

    def _show(self, params: ItemParams) -> dict[str, bool]:
        """Show the version with an item: `{changed}`, False if it was shown."""

        async def show(store: SqliteStore, stores: Stores, context: RequestContext) -> dict[str, bool]:
            return {"changed": await store.show_version(params.id, params.item, context)}

        return self._do(params.id, show, alone=True)

    def _new_chat(self, params: ItemParams) -> dict[str, str]:
        """A chat of its own up to an item: `{id}`."""
        texts = self._services.texts

        async def copy(store: SqliteStore, stores: Stores, context: RequestContext) -> dict[str, str]:
            from desktop.agents.store.copying import new_chat_from

            thread = await store.load_thread(params.id, context)
            title = texts.get("builtin.copy_title", title=thread.title or texts.get("builtin.untitled"))
            files = cast("AttachmentFiles | None", stores.attachments)
            return {"id": await new_chat_from(store, files, params.id, params.item, title, context)}

        return self._do(params.id, copy)

    def _do(
        self,
        thread_id: str,
        work: Callable[[SqliteStore, Stores, RequestContext], Awaitable[T]],
        *,
        alone: bool = False,
    ) -> T:
        """`alone`: where no answer may be written meanwhile."""
        agents = self._services.agents
        if not self._agents.agent_id:
            raise AgentNotSet()
        if self._agents.is_server:
            raise BadParams(problem="a ChatKit server keeps no versions")
        context = agents.context(self._agents.agent_id)

        async def do(stores: Stores) -> T:
            from chatkit.store import NotFoundError

            try:
                return await work(cast("SqliteStore", stores.threads), stores, context)
            except NotFoundError:
                raise ThreadNotFound(thread_id, thread=thread_id) from None

        return agents.call_quiet(thread_id, do) if alone else agents.call(do)
