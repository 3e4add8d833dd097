"""A chat with a ChatKit server in real windows: OpenAI's SDK behind uvicorn, ChatKit's stand-in, the built-in view.

The token is planted, and is then searched for in everything that the app pushed, wrote and started.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.chatkit_server import ChatKitStandIn
from tests.window.test_agent_chat import answered, said, violations
from tests.window.test_builtin import FILES, answers, at_rest, nothing_refused, say
from tests.window.test_secrets import Evidence, holders, holds

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

TOKEN = "tk-Zq7Wn3Lk-sentinel-0123456789-Vx5Tb8Rd"
KEPT = "import sys, keyring; print(keyring.get_password('chatkit-desktop', sys.argv[1]))"


@pytest.fixture
def server() -> Iterator[ChatKitStandIn]:
    with ChatKitStandIn(TOKEN) as standin:
        yield standin


def settle(scene: Scene, *agents: dict[str, Any], **settings: Any) -> None:
    scene.profile.mkdir(parents=True, mode=0o700)
    values = {"version": 1, "agents": list(agents), **settings}
    (scene.profile / "settings.json").write_text(json.dumps(values), encoding="utf-8")


def team(server: ChatKitStandIn, **more: Any) -> dict[str, Any]:
    return {"kind": "server", "id": "team", "name": "Team", "url": server.url, **more}


def enter(app: Driver, token: str) -> None:
    """Type a token into the window that asks for it, once it does."""
    app.wait_window("token")
    app.until("the field", lambda: app.js("token", "document.activeElement.id === 'token'"))
    app.fill("token", "#token", token)
    app.click("token", "#submit")


def shown(app: Driver, window: str, selector: str) -> bool:
    return bool(app.js(window, f"!!document.querySelector({json.dumps(selector)})?.getClientRects().length"))


def test_checklist_07_a_server_is_added_at_first_launch_and_chatted_with_and_its_token_is_nowhere(
    scene: Scene, server: ChatKitStandIn
) -> None:
    settle(scene)
    evidence = Evidence(scene)
    server.pause = 0.1
    with scene.launch() as app:
        app.wait_window("setup")
        app.wait_call("setup.start")
        app.click("setup", "#to-server")
        app.wait_window("agents")
        app.until("the form", lambda: shown(app, "agents", "#server-url"))
        app.fill("agents", "#server-name", "Team")
        app.fill("agents", "#server-url", server.url)
        app.click("agents", "#server-save")
        app.wait_text("agents", "asks for a token.")
        assert "agents" not in scene.settings() or scene.settings()["agents"] == []
        app.fill("agents", "#server-token", TOKEN)
        app.click("agents", "#server-save")
        app.wait_text("agents", "Checked and saved.")
        app.wait_no_window("setup")
        app.wait_call("chat.ready")
        scene.component.wait(lambda s: s["ready"] and s["requests"])

        scene.component.do("send", text="Good day")
        growing = scene.component.wait(lambda s: s["busy"] and s["deltas"] >= 2)
        assert said(growing).startswith("You said: Good day.")
        answered(scene, "Word 11.")
        app.until("the title follows", lambda: app.ask("windows")["chat"]["title"].startswith("Good day"))

        server.pause = 1.0  # long enough to be stopped on any machine
        scene.component.do("send", text="And now stop")
        scene.component.wait(lambda s: s["busy"] and s["deltas"] >= 2)
        scene.component.do("stop")
        scene.component.wait(lambda s: not s["busy"])
        app.until("the server hears of it", lambda: server.cut == 1)

        # Killed in the middle of an answer, and back.
        scene.component.do("send", text="Are you there?")
        scene.component.wait(lambda s: s["busy"] and s["deltas"] >= 2)
        server.stop()
        state = scene.component.wait(lambda s: not s["busy"])
        assert "disconnected in the middle of the answer" in state["errors"][-1]["message"]
        assert said(state).startswith("You said: Are you there?.")
        server.pause = 0.0
        server.start()
        scene.component.do("send", text="Back again")
        answered(scene, "You said: Back again.")

        server.mode = "echo"
        scene.component.do("send", text="What is my token?")
        answered(scene, "Your token is …")
        assert not violations(app)
        assert app.ask("state")["reached_out"] == []
        evidence.look_at_processes(app)
        evidence.crossed = "".join(app.ask("crossed"))
        evidence.diagnostics = app.ask("state")["diagnostics"]
    evidence.printed = app.output()
    assert "Your token is" in evidence.crossed
    assert "127.0.0.1" in scene.log()
    for where in (evidence.crossed, evidence.printed, evidence.diagnostics, scene.log()):
        assert not holds(where.encode(), TOKEN)
    assert not any(holds(found, TOKEN) for found in evidence.processes.values())
    assert holders(scene.data, TOKEN) == []
    assert not (scene.profile / "threads.sqlite").exists()


def test_a_token_is_asked_for_in_a_window_of_its_own_and_the_message_goes_out_again(
    scene: Scene, server: ChatKitStandIn
) -> None:
    settle(scene, team(server))
    with scene.launch() as app:
        # The list of chats is refused first; who enters nothing is told, and not asked for every list.
        app.wait_window("token")
        app.wait_text("token", "Team needs a token", "asks for a token.")
        app.click("token", "#later")
        app.wait_no_window("token")
        state = scene.component.wait(lambda s: s["errors"])
        assert "asks for a token." in state["errors"][-1]["message"]

        scene.component.do("send", text="Good day")
        enter(app, "wrong")
        app.wait_text("token", "did not accept this token.")
        enter(app, TOKEN)
        app.wait_no_window("token")
        state = answered(scene, "You said: Good day.")
        assert [line["role"] for line in state["transcript"]] == ["user", "assistant"]
        assert server.types().count("threads.create") == 2

        # It runs out: asked for again, and what was typed is not lost where none is entered.
        server.token = "another-token"
        scene.component.do("send", text="Not this time")
        app.wait_window("token")
        app.wait_text("token", "did not accept the token.")
        app.click("token", "#later")
        app.wait_no_window("token")
        state = scene.component.wait(lambda s: not s["busy"] and s["composer"] == "Not this time")
        assert "did not accept the token." in state["errors"][-1]["message"]
        assert not holds("".join(app.ask("crossed")).encode(), TOKEN)
    assert not holds(scene.log().encode(), TOKEN)


def test_the_basic_view_lists_opens_finds_and_takes_files_and_keeps_what_could_not_be_sent(
    scene: Scene, server: ChatKitStandIn
) -> None:
    settle(scene, team(server, attachments=True), assistant={"builtin_view": True})
    with scene.launch() as app:
        app.wait_call("builtin.ready")
        enter(app, TOKEN)
        app.wait_no_window("token")
        say(app, "First of all")
        assert answers(app)[-1].startswith("You said: First of all.")
        app.ask("emit", "chat", "chat.new", {})
        app.until("a new chat", lambda: not answers(app))
        say(app, "Second thoughts")
        listed = "[...document.querySelectorAll('#threads .open')].map(one => one.textContent)"
        app.until("both are listed", lambda: len(app.js("chat", listed)) == 2)
        app.fill("chat", "#search", "first")
        app.until("found", lambda: app.js("chat", "document.querySelectorAll('#found .open').length") == 1)
        app.click("chat", "#found .open")
        app.until("opened", lambda: answers(app) and answers(app)[-1].startswith("You said: First of all."))

        app.js("chat", FILES % json.dumps([["notes.txt", "text/plain", "some notes"]]))
        app.wait_call("attachment.end")
        say(app, "Look at this")
        assert "With notes.txt (10)." in answers(app)[-1]

        server.token = "another-token"
        app.fill("chat", "#text", "Do not lose me")
        app.click("chat", "#send")
        app.wait_window("token")
        app.click("token", "#later")
        app.wait_no_window("token")
        app.until("at rest", lambda: at_rest(app))
        app.wait_value("chat", "#text", "Do not lose me")
        app.wait_text("chat", "did not accept the token.")
        server.token = TOKEN
        server.mode = "html"
        app.click("chat", "#send")
        app.wait_text("chat", "does not answer like a ChatKit server.")
        app.wait_value("chat", "#text", "Do not lose me")
        server.mode = "chatkit"
        app.click("chat", "#send")
        app.until("answered", lambda: at_rest(app) and answers(app)[-1].startswith("You said: Do not lose me."))
        assert nothing_refused(app)
        assert not holds("".join(app.ask("crossed")).encode(), TOKEN)
    with scene.launch() as app:
        app.wait_call("builtin.ready")
        app.until("the chat again", lambda: answers(app) and "Do not lose me" in answers(app)[-1])


def test_the_connection_is_changed_and_removed_in_the_agents_page(scene: Scene, server: ChatKitStandIn) -> None:
    settle(scene, {"kind": "demo", "id": "demo", "view": "chatkit"}, team(server))
    entry = f"default|secret|server|team|{server.origin}"
    with scene.launch() as app:
        app.wait_call("chat.ready")
        app.ask("show", "agents")
        app.wait_window("agents")
        app.wait_call("agents.start")
        app.click("agents", "[data-id=team]")
        app.wait_text("agents", f"At {server.url}", "It has no token.")
        app.click("agents", "#server-change")
        app.until("its address", lambda: app.js("agents", "document.getElementById('server-url').value") == server.url)
        app.fill("agents", "#server-url", "http://chat.example.com/")
        app.click("agents", "#server-save")
        app.wait_text("agents", "The address must begin with https://")
        app.fill("agents", "#server-url", server.url)
        app.fill("agents", "#server-token", TOKEN)
        app.click("agents", "#server-save")
        app.wait_text("agents", "Checked and saved.")
        assert scene.python(KEPT, entry).strip() == TOKEN
        app.click("agents", "#server-change")
        app.wait_text("agents", "Type another one to replace it.")
        app.click("agents", "#server-cancel")
        app.until("back", lambda: shown(app, "agents", "#remove"))
        app.click("agents", "#remove")
        app.wait_text("agents", "Its address and its token are deleted from this computer.")
        app.click("agents", "#question-yes")
        app.until("gone", lambda: [one["id"] for one in scene.settings()["agents"]] == ["demo"])
    assert scene.python(KEPT, entry).strip() == "None"
