"""A ChatKit server on loopback and a host whose agent `team` it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desktop.agents.host import AgentHost
from desktop.agents.remote.bounds import Bounds
from desktop.agents.remote.host import RemoteHost
from desktop.common.texts import Catalogue
from desktop.settings.agents import ServerAgent
from tests.agents.talk import FAST, Given, Page
from tests.standins.chatkit_server import ChatKitStandIn

TOKEN = "tk-Sentinel7-never-to-be-seen-0123456789"


@pytest.fixture
def server() -> Iterator[ChatKitStandIn]:
    with ChatKitStandIn() as standin:
        yield standin


class Team:
    """The host, its settings, and a page of the agent."""

    def __init__(self, server: ChatKitStandIn, bounds: Bounds | None, ask: Any, **agent: Any) -> None:
        self.agent = ServerAgent.model_validate({"id": "team", "url": server.url, **agent})
        self.given = Given(servers={"team": self.agent})
        self.host = AgentHost(self.given, Catalogue("en"), on_token=ask, limits=FAST)
        if bounds is not None:
            self.host._remote = RemoteHost(self.given, Catalogue("en"), limits=FAST, bounds=bounds, ask=ask)
        self.page = Page(self.host, "team")

    def keep(self, token: str) -> None:
        """The token in the keyring."""
        from desktop.settings.servers import server_secret

        self.given.keys[server_secret(self.agent)] = token

    def change(self, **agent: Any) -> None:
        self.agent = self.agent.model_copy(update=agent)
        self.given.servers["team"] = self.agent


@pytest.fixture
def team(server: ChatKitStandIn) -> Iterator[Callable[..., Team]]:
    made: list[Team] = []

    def make(bounds: Bounds | None = None, ask: Any = None, **agent: Any) -> Team:
        made.append(Team(server, bounds, ask, **agent))
        return made[-1]

    yield make
    for one in made:
        one.host.close(20)
