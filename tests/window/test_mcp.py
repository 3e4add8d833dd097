"""MCP servers in a real window: added in the agents page, used in a chat with the person's yes, taken back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import standins
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.window.test_agents import DEMO, begin, focused, open_agents, shown

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

STANDIN = Path(standins.__file__).with_name("mcp_server.py")
TOKEN = "ghp_PlantedNeverToBeSeen0123456789abcdef"
WRITER: dict[str, Any] = {"kind": "assistant", "id": "writer", "name": "Writer"}
ROW = "#mcp-stdio-rows li"


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
        app.wait_text("agents", "The MCP server Tools has ended")
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
        app.wait_text("agents", "Agents that use it: 1.")
        app.click("agents", "#mcp-remove")
        app.click("agents", "#question-yes")
        app.until("gone", lambda: not scene.settings()["mcp_servers"])
        assert not scene.settings()["agents"][1].get("mcp_servers")
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
        app.wait_text("agents", "This is not valid JSON. The mistake is in line 1.")
        app.fill("agents", "#mcp-command", "npx -y 'a server'")
        app.wait_value("agents", "#mcp-command", "npx")
        app.wait_value("agents", "#mcp-args", "-y\na server")
        app.fill("agents", "#mcp-command", "no-such-program-anywhere")
        app.click("agents", "#mcp-stdio-rows .actions button")
        app.fill("agents", f"{ROW} [data-part=name]", "A=B")
        app.click("agents", "#mcp-save")
        app.wait_text("agents", "A variable’s name has letters, digits and _")
        assert app.js("agents", "document.activeElement.dataset.part") == "name"
        app.fill("agents", f"{ROW} [data-part=name]", "A")
        app.click("agents", "#mcp-save")
        app.wait_text("agents", "The program “no-such-program-anywhere” of the MCP server")
        app.until("focus at the error", lambda: focused(app, "agents") == "mcp-command")
        app.wait_value("agents", "#mcp-args", "-y\na server")
        app.click("agents", "#mcp-anyway")
        app.wait_text("agents", "Saved without a check.")
        assert scene.settings()["mcp_servers"][0]["env"] == {"A": ""}
