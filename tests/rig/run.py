"""What `make run` and `make dev` call: the app on the display there is, or a virtual one; against OpenAI or stand-ins.

Starts processes and ends them all; knows the app only as a command line.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from tests.rig import dev, secret_service
from tests.rig.display import (
    Display,
    DisplayError,
    call,
    end_on_sigterm,
    has_display,
    read_line,
    stop,
    virtual_display,
    window_environment,
)
from tests.rig.processes import Child, arm

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOT = ROOT / "out" / "run.png"
LIMIT = 180.0
"""Longest wait for a page on a virtual screen, in seconds: a cold disk and two slow cores included."""
STAND_IN_LIMIT = 30.0
"""Longest wait for a stand-in to say where it is, in seconds."""
PROFILE = "standin"
DEMO_WORDS = "markdown"
"""What a demo without a display is asked."""


@dataclass(frozen=True)
class Stage:
    """Everything the app runs against. `walk.main` gets one with a `display`."""

    environ: dict[str, str]
    """The environment the app is started with."""
    options: tuple[str, ...] = ()
    """The app's options: profile, data folder, addresses."""
    api: str = ""
    """The API stand-in's address; empty: OpenAI's own is used."""
    component: str = ""
    """The component stand-in's script."""
    key: str = ""
    workflow: str = ""
    """What the API stand-in accepts."""
    display: Display | None = None
    screenshot: Path = SCREENSHOT

    def command(self, *words: str) -> list[str]:
        """The app's command line, from source."""
        return [sys.executable, "-m", "desktop", *words, *self.options]


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def stand_in(module: str, *arguments: str) -> Iterator[str]:
    """A stand-in in a process of its own; gives the line it prints when it is ready."""
    command = [sys.executable, "-m", module, "--port", "0", *arguments]
    process = Child(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = read_line(process.stdout.fileno(), STAND_IN_LIMIT)
        if not line:
            raise RuntimeError(f"{module} did not start")
        yield line
    finally:
        stop(process)


@contextmanager
def stand_ins(stage: Stage) -> Iterator[Stage]:
    """`stage` with both stand-ins, a profile and a data folder of its own, all gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="chatkit-desktop-standin-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        api = json.loads(stack.enter_context(stand_in("tests.standins.api")))
        component = stack.enter_context(stand_in("tests.standins.component", "--api", api["base"]))
        options = ("--profile", PROFILE, "--data-dir", str(folder), "--api-base", api["base"])
        stage = replace(
            stage,
            options=(*options, "--component-url", component, *stage.options),
            api=api["base"],
            component=component,
            key=api["key"],
            workflow=api["workflow"],
        )
        yield stage


def has_secret_service(environ: dict[str, str]) -> bool:
    """Whether the system has a keyring; elsewhere than on Linux it is part of the system."""
    if not sys.platform.startswith("linux"):
        return True
    code = "import secretstorage as s, sys; sys.exit(not s.check_service_availability(s.dbus_init()))"
    null = subprocess.DEVNULL
    command = [sys.executable, "-c", code]
    try:
        return subprocess.call(command, env=environ, stdout=null, stderr=null, timeout=STAND_IN_LIMIT) == 0
    except subprocess.TimeoutExpired:
        return False  # something has the name and answers nothing


@contextmanager
def keyring(stage: Stage) -> Iterator[Stage]:
    """`stage` with a keyring: on a virtual screen always a private one, with a HOME that is thrown away;
    on a person's screen a private one where the system has none."""
    if stage.display is None and has_secret_service(stage.environ):
        yield stage
    elif not secret_service.available():
        say("There is no keyring here, and no gnome-keyring to start one: keys last for the session.")
        yield stage
    else:
        with secret_service.secret_service() as private:
            if stage.display is not None:
                environ = window_environment(stage.display.name, private)
            else:
                environ = stage.environ | {"DBUS_SESSION_BUS_ADDRESS": private["DBUS_SESSION_BUS_ADDRESS"]}
            yield replace(stage, environ=environ)


def tell_what_to_type(stage: Stage) -> None:
    say("The app runs against stand-ins on this machine; OpenAI is not asked. Type:")
    say(f"  key       {stage.key}")
    say(f"  workflow  {stage.workflow}")


def on_screen(stage: Stage, watch: bool) -> int:
    """Open the app for the person at the screen; returns when they close it."""
    if stage.api:
        tell_what_to_type(stage)
    try:
        if watch:
            return dev.supervise(list(stage.options), stage.environ)
        return call(stage.command(), stage.environ)
    finally:
        if stage.api:
            # The stand-in's port is another one each time, so its key would stay in the keyring for nothing.
            null = subprocess.DEVNULL
            command = stage.command("key", "remove")
            with suppress(subprocess.TimeoutExpired):
                subprocess.call(
                    command, cwd=ROOT, env=stage.environ, stdin=null, stdout=null, stderr=null, timeout=LIMIT
                )


def off_screen(stage: Stage) -> int:
    """Open the app on a virtual screen, wait until a page is ready, save a screenshot, close it.
    `smoke` says how it went and where the picture is."""
    say("There is no display here: the app opens on a virtual one.")
    stage.screenshot.parent.mkdir(parents=True, exist_ok=True)
    command = stage.command("smoke", "--page", "any", "--screenshot", str(stage.screenshot))
    if "--demo" in stage.options:
        command += ["--say", DEMO_WORDS]
    try:
        return call(command, stage.environ, LIMIT)
    except subprocess.TimeoutExpired:
        say(f"No page was ready within {LIMIT:.0f} seconds.")
        return 1


def walk(stage: Stage) -> int:
    """The whole way on a virtual screen, as a person would go it: walk.py types, clicks and looks."""
    say("There is no display here: the app is walked through on a virtual one, against stand-ins.")
    stage.screenshot.parent.mkdir(parents=True, exist_ok=True)
    return int(import_module("tests.rig.walk").main(stage))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rig.run", description="Open the app from this checkout.")
    parser.add_argument("--standin", action="store_true", help="against stand-ins instead of OpenAI")
    parser.add_argument("--dev", action="store_true", help="reload pages and start again on changes")
    parser.add_argument("--demo", action="store_true", help="the scripted agent: no key, no network, nothing kept")
    parser.add_argument("--screenshot", type=Path, default=SCREENSHOT, help="where to save it without a display")
    parser.add_argument("options", nargs="*", help="the app's own options, after --")
    typed = parser.parse_args(arguments)
    screenshot = typed.screenshot.resolve()
    os.chdir(ROOT)
    end_on_sigterm()
    arm()
    options = (*(["--demo"] if typed.demo else []), *typed.options)
    stage = Stage(dict(os.environ), options, screenshot=screenshot)
    with ExitStack() as stack:
        try:
            if not has_display():
                if typed.dev:
                    say("make dev needs a display: set DISPLAY or WAYLAND_DISPLAY.")
                    return 4
                display = stack.enter_context(virtual_display())
                stage = replace(stage, display=display, environ=display.environment())
            if typed.standin:
                stage = stack.enter_context(keyring(stage))
                stage = stack.enter_context(stand_ins(stage))
        except (DisplayError, RuntimeError) as problem:
            say(f"{problem}.")
            return 4
        if stage.display is None:
            return on_screen(stage, typed.dev)
        return walk(stage) if typed.standin else off_screen(stage)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
