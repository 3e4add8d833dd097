"""The list of chats beside the built-in view, in a real window: its order, its keys, its width, all agents' chats."""

from __future__ import annotations

import json

import pytest

from desktop.common.texts import Catalogue
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.window.test_builtin import (
    answers,
    at_rest,
    begin,
    new_chat,
    nothing_refused,
    on_a_chat,
    press,
    say,
    settle,
    until_focused,
)

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SAYS = Catalogue("en").get

TWO = [{"kind": "demo", "id": "one", "name": "One"}, {"kind": "demo", "id": "two", "name": "Two"}]

STOPS = "[...document.querySelectorAll('#history-scroll button')].filter(one => one.tabIndex === 0).length"

SEEN = """(() => {
  const [row, list] = [document.querySelector('.line.current'), document.getElementById('history-scroll')]
    .map(one => one?.getBoundingClientRect());
  return !!row && row.height > 0 && row.top >= list.top && row.bottom <= list.bottom;
})()"""


def names(app: Driver) -> list[str]:
    return list(app.js("chat", "[...document.querySelectorAll('#threads .name')].map(one => one.textContent)"))


def headings(app: Driver) -> list[str]:
    return list(app.js("chat", "[...document.querySelectorAll('#threads h3')].map(one => one.textContent)"))


def title(app: Driver) -> str:
    return str(app.js("chat", "document.getElementById('title').textContent"))


_OLD = """
import asyncio, datetime, sys
from pathlib import Path
from chatkit.types import ThreadMetadata
from desktop.agents.chatkit.context import RequestContext
from desktop.agents.store.threads import SqliteStore
from desktop.common.locations import Locations
context = RequestContext(sys.argv[2], "u")
store = SqliteStore(Locations(Path(sys.argv[1])).threads)
async def fill():
    for number in range(int(sys.argv[3]), 0, -1):
        when = datetime.datetime.now() - datetime.timedelta(days=number)
        thread = ThreadMetadata(id=f"thr_{number}", created_at=when, title=f"{number} days old")
        await store.save_thread(thread, context)
asyncio.run(fill())
store.close()
"""


def old_chats(scene: Scene, agent: str, count: int) -> None:
    """Chats of 1, 2, … days ago, thr_1, thr_2, …"""
    scene.python(_OLD, str(scene.profile), agent, str(count))


def test_a_chat_that_is_continued_goes_to_today_and_the_open_one_is_in_sight(scene: Scene) -> None:
    settle(scene)
    old_chats(scene, "demo", 200)
    scene.profile.joinpath("state.json").write_text(json.dumps({"last_threads": {"demo": "thr_150"}}))
    with scene.launch() as app:
        begin(scene, app)
        app.until("the open one in sight, far down", lambda: title(app) == "150 days old" and app.js("chat", SEEN))
        say(app, "help")
        app.until("first of all", lambda: names(app)[:2] == ["150 days old", "1 days old"] and app.js("chat", SEEN))
        assert headings(app)[0] == SAYS("builtin.today")
        new_chat(app)
        say(app, "markdown")
        app.until("a newer one", lambda: names(app)[:2] == ["markdown", "150 days old"])
        assert app.js("chat", STOPS) == 1
        assert app.js(
            "chat", "[...document.querySelectorAll('#threads .name, #title')].every(one => one.dir === 'auto')"
        )
        assert nothing_refused(app)


def test_a_chat_is_pinned_and_renamed_and_deleted_by_keys_and_from_its_menu(scene: Scene) -> None:
    settle(scene)
    old_chats(scene, "demo", 3)
    with scene.launch() as app:
        begin(scene, app)
        app.until("listed", lambda: names(app) == ["1 days old", "2 days old", "3 days old"])
        app.focus_field("chat", "#search")
        press(app, "Down", "Down", "Down")
        app.until("focus", lambda: on_a_chat(app))
        press(app, "p")
        app.until("pinned", lambda: names(app) == ["3 days old", "1 days old", "2 days old"])
        assert headings(app)[0] == SAYS("builtin.pinned")
        app.until("the focus is still on it", lambda: focused_chat(app) == "3 days old")

        press(app, "Down", "shift+F10")
        app.until("a menu", lambda: focused_item(app) == SAYS("builtin.pin"))
        press(app, "Down", "Return")
        app.until("a field", lambda: app.js("chat", "!!document.querySelector('.renaming input')"))
        app.type_keys("", "Garden")
        press(app, "Return")
        app.until("renamed", lambda: names(app) == ["3 days old", "Garden", "2 days old"])

        press(app, "shift+F10")
        app.until("a menu", lambda: focused_item(app) == SAYS("builtin.pin"))
        press(app, "Escape")
        app.until("back", lambda: focused_chat(app) == "Garden")
        app.click("chat", "#threads li:last-child .icon-only")
        app.click("chat", ".menu .grave")
        app.click("chat", "#question-yes")
        app.until("deleted", lambda: names(app) == ["3 days old", "Garden"])
        assert nothing_refused(app)
    with scene.launch() as app:
        begin(scene, app)
        app.until("pinned for good", lambda: names(app) == ["3 days old", "Garden"])


def focused_chat(app: Driver) -> str:
    return str(app.js("chat", "document.activeElement.querySelector('.name')?.textContent ?? ''"))


def focused_item(app: Driver) -> str:
    return str(app.js("chat", "document.activeElement.closest('.menu button')?.firstChild.textContent ?? ''"))


def test_chats_of_all_agents_are_listed_and_opening_one_changes_the_agent(scene: Scene) -> None:
    settle(scene, agents=TWO, active_agent="one")
    old_chats(scene, "two", 2)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "help")
        app.until("all of them", lambda: names(app) == ["help", "1 days old", "2 days old"])
        whose = "[...document.querySelectorAll('#threads .whose')].map(one => one.textContent)"
        assert app.js("chat", whose) == ["Two", "Two"]

        since = app.calls_so_far()
        app.click("chat", "#threads li:last-child .open")
        app.wait_call("builtin.ready", since=since)
        app.until("the other agent's chat", lambda: title(app) == "2 days old")
        app.until("none is lost", lambda: names(app) == ["help", "1 days old", "2 days old"])
        app.until("whose it is", lambda: app.js("chat", whose) == ["One"])
        assert scene.settings()["active_agent"] == "two"

        app.js("chat", CHOOSE % "two")
        app.until("its own alone", lambda: names(app) == ["1 days old", "2 days old"])
        app.js("chat", CHOOSE % "one")
        app.until("the other's alone", lambda: names(app) == ["help"])
        app.fill("chat", "#search", "days")
        app.until("nothing of others", lambda: app.js("chat", "!document.getElementById('history-words').hidden"))
        app.js("chat", CHOOSE % "")
        app.until("found", lambda: app.js("chat", "document.querySelectorAll('#found .open').length") == 2)
        assert nothing_refused(app)


CHOOSE = """(() => {
  const whose = document.getElementById('whose');
  whose.value = '%s';
  whose.dispatchEvent(new Event('change'));
  return true;
})()"""


def test_an_answer_under_way_is_asked_about_before_it_ends_with_its_agent(scene: Scene) -> None:
    settle(scene, agents=TWO, active_agent="one")
    old_chats(scene, "two", 1)
    with scene.launch(environ={"RIG_AGENTS": json.dumps({"chunk": 0.05})}) as app:
        begin(scene, app)
        app.fill("chat", "#text", "long")
        press(app, "Return")
        app.until("some words", lambda: len((answers(app) or [""])[-1]) > 20)
        app.click("chat", "#threads li:last-child .open")
        app.until("a question", lambda: app.js("chat", "document.getElementById('question-dialog').open"))
        app.click("chat", "#question-no")
        assert title(app) == "long"
        app.until("still going on", lambda: not at_rest(app))


def test_the_width_is_dragged_and_kept(scene: Scene) -> None:
    settle(scene)
    width = "Math.round(document.getElementById('history').getBoundingClientRect().width)"
    with scene.launch() as app:
        begin(scene, app)
        app.until("its own width", lambda: app.js("chat", width) == 280)
        app.js("chat", "(document.getElementById('edge').focus(), true)")
        until_focused(app, "edge")
        press(app, "Right", "Right")
        app.until("wider", lambda: app.js("chat", width) == 312)
        app.until("kept", lambda: scene.state().get("side") == {"width": 312})
        drag_the_edge(app, 60)
        app.until("dragged", lambda: 365 <= app.js("chat", width) <= 379)
        dragged = app.js("chat", width)
        app.until("kept", lambda: scene.state().get("side") == {"width": dragged})
    with scene.launch() as app:
        begin(scene, app)
        app.until("as it was left", lambda: app.js("chat", width) == dragged)
        assert nothing_refused(app)


def drag_the_edge(app: Driver, by: int) -> None:
    """With the mouse, to the right, in pixels."""
    window = app.raise_window("ChatKit")
    size = dict(line.split("=") for line in app.xdotool("getwindowgeometry", "--shell", window).split())
    edge, inner = app.js("chat", "[document.getElementById('edge').getBoundingClientRect().left + 4, innerHeight]")
    at = [str(round(edge)), str(300 + int(size["HEIGHT"]) - inner)]  # below the menu
    app.xdotool("mousemove", "--window", window, *at)
    app.xdotool("mousedown", "1")
    for step in (by // 2, by):
        app.xdotool("mousemove", "--window", window, str(round(edge) + step), at[1])
    app.xdotool("mouseup", "1")
