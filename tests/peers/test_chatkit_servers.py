"""ChatKit servers on Microsoft's and on Google's framework, as a team would run them, with the app as their client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from desktop.settings.agents import ServerAgent
from tests.agents.talk import Given, Page, make_host
from tests.peers.running import free_port, running
from tests.rig import peers

pytestmark = [pytest.mark.peers, pytest.mark.slow]
FRAMEWORKS = {"microsoft": "tests.peers.servers.microsoft", "google": "tests.peers.servers.google"}
Start = Callable[[], AbstractContextManager[None]]


class Team:
    """A server that can be started anew on its port, and the app's page of it."""

    def __init__(self, framework: str, folder: Path) -> None:
        self.port = free_port()
        words = [str(peers.python_of(framework)), "-m", FRAMEWORKS[framework], str(self.port)]
        self.start: Start = lambda: running(words, self.port, folder / "server.log")
        agent = ServerAgent(id="team", url=f"http://127.0.0.1:{self.port}/chatkit")
        self.host = make_host(Given(servers={"team": agent}))
        self.page = Page(self.host, "team")


@pytest.fixture(params=FRAMEWORKS)
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Team]:
    made = Team(request.param, tmp_path)
    yield made
    made.host.close(20)


def test_a_chat_is_answered_gone_on_with_listed_and_read(team: Team) -> None:
    with team.start():
        heard = team.page.say("hello")
        assert heard.errors == []
        assert any("You said: hello" in answer for answer in team.page.answers(heard.thread))
        assert team.page.say("more", heard.thread).errors == []
        assert any("You said: more" in answer for answer in team.page.answers(heard.thread))
        assert [one["id"] for one in team.page.ask("threads.list")["data"]] == [heard.thread]


def test_a_chat_that_was_lost_with_a_restart_is_said_to_be_gone(team: Team) -> None:
    with team.start():
        thread = team.page.say("hello").thread
    with team.start():
        (error,) = team.page.say("are you there", thread).errors
    assert "no longer has this chat" in error["message"]
