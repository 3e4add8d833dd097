"""Signing in at an MCP server from the agents page, in real windows: the browser is opened by a click alone, what it
brings back goes to the keyring, and the server's tools are there. The browser is a program that follows links.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from desktop.common.texts import Catalogue
from tests.rig.driver import ROOT, Driver
from tests.rig.scene import Scene
from tests.standins.issuer import Issuer, protected
from tests.standins.mcp_http import McpHttp
from tests.window.test_agents import DEMO, begin, focused, open_agents, shown

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SAYS = Catalogue("en").get
FOLLOWS = """#!/bin/sh
printf '%s\\n' "$1" >> "{log}"
cd "{root}" && exec "{python}" -c "import sys; from tests.standins.issuer import Browser; Browser()(sys.argv[1])" "$1"
"""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as one:
        yield one


@pytest.fixture
def server(issuer: Issuer) -> Iterator[McpHttp]:
    with protected(issuer) as one:
        yield one


def with_a_person(scene: Scene) -> None:
    """From now on somebody sits at the browser and says yes."""
    words = FOLLOWS.format(log=scene.folder / "opened", root=ROOT, python=sys.executable)
    (scene.folder / "bin" / "xdg-open").write_text(words, encoding="utf-8")


def enter(app: Driver, server: McpHttp) -> None:
    """A new server with this address, checked."""
    app.click("agents", "#mcp-add")
    app.until("a new server", lambda: shown(app, "agents", "#mcp-paste"))
    app.click("agents", "#mcp-transport label:last-child")
    app.fill("agents", "#mcp-url", server.url)
    app.fill("agents", "#mcp-name", "Far")
    app.click("agents", "#mcp-save")


def servers(scene: Scene) -> list[dict[str, Any]]:
    return list(scene.settings().get("mcp_servers", []))


def test_checklist_47_a_person_signs_in_and_out_and_no_token_is_seen(
    scene: Scene, server: McpHttp, issuer: Issuer
) -> None:
    begin(scene, agents=[DEMO])
    with_a_person(scene)
    with scene.launch() as app:
        open_agents(app)
        enter(app, server)
        app.wait_text("agents", "The MCP server Far asks you to sign in.")
        app.until("what is offered has the focus", lambda: focused(app, "agents") == "mcp-sign-in")
        assert scene.opened() == [], "nobody was sent anywhere without a click"
        assert servers(scene) == []

        app.click("agents", "#mcp-sign-in")
        app.wait_text("agents", SAYS("agents.mcp.sign_in_works"), "You are signed in.")
        [opened] = scene.opened()
        assert opened.startswith(f"{issuer.base}/authorize?")
        [one] = servers(scene)
        page = str(app.js("agents", "document.documentElement.outerHTML"))
        assert not [secret for secret in issuer.given if secret in page or secret in str(one)]

        app.click("agents", "#mcp-save")
        app.wait_text("agents", SAYS("agents.mcp.works"))
        assert len(scene.opened()) == 1, "what is kept is enough"

        app.click("agents", "#mcp-sign-out")
        app.wait_text("agents", SAYS("agents.mcp.signed_out"))
        app.until("gone", lambda: not shown(app, "agents", "#mcp-signed"))
        app.click("agents", "#mcp-save")
        app.wait_text("agents", "The MCP server Far asks you to sign in.")
    assert not [secret for secret in issuer.given if secret in scene.log()]


def test_a_sign_in_that_nobody_ends_is_shown_and_can_be_cancelled(scene: Scene, server: McpHttp) -> None:
    begin(scene, agents=[DEMO])
    with scene.launch() as app:
        open_agents(app)
        enter(app, server)
        app.wait_text("agents", "asks you to sign in")
        app.click("agents", "#mcp-sign-in")
        app.wait_text("agents", SAYS("agents.mcp.doing_sign_in"))
        app.until("the browser is open", lambda: len(scene.opened()) == 1)
        app.until("focus on what ends it", lambda: focused(app, "agents") == "mcp-cancel")
        app.click("agents", "#mcp-cancel")
        app.wait_text("agents", SAYS("agents.cancelled"))
        assert servers(scene) == []


def test_a_client_id_is_typed_where_the_app_is_not_registered_by_itself(scene: Scene) -> None:
    secret = "typed-secret-never-to-be-seen"
    begin(scene, agents=[DEMO])
    with_a_person(scene)
    with Issuer(registers=403, known={"mine": secret}) as issuer, protected(issuer) as server, scene.launch() as app:
        open_agents(app)
        enter(app, server)
        app.wait_text("agents", "asks you to sign in")
        app.click("agents", "#mcp-sign-in")
        app.wait_text("agents", "does not register this app automatically", "The one 127.0.0.1 gave you")
        assert scene.opened() == []
        app.click("agents", "#mcp-sign-in")
        app.wait_text("agents", SAYS("agents.mcp.client_id_empty"))
        app.fill("agents", "#mcp-client_id", "mine")
        app.fill("agents", "#mcp-client_secret", secret)
        assert app.js("agents", "document.querySelector('#mcp-client_secret').type") == "password"
        app.click("agents", "#mcp-sign-in")
        app.wait_text("agents", SAYS("agents.mcp.sign_in_works"))
        assert secret not in str(servers(scene))
    assert secret not in scene.log()
