"""Packages that were built, and the installed app: as a command of an ordinary user, as an open window."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.packaging.proof import Home
from tests.packaging.clean_system import UID, USER, CleanSystem
from tests.packaging.makers import EPOCH
from tests.rig.display import Display
from tests.rig.processes import Child

ROOT = Path(__file__).resolve().parents[2]
BUILD_LIMIT = 2400
"""Seconds one package may take."""


@dataclass
class Built:
    """What one run of the packager made."""

    folder: Path
    told: dict[str, Any]
    brand: Path

    def file(self, end: str) -> Path:
        (found,) = self.folder.glob(f"*{end}")
        return found


def build(brand: Path, folder: Path, *formats: str, engine: str = "system") -> Built:
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    command = [sys.executable, "-m", "desktop.packaging", "--brand", str(brand), "--out", str(folder), "--json"]
    done = subprocess.run(
        [*command, "--format", ",".join(formats), "--engine", engine],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        timeout=BUILD_LIMIT,
    )
    assert done.returncode == 0, done.stdout
    return Built(folder, json.loads(done.stdout), brand)


def home_in(system: CleanSystem, screen: Display, name: str) -> Home:
    """The installed command, as the ordinary user starts it."""
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(system.home), "USER": USER}
    folder = system.shared / f"files-{name}"
    folder.mkdir(exist_ok=True)
    os.chown(folder, UID, UID)
    closed = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
    return Home(system.command(name, user=USER), screen.environment(environ) | closed, folder)


class opened:  # noqa: N801  # reads as what it is: `with opened(…)`
    """The app, open; ended at the end."""

    def __init__(self, system: CleanSystem, screen: Display, name: str) -> None:
        home = home_in(system, screen, name)
        self.process = Child(home.command, env=home.environ, start_new_session=True)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def seen_window(screen: Display, name: str) -> tuple[str, str]:
    """(id, title) of the first window of that class, as soon as there is one."""
    environ = screen.environment()
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--class", "--classname", f"^{name}$"],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout.split()
        for window in found:
            title = subprocess.run(
                ["xdotool", "getwindowname", window], env=environ, capture_output=True, text=True, timeout=60
            ).stdout.strip()
            if title and title != name:
                return window, title
        time.sleep(0.5)
    raise AssertionError(f"{name} opened no window")
