"""The window that asks for a ChatKit server's token: the token is checked first and kept in the keyring."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from desktop.agents.remote.errors import ServerTokenRefused
from desktop.pages.token.page import TokenPage
from desktop.settings.agents import ServerAgent
from desktop.settings.servers import server_secret
from tests.pages.app_parts import Asked, House
from tests.standins.chatkit_server import ChatKitStandIn

TOKEN = "tk-Sentinel7-never-to-be-seen-0123456789"


@pytest.fixture
def server() -> Iterator[ChatKitStandIn]:
    with ChatKitStandIn(TOKEN) as standin:
        yield standin


def test_the_window_checks_the_token_keeps_it_and_closes(
    make_house: Callable[..., House], server: ChatKitStandIn
) -> None:
    house = make_house()
    house.settings.change(lambda _now: {"agents": [{"kind": "server", "id": "team", "url": server.url}]})
    [agent] = [one for one in house.settings.current.agents if isinstance(one, ServerAgent)]
    entry = f"default|secret|{server_secret(agent)}"
    ask = Asked(TokenPage(house.services, agent.id, ServerTokenRefused(host="127.0.0.1")).page(), house.texts)
    start = ask("token.start")
    assert start["reason"]["code"] == "server_token_refused"
    assert ask("token.submit", number=1, token="wrong")["error"]["field"] == "token"
    assert house.keyring.get(entry) is None
    assert ask("token.submit", number=2, token=TOKEN)["error"] is None
    assert house.keyring.get(entry) == TOKEN
    assert house.app.asked[-1] == ("close_window", ("token",))
    assert not ask.found(TOKEN)


def test_checklist_03_the_window_runs_no_script_of_others(make_house: Callable[..., House]) -> None:
    house = make_house()
    page = TokenPage(house.services, "team", ServerTokenRefused(host="h")).page()
    assert page.sources.script == page.sources.frame == page.sources.connect == ()
    assert all("chat" not in name for name in page.files)
    assert not any(name.startswith(("chatkit.", "stream.", "agents.")) for name in page.methods)
