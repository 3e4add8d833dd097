"""Finds, adds, replaces and removes agents, endpoints and MCP servers, and makes their ids. Pure functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent, CodeAgent, DemoAgent
from desktop.settings.mcp import McpServer
from desktop.settings.model import Agent, Settings


class HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=HasId)


def put(known: Sequence[T], one: T) -> list[T]:
    """The list with `one` replacing the entry with its id, or appended."""
    if all(other.id != one.id for other in known):
        return [*known, one]
    return [one if other.id == one.id else other for other in known]


def without(known: Sequence[T], entry_id: str) -> list[T]:
    """The list without the entry of that id."""
    return [one for one in known if one.id != entry_id]


def find(known: Iterable[T], entry_id: str) -> T | None:
    """The entry of that id."""
    return next((one for one in known if one.id == entry_id), None)


def assistant_of(settings: Settings, endpoint: str) -> AssistantAgent | None:
    """The assistant meant by this endpoint: the active one, or else the endpoint's first."""
    active = settings.agent()
    agents = [active, *settings.agents] if active else settings.agents
    return next((one for one in agents if isinstance(one, AssistantAgent) and one.endpoint == endpoint), None)


def demo_of(settings: Settings) -> DemoAgent | None:
    """The demo, if there is one."""
    return next((one for one in settings.agents if isinstance(one, DemoAgent)), None)


def fresh_id(stem: str, settings: Settings) -> str:
    """An id no agent has or ever had, so that a removed agent's chats are never given to another."""
    return _free(stem, {agent.id for agent in settings.agents} | set(settings.user_ids))


def code_id(file: str) -> str:
    """The id of an agent given as a file in a terminal: always the same for the same path."""
    return f"file-{hashlib.sha256(file.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def endpoint_id(base: str, settings: Settings) -> str:
    """A new id for an endpoint, made from its host."""
    stem = re.sub(r"[^a-z0-9]+", "-", (urlsplit(base).hostname or "").lower()).strip("-")[:40] or "endpoint"
    return _free(stem, {endpoint.id for endpoint in settings.endpoints} | {OPENAI_ENDPOINT})


def mcp_id(server: McpServer, settings: Settings) -> str:
    """A new id for an MCP server, made from its name, host or program, that no agent refers to any more."""
    called = server.name or urlsplit(server.url).hostname or server.command.replace("\\", "/").rpartition("/")[2]
    stem = re.sub(r"[^a-z0-9]+", "-", called.lower()).strip("-")[:40].strip("-") or "server"
    named = {one for agent in settings.agents for one in mcp_of(agent)}
    return _free(stem, {one.id for one in settings.mcp_servers} | named)


def mcp_of(agent: Agent) -> list[str]:
    """Ids of the MCP servers an agent may use."""
    return agent.mcp_servers if isinstance(agent, (AssistantAgent, CodeAgent)) else []


def mcp_users(settings: Settings, server_id: str) -> int:
    """How many agents may use an MCP server."""
    return sum(1 for agent in settings.agents if server_id in mcp_of(agent))


def without_mcp(agent: Agent, server_id: str) -> Agent:
    """The agent without this MCP server."""
    left = [one for one in mcp_of(agent) if one != server_id]
    return agent.model_copy(update={"mcp_servers": left}) if server_id in mcp_of(agent) else agent


def _free(stem: str, taken: set[str]) -> str:
    return next(name for n in range(1, len(taken) + 2) if (name := stem if n == 1 else f"{stem}-{n}") not in taken)
