"""The window of all chats as a person uses it: found, read, opened, exported, cancelled, archived, deleted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.agents.things import said, thread
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.chatkit_server import EVERYBODY, ChatKitStandIn
from tests.window.test_builtin import say

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

ME = "user-0001"
DEMO = {"kind": "demo", "id": "demo", "name": "Demo"}


def settle(scene: Scene, active: str = "workflow") -> None:
    """A hosted workflow with a name, and the demo in the built-in view."""
    scene.settle()
    file = scene.profile / "settings.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    values["agents"] = [values["agents"][0] | {"id": "workflow", "name": "Support"}, DEMO]
    values |= {"active_agent": active, "user_ids": {"workflow": ME}, "assistant": {"builtin_view": True}}
    file.write_text(json.dumps(values), encoding="utf-8")


def opened(app: Driver) -> None:
    """The window is there and has asked everybody."""
    app.ask("show", "chats")
    app.wait_window("chats")
    app.wait_call("chats.list")
    app.wait_call("chats.refresh")


def titles(app: Driver) -> list[str]:
    return list(app.js("chats", "[...document.querySelectorAll('#list .title')].map(one => one.textContent)"))


def until_listed(app: Driver, *wanted: str) -> None:
    app.until(f"listed: {wanted}", lambda: sorted(titles(app)) == sorted(wanted))


def shown(app: Driver, selector: str) -> bool:
    return bool(app.js("chats", f"!!document.querySelector({json.dumps(selector)}).getClientRects().length"))


def choose(app: Driver, title: str) -> None:
    box = f"document.querySelector('#list input[aria-label={json.dumps('Select ' + title)}]')"
    app.until(f"a box for {title}", lambda: app.js("chats", f"!!{box}"))
    app.js("chats", f"({box}.click(), true)")


def on_the_row(app: Driver) -> None:
    """The focus is on the only row, also where the list has just been drawn again."""
    script = "(one => (one.focus(), document.activeElement === one))(document.querySelector('#list .open'))"
    app.until("focus on the row", lambda: app.js("chats", script))


def read(app: Driver, title: str) -> None:
    row = f"[...document.querySelectorAll('#list .open')].find(one => one.innerText.startsWith({json.dumps(title)}))"
    app.until(f"a row for {title}", lambda: app.js("chats", f"!!{row}"))
    app.js("chats", f"({row}.click(), true)")


def job(app: Driver) -> str:
    return str(app.js("chats", "document.getElementById('job-words').textContent"))


def test_chats_are_found_as_one_types_and_opened_in_the_chat_of_their_agent(scene: Scene) -> None:
    settle(scene, active="demo")
    hosted = scene.api.world.add_thread(ME, title="About zebras", messages=3)
    with scene.launch() as app:
        app.wait_call("builtin.ready")
        say(app, "help")
        opened(app)
        app.until("both are listed", lambda: "About zebras" in titles(app) and len(titles(app)) == 2)
        app.type_keys("All chats", "zebr")
        app.until("marked", lambda: app.js("chats", "document.querySelector('#list mark')?.textContent") == "zebr")
        until_listed(app, "About zebras")
        app.press("All chats", "Down", "Return")
        app.wait_text("chats", "Question 1", "Answer 1", "At OpenAI only")
        scene.component.forget()
        app.click("chats", "#open")
        scene.wait_chat(app)
        app.until("the chat", lambda: scene.component.state.get("thread") == hosted)
        assert scene.settings()["active_agent"] == "workflow"
        app.js("chats", "(document.getElementById('search').value = '', true)")
        app.fill("chats", "#agent", "demo")
        app.until("the demo's chat", lambda: "About zebras" not in titles(app) and len(titles(app)) == 1)
        since = app.calls_so_far()
        app.click("chats", "#list .open")
        app.wait_call("chats.items", since=since)
        since = app.calls_so_far()
        app.click("chats", "#open")
        app.wait_call("builtin.ready", since=since)
        app.wait_text("chat", "help")


def test_chats_are_exported_cancelled_and_gone_on_with(scene: Scene) -> None:
    settle(scene)
    for number in range(40):
        scene.api.world.add_thread(ME, title=f"Chat {number}", messages=2, created_at=1_760_000_000 + number)
    folder = scene.folder / "taken along"
    with scene.launch() as app:
        scene.wait_chat(app)
        opened(app)
        app.until("listed", lambda: len(titles(app)) > 5)
        app.click("chats", "#export")
        app.fill("chats", "#folder", "here")
        app.click("chats", "#export-yes")
        app.wait_text("chats", "Enter the full path of the folder.")
        app.wait_value("chats", "#folder", "here")
        scene.api.fail("rate_limited", on="/items")  # it waits as long as it is asked to
        app.fill("chats", "#folder", str(folder))
        app.click("chats", "#export-yes")
        app.until("it goes on", lambda: job(app).startswith("Exporting ") and shown(app, "#job-cancel"))
        app.click("chats", "#job-cancel")
        app.wait_text("chats", "Stopped. What was done is kept.")
        scene.api.heal()
        app.click("chats", "#job-again")
        app.wait_text("chats", "40 chats exported.")
        assert len(list(folder.glob("*.html"))) == 40
        app.click("chats", "#job-folder")
        app.until("the folder", lambda: scene.opened() == [str(folder)])
        choose(app, "Chat 39")
        app.wait_text("chats", "1 selected")
        app.click("chats", "#export")
        app.click("chats", "input[value=md]")
        app.click("chats", "#export-yes")
        app.wait_text("chats", "1 chat exported.")
        assert len(list(folder.glob("*.md"))) == 1


def test_the_archive_is_offered_once_and_what_is_deleted_says_where(scene: Scene) -> None:
    settle(scene)
    ids = [scene.api.world.add_thread(ME, title=f"Chat {number}", messages=2) for number in range(3)]
    with scene.launch() as app:
        scene.wait_chat(app)
        opened(app)
        until_listed(app, "Chat 0", "Chat 1", "Chat 2")
        app.wait_text("chats", "Keep a copy of your hosted chats.", "30 November 2026")
        app.click("chats", "#offer-yes")
        app.wait_text("chats", "3 chats archived, ")
        app.until("the list says so", lambda: app.text("chats").count("archived") >= 3)
        app.until("no offer", lambda: not shown(app, "#offer"))

        choose(app, "Chat 0")
        choose(app, "Chat 1")
        app.click("chats", "#delete")
        app.wait_text("chats", "Delete 2 chats?", "2 copies on this computer.", "2 chats at OpenAI.")
        app.until("focus on no", lambda: app.js("chats", "document.activeElement.id") == "delete-no")
        assert app.js("chats", "[...document.querySelectorAll('#delete-places input')].map(one => one.checked)") == [
            True,
            False,
        ]
        app.click("chats", "#delete-no")
        assert len(scene.api.world.threads) == 3

        app.click("chats", "#delete")
        app.click("chats", "#delete-places label:last-child input")
        app.click("chats", "#delete-yes")
        app.wait_text("chats", "2 chats deleted.")
        until_listed(app, "Chat 2")
        assert set(scene.api.world.threads) == {ids[2]}
        app.ask("close", "chats")
        app.wait_no_window("chats")
        opened(app)
        until_listed(app, "Chat 2")
        assert not shown(app, "#offer")


def test_a_chat_in_the_app_is_renamed_and_deleted_and_the_open_chat_follows(scene: Scene) -> None:
    settle(scene, active="demo")
    with scene.launch() as app:
        app.wait_call("builtin.ready")
        say(app, "help")
        opened(app)
        app.until("listed", lambda: len(titles(app)) == 1)
        on_the_row(app)
        app.press("All chats", "F2")
        app.until("the field", lambda: app.js("chats", "document.activeElement.id") == "rename-text")
        app.fill("chats", "#rename-text", " ")
        app.press("All chats", "Return")
        app.wait_text("chats", "Enter a title.")
        app.fill("chats", "#rename-text", "My own words")
        app.press("All chats", "Return")
        until_listed(app, "My own words")
        app.until("the open chat", lambda: "My own words" in app.text("chat"))
        on_the_row(app)
        app.press("All chats", "Delete")
        app.wait_text("chats", "Delete this chat?", "My own words", "1 chat on this computer, with its files.")
        app.click("chats", "#delete-yes")
        app.wait_text("chats", "No chats yet.")
        app.until("the open chat is a new one", lambda: "My own words" not in app.text("chat"))


def test_what_keeps_openai_from_answering_stands_over_the_list(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        scene.wait_chat(app)
        scene.api.fail("key_rejected")
        app.ask("show", "chats")
        app.wait_text("chats", "The chats at OpenAI could not be listed.", "did not accept")
        scene.api.heal()
        scene.api.world.add_thread(ME, title="There again", messages=1)
        app.click("chats", "#troubles button:not(.more-about)")
        until_listed(app, "There again")
        app.until("no trouble", lambda: not app.js("chats", "document.getElementById('troubles').childElementCount"))


def test_chats_of_a_server_are_listed_read_exported_and_deleted_and_its_failure_is_its_own(scene: Scene) -> None:
    with ChatKitStandIn() as server:
        settle(scene, active="demo")
        file = scene.profile / "settings.json"
        values = json.loads(file.read_text(encoding="utf-8"))
        values["agents"] = [DEMO, {"kind": "server", "id": "team", "name": "Team", "url": server.url}]
        file.write_text(json.dumps(values), encoding="utf-8")

        async def fill() -> None:
            await server.store.save_thread(thread("thr_zebras", "About zebras"), EVERYBODY)
            await server.store.add_thread_item("thr_zebras", said("Why stripes?"), EVERYBODY)

        asyncio.run(fill())
        server.mode = "down"
        folder = scene.folder / "taken along"
        with scene.launch() as app:
            app.wait_call("builtin.ready")
            app.ask("show", "chats")
            app.wait_text("chats", "The chats of Team could not be listed.", "is having problems (500)")
            assert "No chats yet." not in app.text("chats"), "nobody knows that while one source has not answered"
            server.mode = "chatkit"
            app.click("chats", "#troubles button:not(.more-about)")
            until_listed(app, "About zebras")
            app.until(
                "no trouble", lambda: not app.js("chats", "document.getElementById('troubles').childElementCount")
            )
            read(app, "About zebras")
            app.wait_text("chats", "Why stripes?", f"On the server 127.0.0.1:{server.port}")
            app.click("chats", "#export-one")
            app.click("chats", "input[value=json]")
            app.fill("chats", "#folder", str(folder))
            app.click("chats", "#export-yes")
            app.wait_text("chats", "1 chat exported.")
            document = json.loads(next(folder.glob("*.json")).read_bytes())
            assert [item["text"] for item in document["items"]] == ["Why stripes?"]
            app.click("chats", "#delete-one")
            app.wait_text("chats", "Delete this chat?", "for everyone who uses it there.")
            app.click("chats", "#delete-yes")
            app.wait_text("chats", "No chats yet.")
            assert server.store._threads == {}


def test_ten_thousand_chats_are_a_few_rows_at_a_time(scene: Scene) -> None:
    settle(scene, active="demo")
    scene.python(_MANY, *scene.arguments)
    with scene.launch() as app:
        app.wait_call("builtin.ready")
        app.ask("show", "chats")
        app.wait_call("chats.list")
        app.until("the first page", lambda: len(titles(app)) > 5)

        def rows() -> int:
            return int(app.js("chats", "document.querySelectorAll('#list li').length"))

        def bottom() -> Any:
            app.js("chats", "(e => (e.scrollTop = e.scrollHeight, true))(document.getElementById('scroll'))")
            return app.js("chats", "document.getElementById('list').clientHeight") >= 64 * 2_000

        app.until("two thousand are loaded", bottom)
        assert rows() < 80
        app.click("chats", "#all")
        app.wait_text("chats", "10000 selected")


_MANY = """
import sys
from datetime import datetime, timedelta
from desktop.cli import parse
from desktop.app.context import Context
from desktop.agents.chatkit.context import RequestContext
from chatkit.types import ThreadMetadata
context = Context(parse(sys.argv[1:]))
host = context.agent_host()
now = datetime.now()
async def fill(stores):
    for number in range(10_000):
        made = ThreadMetadata(id=f"thr_{number}", title=f"Chat {number}", created_at=now - timedelta(minutes=number))
        await stores.threads.save_thread(made, RequestContext("demo", "user"))
host.call(fill)
host.close(limit=60)
"""
