"""The Windows that `make test-windows` makes, for tests that run here and start there what they look at."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.packaging.clean_system import UID, USER, why_not
from tests.rig.windows.__main__ import PLACE
from tests.rig.windows.system import WineSystem
from tests.standins.models_api import KEY

NAME = "chatkit-desktop"
PYTHON = r"C:\Python313\python.exe"
WORDS = "é 日本"
NOBODY = ("--api-base", "http://127.0.0.1:9")
"""An API that nothing answers at."""
FREEZING, STARTING = 3600, 600
"""Seconds."""


def not_made() -> str:
    """Why there is no Windows; empty where there is one."""
    if (PLACE / "root" / "etc" / "made").is_file():
        return why_not()
    return "its Windows is made by make test-windows"


class Said(NamedTuple):
    code: int
    out: str

    def object(self) -> dict[str, Any]:
        """The one line of `--json`."""
        (line,) = self.out.splitlines()
        found = json.loads(line)
        assert isinstance(found, dict)
        return found


class Windows:
    """That of the person called `name` there."""

    def __init__(self, name: str = USER) -> None:
        self.system = WineSystem(PLACE, name)
        self.shared = self.system.shared
        self.user = self.system.drive / "users" / name

    def run(self, *words: str, stdin: bytes = b"", limit: int = STARTING) -> Said:
        """What a program prints into a pipe. Both its streams."""
        output = PLACE / "logs" / f"{self.system.prefix.name}.txt"
        code = self.system.wine(*words, limit=limit, output=output, stdin=stdin, folder=str(self.shared / "checkout"))
        return Said(code, output.read_bytes().decode("utf-8"))

    def desktop(self, *words: str, stdin: bytes = b"") -> Said:
        """What the app's command prints, run from the checkout."""
        return self.run(PYTHON, "-m", "desktop", *words, stdin=stdin)

    @contextmanager
    def with_key(self) -> Iterator[None]:
        """While the user has a key for NOBODY: what a code agent needs to be started."""
        assert self.desktop("key", "set", "--json", *NOBODY, stdin=f"{KEY}\n".encode()).code == 0
        try:
            yield
        finally:
            assert self.desktop("key", "remove", "--json", *NOBODY).code == 0

    def own(self, folder: Path) -> Path:
        """A folder that its user may write to."""
        subprocess.run(["chown", "-R", f"{UID}:{UID}", str(folder)], check=True, timeout=60)
        return folder

    def freeze(self, name: str, assets: Path | None = None) -> Path:
        """The folder that PyInstaller makes of the app there."""
        target = self.shared / name
        for folder in (target, self.shared / f"{name}-build"):
            shutil.rmtree(folder, ignore_errors=True)
        more = ["--", "--assets", self.system.path(assets)] if assets else []
        done = self.run(
            *(PYTHON, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"),
            *("--distpath", f"D:\\{name}", "--workpath", f"D:\\{name}-build", "build.spec", *more),
            limit=FREEZING,
        )
        assert done.code == 0, done.out[-3000:]
        return target / NAME
