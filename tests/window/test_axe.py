"""axe-core finds nothing to complain of in our pages: on each engine, light and dark, in every state that matters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desktop.agents.code.consent import LIST, Consents, read
from tests.rig.axe import SCRIPT, violations
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.chatkit_server import ChatKitStandIn
from tests.window.conftest import missing
from tests.window.test_builtin import begin, say

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

DEMO = {"kind": "demo", "id": "demo", "name": "Demo", "prompts": [{"label": "Help", "prompt": "help"}]}


@pytest.fixture(autouse=True)
def _axe() -> None:
    if not SCRIPT.is_file():
        missing("axe-core is not installed: npm ci in tests/js")


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def settle(scene: Scene, scheme: str, **settings: Any) -> None:
    scene.profile.mkdir(parents=True, mode=0o700)
    values = {"version": 1, "chat": {"theme": {"scheme": scheme}}, **settings}
    (scene.profile / "settings.json").write_text(json.dumps(values), encoding="utf-8")


def checked(app: Driver, window: str, state: str) -> list[str]:
    return [f"{window}, {state}: {found}" for found in violations(app, window)]


def shown_in(app: Driver, window: str, scheme: str) -> None:
    """The page is shown in the scheme that is tested, not in the one of the machine."""
    luma = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    app.until(f"{scheme} {window}", lambda: (sum(app.js(window, luma)) < 300) == (scheme == "dark"))


def test_axe_sees_what_is_wrong(scene: Scene) -> None:
    settle(scene, "light", agents=[DEMO], assistant={"builtin_view": True})
    with scene.launch() as app:
        begin(scene, app)
        unnamed = (
            "(document.getElementById('new').removeAttribute('aria-label'),"
            "document.getElementById('new').removeAttribute('title'), true)"
        )

        def sees_it() -> bool:
            app.js("chat", unnamed)  # again: the page may still be putting its words in
            return any(found.startswith("button-name") for found in violations(app, "chat"))

        app.until("axe to see a button without a name", sees_it)


def test_the_basic_view(scene: Scene, scheme: str) -> None:
    settle(scene, scheme, agents=[DEMO], assistant={"builtin_view": True})
    with scene.launch() as app:
        begin(scene, app)
        shown_in(app, "chat", scheme)
        found = checked(app, "chat", "empty")
        for word in ("help", "markdown", "widget", "steps", "error", "question"):
            say(app, word)
        app.js("chat", "(document.querySelectorAll('details').forEach(one => { one.open = true }), true)")
        found += checked(app, "chat", "filled")
        app.js("chat", "(document.getElementById('composer').requestSubmit(), true)")
        app.fill("chat", "#search", "mark")
        app.until("found", lambda: app.js("chat", "!!document.querySelector('#found mark')"))
        found += checked(app, "chat", "searched")
        app.fill("chat", "#search", "")
        app.until("all", lambda: app.js("chat", "document.getElementById('found').hidden"))
        app.click("chat", "#threads li button:last-child")
        found += checked(app, "chat", "menu")
        app.click("chat", ".menu .grave")
        found += checked(app, "chat", "asked")
        app.click("chat", "#question-no")
        app.fill("chat", "#text", "long")
        app.click("chat", "#send")
        found += checked(app, "chat", "answering")
    assert found == []


def test_the_first_page_and_the_settings(scene: Scene, scheme: str) -> None:
    settle(scene, scheme)
    with scene.launch() as app:
        app.wait_call("setup.start")
        app.until("the ways", lambda: app.js("setup", "!!document.querySelector('#way-key').getClientRects().length"))
        shown_in(app, "setup", scheme)
        found = checked(app, "setup", "first")
        for way in app.js("setup", "[...document.querySelectorAll('button[id^=way-]')].map(one => one.id)"):
            if way == "way-demo":
                continue  # begins at once
            app.click("setup", f"#{way}")
            found += checked(app, "setup", way)
            app.click("setup", "#other-ways")
        app.ask("show", "settings")
        app.wait_window("settings")
        app.wait_call("settings.start")
        shown_in(app, "settings", scheme)
        app.until(
            "settings filled", lambda: app.js("settings", "document.querySelectorAll('nav a, nav button').length > 2")
        )
        places = "[...document.querySelectorAll('nav a, nav button')].length"
        for number in range(app.js("settings", places)):
            app.js("settings", f"([...document.querySelectorAll('nav a, nav button')][{number}].click(), true)")
            found += checked(app, "settings", f"section {number}")
    assert found == []


def test_the_page_of_agents(scene: Scene, scheme: str) -> None:
    helper = {"kind": "assistant", "id": "helper", "name": "Helper", "endpoint": "here", "model": "tiny"}
    hosted = {"kind": "workflow", "id": "hosted", "workflow_id": "wf_abcdefgh"}
    here = {"id": "here", "name": "Here", "base_url": "http://127.0.0.1:9"}
    files = {
        "id": "files",
        "transport": "stdio",
        "command": "x",
        "env": {"A": "1"},
        "secrets": ["B"],
        "always": ["add"],
    }
    away = {"id": "away", "transport": "http", "url": "http://127.0.0.1:9/mcp", "secrets": ["Authorization"]}
    settle(
        scene,
        scheme,
        agents=[DEMO, helper | {"mcp_servers": ["files"]}, hosted],
        endpoints=[here],
        mcp_servers=[files, away],
        assistant={"builtin_view": True},
    )
    with scene.launch() as app:
        begin(scene, app)
        app.ask("show", "agents")
        app.wait_window("agents")
        app.wait_call("agents.start")
        shown_in(app, "agents", scheme)
        entries = "[...document.querySelectorAll('nav button')]"
        app.until("the list", lambda: app.js("agents", f"{entries}.length >= 7"))
        found = []
        for number in range(app.js("agents", f"{entries}.length")):
            app.js("agents", f"({entries}[{number}].click(), true)")
            found += checked(app, "agents", f"entry {number}")
            app.js("agents", "(document.querySelector('dialog[open]')?.close(), true)")
        app.click("agents", "#mcp-add")
        app.until("a new server", lambda: shown(app, "#mcp-paste"))
        app.js("agents", "(document.getElementById('mcp-paste').open = true)")
        app.click("agents", "#mcp-stdio-rows .actions button")
        app.fill("agents", "#mcp-stdio-rows [data-part=value]", "1")
        app.fill("agents", "#mcp-command", "x")
        app.click("agents", "#mcp-save")
        app.wait_text("agents", "Enter a name.")
        found += checked(app, "agents", "a server that is refused")
        app.js("agents", "(document.querySelector('[data-id=hosted]').click(), true)")
        app.click("agents", "#bring")
        app.click("agents", "#bring-submit")
        app.wait_text("agents", "Paste the code first.")
        app.click("agents", "#archive-start")
        app.until("there is no key", lambda: shown(app, "#archive-result"))
        found += checked(app, "agents", "code that is brought")
        app.click("agents", "#add")
        app.click("agents", "#add-code")
        app.click("agents", "#add-code-submit")
        app.wait_text("agents", "Choose a file first.")
        found += checked(app, "agents", "code that is added")
    assert found == []


def shown(app: Driver, selector: str) -> bool:
    return bool(app.js("agents", f"!!document.querySelector({json.dumps(selector)}).getClientRects().length"))


def test_code_agents(scene: Scene, scheme: str) -> None:
    file = scene.folder / "agent.py"
    file.write_text("import helpers, wordcloud\nfrom agents import Agent\nagent = Agent(name='Mine')\n" * 30)
    (scene.folder / "helpers.py").write_text("")
    code = {"kind": "code", "id": "code", "name": "Code", "file": str(file), "packages": ["nothing-at-all"]}
    settle(scene, scheme, agents=[DEMO, code], assistant={"builtin_view": True})
    with scene.launch() as app:
        begin(scene, app)
        app.ask("show", "agents")
        app.wait_window("agents")
        app.wait_call("agents.get")
        app.click("agents", "[data-id=code]")
        app.wait_text("agents", "wordcloud")
        shown_in(app, "agents", scheme)
        found = checked(app, "agents", "code")
        app.click("agents", "#code-look")
        app.wait_window("consent")
        app.wait_call("consent.file")
        shown_in(app, "consent", scheme)
        found += checked(app, "consent", "new")
        Consents(scene.profile / LIST).give(read(file))
        file.write_text(file.read_text().replace("'Mine'", "'Yours'", 1))
        app.click("consent", "#yes")
        app.wait_text("consent", "Changes", "Yours")
        found += checked(app, "consent", "changed")
        file.write_text("def f(:")
        app.click("consent", "#yes")
        app.wait_text("consent", "is not valid Python")
        found += checked(app, "consent", "unreadable")
    assert found == []


def test_chatkit_servers(scene: Scene, scheme: str) -> None:
    with ChatKitStandIn("a-token") as server:
        team = {"kind": "server", "id": "team", "name": "Team", "url": server.url, "headers": {"X-Team": "blue"}}
        settle(scene, scheme, agents=[team], assistant={"builtin_view": True})
        with scene.launch() as app:
            app.wait_window("token")
            app.wait_call("token.start")
            shown_in(app, "token", scheme)
            found = checked(app, "token", "asked")
            server.mode = "html"
            app.fill("token", "#token", "a-token")
            app.click("token", "#submit")
            app.until("the banner", lambda: app.js("token", "!document.getElementById('token-banner').hidden"))
            found += checked(app, "token", "refused")
            app.ask("show", "agents")
            app.wait_window("agents")
            app.wait_call("servers.get")
            shown_in(app, "agents", scheme)
            found += checked(app, "agents", "a server")
            app.click("agents", "#server-change")
            app.until("its address", lambda: app.js("agents", "document.getElementById('server-url').value"))
            app.until("its headers", lambda: shown(app, "#server-headers"))
            app.fill("agents", "#server-token", "two words")
            app.click("agents", "#server-save")
            app.wait_text("agents", "A token is a single word")
            found += checked(app, "agents", "its connection")
    assert found == []


def test_the_view_of_a_chat_that_does_not_work(scene: Scene, scheme: str) -> None:
    scene.settle()
    settings = scene.settings()
    settings["chat"] = {"theme": {"scheme": scheme}}
    (scene.profile / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    scene.options += ["--component-url", "http://127.0.0.1:9/none.js"]
    with scene.launch() as app:
        app.until("the problem", lambda: app.js("chat", "!document.getElementById('problem').hidden"))
        shown_in(app, "chat", scheme)
        app.js("chat", "(document.getElementById('problem-details').open = true)")
        assert checked(app, "chat", "problem") == []


def test_the_page_of_all_chats_and_an_export(scene: Scene, scheme: str) -> None:
    scene.settle()
    settings = scene.settings()
    settings["chat"] = {"theme": {"scheme": scheme}}
    settings["agents"][0] |= {"id": "hosted", "name": "Support"}
    settings["user_ids"] = {"hosted": "user-0001"}
    (scene.profile / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    full = scene.api.world.add_thread("user-0001", title="Zebra", messages=3)
    scene.api.world.add_one_of_each(full)
    scene.api.world.add_thread("user-0001", title=None, messages=1, created_at=1_700_000_000)
    with scene.launch() as app:
        scene.wait_chat(app)
        app.ask("show", "chats")
        app.wait_window("chats")
        app.wait_call("chats.refresh")
        shown_in(app, "chats", scheme)
        found = checked(app, "chats", "listed")
        app.click("chats", "#offer-yes")
        app.wait_text("chats", "2 chats archived, ")
        app.fill("chats", "#search", "zebr")
        app.until("found", lambda: app.js("chats", "!!document.querySelector('#list mark')"))
        app.click("chats", "#list .open")
        app.wait_text("chats", "Answer 1")
        app.click("chats", "#list input")
        found += checked(app, "chats", "read")
        app.click("chats", "#delete")
        found += checked(app, "chats", "deletion")
        app.click("chats", "#delete-no")
        app.click("chats", "#export")
        app.fill("chats", "#folder", "x")
        app.click("chats", "#export-yes")
        app.wait_text("chats", "Enter the full path")
        found += checked(app, "chats", "export")
        app.fill("chats", "#folder", str(scene.folder / "out"))
        app.click("chats", "#export-yes")
        app.wait_text("chats", "1 chat exported.")
        app.fill("chats", "#search", "nothing of this name")
        app.wait_text("chats", "Nothing found.")
        found += checked(app, "chats", "nothing")
        (file,) = (scene.folder / "out").glob("*.html")
        # In the page's own document: the window shows no other file, and axe judges what stands in it.
        html = json.dumps(file.read_text(encoding="utf-8"))
        app.js(
            "chats",
            f"(() => {{const made = new DOMParser().parseFromString({html}, 'text/html');"
            "const sheet = new CSSStyleSheet(); sheet.replaceSync(made.querySelector('style').textContent);"
            "document.adoptedStyleSheets = [sheet];"
            "document.querySelectorAll('link[rel=stylesheet]').forEach(one => one.remove());"
            "document.title = made.title; document.body.replaceWith(document.adoptNode(made.body)); return true})()",
        )
        found += checked(app, "chats", "the exported file")
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_help(scene: Scene, scheme: str) -> None:
    settle(scene, scheme, agents=[DEMO], assistant={"basic_view": True})
    with scene.launch() as app:
        begin(scene, app)
        app.ask("show", "help")
        app.wait_window("help")
        app.wait_call("help.topic")
        shown_in(app, "help", scheme)
        found = checked(app, "help", "first topic")
        current = "document.querySelector('[aria-current]').dataset.place"
        for topic in ("makers-forms", "contributors-recipes", "errors-key"):
            app.js("help", f"(document.querySelector('#contents [data-place={topic}]').click(), true)")
            app.until(topic, lambda topic=topic: app.js("help", current) == topic)
            found += checked(app, "help", topic)
        app.fill("help", "#search", "key")
        app.until("hits", lambda: app.js("help", "!!document.querySelector('#hits mark')"))
        found += checked(app, "help", "found")
        app.fill("help", "#search", "zzzzz")
        app.wait_text("help", "Nothing in the help")
        found += checked(app, "help", "nothing")
    assert found == []
