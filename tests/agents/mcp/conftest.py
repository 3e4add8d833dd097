"""A chat with an assistant at the model stand-in, and real MCP servers beside it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop.agents.host import AgentHost
from desktop.agents.mcp.connection import Connection
from desktop.agents.mcp.servers import want_of
from desktop.openai_api.transport import Endpoint as Route
from desktop.settings.agents import AssistantAgent, Endpoint
from desktop.settings.mcp import Approved, McpServer
from tests.agents.talk import FAST, PATIENCE, Given, Heard, Json, Page, make_host, read
from tests.rig.processes import Child
from tests.standins.models_api import KEY, Answer, Call, ModelsApi

SERVER = Path(__file__).parents[2] / "standins" / "mcp_server.py"
LIMITS = replace(FAST, mcp_end=0.2)


def stdio(*words: str, server_id: str = "tools", always: Sequence[str] = (), **given: Any) -> McpServer:
    """The stand-in as a program. `always`: its tools that were approved for always, as they are."""
    args = [str(SERVER), *words]
    made = McpServer(id=server_id, name="Tools", transport="stdio", command=sys.executable, args=args, **given)
    return made.model_copy(update={"always": approved(*always)})


def approved(*names: str, at: McpServer | None = None) -> list[Approved]:
    """A yes for always to tools of the stand-in, or of another server, as it describes them."""
    known = digests() if at is None else listed(at)
    return [Approved(tool=name, digest=known[name]) for name in names]


@cache
def digests() -> dict[str, str]:
    """What the stand-in says of each of its tools."""
    return listed(McpServer(id="tools", transport="stdio", command=sys.executable, args=[str(SERVER)]))


def listed(server: McpServer) -> dict[str, str]:
    """What a server says of each of its tools."""

    async def ask() -> dict[str, str]:
        want = want_of(server, lambda _name: None, Route)
        connection = Connection("Tools", want, LIMITS, os.environ)
        await connection.open()
        found = {tool.name: tool.digest for tool in connection.tools}
        await connection.close(0.2)
        return found

    # Apart from a loop that a test may run in.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(lambda: asyncio.run(ask())).result()


class Chat:
    """An assistant with MCP servers. `last` is what the page heard of the last stream."""

    def __init__(self, api: ModelsApi, *servers: McpServer, protocol: str = "responses", **host: Any) -> None:
        self.api = api
        self.given = Given(agents={}, keys={api.base: KEY})
        self.given.endpoints["local"] = Endpoint.model_validate(
            {"id": "local", "base_url": api.base, "api": protocol, "needs_key": True}
        )
        self.has(*servers)
        self.host: AgentHost = make_host(self.given, **{"limits": LIMITS, **host})
        self.page = Page(self.host, "mine")
        self.thread = ""
        self.last = Heard()

    def has(self, *servers: McpServer) -> None:
        """From the next message on, the assistant has these."""
        self.given.mcp = {server.id: server for server in servers}
        self.given.agents["mine"] = AssistantAgent(id="mine", endpoint="local", mcp_servers=list(self.given.mcp))

    def calls(self, name: str, *then: str, **arguments: Any) -> None:
        """The model will call a tool, and then say `then`."""
        self.api.answer(Answer(calls=(Call(name, arguments),)), *(Answer(text) for text in then or ("Done.",)))

    def say(self, text: str = "use it") -> list[Json]:
        """A message, and the events of its answer."""
        self.last = self.page.say(text, self.thread or None)
        self.thread = self.thread or next(e["thread"]["id"] for e in self.events if e["type"] == "thread.created")
        return self.events

    @property
    def events(self) -> list[Json]:
        return [read(piece) for piece in self.last.pieces]

    def card(self) -> Json:
        """The last card in the chat."""
        return [item for item in self.page.items(self.thread) if item["type"] == "widget"][-1]

    def press(self, action: str, card: Json | None = None) -> list[Json]:
        """A button of the last card, or of `card`."""
        card = card or self.card()
        wanted = next(one for one in buttons(card) if one["type"] == action)
        self.last = self.page.stream("threads.custom_action", thread_id=self.thread, item_id=card["id"], action=wanted)
        return self.events

    def outputs(self) -> list[str]:
        """What tools gave the model, in its last call."""
        body = [asked.body for asked in self.api.asked if asked.path in ("/v1/responses", "/v1/chat/completions")][-1]
        if "messages" in body:
            return [message["content"] for message in body["messages"] if message["role"] == "tool"]
        return [item["output"] for item in body["input"] if item.get("type") == "function_call_output"]

    def notices(self) -> list[str]:
        return [event["message"] for event in self.events if event["type"] == "notice"]

    def tools(self) -> list[str]:
        """The functions that the model was told of last."""
        body = [asked.body for asked in self.api.asked if asked.path in ("/v1/responses", "/v1/chat/completions")][-1]
        return [tool.get("name") or tool["function"]["name"] for tool in body.get("tools") or []]


def buttons(card: Json) -> list[Json]:
    """The actions of a card's buttons."""
    found: list[Json] = []

    def walk(part: Json) -> None:
        if part.get("onClickAction"):
            found.append({"type": part["onClickAction"]["type"], "payload": part["onClickAction"]["payload"]})
        for child in part.get("children") or []:
            walk(child)

    walk(card["widget"])
    return found


def words(card: Json) -> str:
    """All that a card says."""
    return "\n".join(str(child.get("value", "")) for child in card["widget"]["children"])


def gone(pid: int) -> bool:
    """Whether the process ends before patience does."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def pids(path: Path, count: int = 1) -> list[int]:
    """What servers wrote down of themselves, once `count` have."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if path.exists() and len(found := path.read_text().split()) >= count:
            return [int(word) for word in found]
        time.sleep(0.02)
    raise AssertionError(f"no {count} processes")


@contextmanager
def over_http(folder: Path, *words: str) -> Iterator[str]:
    """The stand-in at an address of its own."""
    told = folder / f"port-{os.urandom(4).hex()}"
    process = Child([sys.executable, str(SERVER), "--http", str(told), *words])
    try:
        ends = time.monotonic() + PATIENCE
        while not (told.exists() and told.read_text()):
            assert time.monotonic() < ends
            time.sleep(0.02)
        yield f"http://127.0.0.1:{told.read_text()}/mcp"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def api() -> Iterator[ModelsApi]:
    with ModelsApi() as server:
        yield server


@pytest.fixture
def chat(api: ModelsApi) -> Iterator[Chat]:
    made = Chat(api, stdio())
    yield made
    made.host.close(10)
