"""The chat page where the agent runs inside the app: what it is told, what it may ask, what takes ChatKit's place."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from desktop.agents.models.names import DEFAULT_MODEL
from desktop.agents.store import file_types
from desktop.agents.store.attachments import Limits as Inside
from desktop.common.errors import AppError
from desktop.common.page import Page
from desktop.pages.chat.page import ChatPage
from desktop.settings.errors import AgentNotSet
from tests.pages.app_parts import SENTINEL, Asked, House
from tests.pages.chat.test_options import verdicts

MakeHouse = Callable[..., House]
COMPONENT = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"
DEMO = {"kind": "demo", "id": "demo"}
ASSISTANT: dict[str, Any] = {
    "kind": "assistant",
    "id": "helper",
    "name": "Helper",
    "model": "gpt-a",
    "models": ["gpt-b", "gpt-a", "gpt-c"],
    "tools": {
        "web_search": True,
        "code_interpreter": True,
        "image_generation": True,
        "vector_store_ids": ["vs_1"],
    },
    "greeting": "At your service",
    "prompts": [{"label": "One", "prompt": "one"}],
}


def page(house: House) -> Page:
    return ChatPage(replace(house.services, component_url=COMPONENT)).page()


def chat(make_house: MakeHouse, agent: dict[str, Any], *, language: str = "en", **settings: Any) -> tuple[House, Asked]:
    house = make_house(command_line={"agents": [agent], **settings}, language=language)
    return house, Asked(page(house), house.texts)


def options(make_house: MakeHouse, agent: dict[str, Any], **settings: Any) -> dict[str, Any]:
    found: dict[str, Any] = chat(make_house, agent, **settings)[1]("chat.start")["options"]
    api = {"url": "https://agent.invalid/chatkit", "domainKey": "x", "uploadStrategy": {"type": "two_phase"}}
    assert verdicts([{**found, "api": api}]) == [""]
    return found


def test_the_page_learns_that_the_agent_is_here_and_how_far_it_is(make_house: MakeHouse) -> None:
    _, ask = chat(make_house, DEMO)
    start = ask("chat.start")
    assert start["agent"] == {"id": "demo", "in_app": True, "state": "off"}
    assert start["problem"] is None
    _, ask = chat(make_house, {"workflow_id": "wf_abcdefgh"})
    assert ask("chat.start")["agent"]["in_app"] is False


def test_nothing_but_the_component_is_reached_from_the_page_of_an_agent_inside_the_app(make_house: MakeHouse) -> None:
    house = make_house(command_line={"agents": [DEMO]})
    assert page(house).sources.connect == ()
    assert page(house).sources.script == ("https://cdn.platform.openai.com",)


def test_an_agents_own_greeting_and_prompts_go_before_those_of_the_settings(make_house: MakeHouse) -> None:
    shared = {"chat.greeting": "Shared", "chat.prompts": [{"label": "Two", "prompt": "two"}]}
    own = options(make_house, ASSISTANT, **shared)["startScreen"]
    assert (own["greeting"], [one["label"] for one in own["prompts"]]) == ("At your service", ["One"])
    plain = options(make_house, {"kind": "assistant", "id": "plain"}, **shared)["startScreen"]
    assert (plain["greeting"], [one["label"] for one in plain["prompts"]]) == ("Shared", ["Two"])
    none = options(make_house, {"kind": "demo", "id": "demo", "greeting": "", "prompts": []}, **shared)["startScreen"]
    assert (none["greeting"], none["prompts"]) == ("What can I help with today?", [])


def test_the_composer_offers_the_models_and_tools_of_an_assistant(make_house: MakeHouse) -> None:
    composer = options(make_house, ASSISTANT)["composer"]
    assert composer["models"] == [
        {"id": "gpt-a", "label": "gpt-a", "default": True},
        {"id": "gpt-b", "label": "gpt-b"},
        {"id": "gpt-c", "label": "gpt-c"},
    ]
    ids = [tool["id"] for tool in composer["tools"]]
    assert ids == ["web_search", "file_search", "code_interpreter", "image_generation"]
    assert composer["tools"][0]["label"] == "Search the web"
    french = options(make_house, ASSISTANT, language="fr")["composer"]["tools"][0]
    assert french["label"] == "Rechercher sur le web"
    bare = options(make_house, {"kind": "assistant", "id": "plain"})["composer"]
    assert set(bare) == {"attachments"}
    default = options(make_house, {"kind": "assistant", "id": "plain", "models": ["gpt-z"]})["composer"]["models"]
    assert default[0] == {"id": DEFAULT_MODEL, "label": DEFAULT_MODEL, "default": True}


def test_dictation_is_offered_where_a_model_is_set_for_it(make_house: MakeHouse) -> None:
    heard = {"assistant.transcription_model": "gpt-4o-transcribe"}
    assert options(make_house, ASSISTANT, **heard)["composer"]["dictation"] == {"enabled": True}
    assert "dictation" not in options(make_house, DEMO, **heard)["composer"]


def test_attachments_are_offered_with_what_the_agent_can_take(make_house: MakeHouse) -> None:
    inside = options(make_house, DEMO)["composer"]["attachments"]
    assert (inside["maxSize"], inside["maxCount"]) == (Inside().size, 10)
    for kind, endings in inside["accept"].items():
        assert (
            kind == "application/pdf"
            or kind in file_types.IMAGES
            or file_types.is_text_type(kind.replace("*", "plain"))
        )
        assert all(ending.startswith(".") for ending in endings)
    team = {"kind": "server", "id": "team", "url": "https://chat.example.com/chatkit"}
    assert "attachments" not in options(make_house, team)["composer"]
    assert options(make_house, {**team, "attachments": True})["composer"]["attachments"]["enabled"] is True


def test_telemetry_is_off_unless_it_was_switched_on(make_house: MakeHouse) -> None:
    for agent in (DEMO, ASSISTANT, {"workflow_id": "wf_abcdefgh"}):
        assert options(make_house, agent)["disableTelemetry"] is True
        assert "disableTelemetry" not in options(make_house, agent, **{"privacy.chatkit_telemetry": True})


def test_history_does_not_wait_for_a_hosted_session(make_house: MakeHouse) -> None:
    off = {"session.history.enabled": False}
    assert options(make_house, DEMO, **off)["history"]["enabled"] is True
    assert options(make_house, {"workflow_id": "wf_abcdefgh"}, **off)["history"]["enabled"] is False


@pytest.mark.parametrize("code", ["component_unreachable", "component_late", "component_failed", "component_blank"])
def test_the_basic_view_takes_the_place_of_a_component_that_can_not_be_had(make_house: MakeHouse, code: str) -> None:
    house, ask = chat(make_house, DEMO)
    ask("chat.fall_back", code=code, detail="two\nlines")
    assert house.app.asked == [("show_builtin", (code,))]
    assert house.services.counters.snapshot()["errors"] == {code: 1}


def test_a_hosted_agent_can_not_fall_back(make_house: MakeHouse) -> None:
    house, ask = chat(make_house, {"workflow_id": "wf_abcdefgh"})
    with pytest.raises(AgentNotSet):
        ask("chat.fall_back", code="component_late")
    assert house.app.asked == []


def test_the_title_of_a_chat_comes_from_the_store_on_this_machine(make_house: MakeHouse) -> None:
    house, ask = chat(make_house, DEMO)
    message = {"content": [{"type": "input_text", "text": "Good day"}], "attachments": [], "inference_options": {}}
    ask("chatkit.request", body=json.dumps({"type": "threads.create", "params": {"input": message}}))
    listed = '{"type": "threads.list", "params": {}}'
    thread = json.loads(ask("chatkit.request", body=listed)["json"])["data"][0]["id"]
    house.app.asked.clear()
    ends = time.monotonic() + 30
    while (title := ask("chat.thread", id=thread)["title"]) is None and time.monotonic() < ends:
        time.sleep(0.01)  # the answer is on its way, and the title with it
    assert title == "Good day"
    assert house.services.state.last_thread("demo") == thread
    assert ask("chat.start")["options"]["initialThread"] == thread
    assert ask("chat.thread", id="thr_unknown") == {"title": None}


def test_checklist_01_nothing_that_crosses_for_an_agent_inside_the_app_holds_the_key(make_house: MakeHouse) -> None:
    house, ask = chat(make_house, ASSISTANT)
    house.keys.save("https://api.openai.com", SENTINEL)
    params: dict[str, dict[str, Any]] = {
        "chat.ready": {"ms": 1},
        "chat.problem": {"code": "component_failed"},
        "chat.fall_back": {"code": "component_failed"},
        "chat.thread": {"id": None},
        "chat.response": {"phase": "start"},
        "app.open_link": {"link": "status"},
        "chatkit.request": {"body": '{"type": "threads.list", "params": {}}'},
        "stream.ack": {"id": "s1", "count": 1},
        "stream.cancel": {"id": "s1"},
        "attachment.begin": {"name": "a", "mime": "text/plain", "size": 1},
        "attachment.part": {"id": "a", "offset": 0, "data": ""},
        "attachment.end": {"id": "a"},
    }
    for name in ask.page.methods:
        if name == "session.mint":
            continue  # hosted sessions only
        try:
            ask(name, **params.get(name, {}))
        except AppError:
            continue  # noted by `ask`
    crossed = "".join(ask.crossed)
    assert "helper" in crossed  # the control: what does cross is found
    assert SENTINEL not in crossed
    assert SENTINEL[3:11] not in crossed
