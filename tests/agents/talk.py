"""Talking to the agents of the app as a page does: requests in, pieces out. For tests of the host and what it hosts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from desktop.agents.chatkit.answers import Reply, Stream
from desktop.agents.host import AgentHost
from desktop.agents.limits import Limits
from desktop.agents.sources import Sources
from desktop.agents.store.stores import Stores
from desktop.common.errors import AppError
from desktop.common.texts import Catalogue
from desktop.openai_api.transport import Endpoint as Route
from desktop.settings.agents import AssistantAgent, CodeAgent, DemoAgent, Endpoint, ServerAgent
from desktop.settings.errors import AgentNotSet
from desktop.settings.mcp import Approved, McpServer, mcp_grant, mcp_secret
from desktop.settings.servers import server_secret
from tests.agents.reference import ReferenceStore

Json = dict[str, Any]
DEMO = DemoAgent(id="demo")
PATIENCE = 90.0
"""Seconds after which a test gives up; nothing waits so long that goes well."""
FAST = Limits(chunk=0.0, unread=2 * PATIENCE)
"""`unread`: a test that waits for a process of an agent acknowledges nothing meanwhile."""


@dataclass
class Given:
    """The settings, as a test says them."""

    agents: dict[str, AssistantAgent | CodeAgent | DemoAgent] = field(default_factory=lambda: {"demo": DEMO})
    servers: dict[str, ServerAgent] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """By address; a server's token by the name it is kept under."""
    message_limit: int = 32_000
    tracing: bool = False
    titles: bool = False
    transcription_model: str = ""
    mcp: dict[str, McpServer] = field(default_factory=dict)
    mcp_secrets: dict[str, str] = field(default_factory=dict)
    """Of MCP servers, by `mcp_secret`."""
    unkept: AppError | None = None
    """What keeps a yes for always from being saved."""

    def agent(self, agent_id: str) -> AssistantAgent | CodeAgent | DemoAgent:
        if agent_id not in self.agents:
            raise AgentNotSet
        return self.agents[agent_id]

    def server(self, agent_id: str) -> ServerAgent | None:
        return self.servers.get(agent_id)

    def token(self, agent: ServerAgent) -> str | None:
        return self.keys.get(server_secret(agent))

    def user(self, agent_id: str) -> str:
        return f"user_of_{agent_id}"

    def endpoint(self, endpoint_id: str) -> Endpoint:
        if endpoint_id not in self.endpoints:
            raise AgentNotSet
        return self.endpoints[endpoint_id]

    def key(self, base_url: str) -> str | None:
        return self.keys.get(base_url)

    def route(self, base_url: str) -> Route:
        return Route(base=base_url)

    def code_chosen(self, agent: CodeAgent) -> None:
        if self.unkept is not None:
            raise self.unkept
        self.agents[agent.id] = agent

    def mcp_servers(self, agent_id: str) -> list[McpServer]:
        agent = self.agent(agent_id)
        wanted = agent.mcp_servers if isinstance(agent, AssistantAgent | CodeAgent) else []
        return [self.mcp[name] for name in wanted if name in self.mcp]

    def mcp_secret(self, server: McpServer, name: str) -> str | None:
        return self.mcp_secrets.get(mcp_secret(server, name))

    def mcp_grant(self, server: McpServer) -> str | None:
        return self.mcp_secrets.get(mcp_grant(server))

    def keep_mcp_grant(self, server: McpServer, text: str) -> None:
        self.mcp_secrets[mcp_grant(server)] = text

    def mcp_always(self, server: McpServer, tool: str, digest: str) -> None:
        if self.unkept is not None:
            raise self.unkept
        known = self.mcp[server.id]
        others = [one for one in known.always if one.tool != tool]
        always = [*others, Approved(tool=tool, digest=digest)]
        self.mcp[server.id] = known.model_copy(update={"always": always})


def until(condition: Callable[[], Any], patience: float = PATIENCE) -> None:
    """Waits until `condition()` holds. Raises AssertionError."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class Heard:
    """What a page hears of one stream."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.ends = 0
        self.stream = ""
        self._changed = threading.Condition()

    def on_data(self, piece: str) -> None:
        with self._changed:
            self.pieces.append(piece)
            self._changed.notify_all()

    def on_end(self) -> None:
        with self._changed:
            self.ends += 1
            self._changed.notify_all()

    def until(self, what: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Waits until `what()` holds. Raises AssertionError."""
        with self._changed:
            assert self._changed.wait_for(what, patience), f"heard {len(self.pieces)}: {self.pieces[-3:]}"

    def until_said(self, text: str) -> None:
        self.until(lambda: text in self.said)

    @property
    def events(self) -> list[Json]:
        return [read(piece) for piece in list(self.pieces)]

    @property
    def kinds(self) -> list[str]:
        """The types of the events; of updates, the type of the update."""
        return [event["update"]["type"] if "update" in event else event["type"] for event in self.events]

    @property
    def said(self) -> str:
        """The deltas, as a reader has seen them."""
        updates = [event["update"] for event in self.events if "update" in event]
        return "".join(update["delta"] for update in updates if update["type"].endswith("text_delta"))

    @property
    def errors(self) -> list[Json]:
        return [event for event in self.events if event["type"] == "error"]

    def done(self, kind: str) -> list[Json]:
        """The finished items of a type."""
        return [e["item"] for e in self.events if e["type"] == "thread.item.done" and e["item"]["type"] == kind]

    @property
    def thread(self) -> str:
        return next(
            str(e["thread"]["id"] if "thread" in e else e["item"]["thread_id"])
            for e in self.events
            if "thread" in e or "item" in e
        )


def read(piece: str) -> Json:
    """A piece is one event of the protocol, whole."""
    assert piece.startswith("data: ")
    assert piece.endswith("\n\n")
    event = json.loads(piece[6:])
    assert isinstance(event, dict)
    return event


class Page:
    """A page with the chats of one agent."""

    def __init__(self, host: AgentHost, agent: str = "demo", *, approves: bool = True) -> None:
        """`approves`: it is a page of ours, whose buttons may say yes to a tool."""
        self.host = host
        self.agent = agent
        self.approves = approves

    def ask(self, kind: str, /, **params: Any) -> Json:
        """A request that is answered at once."""
        heard = Heard()
        body = json.dumps({"type": kind, "params": params})
        answer = self.host.request(self.agent, body, on_data=heard.on_data, on_end=heard.on_end, approves=self.approves)
        assert isinstance(answer, Reply)
        value = json.loads(answer.json)
        assert isinstance(value, dict)
        return value

    def open(self, kind: str, /, **params: Any) -> Heard:
        """A request that streams; nothing is acknowledged."""
        heard = Heard()
        body = json.dumps({"type": kind, "params": params})
        answer = self.host.request(self.agent, body, on_data=heard.on_data, on_end=heard.on_end, approves=self.approves)
        assert isinstance(answer, Stream)
        heard.stream = answer.id
        return heard

    def read(self, heard: Heard) -> Heard:
        """Acknowledges everything until the end."""
        taken = 0
        ends = time.monotonic() + PATIENCE
        while not heard.ends:
            new = len(heard.pieces) - taken
            if new:
                self.host.ack(heard.stream, new)
                taken += new
            assert time.monotonic() < ends, f"no end: {heard.pieces[-3:]}"
            time.sleep(0.001)
        return heard

    def stream(self, kind: str, /, **params: Any) -> Heard:
        return self.read(self.open(kind, **params))

    def say(self, text: str, thread: str | None = None, **options: Any) -> Heard:
        """A message, and all of its answer."""
        return self.read(self.begin(text, thread, **options))

    def begin(self, text: str, thread: str | None = None, **options: Any) -> Heard:
        """A message; the answer is on its way."""
        given = message(text, **options)
        if thread is None:
            return self.open("threads.create", input=given)
        return self.open("threads.add_user_message", thread_id=thread, input=given)

    def items(self, thread: str) -> list[Json]:
        data = self.ask("items.list", thread_id=thread, order="asc", limit=1000)["data"]
        assert isinstance(data, list)
        return data

    def answers(self, thread: str) -> list[str]:
        """The texts of the agent's messages in a thread, as they are kept."""
        messages = [item for item in self.items(thread) if item["type"] == "assistant_message"]
        return ["".join(part["text"] for part in item["content"]) for item in messages]


def message(text: str, attachments: tuple[str, ...] = (), **options: Any) -> Json:
    """A message as the component sends it; `options` are the composer's choices (model, tool_choice)."""
    return {
        "content": [{"type": "input_text", "text": text}],
        "attachments": list(attachments),
        "inference_options": options,
    }


def in_memory() -> Stores:
    return Stores(ReferenceStore(), None, lambda: None)


def make_host(sources: Sources, **rest: Any) -> AgentHost:
    """A host over a store in memory, with an instant demo. `rest` goes to it."""
    return AgentHost(sources, rest.pop("texts", Catalogue("en")), **{"open_stores": in_memory, "limits": FAST, **rest})
