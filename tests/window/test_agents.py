"""First launch without a workflow, and the page for agents, in a real window."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from desktop.agents.models.names import DEFAULT_MODEL
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.api import KEY
from tests.standins.endpoint import EndpointStandIn

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

DEMO: dict[str, Any] = {"kind": "demo", "id": "demo"}


@pytest.fixture
def server() -> Iterator[EndpointStandIn]:
    """A model server on this computer."""
    with EndpointStandIn() as standin:
        yield standin


def begin(scene: Scene, **settings: Any) -> None:
    """Settings that are there before the start."""
    scene.profile.mkdir(parents=True, mode=0o700)
    (scene.profile / "settings.json").write_text(json.dumps({"version": 1, **settings}), encoding="utf-8")


def open_agents(app: Driver) -> None:
    app.wait_window("chat")
    app.ask("show", "agents")
    app.wait_window("agents")
    app.wait_call("agents.get")


def shown(app: Driver, window: str, selector: str) -> bool:
    return bool(app.js(window, f"!!document.querySelector({json.dumps(selector)})?.getClientRects().length"))


def focused(app: Driver, window: str) -> str:
    return str(app.js(window, "document.activeElement?.id"))


def pick(app: Driver, window: str, words: str) -> None:
    """Choose from the list of the combobox that is open."""
    found = f"[...document.querySelectorAll('[role=option]')].find(one => one.textContent === {json.dumps(words)})"
    app.until(f"{words} in the list", lambda: app.js(window, f"!!{found}"))
    app.js(window, f"({found}.click(), true)")


def test_another_model_is_found_by_its_address_and_chosen_from_its_list(scene: Scene, server: EndpointStandIn) -> None:
    with scene.launch() as app:
        app.wait_window("setup")
        app.wait_call("setup.key_status")
        app.click("setup", "#way-key")
        app.fill("setup", "#key", "typed")
        app.click("setup", "#other-ways")
        app.click("setup", "#way-endpoint")
        app.until("focus in the address", lambda: focused(app, "setup") == "address")
        app.fill("setup", "#address", f"{server.base}/v1/")
        app.click("setup", "#submit")
        app.wait_text("setup", "2 models found")
        app.click("setup", "#endpoint-model")
        pick(app, "setup", "qwen3:8b")

        server.kind = "website"
        app.click("setup", "#submit")
        app.wait_text("setup", "does not answer like an OpenAI-compatible server")
        app.until("focus at the error", lambda: focused(app, "setup") == "address")
        assert app.js("setup", "document.querySelector('#endpoint-model').value") == "qwen3:8b"
        app.click("setup", "#other-ways")
        app.click("setup", "#way-workflow")
        assert app.js("setup", "document.querySelector('#key').value") == "typed", "nothing typed is lost"
        app.click("setup", "#other-ways")
        app.click("setup", "#way-endpoint")

        server.kind = "api"
        app.click("setup", "#submit")
        app.wait_no_window("setup")
        app.wait_window("chat")
        [agent] = scene.settings()["agents"]
        assert (agent["kind"], agent["model"]) == ("assistant", "qwen3:8b")

        app.ask("show", "setup")
        app.wait_window("setup")
        app.until("its own form", lambda: shown(app, "setup", "#endpoint-model"))
        assert app.js("setup", "document.querySelector('#address').value") == server.base


def test_http_in_the_own_network_is_one_plain_question(scene: Scene, server: EndpointStandIn) -> None:
    address = f"http://models.home.arpa:{server.port}"
    with scene.launch() as app:
        app.wait_window("setup")
        app.wait_call("setup.key_status")
        app.click("setup", "#way-endpoint")
        app.fill("setup", "#address", f"https://127.0.0.1:{server.port}")
        app.click("setup", "#submit")
        app.wait_text("setup", f"Use http://127.0.0.1:{server.port} instead?")
        app.click("setup", "#question-no")
        app.fill("setup", "#address", address)
        app.click("setup", "#submit")
        app.wait_text("setup", "What you write travels unencrypted on your network")
        app.until("focus on No", lambda: focused(app, "setup") == "question-no")
        app.click("setup", "#question-no")
        app.until("nothing sent", lambda: not shown(app, "setup", "#question-dialog"))
        assert server.requests == []
        assert not (scene.profile / "settings.json").exists() or "network" not in scene.settings()

        app.click("setup", "#submit")
        app.wait_text("setup", "What you write travels unencrypted on your network")
        app.click("setup", "#question-yes")
        app.wait_text("setup", "2 models found")
        app.click("setup", "#endpoint-model")
        pick(app, "setup", "qwen3:8b")
        app.click("setup", "#submit")
        app.wait_no_window("setup")
        app.wait_window("chat")
        assert scene.settings()["network"] == {"plain_origins": [address]}

        app.ask("show", "agents")
        app.wait_window("agents")
        app.wait_call("agents.get")
        app.click("agents", "#endpoint-add")
        app.fill("agents", "#address", f"localhost:{server.port}")
        app.click("agents", "#endpoint-save")
        app.wait_text("agents", "Checked and saved.")
        app.click("agents", "#endpoint-add")
        app.fill("agents", "#address", f"http://other.home.arpa:{server.port}")
        app.click("agents", "#endpoint-save")
        app.wait_text("agents", "What you write travels unencrypted on your network")
        app.click("agents", "#question-yes")
        app.until("saved", lambda: len(scene.settings()["endpoints"]) == 3)
        assert len(scene.settings()["network"]["plain_origins"]) == 2


def test_a_key_alone_is_checked_and_opens_the_chat(scene: Scene) -> None:
    with EndpointStandIn((DEFAULT_MODEL,), protocols=("responses",), keys={KEY}) as openai:
        scene.options += ["--api-base", openai.base]
        with scene.launch() as app:
            app.wait_window("setup")
            app.wait_call("setup.key_status")
            app.click("setup", "#way-key")
            app.fill("setup", "#key", "sk-wrong-0123456789abcdefghijklmnop")
            app.click("setup", "#submit")
            app.wait_text("setup", "OpenAI did not accept this key")
            app.fill("setup", "#key", KEY)
            app.click("setup", "#submit")
            app.wait_no_window("setup")
            app.wait_window("chat")
        assert scene.settings()["agents"] == [{"kind": "assistant", "id": "assistant"}]
        assert scene.stored_key() == KEY


def test_the_demo_is_one_click_away(scene: Scene) -> None:
    with scene.launch() as app:
        app.wait_window("setup")
        app.wait_call("setup.key_status")
        app.click("setup", "#way-demo")
        app.wait_no_window("setup")
        app.wait_window("chat")
    assert scene.settings()["agents"] == [DEMO]


def test_an_assistant_is_added_chosen_duplicated_and_removed(scene: Scene) -> None:
    begin(scene, agents=[DEMO])
    with scene.launch() as app:
        open_agents(app)
        app.click("agents", "#add")
        app.click("agents", "#add-assistant")
        app.until("focus in its name", lambda: focused(app, "agents") == "f-agent-name")
        app.fill("agents", "#f-agent-name", "Writer")
        app.fill("agents", "#f-agent-instructions", "Be brief.")
        app.until("saved", lambda: {"Writer"} <= {one.get("name") for one in scene.settings()["agents"]})
        app.until("saved whole", lambda: scene.settings()["agents"][1].get("instructions") == "Be brief.")
        made = scene.settings()["agents"][1]["id"]

        since = app.calls_so_far()
        app.click("agents", "#choose")
        app.wait_call("agents.choose", since=since)
        app.until("it opens", lambda: scene.settings()["active_agent"] == made)
        app.until("it is marked", lambda: shown(app, "agents", "#agent-active"))

        app.click("agents", "#duplicate")
        app.wait_text("agents", "Writer (copy)")
        app.until("two of them", lambda: len(scene.settings()["agents"]) == 3)
        copy = scene.settings()["agents"][2]["id"]
        app.until("the copy is shown", lambda: app.text("agents").count("Writer (copy)") >= 2)

        app.click("agents", "#remove")
        app.click("agents", "#question-yes")
        app.until("gone", lambda: copy not in {one["id"] for one in scene.settings()["agents"]})
        app.until("gone from the list", lambda: not app.js("agents", f"!!document.querySelector('[data-id={copy}]')"))


def test_what_is_refused_stays_typed_while_one_looks_at_another_agent(scene: Scene) -> None:
    begin(scene, agents=[DEMO, {"kind": "assistant", "id": "writer", "name": "Writer"}])
    with scene.launch() as app:
        open_agents(app)
        app.click("agents", "[data-id=writer]")
        app.until("its fields", lambda: shown(app, "agents", "#more"))
        app.click("agents", "#more > summary")
        app.fill("agents", "#f-agent-temperature", "9")
        app.wait_text("agents", "It must be 2 or less.")
        assert app.js("agents", "document.querySelector('#f-agent-temperature').getAttribute('aria-describedby')")
        app.click("agents", "[data-id=demo]")
        app.until("the demo", lambda: app.text("agents").count("Demo") >= 3)
        app.click("agents", "[data-id=writer]")
        app.wait_text("agents", "It must be 2 or less.")
        app.wait_value("agents", "#f-agent-temperature", "9")
        app.fill("agents", "#f-agent-temperature", "0.5")
        app.until("saved", lambda: scene.settings()["agents"][1].get("temperature") == 0.5)
        app.until("no error", lambda: "It must be 2 or less." not in app.text("agents"))


def test_an_endpoint_that_is_no_openai_server_is_told_and_a_real_one_is_saved(
    scene: Scene, server: EndpointStandIn
) -> None:
    begin(scene, agents=[DEMO])
    server.kind = "website"
    with scene.launch() as app:
        open_agents(app)
        app.click("agents", "#endpoint-add")
        app.fill("agents", "#name", "My models")
        app.fill("agents", "#address", server.base)
        app.click("agents", "#endpoint-save")
        app.wait_text("agents", "127.0.0.1 does not answer like an OpenAI-compatible server.")
        app.until("focus at the error", lambda: focused(app, "agents") == "address")
        assert "endpoints" not in scene.settings()

        app.click("agents", "[data-id=demo]")
        app.wait_text("agents", "How a chat begins")
        app.click("agents", "#endpoint-add")
        app.wait_value("agents", "#address", server.base)
        server.kind = "api"
        app.click("agents", "#endpoint-save")
        app.wait_text("agents", "Checked and saved.")
        assert scene.settings()["endpoints"][0]["name"] == "My models"


def test_an_unknown_agent_and_an_unknown_endpoint_are_said_and_the_rest_works(scene: Scene) -> None:
    lost = {"kind": "assistant", "id": "lost", "name": "Lost", "endpoint": "gone"}
    begin(scene, agents=[DEMO, lost], active_agent="nobody")
    with scene.launch() as app:
        open_agents(app)
        app.wait_text("agents", "The agent “nobody” from the settings does not exist. Demo opens instead.")
        app.click("agents", "[data-id=lost]")
        app.wait_text("agents", "This agent’s endpoint no longer exists.")
        app.fill("agents", "#f-agent-endpoint", "openai")
        app.until("saved", lambda: "endpoint" not in scene.settings()["agents"][1])
        app.until("well again", lambda: not shown(app, "agents", "#agent-missing"))
