"""Every fault of the table, in a real window: its sentence is read, it is really painted, and when it is over, the chat
works. One app an engine meets them all, one after the other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from desktop.common.errors import Phrase, leaves
from desktop.common.texts import Catalogue
from desktop.openai_api.errors import NetworkError
from tests.rig.display import Display, Picture
from tests.rig.driver import Driver
from tests.rig.scene import scene as made_scene
from tests.standins.api import KEY, WORKFLOW
from tests.window.faults import (
    ANOTHER_KEY,
    CHAT,
    FIRST_PAGE,
    OPEN_CHAT,
    START,
    Fault,
    StartFault,
    World,
    folder_open,
    settings_back,
)

pytestmark = pytest.mark.window

WORDS = Catalogue("en")
OFFLINE = {error.code for error in leaves(NetworkError)}
"""Where no answer came back, saving without a check is offered; after a refusal never."""

DELETE = """
import sys
from desktop.cli import parse
from desktop.app.context import Context
from desktop.settings.origins import origin_of
context = Context(parse(sys.argv[1:]))
# Not through `Keys`, which would note that there is none any more.
context.keys.store.delete(context.keys._key_entry(origin_of(context.settings.network.api_base)))
"""
"""Deletes the key as another program does: the app is not told."""


@pytest.fixture(scope="module")
def world(engine: str, screen: Display) -> Iterator[World]:
    """The app with a working chat; its key is kept for the session: this computer has no keyring."""
    with ExitStack() as things:
        scene = things.enter_context(made_scene(engine, screen, no_keyring()))
        world = World(scene, things)
        scene.profile.mkdir(parents=True, mode=0o700)
        (scene.profile / "settings.json").write_text(json.dumps({"network": {"api_base": world.base}}))
        world.app = things.enter_context(launch(world))
        known = world.secrets()
        world.app.wait_window("setup")
        world.app.wait_call("setup.key_status")
        type_in(world, {})
        world.app.click("setup", "#submit")
        chat_works(world, known, since=0)
        yield world
        folder_open(world)
        assert world.app.ask("state")["reached_out"] == []


def no_keyring() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "DBUS_SESSION_BUS_ADDRESS"}


def launch(world: World) -> Driver:
    """The scene's own arguments would fix the API's address."""
    scene = world.scene
    arguments = ["--data-dir", str(scene.data), "--component-url", world.component_url, "--log-level", "DEBUG"]
    return Driver(scene.engine, arguments, scene.environ)


@pytest.fixture
def begun(world: World) -> World:
    """The world as it should be, and the app in it: what the fault before has left is put away."""
    world.well()
    folder_open(world)
    settings_back(world)
    world.settings_well()
    world.app.ask("chat_limits", {})
    for window in ("setup", "settings"):
        if window in world.app.ask("windows"):
            world.app.ask("close", window)
            world.app.wait_no_window(window)
    return world


def names(faults: Sequence[Fault | StartFault]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", faults, ids=[fault.name.replace(" ", "-") for fault in faults])


@names(FIRST_PAGE)
def test_the_first_page_names_what_is_wrong_saves_nothing_and_starts_when_it_is_right(
    begun: World, fault: Fault
) -> None:
    world, app = begun, begun.app
    known = world.secrets()
    fault.provoke(world)
    since = app.calls_so_far()
    app.ask("show", "setup")
    app.wait_window("setup")
    app.wait_call("setup.key_status", since=since)
    type_in(world, fault.typed)
    saved = settings_file(world)
    app.click("setup", "#submit")

    explained(world, fault, "setup", "#setup-banner-message, .field .error")
    fault.look(world)
    assert settings_file(world) == saved, "nothing is saved before it is checked"
    assert shown(app, "setup", "#setup-anyway") == (fault.says in OFFLINE)

    fault.heal(world)
    since = app.calls_so_far()
    if fault.typed:
        type_in(world, {})
    retry = shown(app, "setup", "#retry")
    assert retry or fault.typed or fault.says.startswith(("key_", "workflow_")), "what passes can be tried again"
    app.click("setup", "#retry" if retry else "#submit")
    app.wait_no_window("setup")
    chat_works(world, known, since)


@names(CHAT)
def test_the_chat_names_what_is_wrong_and_works_when_it_is_over(begun: World, fault: Fault) -> None:
    world, app = begun, begun.app
    known = world.secrets()
    fault.provoke(world)
    app.ask("chat_limits", dict(fault.limits))
    since = app.calls_so_far()
    app.ask("show", "reload")
    explained(world, fault, "chat", "#problem-heading, #gone-heading")
    fault.look(world)
    app.ask("chat_limits", {})
    get_on(world, fault, known, since)


@names(OPEN_CHAT)
def test_an_open_chat_names_what_has_gone_wrong_and_works_when_it_is_over(begun: World, fault: Fault) -> None:
    world, app = begun, begun.app
    known = world.secrets()
    app.ask("chat_limits", dict(fault.limits))
    since = app.calls_so_far()
    app.ask("show", "reload")
    chat_works(world, known, since)
    app.ask("chat_limits", {})
    known, since = world.secrets(), app.calls_so_far()
    fault.provoke(world)
    explained(world, fault, "chat", "#problem-heading, #notices .words")
    get_on(world, fault, known, since)


def test_a_chat_whose_key_is_removed_says_so_and_works_with_the_next_one(begun: World) -> None:
    world, app = begun, begun.app
    known, since = world.secrets(), app.calls_so_far()
    app.ask("show", "settings")
    app.wait_call("settings.start", since=since)
    for step in ('[data-section="key"]', "#key-remove", "#question-yes"):
        app.click("settings", step)
    app.wait_window("setup")
    app.wait_text("chat", *sentences("key_missing", {"origin": world.base}))
    assert shown(app, "chat", "#problem-fix")
    app.wait_call("setup.key_status", since=since)
    type_in(world, {})
    since = app.calls_so_far()
    app.click("setup", "#submit")
    app.wait_no_window("setup")
    chat_works(world, known, since)


@names(START)
def test_a_start_says_what_is_wrong_and_leads_to_a_chat(engine: str, screen: Display, fault: StartFault) -> None:
    with made_scene(engine, screen, no_keyring()) as scene:
        settings = scene.profile / "settings.json"
        if fault.settings:
            settings.parent.mkdir(parents=True, mode=0o700)
            settings.write_text(fault.settings, encoding="utf-8")
        with scene.launch(environ=fault.environ) as app:
            app.wait_window("setup")
            app.wait_call("setup.key_status")
            if fault.says.startswith("keyring_"):
                scene.choose_way(app)  # it matters where there is a key to be kept
            app.wait_text("setup", *sentences(fault.says, fault.values(scene)))
            app.until("the page is painted", lambda: painted(app, screen, "setup"))
            keep(app, screen, "setup", fault.name)
            scene.fill_in(app)
            if fault.saving is not None:
                app.until("refused", lambda: shown(app, "setup", "#setup-banner"))
                app.wait_text("setup", *sentences(fault.says, fault.values(scene)))
                assert settings.read_text(encoding="utf-8") == fault.settings, "what is not understood is not touched"
                fault.saving(scene)
                app.click("setup", "#retry")
            state = scene.wait_chat(app)
            app.wait_no_window("setup")
            live = [one["client_secret"] for one in scene.api.snapshot()["sessions"] if one["status"] == "active"]
            assert state["secret"] in live
            assert fault.left(scene)
            assert app.ask("state")["reached_out"] == []


@pytest.mark.secret_service
def test_a_key_that_has_left_the_keyring_is_missed_and_another_one_works(
    engine: str, screen: Display, keyring: dict[str, str]
) -> None:
    with made_scene(engine, screen, keyring) as scene:
        scene.settle()
        scene.python(DELETE, *scene.arguments)
        assert scene.stored_key() == ""
        with scene.launch() as app:
            app.wait_window("chat")
            app.wait_text("chat", *sentences("key_missing", {"origin": scene.api.base}))
            app.until("it is painted", lambda: painted(app, screen, "chat", "#problem-heading"))
            app.click("chat", "#problem-fix")
            scene.fill_in(app)
            scene.wait_chat(app)
            assert scene.stored_key() == KEY


def test_a_data_folder_that_can_not_be_used_is_named_in_the_terminal(engine: str, screen: Display) -> None:
    with made_scene(engine, screen, no_keyring()) as scene:
        scene.data.write_text("not a folder")
        done = scene.command()
        said = sentences("folder_unwritable", {"path": scene.profile, "problem": "Not a directory."})
        assert (done.returncode, done.stderr.splitlines()) == (1, said)
        assert scene.data.read_text() == "not a folder"


def get_on(world: World, fault: Fault, known: set[str], since: int) -> None:
    """End the fault and go the way on that the page offers."""
    app = world.app
    fault.heal(world)
    if fault.way == "set up":
        app.click("chat", "#problem-fix")
        app.wait_window("setup")
        app.wait_call("setup.key_status", since=since)
        type_in(world, {"key": ANOTHER_KEY if fault.says == "key_rejected" else KEY})
        since = app.calls_so_far()
        app.click("setup", "#submit")
        app.wait_no_window("setup")
    elif fault.way == "retry":
        since = app.calls_so_far()
        ways = ["#problem-retry", "#gone-retry", "#notices button:not(.more-about)"]
        app.click("chat", next(way for way in ways if shown(app, "chat", way)))
        if shown(app, "chat", "#notices button:not(.more-about)"):
            since = 0  # the chat goes on where it was, it does not begin anew
    chat_works(world, known, since)


# --- what is looked at ----------------------------------------------------------------------------


def explained(world: World, fault: Fault, window: str, place: str) -> None:
    """Until the window's visible text holds the fault's sentence, and its hint; and they are on the screen."""
    app = world.app
    screen = world.scene.screen
    app.wait_text(window, *sentences(fault.says, fault.values(world)))
    app.until("the page is painted", lambda: painted(app, screen, window))
    app.until("the sentence is painted", lambda: painted(app, screen, window, place))
    keep(app, screen, window, fault.name)


def sentences(says: str, values: Mapping[str, object]) -> list[str]:
    """What is to be read: an error's sentence and its hint, or one text."""
    spelled = {name: value.spell(WORDS) if isinstance(value, Phrase) else value for name, value in values.items()}
    if "." in says:
        return [WORDS.get(says, **spelled)]
    return [WORDS.get(f"errors.{says}.{part}", **spelled) for part in ("message", "hint")]


def keep(app: Driver, screen: Display, window: str, name: str) -> None:
    """For whoever wants to look: a picture, where FAULTS_SHOWN names a folder."""
    folder = os.environ.get("FAULTS_SHOWN")
    if folder:
        picture(app, screen, window).save(Path(folder) / f"{window} {name} {app.engine}.png")


def picture(app: Driver, screen: Display, window: str, selector: str = "") -> Picture:
    """What the screen shows of a window's page (it is below the menu), or of the first shown element in it."""
    place = app.ask("place", window)
    width, height = app.js(window, "[innerWidth, innerHeight]")
    left, top = place["x"], place["y"] + place["height"] - height
    if selector:
        box = app.js(
            window,
            f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.getBoundingClientRect())"
            ".filter(b => b.width && b.height).map(b => [b.x, b.y, b.width, b.height])[0] ?? null",
        )
        if not box:
            raise LookupError(f"{selector} is not shown in {window}")
        left, top, width, height = left + int(box[0]), top + int(box[1]), int(box[2]), int(box[3])
    return screen.picture().crop(max(0, left), max(0, top), int(width), int(height))


def painted(app: Driver, screen: Display, window: str, selector: str = "") -> bool:
    """Whether the picture has more than one colour (quicker than to count them)."""
    seen = picture(app, screen, window, selector).rgb
    return seen != seen[:3] * (len(seen) // 3)


def settings_file(world: World) -> bytes:
    file = world.scene.profile / "settings.json"
    return file.read_bytes() if file.is_file() else b""


def shown(app: Driver, window: str, selector: str) -> bool:
    return bool(app.js(window, f"!!document.querySelector({json.dumps(selector)})?.getClientRects().length"))


def chat_works(world: World, known: set[str], since: int) -> None:
    """Until the chat was ready after answered call number `since`, the component holds a secret that is not among
    `known` and still works, its first request was answered, and nothing covers it."""
    app = world.app
    app.wait_call("chat.ready", since=since)

    def holds_a_new_one(state: dict[str, Any]) -> bool:
        secret = state.get("secret")
        return bool(state["ready"] and secret and secret not in known and secret in world.live_secrets())

    state = world.component.wait(holds_a_new_one, 60)
    assert state["errors"] == []
    app.until(
        "nothing covers the chat",
        lambda: (
            not shown(app, "chat", "#problem")
            and not shown(app, "chat", "#gone")
            and shown(app, "chat", "openai-chatkit")
        ),
    )


def type_in(world: World, wrong: dict[str, str] | Any) -> None:
    """Fill in the first page; `wrong` takes the place of what is right."""
    world.scene.choose_way(world.app)
    right = {"key": KEY, "workflow": WORKFLOW, "version": ""}
    for name, text in {**right, **wrong}.items():
        world.app.fill("setup", f"#{name}", text)
