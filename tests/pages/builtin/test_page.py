"""The built-in view's methods: what it is told to begin with, what it asks for beside the protocol."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from desktop.common.errors import BadParams
from desktop.common.locations import assets_dir
from desktop.openai_api.errors import ThreadNotFound
from desktop.pages.builtin.page import BuiltinPage
from desktop.pages.chat.page import ChatPage
from desktop.settings.agents import AssistantAgent, AssistantTools, DemoAgent, ServerAgent
from desktop.settings.base import Prompt
from desktop.settings.errors import AgentNotSet
from tests.pages.app_parts import SENTINEL, Asked, House
from tests.pages.modules import missing


@pytest.fixture
def demo(make_house: Callable[..., House]) -> Iterator[House]:
    """A house whose agent is the demo."""
    house = make_house()
    house.settings.replace_agent(DemoAgent(id="demo", name="Demo", prompts=[Prompt(label="Hi", prompt="help")]))
    yield house
    house.services.agents.close()


def builtin(house: House, reason: str = "") -> Asked:
    return Asked(BuiltinPage(house.services, reason).page(), house.texts)


def request(ask: Asked, kind: str, /, **params: Any) -> Any:
    return ask("chatkit.request", body=json.dumps({"type": kind, "params": params}))


def say(house: House, ask: Asked, text: str) -> str:
    """A chat with one message, answered; its id."""
    message = {"content": [{"type": "input_text", "text": text}], "attachments": [], "inference_options": {}}
    pieces = stream(house, ask, "threads.create", input=message)
    created = next(json.loads(p[6:]) for p in pieces if '"thread.created"' in p)
    return str(created["thread"]["id"])


def stream(house: House, ask: Asked, kind: str, /, **params: Any) -> list[str]:
    """All pieces of a request that streams."""
    stream = request(ask, kind, **params)["stream"]
    end = time.monotonic() + 90
    while time.monotonic() < end:
        events = [data for name, args in house.app.asked if name == "emit" for data in [args]]
        if any(name == "stream.end" and data["id"] == stream for _, name, data in events):
            data_of = [data for _, name, data in events if name == "stream.data" and data["id"] == stream]
            return [piece for data in data_of for piece in data["chunks"]]
        ask("stream.ack", id=stream, count=1)
        time.sleep(0.02)
    raise AssertionError("no end")


# --- the start ------------------------------------------------------------------------------------------


def test_the_page_is_told_its_words_its_agent_and_its_limits(demo: House) -> None:
    told = builtin(demo)("builtin.start")
    assert told["agent"]["name"] == "Demo"
    assert told["prompts"] == [{"label": "Hi", "prompt": "help"}]
    assert told["limits"]["message"] == 32_000
    assert told["texts"]["builtin.send"] == "Send"
    assert told["problem"] is None


def test_an_assistant_brings_its_models_and_tools_and_never_its_instructions(make_house: Callable[..., House]) -> None:
    house = make_house()
    house.settings.replace_agent(
        AssistantAgent(id="a", instructions="secret", models=["m2"], tools=AssistantTools(web_search=True))
    )
    told = builtin(house)("builtin.start")
    assert told["agent"]["known"]["models"] == ["m2"]
    assert [tool["id"] for tool in told["agent"]["tools"]] == ["web_search"]
    assert "secret" not in json.dumps(told)


def test_without_an_agent_inside_the_app_the_page_says_so(make_house: Callable[..., House]) -> None:
    house = make_house()
    ask = builtin(house)
    assert ask("builtin.start")["problem"]["code"] == AgentNotSet.code
    with pytest.raises(AgentNotSet):
        ask("history.search", query="a")
    with pytest.raises(AgentNotSet):
        ask("builtin.thread", id=None)


def test_every_file_of_the_page_is_there_and_every_module_is_among_them(demo: House) -> None:
    page = BuiltinPage(demo.services).page()
    for file in page.files:
        assert (assets_dir() / file).is_file(), file
    assert missing(page.files) == []


def test_the_page_may_load_nothing_from_anywhere(demo: House) -> None:
    sources = BuiltinPage(demo.services).page().sources
    assert sources.script == sources.frame == sources.connect == sources.img == ()
    assert sources.inline_style is False


# --- chats ------------------------------------------------------------------------------------------------


def test_an_open_chat_is_remembered_and_names_the_window(demo: House) -> None:
    ask = builtin(demo)
    thread = say(demo, ask, "help with gardens")
    told = ask("builtin.thread", id=thread)
    assert told == {"title": "help with gardens", "feedback": {}, "model": "", "answered_by": {}}
    assert demo.services.state.last_thread("demo") == thread
    assert ("set_chat_title", ("help with gardens",)) in demo.app.asked
    assert ask("builtin.start")["thread"] == thread


def test_what_was_rated_is_told_again(demo: House) -> None:
    ask = builtin(demo)
    thread = say(demo, ask, "help")
    items = json.loads(request(ask, "items.list", thread_id=thread)["json"])["data"]
    answer = next(item["id"] for item in items if item["type"] == "assistant_message")
    request(ask, "items.feedback", thread_id=thread, item_ids=[answer], kind="positive")
    assert ask("builtin.thread", id=thread)["feedback"] == {answer: "positive"}


def test_a_new_chat_forgets_the_last_one_and_an_unknown_one_is_said(demo: House) -> None:
    ask = builtin(demo)
    thread = say(demo, ask, "help")
    ask("builtin.thread", id=thread)
    assert ask("builtin.thread", id=None) == {"title": None, "feedback": {}, "model": "", "answered_by": {}}
    assert demo.services.state.last_thread("demo") is None
    with pytest.raises(ThreadNotFound):
        ask("builtin.thread", id="thr_unknown")


def test_a_search_finds_titles_and_messages_and_says_where(demo: House) -> None:
    ask = builtin(demo)
    thread = say(demo, ask, "Gärten 🌱 in winter")
    hits = ask("history.search", query="garten")["hits"]
    assert [hit["thread_id"] for hit in hits] == [thread]
    assert hits[0]["title"]["ranges"] == [[0, 6]]
    assert ask("history.search", query="xylophone")["hits"] == []
    assert ask("history.search", query="   ")["hits"] == []


# --- markdown ------------------------------------------------------------------------------------------------


def test_places_are_told_as_javascript_counts(demo: House) -> None:
    told = builtin(demo)("builtin.render", text="🌱\n\nsecond\n", growing=True)
    assert told["settled"] == len("🌱\n\n".encode("utf-16-le")) // 2
    assert told["html"].strip() == "<p>🌱</p>"


def test_a_whole_text_and_several_are_rendered(demo: House) -> None:
    ask = builtin(demo)
    assert ask("builtin.render", text="*a*")["html"].strip() == "<p><em>a</em></p>"
    assert [html.strip() for html in ask("builtin.render_all", texts=["a", "**b**"])["html"]] == [
        "<p>a</p>",
        "<p><strong>b</strong></p>",
    ]


# --- versions --------------------------------------------------------------------------------------------------


def asked_again(house: House, ask: Asked, thread: str) -> tuple[str, list[str]]:
    """A retry of a chat's only message, answered: the message's id, and the first items of both versions."""
    items = json.loads(request(ask, "items.list", thread_id=thread, order="asc", limit=10)["json"])["data"]
    stream(house, ask, "threads.retry_after_item", thread_id=thread, item_id=items[0]["id"])
    [place] = ask("builtin.versions", id=thread)["places"]
    assert (place["after"], place["shown"]) == (items[0]["id"], 1)
    return items[0]["id"], place["items"]


def test_a_version_is_listed_and_shown_and_a_chat_begins_from_it(demo: House) -> None:
    ask = builtin(demo)
    assert ask("builtin.start")["features"]["versions"] is True
    thread = say(demo, ask, "help")
    assert ask("builtin.versions", id=thread) == {"places": []}
    message, [first, second] = asked_again(demo, ask, thread)
    assert ask("builtin.show_version", id=thread, item=second) == {"changed": False}
    assert ask("builtin.show_version", id=thread, item=first) == {"changed": True}
    assert ask("builtin.versions", id=thread)["places"][0]["shown"] == 0
    made = ask("builtin.new_chat_from", id=thread, item=message)["id"]
    assert ask("builtin.thread", id=made)["title"].endswith("(continued)")
    kept = json.loads(request(ask, "items.list", thread_id=made, order="asc", limit=10)["json"])["data"]
    assert [item["content"][0]["text"] for item in kept] == ["help"]


def test_versions_of_what_is_not_there_are_not_found(demo: House) -> None:
    ask = builtin(demo)
    thread = say(demo, ask, "help")
    for method, params in {
        "builtin.versions": {"id": "thr_nothing"},
        "builtin.show_version": {"id": thread, "item": "msg_nothing"},
        "builtin.new_chat_from": {"id": thread, "item": "msg_nothing"},
    }.items():
        with pytest.raises(ThreadNotFound):
            ask(method, **params)


def test_a_chatkit_server_has_no_versions(make_house: Callable[..., House]) -> None:
    house = make_house()
    house.settings.replace_agent(ServerAgent(id="s", url="https://127.0.0.1:9/chatkit"))
    ask = builtin(house)
    assert ask("builtin.start")["features"]["versions"] is False
    with pytest.raises(BadParams):
        ask("builtin.versions", id="thr_1")


def test_no_page_but_the_built_in_view_has_methods_for_versions(demo: House) -> None:
    named = {"builtin.versions", "builtin.show_version", "builtin.new_chat_from"}
    chat = replace(demo.services, component_url="https://127.0.0.1:9/component.js")
    assert named <= set(BuiltinPage(demo.services).page().methods)
    assert not named & set(ChatPage(chat).page().methods)


# --- drafts ----------------------------------------------------------------------------------------------------


def test_what_is_being_written_is_told_at_the_next_start(demo: House) -> None:
    ask = builtin(demo)
    ask("builtin.draft", id=None, text="a new chat's")
    ask("builtin.draft", id="thr_1", text="an old one's")
    assert builtin(demo)("builtin.start")["drafts"] == {"": "a new chat's", "thr_1": "an old one's"}
    ask("builtin.draft", id="thr_1", text="")
    assert builtin(demo)("builtin.start")["drafts"] == {"": "a new chat's"}


# --- the way back to ChatKit -----------------------------------------------------------------------------------


def test_trying_chatkit_again_shows_the_chat_anew(demo: House) -> None:
    builtin(demo)("builtin.try_chatkit")
    assert demo.app.names() == ["reload_chat"]


def test_a_switch_of_the_view_takes_what_is_being_written_along(demo: House) -> None:
    builtin(demo)("builtin.switch_view", text="half a thought")
    assert demo.app.asked == [("switch_view", ("half a thought",))]


def test_what_is_being_written_goes_along(demo: House) -> None:
    builtin(demo)("builtin.try_chatkit", text="half a thought")
    assert demo.app.asked[-1] == ("emit", ("chat", "prompt.handed_over", {"text": "half a thought"}))


def test_a_reload_keeps_the_preference(demo: House) -> None:
    demo.settings.update({"assistant.builtin_view": True})
    builtin(demo)("builtin.reload")
    assert demo.settings.current.assistant.builtin_view is True


def test_what_a_page_reports_is_one_line_of_the_log(demo: House, caplog: pytest.LogCaptureFixture) -> None:
    ask = builtin(demo)
    ask("builtin.problem", code="page", detail="one\ntwo")
    assert "one two" in caplog.text
    ask("builtin.problem", code="csp", detail="img-src https://example.com")
    assert "img-src" in caplog.text


def test_no_answer_holds_the_key(demo: House) -> None:
    demo.keys.save("https://api.openai.com", SENTINEL)
    ask = builtin(demo, "component_unreachable")
    thread = say(demo, ask, "help")
    for method, params in {
        "builtin.start": {},
        "builtin.thread": {"id": thread},
        "history.search": {"query": "help"},
        "diagnostics.copy": {},
    }.items():
        ask(method, **params)
    assert not ask.found(SENTINEL)
