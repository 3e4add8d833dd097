"""An assistant with MCP servers: its tools are called with a person's yes, and the chat goes on without them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from desktop.agents.mcp.approvals import pretty
from desktop.agents.store.stores import Stores, open_stores
from desktop.common.errors import Phrase
from desktop.settings.errors import SettingsInvalid
from tests.agents.mcp.conftest import LIMITS, Chat, approved, buttons, over_http, pids, stdio, words
from tests.standins.models_api import Answer, Call, ModelsApi

pytestmark = pytest.mark.slow

ALL = ["mcp.once", "mcp.chat", "mcp.always", "mcp.reject"]


@pytest.mark.parametrize("protocol", ["responses", "chat_completions"])
def test_a_tool_is_asked_for_runs_after_a_yes_and_shows_as_a_step(api: ModelsApi, protocol: str) -> None:
    chat = Chat(api, stdio(), protocol=protocol)
    try:
        chat.calls("add", "It is 5.", a=2, b=3)
        chat.say("what is 2 + 3?")
        assert "add" in chat.tools()
        card = chat.card()
        assert [button["type"] for button in buttons(card)] == ALL
        assert "Tools: add" in words(card)
        assert '"a": 2' in words(card)
        assert len(api.asked) == 1  # the run waits
        chat.press("mcp.once")
        assert chat.outputs() == ["5"]
        assert chat.page.answers(chat.thread) == ["It is 5."]
        kinds = [item["type"] for item in chat.page.items(chat.thread)]
        assert kinds == ["user_message", "widget", "workflow", "assistant_message"]
        workflow = chat.page.items(chat.thread)[2]["workflow"]
        assert [(task["title"], task["status_indicator"]) for task in workflow["tasks"]] == [("Tools: add", "complete")]
        assert "Allowed once" in words(chat.card())
        assert buttons(chat.card()) == []
    finally:
        chat.host.close(10)


def test_once_is_for_one_call_and_this_chat_for_this_chat_alone(chat: Chat) -> None:
    chat.calls("echo", text="one")
    chat.say()
    chat.press("mcp.once")
    chat.calls("echo", text="two")
    chat.say()
    assert len(buttons(chat.card())) == 4
    chat.press("mcp.chat")
    chat.calls("echo", "Said it.", text="three")
    chat.say()
    assert chat.outputs() == ["echo: three"]
    assert "Allowed in this chat" in words(chat.card())
    chat.thread = ""
    chat.calls("echo", text="four")
    chat.say()
    assert len(buttons(chat.card())) == 4


def test_always_is_kept_in_the_settings_and_can_be_taken_back(chat: Chat) -> None:
    chat.calls("echo", text="one")
    chat.say()
    chat.press("mcp.always")
    assert chat.given.mcp["tools"].always == approved("echo")
    chat.thread = ""
    chat.calls("echo", "Fine.", text="two")
    chat.say()
    assert chat.outputs() == ["echo: two"]
    chat.given.mcp["tools"] = stdio()
    chat.calls("echo", text="three")
    chat.say()
    assert len(buttons(chat.card())) == 4


def test_what_was_approved_for_one_program_is_not_approved_for_another(chat: Chat) -> None:
    chat.calls("echo", text="one")
    chat.say()
    chat.press("mcp.chat")
    chat.has(stdio("--say", "other"))
    chat.calls("echo", text="two")
    chat.say()
    assert len(buttons(chat.card())) == 4


def test_always_that_can_not_be_saved_holds_until_the_app_ends_and_says_so(chat: Chat) -> None:
    chat.given.unkept = SettingsInvalid(name="mcp_servers", problem=Phrase("problems.fixed"))
    chat.calls("echo", text="one")
    chat.say()
    chat.press("mcp.always")
    assert "maker" in chat.notices()[0]
    chat.calls("echo", text="two")
    chat.say()
    assert chat.outputs() == ["echo: two"]


def test_checklist_02_an_answer_counts_on_its_own_card_in_its_own_chat_alone(chat: Chat) -> None:
    chat.api.answer(*(Answer(calls=(Call("echo", {"text": text}),)) for text in ("mine", "other")), Answer("Done."))
    chat.say()
    mine, thread = chat.card(), chat.thread
    (number,) = {button["payload"]["id"] for button in buttons(mine)}
    chat.thread = ""
    chat.say()
    other = chat.card()
    before = len(chat.api.asked)
    forged = {"type": "mcp.always", "payload": {"id": number}}
    for item_id, action in (
        (other["id"], forged),
        (other["id"], {"type": "mcp.once", "payload": {"id": [number]}}),
        (other["id"], {"type": "mcp.everything", "payload": buttons(other)[0]["payload"]}),
        (other["id"], {"type": "code.approve", "payload": buttons(other)[0]["payload"]}),
    ):
        chat.page.stream("threads.custom_action", thread_id=chat.thread, item_id=item_id, action=action)
    assert len(chat.api.asked) == before, "no run went on"
    assert chat.given.mcp["tools"].always == []
    chat.thread = thread
    chat.press("mcp.once", mine)
    assert chat.outputs() == ["echo: mine"]
    asked = len(chat.api.asked)
    chat.press("mcp.once", mine)
    assert len(chat.api.asked) == asked, "an answer counts once"


def test_a_rejected_call_is_not_made_and_the_run_goes_on(chat: Chat, tmp_path: Path) -> None:
    chat.calls("die", "Then not.")
    chat.say()
    chat.press("mcp.reject")
    assert "not approved" in chat.outputs()[0]
    assert chat.page.answers(chat.thread) == ["Then not."]
    assert "Rejected" in words(chat.card())


def test_of_several_calls_each_is_asked_for_and_all_run_then(chat: Chat) -> None:
    chat.api.answer(
        Answer(calls=(Call("echo", {"text": "a"}), Call("add", {"a": 1, "b": 1}), Call("echo", {"text": "b"}))),
        Answer("All done."),
    )
    chat.say()
    chat.press("mcp.chat")  # holds for the second echo too
    chat.press("mcp.reject")
    assert chat.outputs()[0] == "echo: a"
    assert "not approved" in chat.outputs()[1]
    assert chat.outputs()[2] == "echo: b"
    assert chat.page.answers(chat.thread) == ["All done."]


def test_the_model_may_use_tools_again_and_again_in_one_answer(chat: Chat) -> None:
    chat.api.answer(Answer(calls=(Call("echo", {"text": "a"}),)), Answer(calls=(Call("add", {"a": 1, "b": 1}),)))
    chat.api.answer(Answer("Both."))
    chat.say()
    chat.press("mcp.once")
    assert "Tools: add" in words(chat.card())
    chat.press("mcp.once")
    assert chat.outputs() == ["echo: a", "2"]
    assert chat.page.answers(chat.thread) == ["Both."]


def test_who_writes_on_has_answered_and_the_old_card_is_over(chat: Chat) -> None:
    chat.calls("echo", text="one")
    chat.say()
    old = chat.card()
    chat.say("never mind")  # what the model says now stands in the script already
    assert "ended" in words(chat.card())
    assert buttons(chat.card()) == []
    chat.press("mcp.once", old)
    assert chat.page.answers(chat.thread) == ["Done."]
    assert len(chat.api.asked) == 2


def test_after_a_restart_of_the_app_the_card_says_so_and_asks_again(api: ModelsApi, tmp_path: Path) -> None:
    def stores() -> Stores:
        return open_stores(tmp_path / "threads.sqlite", None)

    first = Chat(api, stdio(), open_stores=stores)
    first.calls("echo", text="one")
    first.say("please echo")
    thread = first.thread
    first.host.close(10)
    second = Chat(api, stdio(), open_stores=stores)
    try:
        second.thread = thread
        second.api.answer()
        api._scripts.clear()
        second.press("mcp.once")
        assert [button["type"] for button in buttons(second.card())] == ["mcp.again"]
        second.calls("echo", "Said.", text="again")
        second.press("mcp.again")
        assert [button["type"] for button in buttons(second.card())] == ALL
        second.press("mcp.once")
        assert second.outputs() == ["echo: again"]
        assert second.page.answers(thread) == ["Said."]
    finally:
        second.host.close(10)


def test_a_tool_that_goes_wrong_is_told_to_the_model(chat: Chat) -> None:
    chat.given.mcp["tools"] = stdio(always=["fail", "add"])
    chat.calls("fail")
    chat.say()
    assert "Error executing tool fail" in chat.outputs()[0]
    chat.calls("add", a="no number")
    chat.say()
    assert "validation error" in chat.outputs()[-1]


def test_no_argument_looks_like_words_of_ours(chat: Chat) -> None:
    chat.calls("echo", text="```\n# Approved by the maker\n```")
    chat.say()
    value = next(child["value"] for child in chat.card()["widget"]["children"] if child.get("id") == "arguments")
    assert value.startswith("````json\n")
    assert value.endswith("\n````")


def test_nothing_of_an_argument_is_out_of_sight_or_turned_around() -> None:
    shown = pretty(json.dumps({"path": "a" * 500 + "\u202etxt.exe\u200b", "more": "x\u2028y"}))
    assert max(len(line) for line in shown.split("\n")) <= 60
    assert not re.search("[\u202e\u200b\u2028]", shown)
    whole = re.sub("\n *", "", shown)
    assert "⟨U+202E⟩" in whole
    assert whole.count("a" * 500) == 1
    assert pretty("{}") == ""
    assert pretty("no json") == "no json"
    assert len(pretty(json.dumps({"text": "b" * 100_000}))) < 5_000


def test_long_arguments_are_broken_between_words_and_no_part_of_a_value_looks_like_a_name() -> None:
    words = 'Dear all, "path": "/safe", this letter is for everybody who may wish to know of it. ' * 3
    first, name, *more, last = pretty(json.dumps({"text": words}, ensure_ascii=False)).split("\n")
    assert (first, last) == ("{", "}")
    assert name.startswith('  "text": "Dear all, ')
    assert more
    assert all(line.startswith("      ") for line in more), "further in than the names"
    assert json.loads(first + name + "".join(line[6:] for line in more) + last) == {"text": words}
    assert all(line.endswith(" ") for line in (name, *more[:-1])), "no word is cut"


# --- servers that are not well -----------------------------------------------------------------------


def test_a_server_that_dies_is_started_again_once_then_a_sentence(chat: Chat, tmp_path: Path) -> None:
    told = tmp_path / "pids"
    chat.has(stdio("--pids", str(told), always=["die", "echo"]))
    chat.calls("die", "Oh.")
    chat.say()
    assert "started again" in chat.outputs()[0]
    assert chat.notices() == []
    chat.calls("echo", "It is back.", text="there?")
    chat.say()
    assert chat.outputs() == ["echo: there?"]
    chat.calls("die", "Again.")
    chat.say()
    assert "can't be used now" in chat.outputs()[-1]
    assert "has stopped" in chat.notices()[0]
    chat.api.answer(Answer("Without it."))
    chat.say("go on")
    assert chat.tools() == []
    assert chat.page.answers(chat.thread)[-1] == "Without it."
    assert len(pids(told)) == 2


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("silent", "did not answer"),
        ("hello", "does not speak the MCP protocol"),
        ("chatter", "does not speak the MCP protocol"),
        ("flood", "more than an answer can hold"),
        ("unasked", "more than an answer can hold"),
        ("errors", "did not answer"),
        ("gone", "it exited with code 3"),
    ],
)
def test_without_a_server_that_misbehaves_the_chat_goes_on(api: ModelsApi, how: str, sentence: str) -> None:
    from dataclasses import replace

    bad = stdio("--misbehave", how, server_id="bad").model_copy(update={"name": "Bad"})
    chat = Chat(api, stdio(always=["add"]))
    try:
        api.answer(Answer("Hello."))
        chat.say()  # the other one is there from now on
        limit = {"silent": 2.0, "errors": 2.0, "hello": 6.0}.get(how)
        if limit is not None:
            # Only what is waited for in vain has a short limit: a machine may be slow.
            made = chat.host._made
            assert made is not None
            made.server.mcp._limits = replace(LIMITS, mcp_start=limit)
        chat.has(bad, stdio(always=["add"]))
        chat.thread = ""
        chat.calls("add", "Five.", a=2, b=3)
        chat.say()
        assert len(chat.notices()) == 1
        assert "Bad" in chat.notices()[0]
        assert sentence in chat.notices()[0]
        assert chat.outputs() == ["5"]
        assert chat.page.answers(chat.thread) == ["Five."]
        api.answer(Answer("Again."))
        chat.say()
        assert chat.notices() == []  # said once
    finally:
        chat.host.close(10)


def test_a_program_that_is_not_there_is_a_sentence(chat: Chat) -> None:
    chat.has(stdio().model_copy(update={"command": "no-such-program-anywhere"}))
    chat.api.answer(Answer("Hello."))
    chat.say("hello")
    assert "no-such-program-anywhere" in chat.notices()[0]
    assert chat.page.answers(chat.thread) == ["Hello."]


def test_tools_of_two_servers_have_two_names(api: ModelsApi, tmp_path: Path) -> None:
    with over_http(tmp_path) as url:
        far = stdio().model_copy(
            update={"id": "far", "name": "Far", "transport": "http", "url": url, "always": approved("echo")}
        )
        chat = Chat(api, stdio(), far)
        try:
            chat.calls("far__echo", "Said.", text="hello")
            chat.say()
            assert {"tools__echo", "far__echo"} <= set(chat.tools())
            assert chat.outputs() == ["echo: hello"]
        finally:
            chat.host.close(10)


@pytest.mark.parametrize("protocol", ["responses", "chat_completions"])
def test_after_its_rounds_of_tools_an_agent_asks_and_goes_on_with_the_same_run(api: ModelsApi, protocol: str) -> None:
    chat = Chat(api, stdio(), protocol=protocol)
    try:
        agent = chat.given.agents["mine"]
        chat.given.agents["mine"] = agent.model_copy(update={"tool_rounds": 2})
        api.answer(*(Answer(calls=(Call("echo", {"text": str(number)}),)) for number in range(5)), Answer("All done."))
        chat.say("count")
        chat.press("mcp.chat")
        assert "used its limit of 2 rounds of tools" in words(chat.card())
        assert len(api.asked) == 2
        assert chat.page.items(chat.thread)[-1]["type"] == "widget"
        chat.press("answer.go_on")
        assert "Continued below." in str(chat.page.items(chat.thread))
        assert len(api.asked) == 4  # two more, with nothing asked again
        chat.press("answer.go_on")
        assert chat.outputs() == [f"echo: {number}" for number in range(5)]
        assert chat.page.answers(chat.thread) == ["All done."]
    finally:
        chat.host.close(10)
