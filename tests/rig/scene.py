"""Everything a window test runs against: stand-ins of its own, a data folder, a screen, a keyring, a browser that logs.

A `Scene` starts the app as often as a test likes; a new one has never been started before.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.rig.display import Display
from tests.rig.driver import ROOT, Driver
from tests.standins.api import KEY, WORKFLOW, ApiStandIn
from tests.standins.component import ComponentStandIn

# What a developer's shell may hold and the app would heed.
FOREIGN = (
    *("OPENAI_API_KEY", "CHATKIT_API_BASE", "CHATKIT_WORKFLOW_ID", "DEBUG", "PYTHON_KEYRING_BACKEND", "LANGUAGE"),
    *("LC_ALL", "LC_MESSAGES", "KDE_FULL_SESSION", "QTWEBENGINE_REMOTE_DEBUGGING", "QTWEBENGINE_CHROMIUM_FLAGS"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)

_BROWSER = """#!/bin/sh
for address in "$@"; do printf '%s\\n' "$address" >> "{log}"; done
"""

_SAVE = """
import sys
from desktop.cli import parse
from desktop.app.context import Context
from desktop.settings.model import WorkflowAgent
from desktop.settings.origins import origin_of
key, workflow, *options = sys.argv[1:]
context = Context(parse(options))
context.settings_store.replace_agent(WorkflowAgent(workflow_id=workflow))
origin = origin_of(context.settings.network.api_base)
if key:
    context.keys.save(origin, key)
context.state.set_key_known(origin, True)
"""

_READ = """
import sys
from desktop.cli import parse
from desktop.app.context import Context
from desktop.settings.origins import origin_of
context = Context(parse(sys.argv[1:]))
# Not through `Keys`, which notes what it finds.
print(context.keys.store.get(context.keys._key_entry(origin_of(context.settings.network.api_base))) or "")
"""


@dataclass
class Scene:
    """`engine`: gtk or qt. `environ`: what the app is started with."""

    engine: str
    screen: Display
    api: ApiStandIn
    component: ComponentStandIn
    folder: Path
    environ: dict[str, str]
    options: list[str] = field(default_factory=list)
    """Added to every start."""

    @property
    def data(self) -> Path:
        """The app's data folder."""
        return self.folder / "data"

    @property
    def profile(self) -> Path:
        return self.data / "profiles" / "default"

    @property
    def arguments(self) -> list[str]:
        """The app's own options, without the engine."""
        return [
            *("--data-dir", str(self.data), "--api-base", self.api.base),
            *("--component-url", self.component.url, "--log-level", "DEBUG", *self.options),
        ]

    # --- the app ------------------------------------------------------------------------------

    def launch(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Driver:
        """Start the app; use it as a context manager. `environ` is added to the scene's."""
        return Driver(self.engine, [*self.arguments, *arguments], self.environ | dict(environ or {}))

    def command(self, *arguments: str, limit: float = 60) -> subprocess.CompletedProcess[str]:
        """Run the app's own command line beside it: a second launch, or `key status` and the like."""
        return subprocess.run(
            [sys.executable, "-m", "desktop", *arguments, "--engine", self.engine, *self.arguments],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=limit,
        )

    def settle(self, key: str = KEY, workflow: str = WORKFLOW) -> None:
        """Key and workflow as after a first launch, saved by the app's own parts; no `key`: it is there already."""
        self.python(_SAVE, key, workflow, *self.arguments)

    def stored_key(self) -> str:
        """What a fresh process finds in the keyring; empty where there is none."""
        return self.python(_READ, *self.arguments).strip()

    def python(self, code: str, *arguments: str) -> str:
        """Run code in a process with the app's environment; its output."""
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=ROOT,
            env=self.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr + done.stdout)
        return done.stdout

    # --- what a person does ---------------------------------------------------------------------

    def choose_way(self, app: Driver, way: str = "workflow") -> None:
        """Go to a form of the first page (key, workflow, endpoint), where it is not there by itself."""
        card = f"document.querySelector('#way-{way}')"
        app.until(
            "the first page",
            lambda: app.js("setup", "['ways', 'form'].some(id => !document.getElementById(id).hidden)"),
        )
        if app.js("setup", f"!!{card}.getClientRects().length"):
            app.click("setup", f"#way-{way}")

    def fill_in(self, app: Driver, key: str = KEY, workflow: str = WORKFLOW) -> None:
        """Fill in the first page and send it."""
        app.wait_window("setup")
        app.wait_call("setup.start")
        self.choose_way(app)
        app.fill("setup", "#key", key)
        app.fill("setup", "#workflow", workflow)
        app.click("setup", "#submit")

    def wait_chat(self, app: Driver, count: int = 1, *, since: int = 0) -> dict[str, Any]:
        """Until the chat was ready `count` times (from answered call number `since` on) and has a live secret;
        the component's state."""
        app.wait_call("chat.ready", count, since=since)
        return self.component.wait(lambda state: state.get("ready") and state.get("secret"), 60)

    # --- what was left ------------------------------------------------------------------------------

    def opened(self) -> list[str]:
        """The addresses and folders that were handed to the system, in order."""
        log = self.folder / "opened"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def log(self) -> str:
        """The app's log of all starts."""
        file = self.profile / "logs" / "chatkit-desktop.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.profile / "state.json").read_text(encoding="utf-8")))

    def settings(self) -> dict[str, Any]:
        return dict(json.loads((self.profile / "settings.json").read_text(encoding="utf-8")))


@contextmanager
def scene(engine: str, screen: Display, environ: Mapping[str, str]) -> Iterator[Scene]:
    """`environ`: a keyring's (see secret_service.py) or any other."""
    folder = Path(tempfile.mkdtemp(prefix="chatkit-desktop-scene-"))
    try:
        programs = folder / "bin"
        programs.mkdir()
        browser = programs / "xdg-open"
        browser.write_text(_BROWSER.format(log=folder / "opened"), encoding="utf-8")
        browser.chmod(0o755)
        ours = {name: value for name, value in environ.items() if name not in FOREIGN}
        ours = screen.environment(ours) | {"LANG": "C.UTF-8", "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        with ApiStandIn() as api, ComponentStandIn(api_base=api.base) as component:
            yield Scene(engine, screen, api, component, folder, ours)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def kill(app: Driver) -> None:
    """End the app as a crash or the system would, with everything below it."""
    import psutil

    below = psutil.Process(app.process.pid).children(recursive=True)
    app.process.send_signal(signal.SIGKILL)
    app.ended()
    for child in below:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
