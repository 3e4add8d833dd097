"""The chats beside the built-in view: of all agents, by activity, pinned first; what is done with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desktop.common.errors import BadParams
from desktop.openai_api.errors import ThreadNotFound
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from tests.pages.app_parts import Asked, House
from tests.pages.builtin.test_page import asked_again, builtin, request, say

TWO = [{"kind": "demo", "id": "one", "name": "One"}, {"kind": "demo", "id": "two", "name": "Two"}]


@pytest.fixture
def house(make_house: Callable[..., House]) -> Iterator[House]:
    """A house with two agents in the app; "one" is the active one."""
    house = make_house()
    house.settings.update({"agents": TWO, "active_agent": "one"})
    yield house
    house.services.agents.close()


def page_of(house: House, agent: str) -> Asked:
    """The page after a switch to this agent."""
    house.settings.update({"active_agent": agent})
    return builtin(house)


def listed(ask: Asked, **params: Any) -> list[str]:
    return [chat["id"] for chat in ask("history.list", **params)["chats"]]


def go_on(house: House, ask: Asked, thread: str) -> None:
    """Another message in a chat, answered."""
    message = {"content": [{"type": "input_text", "text": "help"}], "attachments": [], "inference_options": {}}
    stream = request(ask, "threads.add_user_message", input=message, thread_id=thread)["stream"]
    ended = ("stream.end", {"id": stream})
    house.app.wait(lambda asked: any(name == "emit" and args[1:] == ended for name, args in asked))


def fill(house: House, count: int) -> None:
    """Chats later than any that was written before."""
    context = house.services.agents.context("one")

    async def save(stores: Any) -> None:
        from datetime import datetime, timedelta

        from chatkit.types import ThreadMetadata

        for number in range(count):
            when = datetime.now() + timedelta(minutes=number + 1)  # noqa: DTZ005 - as the SDK's
            made = ThreadMetadata(id=stores.threads.generate_thread_id(context), created_at=when)
            await stores.threads.save_thread(made, context)

    house.services.agents.call(save)


def test_the_chat_that_was_continued_last_comes_first_whichever_agent_it_is_of(house: House) -> None:
    ask = builtin(house)
    first, second = say(house, ask, "help one"), say(house, ask, "help two")
    ask = page_of(house, "two")
    third = say(house, ask, "help three")
    assert listed(ask) == [third, second, first]
    ask = page_of(house, "one")
    go_on(house, ask, first)
    told = ask("history.list")["chats"]
    assert [chat["id"] for chat in told] == [first, third, second]
    assert [chat["agent"] for chat in told] == ["one", "two", "one"]
    assert told[0]["active_at"] > told[0]["created_at"]
    assert listed(ask, agent="two") == [third]


def test_a_pinned_chat_comes_before_all_others(house: House) -> None:
    ask = builtin(house)
    first, second = say(house, ask, "help one"), say(house, ask, "help two")
    ask("history.pin", agent="one", id=first, pinned=True)
    told = ask("history.list")
    assert [(chat["id"], chat["pinned"]) for chat in told["chats"]] == [(first, True), (second, False)]
    assert told["after"] is None
    ask("history.pin", agent="one", id=first, pinned=False)
    assert listed(ask) == [second, first]


def test_chats_of_any_agent_are_renamed_and_deleted_under_their_own_agent_alone(house: House) -> None:
    thread = say(house, builtin(house), "help one")
    ask = page_of(house, "two")
    assert ask("history.rename", agent="one", id=thread, title="  A  new name ") == {"title": "A new name"}
    assert ask("history.list")["chats"][0]["title"] == "A new name"
    for method, more in (("history.rename", {"title": "x"}), ("history.pin", {"pinned": True}), ("history.delete", {})):
        with pytest.raises(ThreadNotFound):
            ask(method, agent="two", id=thread, **more)
        with pytest.raises(AgentNotSet):
            ask(method, agent="nobody", id=thread, **more)
    house.services.drafts.keep("one", thread, "half a thought")
    ask("history.delete", agent="one", id=thread)
    assert listed(ask) == []
    assert house.services.drafts.of("one") == {}


def test_the_list_comes_in_pages_or_reaches_a_chat_far_down_at_once(house: House) -> None:
    ask = builtin(house)
    deep = say(house, ask, "help deep")
    fill(house, 200)
    assert deep not in listed(ask)
    told = ask("history.list", through=deep)
    assert told["chats"][-1]["id"] == deep
    assert told["after"] is None
    page, seen = ask("history.list"), []
    while page["after"] is not None:
        seen += [chat["id"] for chat in page["chats"]]
        page = ask("history.list", after=page["after"])
    seen += [chat["id"] for chat in page["chats"]]
    assert len(seen) == len(set(seen)) == 201
    assert seen[-1] == deep
    with pytest.raises(BadParams):
        ask("history.list", after="nonsense")


def test_another_agent_is_used_and_another_agents_chat_opened_through_the_app(house: House) -> None:
    ask = builtin(house)
    assert ask("builtin.start")["agents"] == [
        {"id": "one", "name": "One", "where": "here"},
        {"id": "two", "name": "Two", "where": "here"},
    ]
    ask("agent.use", id="two")
    ask("history.open", agent="two", id="thr_1")
    assert house.app.asked[-2:] == [("use_agent", ("two",)), ("open_chat", ("two", "thr_1"))]
    with pytest.raises(AgentNotSet):
        ask("agent.use", id="nobody")


def test_a_found_message_of_another_agents_chat_is_shown_in_its_version_before_the_chat_is_opened(house: House) -> None:
    own = builtin(house)
    thread = say(house, own, "help")
    _, [first, _] = asked_again(house, own, thread)
    other = page_of(house, "two")
    hits = other("history.search", query="help", agent="")["hits"]
    assert {hit["thread_id"] for hit in hits} == {thread}
    other("history.open", agent="one", id=thread, item=first)
    assert house.app.asked[-1] == ("open_chat", ("one", thread))
    assert page_of(house, "one")("builtin.versions", id=thread)["places"][0]["shown"] == 0
    other("history.open", agent="one", id=thread, item="msg_gone")  # opened as it is
    assert house.app.asked[-1] == ("open_chat", ("one", thread))


def test_where_the_agent_is_fixed_there_is_no_other_to_choose(make_house: Callable[..., House]) -> None:
    house = make_house(command_line={"active_agent": "one"})
    house.settings.update({"agents": TWO})
    ask = builtin(house)
    assert [agent["id"] for agent in ask("builtin.start")["agents"]] == ["one"]
    for method, params in (("agent.use", {"id": "two"}), ("history.open", {"agent": "two", "id": "thr_1"})):
        with pytest.raises(SettingsInvalid):
            ask(method, **params)
    assert house.app.asked == []


def test_width_and_filter_are_kept_the_filter_until_the_agent_is_another(house: House) -> None:
    ask = builtin(house)
    assert ask("builtin.start")["side"] == {"width": None, "agent": ""}
    ask("history.keep", width=333)
    ask("history.keep", agent="one")
    assert builtin(house)("builtin.start")["side"] == {"width": 333, "agent": "one"}
    assert page_of(house, "two")("builtin.start")["side"] == {"width": 333, "agent": ""}
    assert json.loads(house.locations.state.read_text())["side"] == {"width": 333, "agent": "one"}
