"""Who answers, at the head of a chat in the built-in view: another model and another agent, by a person's keys."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from desktop.common.texts import Catalogue
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.habits import Habits, Reply, chat
from tests.window.test_axe import checked
from tests.window.test_builtin import begin, new_chat, nothing_refused, press, say, settle, until_focused

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SAYS = Catalogue("en").get
MADE_BY = "[...document.querySelectorAll('.made-by')].map(one => one.textContent)"


@pytest.fixture
def server() -> Iterator[Habits]:
    with Habits() as habits:
        habits.always = Reply(chat({"content": "Hello"}))
        listing = {"object": "list", "data": [{"id": f"model-{number}"} for number in range(5_000)]}
        habits.models = Reply(json.dumps(listing), kind="application/json")
        yield habits


def assistant(scene: Scene, server: Habits) -> None:
    settle(
        scene,
        agents=[
            {"kind": "assistant", "id": "mine", "name": "Mine", "endpoint": "local", "model": "own"},
            {"kind": "demo", "id": "demo", "name": "Demo"},
        ],
        endpoints=[{"id": "local", "base_url": server.base, "api": "chat_completions", "needs_key": False}],
        active_agent="mine",
        assistant={"builtin_view": True, "titles": False},
    )


def answerer(app: Driver) -> str:
    return " ".join(app.js("chat", "document.getElementById('answerer').innerText").split())


def models(app: Driver) -> list[str]:
    return list(app.js("chat", "[...document.querySelectorAll('#models li')].map(one => one.dataset.model)"))


def test_another_model_is_found_among_thousands_and_stays_with_its_chat(scene: Scene, server: Habits) -> None:
    assistant(scene, server)
    with scene.launch() as app:
        begin(scene, app)
        app.until("who answers", lambda: answerer(app) == "Mine · own")
        say(app, "hello")
        app.click("chat", "#answerer")
        until_focused(app, "model-search")
        app.until("the list", lambda: len(models(app)) == 100)
        assert checked(app, "chat", "answerer") == []
        app.type_keys("", "4711")
        app.until("narrowed", lambda: models(app) == ["model-4711", "4711"])
        press(app, "Return")
        app.until("chosen", lambda: answerer(app) == "Mine · model-4711")
        until_focused(app, "text")
        say(app, "and again")
        app.until("said", lambda: app.js("chat", MADE_BY) == [SAYS("builtin.made_by", model="model-4711")])
        new_chat(app)
        app.until("its own in a new chat", lambda: answerer(app) == "Mine · own")
        assert [asked["model"] for asked in server.asked] == ["own", "model-4711"]
        assert nothing_refused(app)
        app.click("chat", "#threads .open")
        app.until("the chat's", lambda: answerer(app) == "Mine · model-4711")
    with scene.launch() as app:
        begin(scene, app)
        app.until("kept", lambda: answerer(app) == "Mine · model-4711")
        app.until("said", lambda: app.js("chat", MADE_BY) == [SAYS("builtin.made_by", model="model-4711")])


def test_a_list_that_can_not_be_had_is_said_and_a_name_can_be_typed(scene: Scene, server: Habits) -> None:
    assistant(scene, server)
    listing, server.models = server.models, Reply(b"", status=503)
    with scene.launch() as app:
        begin(scene, app)
        app.click("chat", "#answerer")
        app.until("why", lambda: app.js("chat", "!document.getElementById('models-again').hidden"))
        assert app.js("chat", "document.getElementById('models-words').textContent").strip()
        app.type_keys("", "typed")
        app.until("offered", lambda: models(app) == ["typed"])
        server.models = listing
        app.click("chat", "#models-again")
        app.until("no complaint", lambda: app.js("chat", "document.getElementById('models-words').hidden"))
        app.focus_field("chat", "#model-search")
        press(app, "Return")
        app.until("chosen", lambda: answerer(app) == "Mine · typed")
        say(app, "hello")
        assert server.asked[-1]["model"] == "typed"
        app.until("said", lambda: app.js("chat", MADE_BY) == [SAYS("builtin.made_by", model="typed")])


def test_another_agent_is_chosen_at_the_head_and_its_last_chat_comes(scene: Scene, server: Habits) -> None:
    assistant(scene, server)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "hello")
        for agent, then in (("Demo", "Demo"), ("Mine", "Mine · own")):
            since = app.calls_so_far()
            app.click("chat", "#answerer")
            at = "[...document.querySelectorAll('#agents button')].findIndex(one => one.textContent === %s)"
            place = app.js("chat", at % json.dumps(agent))
            app.click("chat", f"#agents li:nth-child({place + 1}) button")
            app.wait_call("builtin.ready", since=since)
            app.until("the other one", lambda then=then: answerer(app) == then)
        app.until("its last chat", lambda: app.js("chat", "document.querySelectorAll('.said').length") == 1)
        assert nothing_refused(app)
