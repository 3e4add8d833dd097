"""MCP servers in a real window: added in the agents page, used in a chat with the person's yes, taken back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.common.texts import Catalogue
from tests import standins
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.models_api import Answer, Call, ModelsApi
from tests.window.test_agents import DEMO, begin, focused, open_agents, shown
from tests.window.views import VIEWS, View

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SAYS = Catalogue("en").get
STANDIN = Path(standins.__file__).with_name("mcp_server.py")
HABITS = STANDIN.with_name("mcp_habits.py")
TOKEN = "ghp_PlantedNeverToBeSeen0123456789abcdef"
WRITER: dict[str, Any] = {"kind": "assistant", "id": "writer", "name": "Writer"}
ROW = "#mcp-stdio-rows li"


@pytest.fixture
def models() -> Iterator[ModelsApi]:
    with ModelsApi() as api:
        yield api


@pytest.fixture(params=sorted(VIEWS))
def view(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def block(*arguments: str, **env: str) -> str:
    """What a person pastes."""
    server = {"command": sys.executable, "args": [str(STANDIN), *arguments], "env": env}
    return json.dumps({"mcpServers": {"Tools": server}}, indent=2)


def paste(app: Driver, text: str) -> None:
    app.click("agents", "#mcp-add")
    app.until("a new server", lambda: shown(app, "agents", "#mcp-paste"))
    app.click("agents", "#mcp-paste > summary")
    app.fill("agents", "#mcp-block", text)
    app.click("agents", "#mcp-read")
    app.wait_value("agents", "#mcp-command", sys.executable)


def test_a_server_is_pasted_checked_given_to_an_assistant_and_removed(scene: Scene) -> None:
    begin(scene, agents=[DEMO, WRITER])
    with scene.launch() as app:
        open_agents(app)
        paste(app, block("--misbehave", "gone", GITHUB_TOKEN=TOKEN, LEVEL="3"))
        app.wait_value("agents", f"{ROW} [data-part=value]", TOKEN)
        assert app.js("agents", f"document.querySelector('{ROW} [data-part=value]').type") == "password"
        app.click("agents", "#mcp-save")
        app.wait_text("agents", "The MCP server Tools has stopped")
        assert "mcp_servers" not in scene.settings()

        app.click("agents", "[data-id=writer]")
        app.wait_text("agents", "How a chat begins")
        app.click("agents", "#mcp-add")
        app.wait_value("agents", f"{ROW} [data-part=value]", TOKEN)
        app.fill("agents", "#mcp-args", str(STANDIN))
        app.click("agents", "#mcp-save")
        app.wait_text("agents", "Checked and saved.", "Adds two numbers.", "Kept in")
        [server] = scene.settings()["mcp_servers"]
        assert (server["secrets"], server["env"]) == (["GITHUB_TOKEN"], {"LEVEL": "3"})
        assert TOKEN not in app.js("agents", "document.documentElement.outerHTML")
        secret = f"{ROW}:last-child [data-part=value]"
        assert app.js("agents", f"document.querySelector('{secret}').value") == "", "it does not come back"

        app.click("agents", "[data-id=writer]")
        app.click("agents", "#mcp-use input")
        app.until("given", lambda: scene.settings()["agents"][1].get("mcp_servers") == [server["id"]])

        app.click("agents", "#mcp-list button")
        app.wait_text("agents", "Used by 1 agent.")
        app.click("agents", "#mcp-remove")
        app.click("agents", "#question-yes")
        app.until("gone", lambda: not scene.settings()["mcp_servers"])
        app.until("gone there too", lambda: not scene.settings()["agents"][1].get("mcp_servers"))
    assert TOKEN not in scene.log()


def test_a_commented_block_is_pasted_what_it_leaves_open_is_asked_for_and_a_slow_first_start_is_told_of(
    scene: Scene, tmp_path: Path
) -> None:
    npx = tmp_path / "npx"
    npx.write_text(f'#!/bin/sh\necho "Downloading" >&2; sleep 5; exec {sys.executable} "$@"\n', encoding="utf-8")
    npx.chmod(0o755)
    args = json.dumps([str(HABITS), "--dsn", "postgres://me:${input:pw}@db/x"])
    text = f"""// mine
    {{ "inputs": [{{"type": "promptString", "id": "pw", "description": "Word of the database", "password": true}}],
      "servers": {{ "Slow": {{ "command": "{npx}", "args": {args}, "alwaysAllow": ["words"], }}, }}, }}"""
    begin(scene, agents=[DEMO, WRITER])
    with scene.launch() as app:
        open_agents(app)
        app.click("agents", "#mcp-add")
        app.until("a new server", lambda: shown(app, "agents", "#mcp-paste"))
        app.click("agents", "#mcp-paste > summary")
        app.fill("agents", "#mcp-block", text)
        app.click("agents", "#mcp-read")
        app.wait_text("agents", "Word of the database", "are not imported")
        app.fill("agents", "#mcp-ask-pw", TOKEN)
        app.click("agents", "#mcp-asks button")
        app.wait_value("agents", "#mcp-args", f"{HABITS}\n--dsn\npostgres://me:${{secret:pw}}@db/x")
        app.wait_text("agents", "Taken from the pasted text.")
        app.click("agents", "#mcp-save")
        app.wait_text("agents", "It may need to download first", "It says: “Downloading”")
        app.wait_text("agents", "Checked and saved.", "Available to agents", "Replaces ${secret:pw}.")
        app.click("agents", "#mcp-tools-list input[value=words]")
        app.until("off", lambda: scene.settings()["mcp_servers"][0].get("tools_off") == ["words"])
        [server] = scene.settings()["mcp_servers"]
        assert server["secrets"] == ["pw"]
        assert "always" not in server
        assert TOKEN not in json.dumps(scene.settings())
        assert TOKEN not in app.js("agents", "document.documentElement.outerHTML")
    assert TOKEN not in scene.log()


def test_what_is_refused_is_said_at_its_field_and_nothing_typed_is_lost(scene: Scene) -> None:
    begin(scene, agents=[DEMO, WRITER])
    with scene.launch() as app:
        open_agents(app)
        app.click("agents", "#mcp-add")
        app.until("a new server", lambda: shown(app, "agents", "#mcp-paste"))
        app.fill("agents", "#mcp-block", "{,}")
        app.js("agents", "(document.getElementById('mcp-paste').open = true)")
        app.click("agents", "#mcp-read")
        app.wait_text("agents", "This is not valid JSON. The mistake is on line 1.")
        app.fill("agents", "#mcp-command", "npx -y 'a server'")
        app.wait_value("agents", "#mcp-command", "npx")
        app.wait_value("agents", "#mcp-args", "-y\na server")
        app.fill("agents", "#mcp-command", "no-such-program-anywhere")
        app.click("agents", "#mcp-stdio-rows .actions button")
        app.fill("agents", f"{ROW} [data-part=name]", "A=B")
        app.click("agents", "#mcp-save")
        app.wait_text("agents", "A variable’s name consists of letters, digits and _")
        app.until("focus at the error", lambda: app.js("agents", "document.activeElement.dataset.part") == "name")
        app.fill("agents", f"{ROW} [data-part=name]", "A")
        app.click("agents", "#mcp-save")
        app.wait_text("agents", "needs the program “no-such-program-anywhere”")
        app.until("focus at the error", lambda: focused(app, "agents") == "mcp-command")
        app.wait_value("agents", "#mcp-args", "-y\na server")
        app.click("agents", "#mcp-anyway")
        app.wait_text("agents", "Saved without a check.")
        assert scene.settings()["mcp_servers"][0]["env"] == {"A": ""}


def outputs(models: ModelsApi) -> list[str]:
    """What tools gave the model, in its last call."""
    said = next(asked.body for asked in reversed(models.asked) if asked.path == "/v1/responses")["input"]
    return [one["output"] for one in said if one.get("type") == "function_call_output"]


def test_each_call_waits_for_a_yes_and_always_lasts_until_it_is_taken_back(
    scene: Scene, models: ModelsApi, view: str
) -> None:
    endpoint = {"id": "local", "base_url": models.base, "api": "responses"}
    writer = WRITER | {"endpoint": "local", "view": view}
    begin(scene, agents=[writer], endpoints=[endpoint], assistant={"titles": False})

    def ask(seen: View, word: str, then: str) -> None:
        models.answer(Answer(calls=(Call("echo", {"text": word}),)), Answer(then))
        seen.send(f"say {word}")

    def card(app: Driver, seen: View, word: str) -> None:
        app.until(f"a question about {word}", lambda: seen.asks(f'"text": "{word}"'))

    def answered(app: Driver, seen: View, words: str) -> None:
        app.until(words, lambda: seen.at_rest() and words in seen.words())

    with scene.launch() as app:
        seen: View = VIEWS[view](scene, app)
        seen.begin()
        app.ask("show", "agents")
        app.wait_window("agents")
        app.wait_call("agents.get")
        paste(app, block(GITHUB_TOKEN=TOKEN))
        app.click("agents", "#mcp-save")
        app.wait_text("agents", SAYS("agents.mcp.works"))
        app.click("agents", "[data-id=writer]")
        app.click("agents", "#mcp-use input")
        app.until("given", lambda: scene.settings()["agents"][0].get("mcp_servers"))

        ask(seen, "one", "Then not.")
        card(app, seen, "one")
        assert len(models.asked) == 1, "the run waits"
        seen.say("rejected")
        answered(app, seen, "Then not.")
        assert "echo: one" not in outputs(models)[-1]

        ask(seen, "two", "Said once.")
        card(app, seen, "two")
        seen.say("once")
        answered(app, seen, "Said once.")
        assert outputs(models)[-1] == "echo: two"

        ask(seen, "three", "Said again.")
        card(app, seen, "three")
        app.click("agents", "#mcp-list button")
        seen.say("always")
        answered(app, seen, "Said again.")
        app.wait_text("agents", SAYS("agents.mcp.always"))
        assert TOKEN not in app.js("chat", "document.documentElement.outerHTML")

    with scene.launch() as app:
        seen = VIEWS[view](scene, app)
        seen.begin()
        ask(seen, "four", "At once.")
        answered(app, seen, "At once.")
        assert outputs(models)[-1] == "echo: four"
        app.ask("show", "agents")
        app.wait_window("agents")
        app.wait_call("agents.get")
        app.click("agents", "#mcp-list button")
        app.click("agents", "#mcp-tools .allowed button")
        app.until("taken back", lambda: not scene.settings()["mcp_servers"][0].get("always"))
        ask(seen, "five", "Not seen.")
        card(app, seen, "five")
    assert TOKEN not in scene.log()
