"""MCP servers at addresses as they really behave: two transports, sessions that end, refusals in words of their own,
lists that change, results of every kind. Over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from desktop.agents.mcp.check import check
from desktop.agents.mcp.errors import McpFailed, McpNotMcp, McpRedirected, McpRefused, McpSignInWanted
from desktop.agents.mcp.mended import readable
from desktop.agents.mcp.said import words_of
from desktop.agents.mcp.servers import Live, OwnVault
from desktop.common.errors import AppError
from desktop.openai_api.transport import Endpoint
from desktop.settings.mcp import McpServer
from tests.agents.mcp.conftest import LIMITS, PATIENCE, Chat, approved, stdio
from tests.agents.mcp.test_servers import http, none
from tests.agents.talk import Given
from tests.standins.mcp_http import Answer as Http
from tests.standins.mcp_http import Asked, Json, McpHttp, RpcError, text
from tests.standins.models_api import Answer, Call, ModelsApi

STYLES = ("json", "events", "legacy")
PICTURE = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
).decode()


def lived(server: McpServer, work: Callable[[Live], Awaitable[Any]], **secrets: str) -> Any:
    """What `work` gives with a server that is there."""
    from desktop.agents.mcp.types import Want

    async def run() -> Any:
        live = Live(server, Want(server, secrets, Endpoint(server.url)), LIMITS, {})
        await live.ready()
        try:
            if live.problem is not None:
                raise live.problem
            return await work(live)
        finally:
            await live.end(0.0)

    return asyncio.run(run())


async def until(what: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < ends
        await asyncio.sleep(0.01)


# --- transports --------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_a_server_of_every_transport_has_tools_that_can_be_called(style: str) -> None:
    async def look(live: Live) -> list[str]:
        made = await asyncio.gather(*(live.call("echo", {"text": str(number)}) for number in range(5)))
        return [one.text for one in made]

    with McpHttp(style) as server:
        assert lived(http(server.url), look) == [f"echo: {number}" for number in range(5)]


def test_the_older_transport_is_found_out_and_its_headers_go_with_every_message() -> None:
    async def look(live: Live) -> str:
        return (await live.call("echo", {"text": "hello"})).text

    with McpHttp("legacy") as server:
        made = http(server.url, headers={"X-Team": "green"}, secrets=["X-Token"])
        assert lived(made, look, **{"X-Token": "hush-hush"}) == "echo: hello"
        assert all(one.headers["x-token"] == "hush-hush" for one in server.asked)
        assert all(one.headers["x-team"] == "green" for one in server.asked)


@pytest.mark.parametrize("status", [400, 404, 405])
def test_whatever_an_older_server_says_to_a_message_it_is_tried_the_older_way(status: int) -> None:
    def guard(asked: Asked) -> Http | None:
        return (status, {}, b"no") if asked.method == "POST" and asked.path == "/sse" else None

    with McpHttp("legacy", guard=guard) as server:
        assert [tool.name for tool in check(http(server.url), none, Endpoint)] == ["echo"]


@pytest.mark.parametrize("style", STYLES)
def test_checklist_31_no_message_goes_where_the_older_transport_points_elsewhere(style: str) -> None:
    with McpHttp(style) as elsewhere, McpHttp("legacy", endpoint=f"{elsewhere.origin}/messages") as server:
        with pytest.raises(McpRedirected):
            check(http(server.url, secrets=["X-Token"]), lambda _name: "hush-hush", Endpoint, LIMITS)
        assert elsewhere.asked == []


@pytest.mark.parametrize("style", ["json", "events"])
def test_a_session_that_the_server_has_forgotten_is_begun_anew_and_the_call_made(style: str) -> None:
    async def look(live: Live) -> list[str]:
        said = []
        for number in range(3):
            said.append((await live.call("echo", {"text": str(number)})).text)
            server.forget()
        return said

    with McpHttp(style) as server:
        assert lived(http(server.url), look) == ["echo: 0", "echo: 1", "echo: 2"]
        assert len(server.called("initialize")) == 3


@pytest.mark.parametrize("status", [400, 404, 405, 500])
def test_a_server_without_a_stream_of_its_own_is_called_once_for_each_call(status: int) -> None:
    def guard(asked: Asked) -> Http | None:
        return (status, {}, b"no such session stream") if asked.method == "GET" else None

    def fails(_given: Json) -> Json:
        raise RpcError(-32000, "not today")

    async def look(live: Live) -> None:
        await until(lambda: any(one.method == "GET" for one in server.asked))
        made = await live.call("fails", {})
        assert (made.failed, made.text) == (True, "not today")
        assert len(server.called("tools/call")) == 1
        assert len(server.called("initialize")) == 1

    with McpHttp(guard=guard, tools={"fails": fails}) as server:
        lived(http(server.url), look)


@pytest.mark.parametrize(("challenge", "kind"), [({"WWW-Authenticate": "Bearer"}, McpSignInWanted), ({}, McpRefused)])
def test_an_older_server_that_wants_to_know_who_asks_says_so(challenge: dict[str, str], kind: type[AppError]) -> None:
    def guard(asked: Asked) -> Http | None:
        return (401, challenge, b"") if asked.method == "GET" else None

    with McpHttp("legacy", guard=guard) as server:
        far = http(server.url)
        with pytest.raises(kind):
            check(far, none, Endpoint, LIMITS, vault=OwnVault(Given(mcp={"far": far}), far))


def test_an_older_server_that_hung_up_is_called_again_however_often() -> None:
    async def look(live: Live) -> None:
        for number in range(3):
            assert (await live.call("echo", {"text": str(number)})).text == f"echo: {number}"
            server.hang_up()
            await until(lambda: not live.alive)

    with McpHttp("legacy") as server:
        lived(http(server.url), look)


def test_an_answer_whose_stream_breaks_is_taken_up_where_it_broke() -> None:
    async def look(live: Live) -> str:
        return (await live.call("echo", {"text": "late"})).text

    with McpHttp("events", cut=1) as server:
        assert lived(http(server.url), look) == "echo: late"
        assert len(server.called("tools/call")) == 1


@pytest.mark.parametrize("style", STYLES)
def test_a_list_of_many_pages_is_read_to_its_end(style: str) -> None:
    tools = {f"tool_{number}": lambda _given: text("yes") for number in range(90)}
    with McpHttp(style, tools=tools, page=7) as server:
        assert [tool.name for tool in check(http(server.url), none, Endpoint)] == list(tools)


# --- refusals ----------------------------------------------------------------------------------------

BODIES: list[tuple[bytes, str]] = [
    (b'{"error": {"message": "Your plan ends today"}}', "Your plan ends today"),
    (b'{"error": "Your plan ends today"}', "Your plan ends today"),
    (b'{"error": "forbidden", "error_description": "Your plan ends today"}', "Your plan ends today"),
    (b'{"detail": [{"msg": "Your plan ends today", "loc": ["body"]}]}', "Your plan ends today"),
    (b'[{"error": {"message": "Your plan ends today"}}]', "Your plan ends today"),
    (b'{"title": "Your plan ends today", "status": 500}', "Your plan ends today"),
    (b"Your plan ends today", "Your plan ends today"),
    (b"\xef\xbb\xbfYour plan ends today\n", "Your plan ends today"),
    (b"<html><head><title>Your plan ends today</title></head>", "Your plan ends today"),
    (b'"Your plan ends today"', "Your plan ends today"),
    (b"", ""),
    (b"{}", ""),
    (b"[" * 100_000, ""),
]


@pytest.mark.parametrize(("body", "words"), BODIES)
def test_the_words_of_a_refusal_are_found_whatever_their_shape(body: bytes, words: str) -> None:
    assert words_of(body)[:100].strip("[") == words


@pytest.mark.parametrize("status", [400, 403, 409, 429, 500, 502, 503])
@pytest.mark.parametrize("style", STYLES)
def test_a_call_that_is_refused_fails_in_the_servers_words_and_the_next_is_made(style: str, status: int) -> None:
    refuses = [True]

    def guard(asked: Asked) -> Http | None:
        if asked.body.get("method") == "tools/call" and refuses and refuses.pop():
            return status, {"Content-Type": "application/json"}, b'{"error": {"message": "Your plan ends today"}}'
        return None

    async def look(live: Live) -> None:
        made = await live.call("echo", {})
        assert made.failed
        assert f"HTTP {status}" in made.text
        assert "Your plan ends today" in made.text
        assert (await live.call("echo", {"text": "on"})).text == "echo: on"

    with McpHttp(style, guard=guard) as server:
        lived(http(server.url), look)
        assert len([one for one in server.called("initialize") if one.path != "/sse"]) == 1, "the same connection"


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, McpRefused, ""),
        (403, McpFailed, "Your plan ends today"),
        (429, McpFailed, "Your plan ends today"),
        (500, McpFailed, "Your plan ends today"),
        (404, McpNotMcp, ""),
    ],
)
def test_a_server_that_can_not_be_begun_says_why(status: int, kind: type[AppError], words: str) -> None:
    with McpHttp(guard=lambda _asked: (status, {}, b"Your plan ends today")) as server, pytest.raises(kind) as caught:
        check(http(server.url), none, Endpoint, LIMITS)
    assert words in str(caught.value.values.get("problem", ""))


def test_what_a_refusal_goes_on_with_for_ever_is_not_read() -> None:
    with McpHttp(guard=lambda _asked: (500, {}, b"no " * 5_000_000)) as server, pytest.raises(McpFailed) as caught:
        check(http(server.url), none, Endpoint, LIMITS)
    assert len(str(caught.value.values["problem"])) < 400


@pytest.mark.parametrize("code", [-32000, -32001, -32602, -32603, 1])
@pytest.mark.parametrize("style", STYLES)
def test_an_error_of_one_call_leaves_the_tools_there_whatever_its_code(style: str, code: int) -> None:
    def fails(_given: Json) -> Json:
        raise RpcError(code, "Connection closed" if code == -32000 else "the database is locked")

    async def look(live: Live) -> None:
        made = await live.call("fails", {})
        assert made.failed
        assert made.text in ("Connection closed", "the database is locked")
        assert live.alive
        assert (await live.call("echo", {"text": "on"})).text == "echo: on"

    with McpHttp(style, tools={"fails": fails, "echo": lambda given: text(f"echo: {given['text']}")}) as server:
        lived(http(server.url), look)


@pytest.mark.slow
def test_an_error_of_one_call_does_not_end_a_program_either() -> None:
    async def look(live: Live) -> None:
        made = await live.call("refuse", {"code": -32000, "words": "the database is locked"})
        assert (made.failed, made.text) == (True, "the database is locked")
        assert live.alive
        assert (await live.call("echo", {"text": "on"})).text == "echo: on"

    lived(stdio(), look)


# --- changes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_tools_that_change_while_a_chat_goes_on_are_known_without_a_new_connection(style: str) -> None:
    async def look(live: Live) -> None:
        await until(lambda: any(one.method == "GET" for one in server.asked))
        server.tools["later"] = lambda _given: text("yes")
        server.notify("notifications/tools/list_changed")
        await until(lambda: [tool.name for tool in live.tools] == ["echo", "later"])
        assert (await live.call("later", {})).text == "yes"

    with McpHttp(style) as server:
        lived(http(server.url), look)


def test_a_server_that_changes_its_tools_without_an_end_is_not_asked_without_an_end() -> None:
    async def look(live: Live) -> None:
        await until(lambda: any(one.method == "GET" for one in server.asked))
        before = len(server.called("tools/list"))
        for _ in range(500):
            server.notify("notifications/tools/list_changed")
        assert (await live.call("echo", {"text": "on"})).text == "echo: on"
        assert len(server.called("tools/list")) - before < 10

    with McpHttp() as server:
        lived(http(server.url), look)


@pytest.mark.slow
def test_a_tool_that_brings_a_tool_makes_it_usable_in_the_same_answer(api: ModelsApi) -> None:
    chat = Chat(api, stdio(always=["grow"]))
    try:
        api.answer(Answer(calls=(Call("grow", {}),)), Answer(calls=(Call("grown", {}),)), Answer("Both."))
        chat.say()
        chat.press("mcp.once")
        assert chat.outputs()[-1] == "I am new"
        assert "grown" in chat.tools()
        assert chat.page.answers(chat.thread) == ["Both."]
    finally:
        chat.host.close(10)


# --- results -----------------------------------------------------------------------------------------

RESULTS: list[tuple[Json, str, int]] = [
    ({"structuredContent": {"degrees": 21}}, '{"degrees": 21}', 0),
    ({"content": [], "structuredContent": {"degrees": 21}}, '{"degrees": 21}', 0),
    ({"content": None, "structuredContent": [1, 2]}, '{"result": [1, 2]}', 0),
    (text('{"degrees": 21}', structuredContent={"degrees": 21}), '{"degrees": 21}', 0),
    (text("It is mild.", structuredContent={"degrees": 21}), 'It is mild.\n{"degrees": 21}', 0),
    (text("mild", structuredContent={"result": "mild"}), "mild", 0),
    ({"content": [{"type": "image", "data": PICTURE, "mimeType": "image/png"}]}, "", 1),
    ({"content": [{"type": "image", "data": PICTURE}]}, "", 1),
    ({"content": [{"type": "image", "data": PICTURE, "mimeType": "application/octet-stream"}]}, "", 1),
    (
        {"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]},
        "[image: image/png, 1 KB, not shown]",
        0,
    ),
    ({"content": [{"type": "audio", "data": "AAAA", "mimeType": "audio/wav"}]}, "[audio: audio/wav, 1 KB]", 0),
    (
        {"content": [{"type": "resource_link", "uri": "file:///a.txt", "name": "a.txt", "mimeType": "text/plain"}]},
        "[a.txt: file:///a.txt] text/plain",
        0,
    ),
    ({"content": [{"type": "resource_link", "uri": "file:///a.txt"}]}, "[file:///a.txt: file:///a.txt]", 0),
    (
        {"content": [{"type": "resource", "resource": {"uri": "note://1", "text": "remember"}}]},
        "[note://1]\nremember",
        0,
    ),
    (
        {"content": [{"type": "resource", "resource": {"uri": "x://1", "blob": PICTURE, "mimeType": "image/png"}}]},
        "",
        1,
    ),
    (
        {"content": [{"type": "resource", "resource": {"uri": "x://1", "blob": "AAAA", "mimeType": "audio/ogg"}}]},
        "[x://1: audio/ogg, 1 KB]",
        0,
    ),
    ({"content": [{"type": "hologram", "depth": 3}]}, '{"type": "hologram", "depth": 3}', 0),
    ({"content": "plain"}, "plain", 0),
    ({"content": ["one", {"text": "two"}]}, "one\ntwo", 0),
    ({"content": []}, "", 0),
]


@pytest.mark.parametrize(("result", "words", "pictures"), RESULTS)
def test_a_result_of_any_kind_reaches_the_model(result: Json, words: str, pictures: int) -> None:
    async def look(live: Live) -> None:
        made = await live.call("give", {})
        assert (made.text, len(made.pictures), made.failed) == (words, pictures, False)
        assert all(one == f"data:image/png;base64,{PICTURE}" for one in made.pictures)

    with McpHttp(tools={"give": lambda _given: result}) as server:
        lived(http(server.url), look)


def test_a_result_that_says_it_failed_has_failed() -> None:
    async def look(live: Live) -> None:
        made = await live.call("give", {})
        assert (made.text, made.failed) == ("no such city", True)

    with McpHttp(tools={"give": lambda _given: text("no such city", isError=True)}) as server:
        lived(http(server.url), look)


def test_what_is_no_result_of_a_tool_is_left_as_it_is() -> None:
    for other in ({"tools": [], "content": 3}, {"capabilities": {}, "content": 3}, {"prompts": []}, {}):
        assert readable(other) == other


def test_a_large_picture_comes_through_both_kinds_of_answer() -> None:
    large = base64.b64encode(base64.b64decode(PICTURE) + b"\0" * 2_000_000).decode()

    async def look(live: Live) -> int:
        return len((await live.call("give", {})).pictures)

    for style in STYLES:
        tools = {"give": lambda _given: {"content": [{"type": "image", "data": large, "mimeType": "image/png"}]}}
        with McpHttp(style, tools=tools) as server:
            assert lived(http(server.url), look) == 1


def far(server: McpHttp, *always: str) -> McpServer:
    made = http(server.url)
    return made.model_copy(update={"always": approved(*always, at=made)})


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["responses", "chat_completions"])
def test_a_picture_of_a_tool_is_shown_and_given_to_a_model_that_can_see(api: ModelsApi, protocol: str) -> None:
    result = {
        "content": [{"type": "text", "text": "Here"}, {"type": "image", "data": PICTURE, "mimeType": "image/png"}]
    }
    with McpHttp(tools={"draw": lambda _given: result}) as server:
        chat = Chat(api, far(server, "draw"), protocol=protocol)
        try:
            chat.calls("draw", "There it is.")
            chat.say()
            items = chat.page.items(chat.thread)
            assert [item["type"] for item in items] == [
                "user_message",
                "workflow",
                "generated_image",
                "assistant_message",
            ]
            assert items[2]["image"]["url"] == f"data:image/png;base64,{PICTURE}"
            assert items[1]["workflow"]["tasks"][0]["content"] == "```\nHere\n```"
            given = json.dumps(chat.outputs()[-1])
            assert (PICTURE in given) == (protocol == "responses")
            assert "Here" in given
            api.answer(Answer("Still there."))
            chat.say("and now?")
            asked = json.dumps(api.asked[-1].body)
            assert "generated" not in asked, "the model is not told that it had drawn it"
        finally:
            chat.host.close(10)


@pytest.mark.slow
def test_what_a_tool_gave_can_be_read_in_its_step_as_text_alone(api: ModelsApi) -> None:
    words = "```\n# Approved\n![x](https://example.org/x.png)\u202e"
    with McpHttp(tools={"give": lambda _given: text(words)}) as server:
        chat = Chat(api, far(server, "give"))
        try:
            chat.calls("give", "Done.")
            chat.say()
            (task,) = chat.page.items(chat.thread)[1]["workflow"]["tasks"]
            assert task["content"].startswith("````\n```\n# Approved\n![x]")
            assert task["content"].endswith("⟨U+202E⟩\n````")
            assert chat.outputs() == [words]
        finally:
            chat.host.close(10)


def test_calls_at_the_same_time_do_not_wait_for_each_other() -> None:
    both = threading.Barrier(4)

    def meets(_given: Json) -> Json:
        both.wait(PATIENCE)
        return text("met")

    async def look(live: Live) -> None:
        made = await asyncio.gather(*(live.call("meets", {}) for _ in range(4)))
        assert [one.text for one in made] == ["met"] * 4

    for style in ("json", "events"):
        with McpHttp(style, tools={"meets": meets}) as server:
            lived(http(server.url), look)


def test_a_server_that_is_silent_is_given_up_and_says_so() -> None:
    wait = threading.Event()

    def silent(asked: Asked) -> Http | None:
        if asked.body.get("method") == "initialize":
            wait.wait(PATIENCE)
        return None

    from desktop.agents.mcp.errors import McpNotAnswering

    with McpHttp(guard=silent) as server:
        try:
            with pytest.raises(McpNotAnswering):
                check(http(server.url), none, Endpoint, replace(LIMITS, mcp_start=1.0))
        finally:
            wait.set()
