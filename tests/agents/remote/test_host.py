"""Chats with a real ChatKit server: OpenAI's SDK behind uvicorn, asked over HTTP by the app's own client."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from desktop.agents.errors import MessageEmpty, MessageTooLong
from desktop.agents.remote.bounds import Bounds
from desktop.agents.remote.errors import (
    ServerBusy,
    ServerChatLost,
    ServerDown,
    ServerElsewhere,
    ServerFlood,
    ServerNotFound,
    ServerRefused,
    ServerTokenRefused,
    ServerTokenWanted,
    ServerUnfit,
)
from desktop.common.errors import AppError, BadParams, PageGone
from desktop.common.texts import Catalogue
from desktop.openai_api.errors import ConnectionRefused, ThreadNotFound, TimedOut
from tests.agents.remote.conftest import TOKEN, Team
from tests.agents.talk import PATIENCE, Heard, message, until
from tests.standins.chatkit_server import PARTS, ChatKitStandIn, Mode

Make = Callable[..., Team]


def failure(heard: Heard) -> str:
    """The sentence that ended a stream; empty where none did."""
    events = [json.loads(piece[6:]) for piece in heard.pieces]
    errors = [event for event in events if event["type"] == "error"]
    assert all(event["allow_retry"] for event in errors)
    return str(errors[-1]["message"]) if errors else ""


def said(heard: Heard) -> str:
    return "".join(
        event["update"]["delta"]
        for event in map(json.loads, (piece[6:] for piece in heard.pieces))
        if event["type"] == "thread.item.updated" and "delta" in event["update"]
    )


def thread_of(heard: Heard) -> str:
    return str(json.loads(heard.pieces[0][6:])["thread"]["id"])


# --- what goes well ---------------------------------------------------------------------------------


def test_a_message_is_answered_in_pieces_and_the_chat_is_at_the_server(server: ChatKitStandIn, team: Make) -> None:
    page = team().page
    heard = page.say("Hello")
    assert said(heard).startswith("You said: Hello.")
    assert len(heard.pieces) > PARTS
    assert all(piece.startswith("data: {") and piece.endswith("}\n\n") for piece in heard.pieces)
    assert heard.ends == 1
    listed = page.ask("threads.list", limit=10)["data"]
    assert [one["title"] for one in listed] == ["Hello"]
    page.say("And you?", thread_of(heard))
    assert [answer[:20] for answer in page.answers(thread_of(heard))] == [
        "You said: Hello. Wor",
        "You said: And you?. ",
    ]
    assert page.ask("threads.get_by_id", thread_id=thread_of(heard))["id"] == thread_of(heard)
    assert server.types()[0] == "threads.create"


def test_lines_that_end_as_on_windows_are_events_too(server: ChatKitStandIn, team: Make) -> None:
    server.mode = "crlf"
    assert said(team().page.say("Hello")).startswith("You said: Hello.")


def test_stop_closes_the_connection_and_the_server_hears_of_it(server: ChatKitStandIn, team: Make) -> None:
    server.pause = 0.2
    one = team()
    heard = one.page.begin("Hello")
    heard.until(lambda: "text_delta" in "".join(heard.pieces))
    one.host.cancel(heard.stream)
    heard.until(lambda: heard.ends == 1)
    assert failure(heard) == ""
    until(lambda: server.cut == 1)
    assert not one.host.answering


def test_a_page_that_reads_slowly_holds_the_server_back_and_one_that_reads_nothing_is_given_up(
    server: ChatKitStandIn, team: Make
) -> None:
    from desktop.agents.limits import Limits
    from desktop.agents.remote.host import RemoteHost
    from desktop.common.texts import Catalogue

    one = team()
    one.host._remote = RemoteHost(one.given, Catalogue("en"), limits=Limits(pieces=4, unread=0.5))
    heard = one.page.begin("Hello")
    heard.until(lambda: heard.ends == 1)
    assert "stopped responding" in failure(heard)
    assert len(heard.pieces) <= 6


def test_what_the_server_has_no_business_to_see_is_refused_here(server: ChatKitStandIn, team: Make) -> None:
    one = team()
    one.given.message_limit = 10
    with pytest.raises(MessageEmpty):
        one.page.say("  ")
    with pytest.raises(MessageTooLong):
        one.page.say("x" * 11)
    for body in ("", "[]", "{}", '{"type": "threads.list"}', '{"type": "threads.create", "params": {}}', "[" * 100_000):
        with pytest.raises(BadParams):
            one.host.request("team", body, on_data=lambda _: None, on_end=lambda: None)
    assert server.heard == []


def test_headers_of_the_settings_and_the_token_go_along_and_no_cookie_is_kept(
    server: ChatKitStandIn, team: Make
) -> None:
    server.token, server.header = TOKEN, "x-key"
    one = team(headers={"X-Team": "blue"}, token_header="X-Key")
    one.keep(TOKEN)
    one.page.say("Hello")
    headers = server.heard[0]["headers"]
    assert headers["x-team"] == "blue"
    assert headers["x-key"] == TOKEN
    assert "authorization" not in headers
    assert headers["user-agent"].startswith("chatkit-desktop/")


# --- what goes wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("html", ServerUnfit),
        ("text", ServerUnfit),
        ("no_type", ServerUnfit),
        ("other_json", ServerUnfit),
        ("other_events", ServerUnfit),
        ("down", ServerDown),
        ("missing", ServerNotFound),
        ("busy", ServerBusy),
        ("teapot", ServerRefused),
        ("elsewhere", ServerElsewhere),
        ("see_other", ServerElsewhere),
        ("circle", ServerElsewhere),
    ],
)
def test_an_answer_that_is_none_is_an_error_with_a_sentence_and_is_asked_for_once(
    server: ChatKitStandIn, team: Make, mode: Mode, kind: type[AppError]
) -> None:
    server.token = TOKEN
    one = team()
    one.keep(TOKEN)
    server.mode = mode
    with pytest.raises(kind) as refused:
        one.page.ask("threads.list", limit=1)
    told = json.dumps(refused.value.describe(one.host._texts)) + str(refused.value.values)
    assert TOKEN not in told
    assert len(server.heard) <= 3 if mode == "circle" else len(server.heard) == 1
    server.mode = "chatkit"
    assert said(one.page.say("Are you back?")).startswith("You said: Are you back?.")


def test_a_message_that_meets_no_chatkit_server_is_refused_before_a_stream_begins(
    server: ChatKitStandIn, team: Make
) -> None:
    one = team()
    server.mode = "html"
    with pytest.raises(ServerUnfit):
        one.page.begin("Hello")
    server.mode = "other_json"
    with pytest.raises(ServerUnfit):
        one.page.begin("Hello")


@pytest.mark.parametrize(
    ("mode", "words"),
    [("other_events", "does not answer like a ChatKit server"), ("empty", "disconnected"), ("gone", "disconnected")],
)
def test_a_stream_that_goes_wrong_ends_with_a_sentence_and_keeps_what_was_said(
    server: ChatKitStandIn, team: Make, mode: Mode, words: str
) -> None:
    one = team()
    server.mode = mode
    heard = one.page.say("Hello")
    assert words in failure(heard)
    assert heard.ends == 1
    assert said(heard) == ("You said: Hello." if mode == "gone" else "")


def test_checklist_40_a_place_that_no_answer_has_never_reaches_a_page(server: ChatKitStandIn, team: Make) -> None:
    one = team()
    server.mode = "far_place"
    heard = one.page.say("Hello")
    assert "does not answer like a ChatKit server" in failure(heard)
    assert "2000000000" not in "".join(heard.pieces)


def test_a_server_that_is_killed_is_told_and_answers_again_when_it_is_back(server: ChatKitStandIn, team: Make) -> None:
    server.pause = 0.2
    one = team()
    heard = one.page.begin("Hello")
    heard.until(lambda: "text_delta" in "".join(heard.pieces))
    server.stop()
    assert "disconnected in the middle of the answer" in failure(one.page.read(heard))
    with pytest.raises(ConnectionRefused):
        one.page.begin("Still there?")
    server.pause = 0
    server.start()
    assert said(one.page.say("Back?", thread_of(heard))).startswith("You said: Back?.")


def test_silence_before_and_inside_an_answer_ends(server: ChatKitStandIn, team: Make) -> None:
    server.mode = "silent"
    with pytest.raises(TimedOut):
        team(Bounds(begin=0.3, whole=0.3)).page.begin("Hello")
    server.mode = "stall"
    assert "has sent nothing for" in failure(team(Bounds(stall=0.3)).page.say("Hello"))


def test_a_flood_is_stopped_in_an_event_and_in_a_reply(server: ChatKitStandIn, team: Make) -> None:
    one = team(Bounds(reply=1_000_000, event=1_000_000))
    server.mode = "flood"
    assert "more than a chat can hold" in failure(one.page.say("Hello"))
    server.mode = "huge"
    with pytest.raises(ServerFlood):
        one.page.ask("threads.list")


def test_a_chat_that_is_gone_is_told_as_such(server: ChatKitStandIn, team: Make) -> None:
    with pytest.raises(ThreadNotFound):
        team().page.ask("threads.get_by_id", thread_id="thr_nobody")


@pytest.mark.parametrize("status", [404, 500])
def test_a_chat_that_a_server_lost_when_it_was_started_anew_is_told_as_such(
    server: ChatKitStandIn, team: Make, status: int
) -> None:
    server.unknown = status
    page = team().page
    thread = thread_of(page.say("Hello"))
    kept = thread_of(page.say("Another"))
    server.forget()
    heard = page.say("And now?", thread)
    (event,) = [json.loads(piece[6:]) for piece in heard.pieces]
    assert event["message"].startswith(f"127.0.0.1:{server.port} no longer has this chat.")
    assert "Start a new chat" in event["message"]
    assert event["allow_retry"] is False
    for kind in ("threads.get_by_id", "items.list"):
        with pytest.raises(ServerChatLost):
            page.ask(kind, thread_id="thr_nobody_saw")
    left = page.ask("threads.get_by_id", thread_id=kept)
    assert left["status"]["type"] == "locked"
    assert "the copy the app still has" in left["status"]["reason"]
    assert [item["type"] for item in left["items"]["data"]] == ["user_message", "assistant_message"]
    listed = page.ask("items.list", thread_id=kept, order="desc")["data"]
    assert listed[0]["content"][0]["text"].startswith("You said: Another.")
    assert said(page.say("Then a new one")).startswith("You said: Then a new one.")


LOST = [
    (404, {"detail": "Not Found"}),
    (404, {"error": {"message": "Thread thr_1 not found", "type": "invalid_request_error", "code": None}}),
    (400, {"error": "unknown thread"}),
    (500, "Internal Server Error"),
    (500, {"error": {"code": "not_found", "message": "no such session"}}),
    (410, {"message": "gone"}),
    (200, {"type": "error", "code": "stream.error", "allow_retry": True}),
    (200, {"type": "error", "code": "custom", "message": "Thread not found", "allow_retry": False}),
]


@pytest.mark.parametrize(("status", "body"), LOST)
def test_a_lost_chat_is_seen_whatever_the_server_says_and_only_where_it_is_lost(
    server: ChatKitStandIn, team: Make, status: int, body: Any
) -> None:
    page = team().page
    thread = thread_of(page.say("Hello"))
    server.says = (status, body)

    def told() -> str:
        try:
            return failure_of(page.say("More", thread))
        except AppError as error:
            return error.code

    before = told()
    assert "no longer has" not in before
    assert before != "server_chat_lost" or "hread" in json.dumps(body), "the chat is still there"
    server.forget()
    after = told()
    assert after == "server_chat_lost" or "no longer has this chat" in after


def failure_of(heard: Heard) -> str:
    events = [json.loads(piece[6:]) for piece in heard.pieces]
    return str([event for event in events if event["type"] == "error"][-1].get("message", ""))


WORDS = "Your plan does not include this"


@pytest.mark.parametrize("status", [400, 402, 403, 404, 409, 413, 418, 429, 500, 503, 529])
@pytest.mark.parametrize(
    "body", [{"detail": WORDS}, {"error": WORDS}, {"error": {"message": WORDS}}, {"message": WORDS}]
)
def test_the_servers_own_words_are_said_whatever_its_status(
    server: ChatKitStandIn, team: Make, status: int, body: Any
) -> None:
    server.says = (status, body)
    with pytest.raises(AppError) as refused:
        team().page.begin("Hello")
    assert not isinstance(refused.value, ServerTokenWanted | ServerTokenRefused)
    assert WORDS in refused.value.describe(Catalogue("en"))["message"]


@pytest.mark.parametrize(
    ("status", "said_by_server", "asks"),
    [
        (401, "Your plan does not include this", True),
        (403, "", True),
        (403, "Forbidden", True),
        (403, "Invalid authentication credentials", True),
        (403, "Token expired", True),
        (403, "Your plan does not include this", False),
        (403, "This model is closed to your team", False),
    ],
)
def test_a_403_asks_for_a_token_only_where_it_is_about_one(
    server: ChatKitStandIn, team: Make, status: int, said_by_server: str, asks: bool
) -> None:
    server.says = (status, {"detail": said_by_server})
    with pytest.raises(AppError) as refused:
        team().page.begin("Hello")
    assert isinstance(refused.value, ServerTokenWanted) is asks


# --- redirects and the token's origin ---------------------------------------------------------------


def test_checklist_31_a_redirect_to_another_origin_is_not_followed_and_the_token_stays(
    server: ChatKitStandIn, team: Make
) -> None:
    with ChatKitStandIn() as other:
        server.mode, server.elsewhere, server.token = "elsewhere", other.url, TOKEN
        one = team()
        one.keep(TOKEN)
        with pytest.raises(ServerElsewhere) as refused:
            one.page.begin("Hello")
        assert refused.value.values["target"] == f"127.0.0.1:{other.port}"
        assert other.heard == []


def test_a_redirect_on_the_same_origin_keeps_message_and_token(server: ChatKitStandIn, team: Make) -> None:
    server.mode, server.token = "moved", TOKEN
    one = team()
    one.keep(TOKEN)
    assert said(one.page.say("Hello")).startswith("You said: Hello.")
    assert [one["path"] for one in server.heard] == ["/chatkit", "/moved"]


def test_checklist_31_another_address_asks_for_a_token_of_its_own(server: ChatKitStandIn, team: Make) -> None:
    with ChatKitStandIn("another-token") as other:
        one = team()
        one.keep(TOKEN)
        one.change(url=other.url)
        with pytest.raises(ServerTokenWanted):
            one.page.begin("Hello")
        assert "authorization" not in other.heard[0]["headers"]


# --- the token --------------------------------------------------------------------------------------


class Person:
    """Is asked for tokens, and answers when a test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def __call__(self, agent_id: str, reason: AppError) -> None:
        self.asked.append((agent_id, reason.code))


def later(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        except AppError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, found


def test_a_refused_token_is_asked_for_once_and_the_message_goes_out_again(server: ChatKitStandIn, team: Make) -> None:
    server.token, person = TOKEN, Person()
    one = team(ask=person)
    one.keep("an-old-token")
    first, heard = later(lambda: one.page.say("Hello"))
    second, listed = later(lambda: one.page.ask("threads.list"))
    until(lambda: len(server.heard) == 2 and person.asked)
    one.keep(TOKEN)
    one.host.remote.token_answered("team", given=True)
    first.join(PATIENCE)
    second.join(PATIENCE)
    assert said(heard[0]).startswith("You said: Hello.")
    assert "data" in listed[0]
    assert person.asked == [("team", "server_token_refused")]
    assert server.types().count("threads.create") == 2


def test_a_token_that_came_while_a_message_was_on_its_way_is_not_asked_for_again(
    server: ChatKitStandIn, team: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token, person = TOKEN, Person()
    one = team(ask=person)
    tokens = iter(["an-old-token"])
    monkeypatch.setattr(one.given, "token", lambda _agent: next(tokens, TOKEN))
    assert said(one.page.say("Hello")).startswith("You said: Hello.")
    assert person.asked == []
    assert server.types() == ["threads.create", "threads.create"]


def test_a_token_that_came_after_the_kept_one_was_read_again_is_not_asked_for_again(
    server: ChatKitStandIn, team: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token, person = TOKEN, Person()
    one = team(ask=person)
    reads: list[str] = []

    def token(_agent: object) -> str:
        reads.append("an-old-token" if len(reads) < 2 else TOKEN)
        if len(reads) == 2:  # after the refusal; the person is done before this thread's answer is heard
            one.host.remote.token_answered("team", given=True)
        return reads[-1]

    monkeypatch.setattr(one.given, "token", token)
    assert said(one.page.say("Hello")).startswith("You said: Hello.")
    assert person.asked == []
    assert reads == ["an-old-token", "an-old-token", TOKEN]


def test_who_enters_no_token_is_told_and_asked_again_only_by_a_message(server: ChatKitStandIn, team: Make) -> None:
    server.token, person = TOKEN, Person()
    one = team(ask=person)
    thread, found = later(lambda: one.page.ask("threads.list"))
    until(lambda: person.asked)
    one.host.remote.token_answered("team", given=False)
    thread.join(PATIENCE)
    assert isinstance(found[0], ServerTokenWanted)
    with pytest.raises(ServerTokenWanted):
        one.page.ask("threads.list")
    assert len(person.asked) == 1
    thread, found = later(lambda: one.page.begin("Hello"))
    until(lambda: len(person.asked) == 2)
    one.host.remote.token_answered("team", given=False)
    thread.join(PATIENCE)
    assert isinstance(found[0], ServerTokenWanted)
    assert server.types().count("threads.create") == 1


def test_a_message_whose_page_has_gone_is_not_sent_again(server: ChatKitStandIn, team: Make) -> None:
    server.token, person = TOKEN, Person()
    one = team(ask=person)
    body = json.dumps({"type": "threads.create", "params": {"input": message("Hello")}})
    gone = {"on_data": lambda _: None, "on_end": lambda: None, "wanted": lambda: False}
    thread, found = later(lambda: one.host.request("team", body, **gone))  # type: ignore[arg-type]
    until(lambda: person.asked)
    one.keep(TOKEN)
    one.host.remote.token_answered("team", given=True)
    thread.join(PATIENCE)
    assert isinstance(found[0], PageGone)
    assert len(server.heard) == 1


def test_nobody_is_waited_for_without_end(server: ChatKitStandIn, team: Make) -> None:
    server.token, person = TOKEN, Person()
    one = team(Bounds(ask=0.2), ask=person)
    with pytest.raises(ServerTokenWanted):
        one.page.begin("Hello")


def test_where_nobody_can_be_asked_the_refusal_is_the_answer(server: ChatKitStandIn, team: Make) -> None:
    server.token = TOKEN
    one = team()
    with pytest.raises(ServerTokenWanted):
        one.page.begin("Hello")
    one.keep("wrong")
    with pytest.raises(ServerTokenRefused):
        one.page.begin("Hello")


def test_checklist_01_a_server_that_repeats_the_token_tells_no_page_and_no_log(
    server: ChatKitStandIn, team: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.token, server.mode = TOKEN, "echo"
    one = team()
    one.keep(TOKEN)
    heard = one.page.say("Hello")
    assert "Your token is …" in said(heard)
    listed = one.page.answers(thread_of(heard))
    assert "Your token is …" in listed[0]
    server.mode = "teapot"
    with pytest.raises(ServerRefused) as refused:
        one.page.begin("Hello")
    crossed = "".join(heard.pieces) + "".join(listed) + json.dumps(refused.value.describe(one.host._texts))
    assert TOKEN not in crossed
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(refused.value.__context__) + repr(refused.value.__cause__)


# --- life -------------------------------------------------------------------------------------------


def test_closing_ends_the_streams_and_the_thread(server: ChatKitStandIn, team: Make) -> None:
    server.pause = 0.2
    one = team()
    heard = one.page.begin("Hello")
    one.host.close(PATIENCE)
    heard.until(lambda: heard.ends == 1)
    assert all(thread.name != "servers" for thread in threading.enumerate())
    with pytest.raises(PageGone):
        one.page.ask("threads.list")


def test_the_agent_stack_is_not_needed(server: ChatKitStandIn) -> None:
    """In a process where none of the extra's packages can be imported."""
    code = (
        "import sys\n"
        "gone = ('agents', 'openai', 'chatkit', 'mcp', 'httpx2')\n"
        "class Wall:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in gone: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Wall())\n"
        "from desktop.settings.agents import ServerAgent\n"
        "from desktop.agents.host import AgentHost\n"
        "from desktop.common.texts import Catalogue\n"
        "import json\n"
        "class Given:\n"
        "    message_limit = 1000\n"
        f"    def server(self, name): return ServerAgent(id='team', url={server.url!r})\n"
        "    def token(self, agent): return None\n"
        "    def route(self, base):\n"
        "        from desktop.openai_api.transport import Endpoint\n"
        "        return Endpoint(base)\n"
        "host = AgentHost(Given(), Catalogue('en'))\n"
        "host.begin('team'); host.warm('team')\n"
        "body = json.dumps({'type': 'threads.list', 'params': {}})\n"
        "answer = host.request('team', body, on_data=print, on_end=print)\n"
        "print(host.state, host.state_for('team'), answer.json)\n"
        "host.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.startswith('off ready {"data": []')
