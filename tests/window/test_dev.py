"""`make dev` with a maker's brand: what is saved in the brand file is on the screen soon after, with nothing built."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.packaging.makers import Maker
from tests.rig import secret_service
from tests.rig.display import Display, stop, virtual_display
from tests.rig.processes import Child

pytestmark = [pytest.mark.window, pytest.mark.secret_service]
ROOT = Path(__file__).resolve().parents[2]
LIMIT = 120.0
"""Seconds until a window is there; a busy machine included."""


def wait_for_window(screen: Display, name: str, log: Path) -> None:
    """A window whose title holds the words."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        words = ["xdotool", "search", "--onlyvisible", "--name", name]
        if subprocess.run(words, env=screen.environment(), capture_output=True, timeout=60).stdout.split():
            return
        time.sleep(0.2)
    raise AssertionError(f"no window “{name}”: {log.read_text()[-2000:]}")


def wait_for_line(words: str, log: Path) -> None:
    end = time.monotonic() + LIMIT
    while words not in log.read_text():
        assert time.monotonic() < end, log.read_text()[-2000:]
        time.sleep(0.2)


def test_a_brand_is_shown_from_source_and_again_when_its_file_changes_and_a_slip_is_told_until_it_is_mended(
    tmp_path: Path,
) -> None:
    maker = Maker(tmp_path / "maker")
    log = tmp_path / "log"
    with virtual_display() as screen, secret_service.secret_service() as private:
        command = [sys.executable, "-m", "tests.rig.run", "--dev", "--", "--brand", os.path.relpath(maker.file, ROOT)]
        command += ["--data-dir", str(tmp_path / "data")]
        with log.open("wb") as stream:
            process = Child(command, cwd=ROOT, env=screen.environment(private), stdout=stream, stderr=subprocess.STDOUT)
        try:
            wait_for_window(screen, "Ask Fern", log)
            maker.set("app", name="Ask Moss")
            wait_for_window(screen, "Ask Moss", log)
            maker.set("app", nmae="Ask Stone")
            wait_for_line("The app ended with", log)
            assert "“name”" in log.read_text()
            assert "Traceback" not in log.read_text()
            del maker.values["app"]["nmae"]
            maker.set("app", name="Ask Stone")
            wait_for_window(screen, "Ask Stone", log)
        finally:
            stop(process, 30)
