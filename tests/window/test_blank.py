"""A WebKitGTK that paints nothing until it is told how: the app notices, starts again, remembers, and says so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from tests.rig.driver import ROOT
from tests.rig.processes import Child
from tests.rig.scene import Scene
from tests.window.conftest import ENGINES, missing

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

LIMIT = 90.0
"""Patience of the tests themselves, in seconds."""


@pytest.fixture(scope="module")
def engine() -> str:
    """Only this one draws in several ways."""
    if not ENGINES["gtk"]():
        missing("the engine gtk is not installed")
    return "gtk"


class Launched:
    """The app as a person starts it, on an engine that paints where one of `paints_with` is set."""

    def __init__(self, scene: Scene, process: Child) -> None:
        self.scene = scene
        self.process = process

    @property
    def _noted(self) -> list[dict[str, Any]]:
        file = self.scene.folder / "starts"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def starts(self) -> list[dict[str, Any]]:
        return [noted for noted in self._noted if "environ" in noted]

    @property
    def pages(self) -> int:
        """How many have come (committed)."""
        return sum(1 for noted in self._noted if noted.get("loaded") == 2)

    @property
    def drawn(self) -> Any:
        file = self.scene.profile / "state.json"
        return json.loads(file.read_text()).get("drawn") if file.exists() else None

    def until(self, what: str, condition: Callable[[], Any]) -> None:
        end = time.monotonic() + LIMIT
        while not condition():
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode} before: {what}\n{self.ended()[1]}")
            assert time.monotonic() < end, f"not in time: {what}; {self.starts} {self.drawn}"
            time.sleep(0.1)

    def close(self) -> tuple[int, str]:
        """As the session ends it; its exit code and what it printed."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, output


@contextmanager
def started(scene: Scene, paints_with: str, **environ: str) -> Iterator[Launched]:
    """`paints_with`: as `RIG_BLANK` of tests.rig.blank."""
    process = Child(
        [sys.executable, "-m", "tests.rig.blank", "--engine", "gtk", *scene.arguments],
        cwd=ROOT,
        env=scene.environ | {"RIG_BLANK": paints_with, "RIG_STARTS": str(scene.folder / "starts")} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Launched(scene, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def xdotool(scene: Scene, *words: str) -> list[str]:
    done = subprocess.run(["xdotool", *words], env=scene.environ, capture_output=True, text=True, timeout=LIMIT)
    return done.stdout.split()


def page_processes(pid: int) -> list[psutil.Process]:
    found = psutil.Process(pid).children(recursive=True)
    return [one for one in found if "WebKitWebProces" in one.name() and one.status() != psutil.STATUS_ZOMBIE]


def engine_line(scene: Scene) -> str:
    checks = json.loads(scene.command("doctor", "--json").stdout)["checks"]
    return str(next(check["detail"] for check in checks if check["name"] == "engine"))


def test_a_blank_window_is_started_again_once_and_what_helped_is_remembered_and_said(scene: Scene) -> None:
    assert "gtk (draws in the usual way)" in engine_line(scene)
    with started(scene, "WEBKIT_DISABLE_DMABUF_RENDERER") as app:
        app.until("something was seen", lambda: (app.drawn or {}).get("settled"))
        assert [start["environ"] for start in app.starts] == [{}, {"WEBKIT_DISABLE_DMABUF_RENDERER": "1"}]
        assert len({start["pid"] for start in app.starts}) == 1, "the same process: who started it still has it"
        assert app.close()[0] == 0
    with started(scene, "WEBKIT_DISABLE_DMABUF_RENDERER") as app:
        app.until("it has started", lambda: len(app.starts) == 3)
        shown = ("search", "--onlyvisible", "--pid", str(app.process.pid))
        app.until("its own window is there", lambda: xdotool(scene, *shown))
        app.until("its window is there", lambda: scene.screen.picture().colours() > 1)
        assert app.close()[0] == 0
        assert app.starts[2]["environ"] == {"WEBKIT_DISABLE_DMABUF_RENDERER": "1"}
        assert len(app.starts) == 3, "straight away"
    line = engine_line(scene)
    assert "WEBKIT_DISABLE_DMABUF_RENDERER=1" in line
    assert "stayed blank" in line


def test_where_nothing_helps_it_is_said_what_was_tried_and_how_to_go_on(scene: Scene) -> None:
    with started(scene, "never", PATH="/nonexistent") as app:
        code, output = app.ended()
        assert code == 3
        assert "The window stays blank" in output
        assert "WEBKIT_DISABLE_COMPOSITING_MODE" in output
        assert "--engine qt" in output
        assert "Traceback" not in output
        assert len(app.starts) == 4
        assert app.starts[2]["environ"].keys() == {
            "WEBKIT_DISABLE_DMABUF_RENDERER",
            "WEBKIT_DISABLE_COMPOSITING_MODE",
        }
    assert "--engine qt" in engine_line(scene)


def test_a_persons_own_environment_is_never_overruled(scene: Scene) -> None:
    with started(scene, "never", WEBKIT_DISABLE_DMABUF_RENDERER="0", PATH="/nonexistent") as app:
        code, output = app.ended()
        assert code == 3
        assert "The window stays blank" in output
        assert [start["environ"] for start in app.starts] == [{"WEBKIT_DISABLE_DMABUF_RENDERER": "0"}]


def test_a_window_that_nobody_sees_is_no_blank_one(scene: Scene) -> None:
    with started(scene, "WEBKIT_DISABLE_DMABUF_RENDERER", RIG_LIMIT="2500") as app:
        shown = ("search", "--onlyvisible", "--name", "ChatKit")
        app.until("the window is there", lambda: xdotool(scene, *shown))
        found = xdotool(scene, *shown)
        for window in found:
            xdotool(scene, "windowunmap", window)
        time.sleep(3 * 2.5)
        assert len(app.starts) == 1
        for window in found:
            xdotool(scene, "windowmap", window)
        app.until("it is seen, and found blank", lambda: len(app.starts) == 2)
        app.until("something was seen", lambda: (app.drawn or {}).get("settled"))
        assert app.close()[0] == 0


def test_a_page_process_that_ends_at_every_start_is_no_chat_either(scene: Scene) -> None:
    with started(scene, "WEBKIT_DISABLE_DMABUF_RENDERER", RIG_LIMIT="60000") as app:
        for number in (1, 2):
            # Not sooner: where one ends before WebKit knows its number, WebKit ends the app itself.
            app.until("a page is there", lambda: app.pages >= number)  # noqa: B023  # asked at once
            for page in page_processes(app.process.pid):
                page.kill()
                page.wait(LIMIT)
        app.until("something was seen", lambda: (app.drawn or {}).get("settled"))
        assert [start["environ"] for start in app.starts] == [{}, {"WEBKIT_DISABLE_DMABUF_RENDERER": "1"}]
        assert app.close()[0] == 0
