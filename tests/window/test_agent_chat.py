"""A chat with an agent inside the app, in a real window: ChatKit's stand-in in front, the real host behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from desktop.common.texts import Catalogue
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.models_api import Answer, ModelsApi, error

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SAYS = Catalogue("en").get
DEMO: dict[str, Any] = {"kind": "demo", "id": "demo", "view": "chatkit"}
LONG = "\n\n".join([SAYS("agent_run.demo.long")] * 12)
State = dict[str, Any]


def settle(scene: Scene, *agents: dict[str, Any], **settings: Any) -> None:
    """The settings of somebody who has chosen the first of `agents`."""
    scene.profile.mkdir(parents=True, mode=0o700)
    values = {"version": 1, "agents": list(agents or (DEMO,)), **settings}
    (scene.profile / "settings.json").write_text(json.dumps(values), encoding="utf-8")


def launch(scene: Scene, **agents: Any) -> Driver:
    """`agents`: the rig's bounds for runs; see `tests.rig.launch`."""
    return scene.launch(environ={"RIG_AGENTS": json.dumps(agents)})


def ready(scene: Scene, app: Driver, *, since: int = 0) -> None:
    app.wait_call("chat.ready", since=since)
    scene.component.wait(lambda s: s["ready"] and s["requests"])  # it has asked for the list of chats


def said(state: State) -> str:
    """The last answer as it stands."""
    answers = [line["text"] for line in state["transcript"] if line["role"] == "assistant"]
    return str(answers[-1]) if answers else ""


def answered(scene: Scene, *parts: str) -> State:
    """Until the chat is at rest and its last answer holds `parts`."""
    return scene.component.wait(lambda s: not s["busy"] and said(s) and all(part in said(s) for part in parts))


def kept(scene: Scene, app: Driver) -> list[dict[str, Any]]:
    """The open chat as a fresh look into the store shows it."""
    thread = scene.component.state["thread"]
    scene.component.do("open_thread", thread=None)
    scene.component.wait(lambda s: s["thread"] is None)
    scene.component.do("open_thread", thread=thread)
    state = scene.component.wait(lambda s: s["thread"] == thread and s["transcript"])
    return list(state["transcript"])


def violations(app: Driver) -> bool:
    return "csp_violations" in app.ask("state")["diagnostics"]


def in_frame(scene: Scene, code: str) -> Any:
    """The value of an expression in the component's frame."""
    name = f"{code} {in_frame.count}"  # type: ignore[attr-defined]
    in_frame.count += 1  # type: ignore[attr-defined]
    scene.component.do("run", id=name, code=code)
    return scene.component.wait(lambda s: s.get("ran", {}).get("id") == name)["ran"].get("value")


in_frame.count = 0  # type: ignore[attr-defined]


def click_composer(scene: Scene, app: Driver, title: str) -> None:
    """A real click, once the frame takes it: nothing else gives the keyboard to a frame of another origin."""
    place = "(({top, left, height}) => [left + 40, innerHeight - top - height / 2])(input.getBoundingClientRect())"

    def clicked() -> bool:
        left, above_bottom = in_frame(scene, place)
        window = app.raise_window(title)
        size = dict(line.split("=") for line in app.xdotool("getwindowgeometry", "--shell", window).split())
        y = int(size["HEIGHT"]) - round(above_bottom)
        app.xdotool("mousemove", "--window", window, str(round(left)), str(y))
        app.xdotool("click", "1")
        return bool(in_frame(scene, "document.hasFocus() && document.activeElement.id === 'input'"))

    app.until("the composer has the keyboard", clicked)


# --- an answer ------------------------------------------------------------------------------------


def test_a_typed_message_is_answered_word_by_word_and_is_there_after_the_next_start(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.1) as app:
        ready(scene, app)
        title = app.ask("windows")["chat"]["title"]
        click_composer(scene, app, title)
        app.type_keys(title, "Good day")
        app.press(title, "Return")
        growing = scene.component.wait(lambda s: s["busy"] and s["deltas"] >= 2)
        assert 0 < len(said(growing)) < len(SAYS("agent_run.demo.hint"))
        state = answered(scene, SAYS("agent_run.demo.heard"), "> Good day", SAYS("agent_run.demo.hint"))
        assert state["deltas"] >= 5
        assert state["errors"] == []
        assert [line["role"] for line in state["transcript"]] == ["user", "assistant"]
        app.until("the title follows", lambda: app.ask("windows")["chat"]["title"].startswith("Good day"))
        whole = said(state)
        app.until("the run has ended", lambda: not app.ask("state")["answering"])
        assert app.ask("state")["reached_out"] == []
        assert not violations(app)
    scene.component.forget()
    with launch(scene) as app:
        state = scene.component.wait(lambda s: s["transcript"])
        assert said(state) == whole
        app.until("the title again", lambda: app.ask("windows")["chat"]["title"].startswith("Good day"))


def test_stop_ends_the_run_and_keeps_what_was_said(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.05) as app:
        ready(scene, app)
        scene.component.do("send", text="long")
        scene.component.wait(lambda s: s["deltas"] >= 5)
        scene.component.do("stop")
        state = scene.component.wait(lambda s: s["stopped"] and not s["busy"])
        app.wait_call("stream.cancel")
        app.until("the run has ended", lambda: not app.ask("state")["answering"])
        assert state["errors"] == []
        assert LONG.startswith(said(state))
        lines = kept(scene, app)
        assert LONG.startswith(lines[-1]["text"])
        assert len(said(state)) <= len(lines[-1]["text"]) < len(LONG)
        scene.component.do("send", text="help")
        answered(scene, "This demo runs on this computer")


def test_a_page_that_is_shown_anew_in_the_middle_of_an_answer_ends_it_and_keeps_the_text(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.05) as app:
        ready(scene, app)
        scene.component.do("send", text="long")
        before = said(scene.component.wait(lambda s: s["deltas"] >= 5))
        scene.component.forget()
        since = app.calls_so_far()
        app.ask("show", "reload")
        ready(scene, app, since=since)
        app.until("the run has ended", lambda: not app.ask("state")["answering"])
        state = scene.component.wait(lambda s: s["transcript"])
        assert said(state).startswith(before)
        assert len(said(state)) < len(LONG)


def test_closing_the_window_in_the_middle_of_an_answer_keeps_the_text(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.05) as app:
        ready(scene, app)
        scene.component.do("send", text="long")
        before = said(scene.component.wait(lambda s: s["deltas"] >= 5))
        app.ask("close", "chat")
        app.ended()
    scene.component.forget()
    with launch(scene) as app:
        state = scene.component.wait(lambda s: s["transcript"])
        assert said(state).startswith(before)
        assert len(said(state)) < len(LONG)


def test_hidden_and_shown_again_an_answer_has_lost_nothing(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.002) as app:
        ready(scene, app)
        scene.component.do("send", text="long")
        scene.component.wait(lambda s: s["deltas"] >= 5)
        app.ask("hide", "chat")
        state = answered(scene, LONG[-40:])
        assert said(state) == LONG
        app.ask("unhide", "chat")
        scene.component.do("send", text="help")
        answered(scene, "This demo runs on this computer")
        app.ask("hide", "chat")
        scene.component.do("send", text="long")
        app.ask("unhide", "chat")
        scene.component.wait(lambda s: not s["busy"] and said(s) == LONG and len(s["transcript"]) == 6)


def test_five_thousand_pushes_arrive_in_order_shown_and_hidden_and_shown_again(scene: Scene) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        listen(app, "rig.tick")
        for due, move in ((5_000, ""), (10_000, "hide"), (15_000, "unhide")):
            if move:
                app.ask(move, "chat")
            assert app.ask("push_many", "chat", 5_000) == 5_000
            app.until(f"all {due}", partial(lambda due: app.js("chat", "window.heard.length") == due, due))
        heard = app.js("chat", "window.heard.map((data) => data.n)")
        assert heard == list(range(5_000)) * 3
        scene.component.do("send", text="help")
        answered(scene, "This demo runs on this computer")


def test_a_page_that_takes_nothing_ends_the_run_with_a_sentence_and_the_text_is_kept(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.02, unread=1) as app:
        ready(scene, app)
        listen(app, "stream.data")
        ask(app, {"type": "threads.create", "params": {"input": message("long")}})
        app.until("the end", lambda: '"type":"error"' in pieces(app))
        app.until("the run has ended", lambda: not app.ask("state")["answering"])
        events = [json.loads(piece[6:]) for piece in pieces(app).strip().split("\n\n")]
        assert events[-1]["type"] == "error"
        assert events[-1]["message"].startswith(SAYS("errors.page_stalled.message", seconds=1))
        assert events[-1]["allow_retry"] is True
        scene.component.do("open_thread", thread=events[0]["thread"]["id"])
        text = said(scene.component.wait(said))
        assert LONG.startswith(text)
        assert len(text) < len(LONG)


# --- waiting, failing -----------------------------------------------------------------------------


def test_a_message_sent_before_the_store_is_open_waits_with_its_state_shown(scene: Scene) -> None:
    settle(scene)
    with launch(scene, gate="store") as app:
        ready(scene, app)
        scene.component.do("send", text="help")
        app.wait_text("chat", "Getting the agent ready…")
        app.ask("release")
        answered(scene, "This demo runs on this computer")
        app.until("the line is gone", lambda: app.js("chat", "document.getElementById('agent-waits').hidden"))


def test_a_message_that_is_stopped_before_its_answer_begins_leaves_no_run_behind(scene: Scene) -> None:
    settle(scene)
    with launch(scene, gate="store", chunk=0.05) as app:
        ready(scene, app)
        scene.component.do("send", text="long")
        app.wait_text("chat", "Getting the agent ready…")
        scene.component.do("stop")
        scene.component.wait(lambda s: s["stopped"] and not s["busy"])
        since = app.calls_so_far()
        app.ask("release")
        app.wait_call("stream.cancel", since=since)
        app.until("the run has ended", lambda: not app.ask("state")["answering"])
        assert scene.component.state["errors"] == []


def test_another_agent_has_a_page_and_chats_of_its_own(scene: Scene) -> None:
    settle(scene, DEMO, DEMO | {"id": "second", "greeting": "The second one"})
    with launch(scene, chunk=0.001) as app:
        ready(scene, app)
        scene.component.do("send", text="help")
        answered(scene, "This demo runs on this computer")
        scene.component.forget()
        since = app.calls_so_far()
        app.ask("update", {"active_agent": "second"})
        ready(scene, app, since=since)
        state = scene.component.wait(lambda s: s["options"]["startScreen"]["greeting"] == "The second one")
        assert state["transcript"] == []
        scene.component.do("history")
        scene.component.wait(lambda s: s["history_open"])
        app.wait_call("chatkit.request", 2, since=since)
        assert scene.component.state["threads"] == []


def test_an_answer_that_fails_says_so_and_a_retry_brings_it(scene: Scene) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        scene.component.do("send", text="error")
        state = scene.component.wait(lambda s: s["failure"] and not s["busy"])
        assert state["failure"]["allow_retry"] is True
        assert "Traceback" not in json.dumps(state)
        assert said(state) == SAYS("agent_run.demo.error"), "what was said stays"
        requests = state["requests"]
        scene.component.do("retry")
        state = answered(scene, SAYS("agent_run.demo.retried"))
        assert state["requests"] == requests + 1, "nothing is sent twice"
        assert state["failure"] is None


def test_a_message_that_is_refused_is_sent_once_and_what_was_typed_is_still_there(scene: Scene) -> None:
    settle(scene, DEMO, assistant={"message_limit": 100})
    with launch(scene) as app:
        ready(scene, app)
        requests = scene.component.state["requests"]
        scene.component.do("send", text="x" * 101)
        state = scene.component.wait(lambda s: s["errors"] and not s["busy"] and s["composer"])
        sentence = SAYS("errors.message_too_long.message", length=101, limit=100)
        assert state["errors"][-1]["message"].startswith(sentence)
        assert state["failure"]["allow_retry"] is False, "it is sent again from the composer"
        assert state["requests"] == requests + 1
        assert state["composer"] == "x" * 101


def test_what_an_agent_can_do_beside_text_comes_through(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.001) as app:
        ready(scene, app)
        scene.component.do("send", text="widget")
        state = scene.component.wait(lambda s: not s["busy"] and s["transcript"] and s["transcript"][-1].get("buttons"))
        assert state["transcript"][-1]["buttons"][0]["label"] == SAYS("agent_run.demo.button")
        scene.component.do("press", label=SAYS("agent_run.demo.button"))
        answered(scene, SAYS("agent_run.demo.pressed"))
        scene.component.do("send", text="steps")
        state = answered(scene, "Six times seven")
        steps = next(line for line in state["transcript"] if line["role"] == "steps")
        assert len(steps["tasks"]) == 3
        scene.component.do("send", text="question")
        scene.component.wait(lambda s: not s["busy"] and s["transcript"][-1]["role"] == "question")
        scene.component.do("answer", values=["Spring"])
        answered(scene, SAYS("agent_run.demo.answered"))
        scene.component.do("send", text="markdown")
        state = answered(scene, "🌱", "שלום")
        scene.component.do("feedback", kind="positive")
        scene.component.wait(lambda s: s.get("fed_back") == "positive")
        assert state["errors"] == []
        assert not violations(app)


def test_chats_are_listed_renamed_found_and_deleted(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.001) as app:
        ready(scene, app)
        for number in range(23):  # more than a page
            scene.component.do("open_thread", thread=None)
            scene.component.wait(lambda s: s["thread"] is None and not s["transcript"])
            scene.component.do("send", text=f"Chat number {number}")
            answered(scene, f"> Chat number {number}")
        scene.component.do("history")
        state = scene.component.wait(lambda s: len(s["threads"]) == 23)
        assert [thread["title"] for thread in state["threads"]] == [f"Chat number {n}" for n in reversed(range(23))]
        open_now = state["thread"]
        scene.component.do("rename", thread=open_now, title="Été à Paris")
        scene.component.wait(lambda s: s["title"] == "Été à Paris")
        scene.component.do("filter", text="number 1")
        scene.component.wait(lambda s: len(s["threads"]) == 11)
        scene.component.do("filter", text="été")
        scene.component.wait(lambda s: [thread["id"] for thread in s["threads"]] == [open_now])
        since = app.calls_so_far()
        scene.component.do("remove", thread=open_now)
        scene.component.wait(lambda s: s["thread"] is None)
        app.wait_call("chat.thread", since=since)
        scene.component.do("history")
        scene.component.wait(lambda s: len(s["threads"]) == 22 and s["errors"] == [])
    scene.component.forget()
    with launch(scene) as app:
        ready(scene, app)
        state = scene.component.state
        assert state["thread"] is None, "a chat that was deleted is not opened again"
        assert state["errors"] == []


# --- an assistant ---------------------------------------------------------------------------------

HELPER: dict[str, Any] = {
    "kind": "assistant",
    "id": "helper",
    "model": "local-model",
    "models": ["gpt-4.1"],
    "endpoint": "local",
    "view": "chatkit",
    "tools": {"web_search": True},
}
SECRET = "sk-Yx7vPlanted-for-the-endpoint-0123456789abcdef"

_SAVE_KEY = """
import sys
from desktop.cli import parse
from desktop.app.context import Context
from desktop.settings.origins import origin_of
base, key, *options = sys.argv[1:]
context = Context(parse(options))
context.keys.save(origin_of(base), key)
context.state.set_key_known(origin_of(base), True)
"""


def settle_assistant(scene: Scene, models: ModelsApi, *, needs_key: bool = False, titles: bool = False) -> None:
    endpoint = {"id": "local", "base_url": models.base, "api": "responses", "needs_key": needs_key}
    settle(scene, HELPER, endpoints=[endpoint], assistant={"titles": titles})
    if needs_key:
        scene.python(_SAVE_KEY, models.base, SECRET, *scene.arguments)


@pytest.fixture
def models() -> Iterator[ModelsApi]:
    with ModelsApi() as api:
        yield api


def test_a_message_sent_before_the_agent_is_ready_waits_with_its_state_shown(scene: Scene, models: ModelsApi) -> None:
    settle_assistant(scene, models)
    models.answer(Answer("Here is the answer."))
    with launch(scene, gate="stack") as app:
        ready(scene, app)
        scene.component.do("send", text="early")
        state = scene.component.wait(lambda s: s["progress"])
        assert state["progress"] == "Getting the agent ready…"
        assert [line["text"] for line in state["transcript"]] == ["early"]
        app.ask("release")
        state = answered(scene, "Here is the answer.")
        assert state["progress"] is None
        assert not violations(app)


def test_the_composer_chooses_model_and_tool(scene: Scene, models: ModelsApi) -> None:
    settle_assistant(scene, models)
    with launch(scene) as app:
        ready(scene, app)
        composer = scene.component.state["options"]["composer"]
        assert [model["id"] for model in composer["models"]] == ["local-model", "gpt-4.1"]
        scene.component.do("send", text="one")
        answered(scene, "one")
        scene.component.do("choose", model="gpt-4.1", tool=composer["tools"][0]["id"])
        scene.component.do("send", text="two")
        answered(scene, "two")
        asked = [one.body for one in models.asked if one.path.endswith("/responses")]
        assert [body["model"] for body in asked] == ["local-model", "gpt-4.1"]
        assert "web_search" in json.dumps(asked[1].get("tool_choice"))


def test_stop_in_the_middle_of_a_word_hangs_up_and_keeps_what_was_said(scene: Scene, models: ModelsApi) -> None:
    settle_assistant(scene, models)
    models.answer(Answer(pieces=("Unfin", "ish", "ed"), hold_after=2))
    with launch(scene) as app:
        ready(scene, app)
        scene.component.do("send", text="go")
        scene.component.wait(lambda s: said(s) == "Unfinish")
        scene.component.do("stop")
        scene.component.wait(lambda s: s["stopped"] and not s["busy"])
        assert models.hung_up.wait(30)
        app.until("the run has ended", lambda: not app.ask("state")["answering"])
        assert kept(scene, app)[-1]["text"] == "Unfinish"


def test_an_endpoint_that_fails_is_a_sentence_and_a_retry_and_no_storm(scene: Scene, models: ModelsApi) -> None:
    settle_assistant(scene, models)
    models.answer(Answer(status=401, error=error("no", "invalid_api_key")), Answer("Back again."))
    with launch(scene) as app:
        ready(scene, app)
        scene.component.do("send", text="go")
        state = scene.component.wait(lambda s: s["failure"] and not s["busy"])
        assert "Traceback" not in json.dumps(state)
        requests = state["requests"]
        assert len([one for one in models.asked if one.path.endswith("/responses")]) == 1
        scene.component.do("retry")
        state = answered(scene, "Back again.")
        assert state["requests"] == requests + 1


def test_checklist_01_and_31_the_key_of_an_endpoint_goes_there_and_never_to_a_page(scene: Scene) -> None:
    with ModelsApi(key=SECRET) as models:
        settle_assistant(scene, models, needs_key=True, titles=True)
        with launch(scene) as app:
            ready(scene, app)
            scene.component.do("send", text="hello")
            answered(scene, "hello")
            app.until("the title", lambda: app.ask("windows")["chat"]["title"] != "ChatKit Desktop")
            crossed = "".join(app.ask("crossed"))
            assert {one.headers.get("authorization") for one in models.asked} == {f"Bearer {SECRET}"}
            assert "hello" in crossed  # the control: what does cross is found
            for text in (crossed, scene.log(), json.dumps(scene.component.state), app.ask("state")["diagnostics"]):
                assert SECRET not in text
                assert SECRET[3:11] not in text


# --- the page's fetch, by hand --------------------------------------------------------------------


def test_a_piece_that_is_lost_is_said_and_ends_the_run(scene: Scene) -> None:
    settle(scene)
    with launch(scene, chunk=0.02) as app:
        ready(scene, app)
        listen(app, "stream.data")
        fetch(app, json.dumps({"type": "threads.create", "params": {"input": message("long")}}), read=True)
        app.until("some of it", lambda: app.js("chat", "window.heard.length > 3"))
        lost = "{event: 'stream.data', data: {id: window.heard[0].id, seq: 1, chunks: ['data: {}\\n\\n']}}"
        app.js("chat", f"(window.bridge.deliver([{lost}]), true)")
        got = str(app.until("the end", lambda: app.js("chat", "window.got.done && window.got.text")))
        events = [json.loads(piece[6:]) for piece in got.strip().split("\n\n")]
        assert events[-1] == {
            "type": "error",
            "code": "custom",
            "message": SAYS("common.answer_lost"),
            "allow_retry": True,
        }
        app.wait_call("stream.cancel")
        app.until("the run has ended", lambda: not app.ask("state")["answering"])


def test_an_answer_that_nobody_reads_does_not_grow_without_bound(scene: Scene, models: ModelsApi) -> None:
    settle_assistant(scene, models)
    models.answer(Answer(pieces=("x" * 65_536,) * 200))
    with launch(scene, unread=1) as app:
        ready(scene, app)
        fetch(app, json.dumps({"type": "threads.create", "params": {"input": message("much")}}), read=False)
        app.until("it has begun", lambda: app.js("chat", "window.got.status") == 200)
        app.until("the run has ended", lambda: not app.ask("state")["answering"])
        app.js("chat", "(window.got.read(), true)")
        got = str(app.until("the rest", lambda: app.js("chat", "window.got.done && window.got.text")))
        assert got.count("text_delta") < 60, "1 MB here, 1 MB over there, and what is just on its way"
        assert json.loads(got.strip().split("\n\n")[-1][6:])["type"] == "error"


@pytest.mark.parametrize(
    ("body", "message_of"),
    [("new FormData()", SAYS("common.upload_refused")), ("'nonsense'", ""), ("new Blob(['{}'])", "")],
)
def test_what_can_not_be_understood_is_a_400_with_a_sentence(scene: Scene, body: str, message_of: str) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        fetch(app, body, read=True, raw=True)
        got = app.until("the answer", lambda: app.js("chat", "window.got.done && window.got"))
        assert (got["status"], got["type"]) == (400, "application/json")
        told = json.loads(got["text"])
        assert set(told) == {"message", "code"}
        assert told["message"].startswith(message_of)
        assert told["message"]


def fetch(app: Driver, body: str, *, read: bool, raw: bool = False) -> None:
    """Ask as the component does; `window.got` is {status, type, text, done, read()}. `raw`: `body` is an expression."""
    code = body if raw else json.dumps(body)
    app.js(
        "chat",
        "(import(new URL('../common/agent_fetch.js', location.href).href).then(async ({agentFetch}) => {"
        f"const answer = await agentFetch('https://agent.invalid/', {{method: 'POST', body: {code}}});"
        "const got = window.got = {status: answer.status, type: answer.headers.get('content-type'), text: '',"
        "done: false, read: async () => {got.text = await answer.text(); got.done = true}};"
        f"if ({json.dumps(read)}) await got.read()}}), true)",
    )


# --- without ChatKit ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["script_404", "script_syntax_error", "throws_on_options", "error_before_ready"])
def test_without_chatkit_the_basic_view_takes_its_place_by_itself(scene: Scene, fault: str) -> None:
    settle(scene)
    scene.component.fail(fault)
    with launch(scene) as app:
        app.wait_call("chat.fall_back")
        app.wait_call("builtin.start")
        assert "chat.problem" not in {call["method"] for call in app.ask("calls", 0)}


@pytest.mark.parametrize("fault", ["never_ready", "script_hangs", "domain_gate"])
def test_a_chatkit_that_is_late_or_blanked_gives_way_to_the_basic_view(scene: Scene, fault: str) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        app.ask("chat_limits", {"ready_ms": 1_500})
        scene.component.fail(fault)
        app.ask("show", "reload")
        app.wait_call("chat.fall_back")
        app.wait_call("builtin.start")


# --- the walls ------------------------------------------------------------------------------------


def test_checklist_10_and_11_a_key_of_a_page_no_longer_shown_reaches_no_agent(scene: Scene) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        old = app.ask("showing", "chat")["key"]
        since = app.calls_so_far()
        app.ask("show", "reload")
        ready(scene, app, since=since)
        refused = app.ask("state")["refused"]
        since = app.calls_so_far()
        body = json.dumps({"type": "threads.create", "params": {"input": message("stolen")}})
        call = json.dumps({"page_key": old, "id": "x1", "method": "chatkit.request", "params": {"body": body}})
        app.js("chat", f"(window.pywebview._jsApiCallback('call', {call}, 'x1'), true)")
        app.until("refused", lambda: app.ask("state")["refused"] == refused + 1)
        scene.component.do("history")
        scene.component.wait(lambda s: s["history_open"])
        app.wait_call("chatkit.request", since=since)
        assert scene.component.state["threads"] == []


def test_checklist_02_and_12_what_an_agents_methods_refuse_is_answered_with_code_sentence_and_hint(
    scene: Scene,
) -> None:
    settle(scene)
    with launch(scene) as app:
        ready(scene, app)
        wrong: list[tuple[str, Any, str]] = [
            ("chatkit.request", {"body": "x" * (2 * 1024 * 1024 + 1)}, "call_too_large"),
            ("chatkit.request", {"body": 5}, "bad_params"),
            ("chatkit.request", {"body": "{}", "more": 1}, "bad_params"),
            ("chatkit.request", {"body": '{"type": "__class__"}'}, "bad_params"),
            ("chatkit.request.__class__", {}, "unknown_method"),
            ("stream.ack", {"id": "../x", "count": 1}, "bad_params"),
            ("stream.ack", {"id": "s1", "count": 0}, "bad_params"),
            ("stream._ack", {"id": "s1", "count": 1}, "unknown_method"),
            ("attachment.part", {"id": "a", "offset": -1, "data": ""}, "bad_params"),
        ]
        app.js(
            "chat",
            "(import(new URL('../common/bridge.js', location.href).href).then(async ({call}) => {"
            f"const told = []; for (const [method, params] of {json.dumps([w[:2] for w in wrong])})"
            "await call(method, params).then((value) => told.push({value}), (e) => told.push("
            "{code: e.code, message: e.message, hint: e.hint, detail: e.detail})); window.told = told}), true)",
        )
        told = app.until("all answered", lambda: app.js("chat", "window.told ?? null"))
        assert [one.get("code") for one in told] == [code for _, _, code in wrong]
        for one in told:
            assert one["message"]
            assert "Traceback" not in json.dumps(one)
            assert "desktop/" not in json.dumps(one)


# --- calls of a page by hand ----------------------------------------------------------------------


def listen(app: Driver, event: str) -> None:
    """Collect an event's data in `window.heard`."""
    app.js(
        "chat",
        "(import(new URL('../common/bridge.js', location.href).href).then(({on}) => {"
        f"window.heard = []; on({json.dumps(event)}, (data) => window.heard.push(data))}}), true)",
    )
    app.until("the page listens", lambda: app.js("chat", "Array.isArray(window.heard)"))


def pieces(app: Driver) -> str:
    return str(app.js("chat", "window.heard.flatMap((data) => data.chunks).join('')"))


def ask(app: Driver, body: dict[str, Any]) -> None:
    """A request of the protocol that nobody reads the answer of."""
    app.js(
        "chat",
        "(import(new URL('../common/bridge.js', location.href).href).then(({call}) => "
        f"call('chatkit.request', {{body: {json.dumps(json.dumps(body))}}})), true)",
    )


def message(text: str) -> dict[str, Any]:
    return {"content": [{"type": "input_text", "text": text}], "attachments": [], "inference_options": {}}
