"""A contributor's machine: a clean system with git, make and sudo, an ordinary user, and a clone of the last commit."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.packaging import made_from_help
from tests.packaging.clean_system import USER, CleanSystem
from tests.rig.processes import Child
from tests.systems import tally

LOGS = made_from_help.ROOT / "out" / "systems"
"""What each command printed."""
NEEDED = ("git", "make", "python3", "dbus-daemon")
"""What the README wants to be there. A session bus is there on every desktop."""
SHOWN = 6000
"""Characters of a failed command's last words."""
GONE_LIMIT = 30.0
"""Seconds that what a command has started may outlive it."""


class Workplace:
    """`release`: Debian's name of it."""

    def __init__(self, release: str, system: CleanSystem) -> None:
        LOGS.mkdir(parents=True, exist_ok=True)
        self.release = release
        self.system = system
        system.install(*NEEDED)
        self.clone, self.environ = made_from_help.prepare(system, USER)
        version = system.must("cat", "/etc/debian_version").strip()
        python = system.must("python3", "-c", "import platform; print(platform.python_version())").strip()
        self.name = f"Debian {release} ({version}, Python {python})"

    def make(self, target: str, *words: str, limit: float, environ: Mapping[str, str] = {}) -> str:
        """What `make target` prints when the user types it; fails where it ends with an error."""
        began = time.monotonic()
        done = self.system.run(
            "sh", "-c", self._typed(target, *words), user=USER, environ=self.environ | dict(environ), limit=limit
        )
        said = done.stdout + done.stderr
        (LOGS / f"{self.release}-{target}.log").write_text(said, encoding="utf-8")
        took = f"make {target}: exit code {done.returncode} after {time.monotonic() - began:.0f} s"
        tally.count(self.name, took)
        assert done.returncode == 0, f"{self.name}: {took}\n{said[-SHOWN:]}"
        return said

    @contextmanager
    def made(self, target: str, *words: str, environ: Mapping[str, str]) -> Iterator[Child]:
        """`make target` while it runs; at the end the user presses Ctrl+C, and all it has started is gone."""
        base = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(self.system.home), "USER": USER}
        command = self.system.command("sh", "-c", self._typed(target, *words), user=USER)
        told = self.system.shared / f"{target}.log"
        with told.open("wb") as log:
            child = Child(
                command,
                env=base | self.environ | dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield child
        except BaseException as error:
            error.add_note(told.read_text(encoding="utf-8", errors="replace")[-SHOWN:])
            raise
        finally:
            os.killpg(child.pid, signal.SIGINT)
            child.ended(GONE_LIMIT)
        assert self.left() == []

    def left(self) -> list[str]:
        """What still runs in it, as soon as nothing does or time is up."""
        end = time.monotonic() + GONE_LIMIT
        while (found := self._running()) and time.monotonic() < end:
            time.sleep(0.2)
        return found

    def _running(self) -> list[str]:
        found = []
        for process in psutil.process_iter():
            try:
                if Path(os.readlink(f"/proc/{process.pid}/root")) == self.system.folder:
                    found.append(" ".join(process.cmdline()))
            except (OSError, psutil.Error):
                continue
        # The bus of each session, and what it has started, end by themselves when nobody is connected any more.
        return [line for line in found if line and not re.search(r"dbus-daemon|gnome-keyring|dconf|at-spi|gvfs", line)]

    def _typed(self, target: str, *words: str) -> str:
        return f"cd {shlex.quote(str(self.clone))} && exec make {shlex.join([target, *words])}"
