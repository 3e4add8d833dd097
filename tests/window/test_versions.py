"""Editing and branching in the built-in view, in a real window with real keys: nothing that was said is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desktop.common.texts import Catalogue
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.habits import Habits, Reply, chat
from tests.window.test_builtin import (
    answers,
    at_rest,
    begin,
    chats,
    focused,
    nothing_refused,
    press,
    say,
    settle,
    until_focused,
)

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

SAYS = Catalogue("en").get
EDITING = "document.activeElement?.closest('.editor') !== null"
VERSIONS = "[...document.querySelectorAll('.versions')].map(one => one.getAttribute('aria-label'))"
FOCUS = "document.activeElement?.getAttribute('aria-label') ?? ''"


def said(app: Driver) -> list[str]:
    return list(app.js("chat", "[...document.querySelectorAll('.said .words')].map(one => one.textContent)"))


def until_said(app: Driver, *texts: str) -> None:
    app.until(f"the messages {texts}", lambda: said(app) == list(texts) and at_rest(app))


def until_versions(app: Driver, *places: tuple[int, int]) -> None:
    names = [SAYS("builtin.version", at=at, count=count) for at, count in places]
    app.until(f"the versions {names}", lambda: app.js("chat", VERSIONS) == names and at_rest(app))


def turn(app: Driver, key: str) -> None:
    """By the keyboard alone: the switch to another version."""
    words = json.dumps(SAYS(f"builtin.{key}"))
    app.js("chat", f"document.querySelector('.versions [aria-label=' + JSON.stringify({words}) + ']').focus() ?? true")
    press(app, "space")


def test_a_typo_in_the_last_message_is_mended_with_two_keys_and_the_typing(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "hlp")
        say(app, "second")
        until_focused(app, "text")
        press(app, "Up")
        app.until("the last message to change", lambda: app.js("chat", EDITING))
        app.type_keys("", " mended")
        press(app, "Return")
        until_said(app, "hlp", "second mended")
        until_focused(app, "text")
        until_versions(app, (2, 2))
        assert len(answers(app)) == 2
        turn(app, "version_before")
        until_said(app, "hlp", "second")
        until_versions(app, (1, 2))
        assert len(answers(app)) == 2
        # At the first one the way back has the focus, so the switch can be pressed again.
        app.until("the focus", lambda: app.js("chat", FOCUS) == SAYS("builtin.version_after"))
        press(app, "space")
        until_said(app, "hlp", "second mended")
        assert nothing_refused(app)
    with scene.launch() as app:
        begin(scene, app)
        until_said(app, "hlp", "second mended")
        until_versions(app, (2, 2))


def test_an_earlier_message_is_changed_while_another_is_being_written_and_escape_changes_nothing(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "one")
        say(app, "two")
        app.fill("chat", "#text", "half a thought")
        press(app, "Up")  # a composer that holds words keeps its keys
        assert not app.js("chat", EDITING)
        edit = json.dumps(SAYS("builtin.edit"))
        app.js("chat", f"document.querySelector('.said [aria-label=' + JSON.stringify({edit}) + ']').focus() ?? true")
        press(app, "Return")
        app.until("the first message to change", lambda: app.js("chat", EDITING))
        app.type_keys("", " more")
        press(app, "Escape")
        app.until("as it was", lambda: not app.js("chat", "document.querySelector('.editor')"))
        assert said(app) == ["one", "two"]
        app.until("focus on the message", lambda: app.js("chat", "document.activeElement.closest('.said') !== null"))
        app.click("chat", f".said [aria-label={edit}]")
        app.until("the first message to change", lambda: app.js("chat", EDITING))
        app.type_keys("", " more")
        press(app, "Return")
        until_said(app, "one more")
        until_versions(app, (2, 2))
        app.wait_value("chat", "#text", "half a thought")
        turn(app, "version_before")
        until_said(app, "one", "two")
        assert nothing_refused(app)


def test_an_answer_is_tried_again_and_the_one_before_stays_beside_it(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "help")
        app.click("chat", ".answer .again")
        until_versions(app, (2, 2))
        app.click("chat", ".answer .again")
        until_versions(app, (3, 3))
        assert len(answers(app)) == 1
        turn(app, "version_before")
        until_versions(app, (2, 3))
        assert said(app) == ["help"]
        assert nothing_refused(app)


def test_a_new_chat_from_here_goes_on_by_itself(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "one")
        say(app, "two")
        fork = json.dumps(SAYS("builtin.fork"))
        app.click("chat", f".answer [aria-label={fork}]")
        app.until("the new chat", lambda: said(app) == ["one"] and len(chats(app)) == 2)
        until_focused(app, "text")
        say(app, "another way")
        assert said(app) == ["one", "another way"]
        assert focused(app) == "text"
        app.until("titled", lambda: any("(continued)" in name for name in chats(app)))
        assert nothing_refused(app)


def local(scene: Scene, server: Habits) -> None:
    """An assistant with two models at `server`."""
    agent: dict[str, Any] = {"kind": "assistant", "id": "mine", "endpoint": "local", "model": "m", "models": ["n"]}
    settle(
        scene,
        agents=[agent],
        endpoints=[{"id": "local", "base_url": server.base, "api": "chat_completions", "needs_key": False}],
        active_agent="mine",
        assistant={"builtin_view": True, "titles": False},
    )


def test_a_try_that_fails_says_so_and_the_answer_before_is_there_again(scene: Scene) -> None:
    with Habits() as server:
        server.always = Reply(chat({"content": "Hello"}))
        local(scene, server)
        with scene.launch() as app:
            begin(scene, app)
            say(app, "hello")
            server.answer(Reply('{"error": {"message": "not now"}}', status=400, kind="application/json"))
            app.click("chat", ".answer .again")
            app.until("why", lambda: app.js("chat", "document.querySelectorAll('.items > .banner.danger').length") == 1)
            app.until("the answer", lambda: [text.strip() for text in answers(app)] == ["Hello"] and at_rest(app))
            app.click("chat", ".items > .banner > button")
            until_versions(app, (2, 2))
            assert nothing_refused(app)


def test_an_answer_is_tried_again_with_another_model(scene: Scene) -> None:
    with Habits() as server:
        server.always = Reply(chat({"content": "Hello"}))
        local(scene, server)
        with scene.launch() as app:
            begin(scene, app)
            say(app, "hello")
            app.click("chat", ".answer .models summary")
            app.click("chat", ".answer .models li:nth-child(2) button")
            until_versions(app, (2, 2))
            asked = [body["model"] for body in server.asked if "messages" in body]
            assert asked == ["m", "n"]
            assert nothing_refused(app)


def test_words_of_another_version_are_found_and_shown_there(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        say(app, "first")
        say(app, "periwinkle")
        press(app, "Up")
        app.until("the message to change", lambda: app.js("chat", EDITING))
        press(app, "ctrl+a")
        app.type_keys("", "something else")
        press(app, "Return")
        until_said(app, "first", "something else")
        for _ in range(2):  # the second time it is shown already
            app.fill("chat", "#search", "periwinkle")
            app.click("chat", "#found .open")
            until_said(app, "first", "periwinkle")
            until_versions(app, (1, 2))
            app.until("marked", lambda: app.js("chat", "document.querySelectorAll('.item.found').length") == 1)
        assert nothing_refused(app)
