"""ChatKit as it was seen in June 2026, in a real window: what it refuses, hangs on, loads and asks for, and what the
app makes of it. Its stand-in behaves so, point by point.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from desktop.common.texts import Catalogue
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.chatkit_server import ChatKitStandIn
from tests.standins.models_api import Answer, ModelsApi
from tests.window.hall import Hall
from tests.window.test_agent_chat import LONG, answered, launch, ready, said, settle, settle_assistant

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SAYS = Catalogue("en").get
PICTURE = "http://127.0.0.1:9/seen?by=you"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
Asked = list[str]
SHORT = {"ready_ms": 1_500}


@pytest.fixture
def models() -> Iterator[ModelsApi]:
    with ModelsApi() as api:
        yield api


@pytest.fixture
def server() -> Iterator[ChatKitStandIn]:
    with ChatKitStandIn("") as standin:
        yield standin


@pytest.fixture
def pictures() -> Iterator[tuple[str, Asked]]:
    """The address of a picture at a host that no setting names, and what that was asked for."""
    asked: Asked = []

    class Host(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(PIXEL)))
            self.end_headers()
            self.wfile.write(PIXEL)

        def log_message(self, *_: object) -> None:
            """Nothing: the tests' output is theirs."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/seen.png", asked
        server.shutdown()


def again(app: Driver, scene: Scene, limits: dict[str, Any] | None = None) -> int:
    """The chat page anew, with other times; the number of answered calls before it."""
    app.ask("chat_limits", limits or {})
    scene.component.forget()
    since = app.calls_so_far()
    app.ask("show", "reload")
    return since


# --- no white window ------------------------------------------------------------------------------


def test_an_option_that_this_version_refuses_is_left_out_and_named_in_the_diagnostics(scene: Scene) -> None:
    settle(scene)
    scene.component.fail("knows_less", unknown=["disableTelemetry"])
    with launch(scene) as app:
        ready(scene, app)
        state = scene.component.state
        assert "disableTelemetry" not in state["options"]
        assert "frameTitle" in state["options"], "only what was named is left out"
        app.wait_call("chat.left_out")
        app.until("it is said", lambda: "chatkit_without_disableTelemetry: 1" in app.ask("state")["diagnostics"])
        scene.component.do("send", text="help")
        answered(scene, "This demo runs on this computer")


def test_several_refused_options_are_left_out_one_attempt_after_the_other(scene: Scene) -> None:
    settle(scene)
    scene.component.fail("knows_less", unknown=["frameTitle", "disableTelemetry"])
    with launch(scene) as app:
        ready(scene, app)
        assert not {"frameTitle", "disableTelemetry"} & set(scene.component.state["options"])


@pytest.mark.parametrize("fault", ["refuses_all", "frame_400", "frame_404", "dead_frame"])
def test_a_frame_that_never_lives_gives_way_to_the_basic_view(scene: Scene, fault: str) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        scene.component.fail(fault)
        since = again(app, scene, SHORT)
        app.wait_call("chat.fall_back", since=since)
        app.wait_call("builtin.ready", since=since)
        assert "chat.ready" not in {call["method"] for call in app.ask("calls", since)}


@pytest.mark.parametrize(
    ("fault", "says"),
    [("refuses_all", "component_failed"), ("frame_400", "component_late"), ("dead_frame", "component_late")],
)
def test_a_hosted_chat_whose_frame_never_lives_says_so_and_comes_when_it_does(
    scene: Scene, fault: str, says: str
) -> None:
    scene.settle()
    with scene.launch() as app:
        scene.wait_chat(app)
        scene.component.fail(fault)
        since = again(app, scene, SHORT)
        app.wait_text("chat", SAYS(f"errors.{says}.hint"))
        assert "chat.ready" not in {call["method"] for call in app.ask("calls", since)}
        scene.component.heal()
        app.ask("chat_limits", {})
        since = app.calls_so_far()
        app.click("chat", "#problem-retry")
        scene.wait_chat(app, since=since)


def test_a_frame_that_hangs_with_our_page_in_its_process_is_ended_by_the_app(scene: Scene) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        scene.component.fail("hanging_frame")
        since = again(app, scene, {"ready_ms": 500})
        app.wait_call("builtin.ready", since=since)
        app.fill("chat", "#text", "help")
        app.click("chat", "#send")
        app.wait_text("chat", "This demo runs on this computer")
        assert app.ask("state")["diagnostics"].count("component_late") >= 1


def test_an_error_of_a_chat_that_lives_is_its_own_to_show(scene: Scene) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        scene.component.do("emit_error", message="Something harmless, options: 'frameTitle'")
        app.wait_call("chat.problem")
        scene.component.do("send", text="help")
        answered(scene, "This demo runs on this computer")
        assert "chat.fall_back" not in {call["method"] for call in app.ask("calls", 0)}


def test_options_that_are_refused_later_leave_the_chat_as_it_is(scene: Scene) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        app.js("chat", "(document.querySelector('openai-chatkit').setOptions({colour: 'red'}), true)")
        if scene.engine == "gtk":  # Chromium tells a page nothing of promises in scripts of another origin
            app.wait_call("chat.problem")
        scene.component.do("send", text="help")
        answered(scene, "This demo runs on this computer")
        assert "chat.fall_back" not in {call["method"] for call in app.ask("calls", 0)}


# --- messages and answers -------------------------------------------------------------------------


def test_a_long_answer_at_a_slow_page_comes_whole_and_in_larger_pieces(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.002, unread=3) as app:
        ready(scene, app)
        scene.component.fail("slow_render", ms=40)
        since = again(app, scene)
        ready(scene, app, since=since)
        scene.component.do("send", text="long")
        state = answered(scene, LONG[-40:])
        assert said(state) == LONG
        assert state["failure"] is None
        assert state["deltas"] < len(LONG.split()) / 2, "what gathers is one event"


def test_a_message_while_an_answer_is_written_is_not_sent_twice(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.02) as app:
        ready(scene, app)
        scene.component.do("send", text="long")
        scene.component.wait(lambda s: s["deltas"] >= 2)
        app.ask("emit", "chat", "prompt.send", {"text": "too early"})
        app.wait_call("chat.problem")
        scene.component.do("stop")
        scene.component.wait(lambda s: not s["busy"])


# --- how the stand-in itself behaves ----------------------------------------------------------------

ANSWERS = """
((async () => {
  window.asked = 0;
  const element = document.createElement("openai-chatkit");
  const answers = %s;
  element.setOptions({api: {url: "https://agent.invalid/", domainKey: "x", fetch: async (_url, init) => {
    if (JSON.parse(init.body).type !== "threads.create") return Response.json({data: [], has_more: false});
    window.asked += 1;
    const {status, type, body} = answers;
    return new Response(body, {status, headers: {"content-type": type}});
  }}});
  window.refused = 0;
  element.addEventListener("chatkit.error", () => (window.refused += 1));
  document.getElementById("chat").replaceChildren(element);
})(), true)
"""


@pytest.mark.parametrize(
    ("status", "kind", "body", "times", "told"),
    [
        (400, "application/json", '{"message": "No."}', 1, False),
        (500, "text/plain", "", 6, True),
        (200, "application/json", "{}", 6, True),
        (200, "text/event-stream", 'data: {"type": "error", "message": "No."}\n\n', 1, True),
    ],
)
def test_the_stand_in_takes_answers_to_a_message_as_chatkit_was_seen_to(
    scene: Scene, status: int, kind: str, body: str, times: int, told: bool
) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        since = again(app, scene, {"blank_ms": 1})  # the page does not mind that another takes its chat's place
        ready(scene, app, since=since)
        scene.component.forget()
        app.js("chat", ANSWERS % json.dumps({"status": status, "type": kind, "body": body}))
        scene.component.wait(lambda s: s["ready"] and s["requests"])
        scene.component.do("send", text="hello")
        scene.component.wait(lambda s: s["requests"] == 1 + times and not s["busy"])
        app.until("all asked", lambda: app.js("chat", "window.asked") == times)
        state = scene.component.state
        assert bool(state["errors"]) is told
        if not told:
            assert (state["composer"], state["transcript"]) == ("", []), "it vanishes without a word"


# --- files ----------------------------------------------------------------------------------------


def attach(scene: Scene, name: str, text: str, mime_type: str = "text/plain") -> None:
    scene.component.do("attach", name=name, mime_type=mime_type, text=text)
    scene.component.wait(lambda s: [one["state"] for one in s["attachments"] if one["name"] == name] == ["ready"])


def test_a_file_of_chatkits_composer_reaches_an_agent_inside_the_app(scene: Scene, models: ModelsApi) -> None:
    settle_assistant(scene, models)
    models.answer(Answer("I have read it."))
    with launch(scene) as app:
        ready(scene, app)
        text = "umlauts: äöü\n" * 120_000  # more than one piece
        attach(scene, "notes.txt", text)
        scene.component.do("send", text="Read this")
        answered(scene, "I have read it.")
        assert app.ask("state")["reached_out"] == []
    assert any("umlauts: äöü" in json.dumps(asked.body, ensure_ascii=False) for asked in models.asked)


def test_a_file_that_is_refused_says_why_and_is_not_sent(scene: Scene) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        scene.component.do("attach", name="a.zip", mime_type="application/zip", text="PK")
        state = scene.component.wait(lambda s: s["attachments"] and s["attachments"][0]["state"] == "failed")
        assert "a.zip" in state["errors"][-1]["message"]


def test_a_file_of_chatkits_composer_reaches_a_server(scene: Scene, server: ChatKitStandIn) -> None:
    team = {"kind": "server", "id": "team", "name": "Team", "url": server.url, "attachments": True}
    settle(scene, team)
    with scene.launch() as app:
        ready(scene, app)
        attach(scene, "notes.txt", "some notes")
        scene.component.do("send", text="Look at this")
        answered(scene, "With notes.txt (10).")
        assert app.ask("state")["reached_out"] == []


def test_a_form_with_a_file_is_taken_too(scene: Scene) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        app.js(
            "chat",
            "(import(new URL('../common/agent_fetch.js', location.href).href).then(async ({agentFetch}) => {"
            "const file = new File(['some notes'], 'notes.txt', {type: 'text/plain'});"
            "const form = new FormData(); form.append('file', file);"
            "const answer = await agentFetch('https://agent.invalid/upload', {method: 'POST', body: form});"
            "window.got = {status: answer.status, made: await answer.json()}}), true)",
        )
        got = app.until("the answer", lambda: app.js("chat", "window.got ?? null"))
        assert got["status"] == 200
        assert (got["made"]["name"], got["made"]["mime_type"]) == ("notes.txt", "text/plain")


# --- what leaves this computer --------------------------------------------------------------------


def test_no_picture_that_a_text_names_is_loaded_until_the_person_allows_it(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.02) as app:
        ready(scene, app)
        scene.component.do("send", text=f"![a picture]({PICTURE}) and ![]({PICTURE})")
        state = answered(scene, SAYS("agent_run.demo.hint"))
        assert f"[Image: a picture]({PICTURE})" in said(state)
        thread = state["thread"]
        scene.component.do("open_thread", thread=None)
        scene.component.wait(lambda s: s["thread"] is None)
        scene.component.do("open_thread", thread=thread)
        scene.component.wait(lambda s: s["thread"] == thread and said(s))
        assert scene.component.outside == []

        since = app.calls_so_far()
        app.ask("update", {"privacy.remote_images": True, "privacy.chatkit_telemetry": True})
        app.ask("show", "reload")
        ready(scene, app, since=since)
        scene.component.do("send", text=f"![a picture]({PICTURE})")
        answered(scene, SAYS("agent_run.demo.hint"))
        app.until("it is loaded", lambda: ("image", PICTURE) in scene.component.outside)
        assert ("telemetry", "https://chatgpt.com/ces") in scene.component.outside


def test_pictures_of_any_host_come_where_the_person_has_them_loaded(scene: Scene, pictures: tuple[str, Asked]) -> None:
    """From a real host. What Chromium is told at the start of Qt holds until its end, which the settings say."""
    address, asked = pictures
    look = (
        "new Promise((done) => {{ const image = new Image(); image.onload = () => done('shown');"
        "image.onerror = () => done('not shown'); image.src = '{address}?{n}'; }})"
    )
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        if scene.engine == "qt":
            assert Hall(scene, app).in_frame(look.format(address=address, n="walled")) == "not shown"
            assert asked == []
        app.ask("show", "settings")
        app.wait_window("settings")
        app.until("it is said", lambda: SAYS("settings.images_help") in app.js("settings", "document.body.textContent"))
        app.ask("update", {"privacy.remote_images": True})
    scene.component.forget()
    with launch(scene) as app:
        ready(scene, app)
        assert Hall(scene, app).in_frame(look.format(address=address, n="allowed")) == "shown"
    assert asked == ["/seen.png?allowed"]


def test_a_servers_answers_load_nothing_either(scene: Scene, server: ChatKitStandIn) -> None:
    settle(scene, {"kind": "server", "id": "team", "name": "Team", "url": server.url})
    with scene.launch() as app:
        ready(scene, app)
        scene.component.do("send", text=f"![a picture]({PICTURE})")
        state = answered(scene, "You said:")
        assert f"[Image: a picture]({PICTURE})" in said(state)
        assert scene.component.outside == []
