"""`threads` with agents that are ChatKit servers: one that answers and one that is not there."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.agents.host import AgentHost
from desktop.settings.agents import DemoAgent, ServerAgent
from desktop.settings.model import Settings
from tests.agents.talk import Given
from tests.agents.things import said, thread
from tests.commands.test_threads import Desk, call, only
from tests.standins.api import ApiStandIn
from tests.standins.chatkit_server import EVERYBODY, ChatKitStandIn


@pytest.fixture
def server() -> Iterator[ChatKitStandIn]:
    with ChatKitStandIn() as standin:
        yield standin


class TeamDesk(Desk):
    def __init__(self, server: ChatKitStandIn, folder: Path) -> None:
        with ApiStandIn() as api:  # nothing here asks it
            super().__init__(api, folder)
        self.server = server
        self.servers = {
            "team": ServerAgent(id="team", name="Team", url=server.url),
            "lab": ServerAgent(id="lab", name="Lab", url="http://127.0.0.1:9/chatkit"),
        }
        self.settings = Settings(agents=[DemoAgent(id="demo"), *self.servers.values()])

    def agent_host(self) -> AgentHost:
        return AgentHost(Given(servers=self.servers), self.texts, threads=self.locations.threads)

    def put(self, thread_id: str, title: str) -> None:
        async def fill() -> None:
            await self.server.store.save_thread(thread(thread_id, title), EVERYBODY)
            await self.server.store.add_thread_item(thread_id, said("hello"), EVERYBODY)

        asyncio.run(fill())


@pytest.fixture
def desk(server: ChatKitStandIn, tmp_path: Path) -> TeamDesk:
    made = TeamDesk(server, tmp_path / "profile")
    made.put("thr_a", "Zebras")
    return made


def test_list_has_the_chats_of_a_server_and_says_which_server_is_not_there(desk: TeamDesk) -> None:
    assert call(desk, "list") == 1
    assert [line.split()[0] for line in desk.out] == ["team/thr_a"]
    assert desk.out[0].endswith(f"at 127.0.0.1:{desk.server.port}  Team  Zebras")
    assert desk.warned == ["The chats of Lab could not be listed."]
    assert desk.failed[0].code == "connection_refused"
    desk.out.clear()
    assert call(desk, "list", "--agent", "Team") == 0
    assert len(desk.out) == 1
    desk.out.clear()
    assert call(desk, "list", "--local") == 0
    assert desk.out == ["No chats."]


def test_as_json_every_problem_stands_with_its_agent(desk: TeamDesk) -> None:
    assert call(desk, "search", "zebr", "--json") == 1
    told = only(desk)
    assert [one["chat"]["id"] for one in told["threads"]] == ["team/thr_a"]
    assert (told["ok"], told["error"]["code"]) == (False, "connection_refused")
    assert [one["agent"] for one in told["problems"]] == [{"id": "lab", "name": "Lab"}]


def test_everything_that_can_be_had_is_exported(desk: TeamDesk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call(desk, "export", "--all", "--out", str(out), "--json") == 1
    told = only(desk)
    assert (told["ok"], told["written"], told["failed"]) == (False, 1, 0)
    assert [one["error"]["code"] for one in told["problems"]] == ["connection_refused"]
    assert json.loads(next(out.glob("*.json")).read_bytes())["chat"]["id"] == "team/thr_a"


def test_a_deletion_says_at_which_server_and_asks(desk: TeamDesk) -> None:
    shown = io.StringIO()
    assert call(desk, "delete", "team/thr_a", typed="no\n", stderr=shown) == 1
    assert f"deleted on the server 127.0.0.1:{desk.server.port} for good" in shown.getvalue()
    assert call(desk, "delete", "team/thr_a", "--hosted", "--yes") == 2
    assert "thr_a" in desk.server.store._threads
    assert call(desk, "delete", "team/thr_a", "team/thr_no", "--yes", "--json") == 1
    told = json.loads(desk.out[-1])
    assert told["deleted"] == ["team/thr_a"]
    assert [(one["id"], one["error"]["code"]) for one in told["failed"]] == [("team/thr_no", "thread_not_found")]
    assert desk.server.store._threads == {}
