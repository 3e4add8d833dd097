"""The model that answers in a chat: chosen from the endpoint's own list, kept with the chat, told of each answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from desktop.openai_api.errors import ThreadNotFound
from desktop.pages.chat.page import ChatPage
from desktop.settings.errors import AgentNotSet
from tests.pages.app_parts import Asked, House
from tests.pages.builtin.test_page import builtin, demo, request, stream
from tests.standins.habits import Habits, Reply, chat

__all__ = ["demo"]

NOWHERE = "http://127.0.0.1:9/none.js"
MANY = [f"maker-{number % 50}/model-{number}" for number in range(5_000)]


@pytest.fixture
def server() -> Iterator[Habits]:
    with Habits() as habits:
        habits.always = Reply(chat({"content": "Hello"}))
        yield habits


@pytest.fixture
def house(make_house: Callable[..., House], server: Habits) -> Iterator[House]:
    """A house whose agent is an assistant with the model "own" at the stand-in."""
    house = make_house()
    house.settings.update(
        {
            "endpoints": [{"id": "local", "base_url": server.base, "api": "chat_completions", "needs_key": False}],
            "agents": [{"kind": "assistant", "id": "mine", "endpoint": "local", "model": "own", "models": ["offered"]}],
            "active_agent": "mine",
            "assistant.titles": False,
        }
    )
    yield house
    house.services.agents.close()


def said(text: str, model: str = "") -> dict[str, Any]:
    options = {"model": model} if model else {}
    return {"content": [{"type": "input_text", "text": text}], "attachments": [], "inference_options": options}


def begun(house: House, ask: Asked, model: str = "") -> str:
    """The id of a chat whose first message asks this model."""
    pieces = stream(house, ask, "threads.create", input=said("Hi", model))
    return str(next(json.loads(piece[6:]) for piece in pieces if '"thread.created"' in piece)["thread"]["id"])


def go_on(house: House, ask: Asked, thread: str, model: str = "") -> None:
    stream(house, ask, "threads.add_user_message", input=said("More", model), thread_id=thread)


def answers(ask: Asked, thread: str) -> list[str]:
    """Ids, the newest first."""
    items = json.loads(request(ask, "items.list", thread_id=thread, limit=50, order="desc")["json"])["data"]
    return [item["id"] for item in items if item["type"] == "assistant_message"]


def test_a_list_of_thousands_is_told_whole(house: House, server: Habits) -> None:
    listing = {"object": "list", "data": [{"id": model} for model in MANY]}
    server.models = Reply(json.dumps(listing), kind="application/json")
    told = builtin(house)("models.list")
    assert told["error"] is None
    assert set(told["models"]) == set(MANY)


def test_a_list_that_can_not_be_had_says_why(house: House) -> None:
    house.settings.update({"endpoints": [{"id": "local", "base_url": "http://127.0.0.1:9", "needs_key": False}]})
    told = builtin(house)("models.list")
    assert told["models"] == []
    assert "127.0.0.1:9" in told["error"]["message"]
    assert told["error"]["hint"]


def test_the_model_of_a_chat_is_kept_and_answers_whatever_the_message_says(house: House, server: Habits) -> None:
    ask = builtin(house)
    assert ask("builtin.start")["agent"]["known"] == {"own": "own", "models": ["offered"]}
    thread = begun(house, ask, "first")
    ask("models.choose", id=thread, model="second")
    again = builtin(house)
    assert again("builtin.thread", id=thread)["model"] == "second"
    go_on(house, again, thread)
    message = next(
        item["id"]
        for item in json.loads(request(ask, "items.list", thread_id=thread, limit=50, order="asc")["json"])["data"]
        if item["type"] == "user_message"
    )
    stream(house, again, "threads.retry_after_item", thread_id=thread, item_id=message)
    assert [asked["model"] for asked in server.asked] == ["first", "second", "second"]


def test_each_answer_says_its_model_where_that_is_not_the_agents_own(house: House) -> None:
    ask = builtin(house)
    thread = begun(house, ask, "first")
    assert ask("builtin.thread", id=thread)["answered_by"] == {answers(ask, thread)[0]: "first"}
    go_on(house, ask, thread, "own")
    newest, oldest = answers(ask, thread)
    told = ask("builtin.thread", id=thread)
    assert told["answered_by"] == {oldest: "first"}
    assert newest not in told["answered_by"]


def test_openais_script_can_not_ask_for_a_model_that_the_agent_does_not_offer(house: House, server: Habits) -> None:
    ask = Asked(ChatPage(replace(house.services, component_url=NOWHERE)).page(), house.texts)
    thread = begun(house, ask, "expensive")
    go_on(house, ask, thread, "offered")
    assert [asked["model"] for asked in server.asked] == ["own", "offered"]
    assert not any(method.startswith("models.") for method in ask.page.methods)
    # What the person chose in the built-in view holds there too.
    builtin(house)("models.choose", id=thread, model="chosen")
    go_on(house, ask, thread)
    assert server.asked[-1]["model"] == "chosen"


def test_there_is_no_model_to_choose_without_an_assistant_or_a_chat(house: House, demo: House) -> None:
    with pytest.raises(ThreadNotFound):
        builtin(house)("models.choose", id="thr_unknown", model="m")
    ask = builtin(demo)
    assert ask("builtin.start")["agent"]["known"] == {"own": "", "models": []}
    for method, params in (("models.list", {}), ("models.choose", {"id": "thr_1", "model": "m"})):
        with pytest.raises(AgentNotSet):
            ask(method, **params)
