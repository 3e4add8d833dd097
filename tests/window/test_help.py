"""The help window as a person uses it: opened by F1 and from an error, searched, read, walked by keys, closed."""

from __future__ import annotations

import json

import pytest

from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.window.faults import WRONG_KEY
from tests.window.test_builtin import settle

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

OUTSIDE = "https://developer.microsoft.com/microsoft-edge/webview2/"


def title(app: Driver) -> str:
    return str(app.js("help", "document.querySelector('#topic h1')?.textContent ?? ''"))


def meant(app: Driver) -> str:
    """The heading that was led to, where it is in sight."""
    script = """(() => {
      const one = document.querySelector('#topic .meant');
      const at = one?.getBoundingClientRect();
      return at && at.top >= 0 && at.top < innerHeight ? one.querySelector('h1, h2, h3').textContent : '';
    })()"""
    return str(app.js("help", script))


def hits(app: Driver) -> list[str]:
    return list(app.js("help", "[...document.querySelectorAll('#hits .title')].map(one => one.textContent)"))


def test_f1_opens_it_beside_the_chat_and_its_words_are_found_and_read_by_keys_alone(scene: Scene) -> None:
    with scene.launch("--demo") as app:
        app.wait_call("builtin.ready")
        app.press(app.ask("windows")["chat"]["title"], "F1")
        app.wait_window("help")
        app.until("the first topic", lambda: title(app) == "First launch")
        app.type_keys("Help", "smartscr")
        app.until("found", lambda: hits(app) == ["Signing › Windows"])
        assert app.js("help", "document.querySelector('#hits mark').textContent") == "SmartScr"
        app.press("Help", "Down", "Return")
        app.until("read", lambda: title(app) == "Signing" and meant(app) == "Windows")
        app.press("Help", "slash")
        app.type_keys("Help", "zzz")
        app.wait_text("help", "Nothing in the help has all these words.")
        app.press("Help", "Escape")
        app.until("the contents again", lambda: not app.js("help", "document.getElementById('contents').hidden"))
        app.press("Help", "Down", "Down", "Return")
        app.until("the second topic", lambda: title(app) == "Models")
        app.press("Help", "alt+Left")
        app.until("back", lambda: title(app) == "Signing")
        app.press("Help", "Escape")
        app.wait_no_window("help")


def test_more_about_this_opens_the_entry_of_an_error_and_links_stay_inside_or_go_to_the_browser(scene: Scene) -> None:
    with scene.launch() as app:
        app.wait_call("setup.start")
        scene.choose_way(app)
        scene.fill_in(app, key=WRONG_KEY)
        app.until("refused", lambda: app.js("setup", "!!document.querySelector('.more-about')"))
        app.click("setup", ".more-about")
        app.wait_window("help")
        app.until("its entry", lambda: title(app) == "The key" and meant(app) == "key_rejected")
        # Another error, while the window is open.
        app.js("help", "([...document.querySelectorAll('#contents button')].at(-1).click(), true)")
        app.until("another topic", lambda: title(app) == "Recipes")
        app.click("setup", ".more-about")
        app.until("its entry again", lambda: meant(app) == "key_rejected")

        link = "document.querySelector('#topic a')"
        app.js("help", f"({link}.click(), true)")
        app.until("the first page's topic", lambda: title(app) == "First launch")
        assert scene.opened() == []
        app.fill("help", "#search", "webview_missing")
        app.until("found", lambda: bool(hits(app)))
        app.click("help", "#hits button")
        app.until("the entry", lambda: meant(app) == "webview_missing")
        outside = f"[...document.querySelectorAll('#topic a')].find(one => one.href === {json.dumps(OUTSIDE)})"
        app.js("help", f"({outside}.click(), true)")
        app.until("in the browser", lambda: scene.opened() == [OUTSIDE])
        assert title(app) == "Starting", "the window shows what it showed"


def test_an_answer_that_fails_leads_to_its_entry(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        app.wait_call("builtin.ready")
        app.fill("chat", "#text", "error")
        app.click("chat", "#send")
        app.until("it has failed", lambda: app.js("chat", "!!document.querySelector('.items .more-about')"))
        app.click("chat", ".items .more-about")
        app.wait_window("help")
        app.until("its entry", lambda: title(app) == "Messages and answers" and meant(app) == "answer_failed")


def test_beside_the_first_page_alone_it_closes_with_it(scene: Scene) -> None:
    with scene.launch() as app:
        app.wait_call("setup.start")
        app.press(app.ask("windows")["setup"]["title"], "F1")
        app.wait_window("help")
        app.wait_call("help.topic")
        app.ask("close", "setup")
        app.ended()
