"""Methods of a page with an agent in the app: requests in ChatKit's protocol, their streams, attachments.

Used by the chat page and the built-in view. Pieces of an answer are sent in order, in batches the page can handle
(`agent_pieces`). Nothing is lost, because nothing depends on the window being visible.
"""

from __future__ import annotations

import base64
import binascii
import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from desktop.agents.chatkit.answers import Reply, Stream
from desktop.agents.chatkit.remote_content import Shield
from desktop.agents.store.errors import AttachmentType
from desktop.common.errors import BadParams, PageGone
from desktop.common.page import Method, NoParams, Params
from desktop.openai_api.errors import ThreadNotFound
from desktop.pages.common.agent_pieces import Outgoing
from desktop.pages.common.services import Services
from desktop.settings.agents import InAppAgent, ServerAgent
from desktop.settings.errors import AgentNotSet

if TYPE_CHECKING:
    from desktop.agents.chatkit.context import RequestContext
    from desktop.agents.store.stores import Stores

log = logging.getLogger(__name__)

MB = 1024 * 1024
REQUEST = 2 * MB
"""The largest request, in bytes. Attachments are sent separately."""
PART = MB
"""The largest piece of an attachment, in bytes."""
LARGEST = 512 * MB
"""The largest attachment, in bytes, whatever the app's own limit is."""

StreamId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
AttachmentId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
Base64 = Annotated[str, StringConstraints(max_length=PART * 4 // 3 + 4)]


class RequestParams(Params):
    body: Annotated[str, StringConstraints(max_length=REQUEST)]
    """JSON as ChatKit sends it."""


class AckParams(Params):
    id: StreamId
    count: Annotated[int, Field(ge=1, le=1_000_000)]
    """Pieces received since the last call."""


class CancelParams(Params):
    id: StreamId


class BeginParams(Params):
    name: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
    mime: Annotated[str, StringConstraints(max_length=200)]
    size: Annotated[int, Field(ge=0, le=LARGEST)]
    """In bytes."""


class PartParams(Params):
    id: AttachmentId
    offset: Annotated[int, Field(ge=0, le=LARGEST)]
    data: Base64


class EndParams(Params):
    id: AttachmentId
    preview: Base64 = ""
    """A preview the page made of a picture."""


class AgentMethods:
    """One for each showing of a page. `agent_id`: the agent of its chats; empty if no agent runs in the app.
    `approves`: its buttons may approve a tool, since no other script runs in it."""

    def __init__(self, services: Services, page: str, *, approves: bool = False) -> None:
        agent = services.settings.current.agent()
        self.agent_id = agent.id if isinstance(agent, InAppAgent) else ""
        self.is_server = isinstance(agent, ServerAgent)
        """Whether its chats are on a ChatKit server instead of in the store."""
        self._services = services
        self._page = page
        self._approves = approves
        self._lock = threading.Lock()
        self._streams: dict[str, Outgoing] = {}
        self._gone = False

    @property
    def methods(self) -> Mapping[str, Method]:
        part = PART * 4 // 3 + 4096
        return {
            "chatkit.request": Method(RequestParams, self._request, limit=REQUEST),
            "stream.ack": Method(AckParams, self._ack),
            "stream.alive": Method(NoParams, self._alive),
            "stream.cancel": Method(CancelParams, self._cancel),
            "attachment.begin": Method(BeginParams, self._begin),
            "attachment.part": Method(PartParams, self._part, limit=part),
            "attachment.end": Method(EndParams, self._end, limit=part),
        }

    def gone(self) -> None:
        """The page is gone: its runs end, and their text so far is kept. Never blocks."""
        with self._lock:
            self._gone = True
            streams, self._streams = self._streams, {}
        for stream_id, outgoing in streams.items():
            outgoing.close()
            self._services.agents.cancel(stream_id)

    def title(self, thread_id: str) -> str | None:
        """The title of a chat; None while it has none. Raises ThreadNotFound, AgentNotSet, and whatever a ChatKit
        server raises."""
        if self.is_server:
            title = self._services.agents.remote.ask(self.server(), "threads.get_by_id", thread_id=thread_id).get(
                "title"
            )
            return title if isinstance(title, str) else None
        context = self._context()

        async def load(stores: Stores) -> str | None:
            from chatkit.store import NotFoundError

            try:
                return (await stores.threads.load_thread(thread_id, context)).title
            except NotFoundError:
                raise ThreadNotFound(thread_id) from None

        return self._services.agents.call(load)

    def server(self) -> ServerAgent:
        """The agent as it is in the settings now. Raises AgentNotSet if it isn't a ChatKit server."""
        agents = self._services.settings.current.agents
        found = next((one for one in agents if one.id == self.agent_id and isinstance(one, ServerAgent)), None)
        if not isinstance(found, ServerAgent):
            raise AgentNotSet()
        return found

    def _context(self) -> RequestContext:
        agent = self._agent()
        return self._services.agents.context(agent)

    def _agent(self) -> str:
        if not self.agent_id:
            raise AgentNotSet()
        return self.agent_id

    # --- requests and streams -----------------------------------------------------------------

    def _request(self, params: RequestParams) -> dict[str, str]:
        """`{json}` or `{stream}`. A stream arrives as `stream.data {id, seq, chunks}` and `stream.end {id}`."""
        agent, shield = self._agent(), self._shield()
        outgoing = Outgoing(shield)
        answer = self._services.agents.request(
            agent,
            params.body,
            on_data=outgoing.add,
            on_end=outgoing.end,
            wanted=lambda: not self._gone,
            approves=self._approves,
        )
        if isinstance(answer, Reply):
            return {"json": shield.reply(answer.json) if shield else answer.json}
        self._open(answer, outgoing)
        return {"stream": answer.id}

    def _shield(self) -> Shield | None:
        """Filters remote content for ChatKit, which loads whatever a text names. The built-in view's CSP blocks it."""
        services = self._services
        if self._page != "chat" or services.settings.current.privacy.remote_images:
            return None
        return Shield(services.texts.get("chat.image"), services.texts.get("chat.sources"))

    def _open(self, stream: Stream, outgoing: Outgoing) -> None:
        emit, name, services = self._services.app.emit, self._page, self._services

        def send(chunks: list[str], seq: int) -> None:
            emit(name, "stream.data", {"id": stream.id, "seq": seq, "chunks": chunks})

        def end() -> None:
            with self._lock:
                self._streams.pop(stream.id, None)
            emit(name, "stream.end", {"id": stream.id})

        with self._lock:
            gone = self._gone
            if not gone:
                self._streams[stream.id] = outgoing
        if gone:
            services.agents.cancel(stream.id)
            raise PageGone()
        outgoing.open(send, end, lambda count: services.agents.ack(stream.id, count))

    def _ack(self, params: AckParams) -> None:
        outgoing = self._streams.get(params.id)
        if outgoing is not None:
            outgoing.taken(params.count)

    def _alive(self, _: NoParams) -> None:
        """The page is alive, even if it has not acknowledged everything."""
        with self._lock:
            streams = list(self._streams)
        for stream_id in streams:
            self._services.agents.ack(stream_id, 0)

    def _cancel(self, params: CancelParams) -> None:
        with self._lock:
            outgoing = self._streams.pop(params.id, None)
        if outgoing is not None:
            outgoing.close()
            self._services.agents.cancel(params.id)

    # --- attachments --------------------------------------------------------------------------

    def _begin(self, params: BeginParams) -> dict[str, str]:
        """Start an upload: `{id}`. Raises AttachmentTooLarge, AttachmentType, AttachmentDamaged."""
        if self.is_server:
            remote = self._services.agents.remote
            return {"id": remote.upload_begin(self.server(), params.name, params.mime, params.size)}
        context = self._context()

        async def begin(stores: Stores) -> str:
            files = _files(stores, params.name)
            return str((await files.begin(params.name, params.mime, params.size, context)).id)

        return {"id": self._services.agents.call(begin)}

    def _part(self, params: PartParams) -> dict[str, int]:
        """Add a piece: `{size}`, the bytes received so far."""
        data = _bytes(params.data)
        if self.is_server:
            return {"size": self._services.agents.remote.upload_part(params.id, params.offset, data)}
        context = self._context()

        async def write(stores: Stores) -> int:
            return int(await _known(_files(stores).write(params.id, params.offset, data, context), params.id))

        return {"size": self._services.agents.call(write)}

    def _end(self, params: EndParams) -> dict[str, Any]:
        """Finish an upload. Returns the attachment in ChatKit's format, with a `data:` preview."""
        if self.is_server:
            made = self._services.agents.remote.upload_end(params.id)
            # The server's preview would be loaded from the server. The page shows the one it made itself.
            return {**made, "preview_url": _preview(params.preview)} if params.preview else made
        context = self._context()
        preview = _bytes(params.preview) or None

        async def finish(stores: Stores) -> dict[str, Any]:
            attachment = await _known(_files(stores).finish(params.id, context, preview), params.id)
            return dict(attachment.model_dump(mode="json", exclude_none=True))

        return self._services.agents.call(finish)


def _files(stores: Stores, name: str = "") -> Any:
    """The store of attachments (`agents.attachments.AttachmentFiles`). Raises AttachmentType if there is none."""
    if stores.attachments is None:
        raise AttachmentType("no store of attachments", name=name)
    return stores.attachments


def _preview(data: str) -> str:
    kind = "jpeg" if data.startswith("/9j/") else "png"
    return f"data:image/{kind};base64,{data}"


async def _known(work: Any, attachment_id: str) -> Any:
    from chatkit.store import NotFoundError

    try:
        return await work
    except NotFoundError:
        raise BadParams(problem=f"id: {attachment_id}") from None


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadParams(problem="data: base64") from None
