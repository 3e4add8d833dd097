"""The log's file where others have it open too: no line is lost, on no system."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.common.log_file import PrivateFileHandler
from tests.rig.processes import Child

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import logging, sys
from pathlib import Path
from desktop.common.log_file import PrivateFileHandler
path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
handler = PrivateFileHandler(path, limit=4000, kept=40)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    handler.emit(logging.LogRecord("test", logging.INFO, "", 0, "%s says é %d.", (name, number), None))
handler.close()
"""


def lines(folder: Path) -> list[str]:
    return [line for file in folder.iterdir() for line in file.read_text("utf-8").splitlines()]


def record(number: int) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, "", 0, "line %d.", (number,), None)


def test_two_processes_that_write_and_turn_over_at_the_same_time_lose_no_line(tmp_path: Path) -> None:
    path, count = tmp_path / "logs" / "app.log", 800
    writers = [
        Child(
            [sys.executable, "-c", WRITER, str(path), name, str(count)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in ("one", "two")
    ]
    for writer in writers:
        writer.line()
    for writer in writers:
        writer.communicate(b"go\n", timeout=120)
    found = lines(path.parent)
    assert sorted(found) == sorted(f"{name} says é {number}." for name in ("one", "two") for number in range(count))
    assert all(file.stat().st_size <= 4000 + 200 for file in path.parent.iterdir())
    assert len(list(path.parent.iterdir())) > 5


@pytest.mark.parametrize("keep_open", [True, False])
def test_a_program_that_has_the_log_open_costs_no_line_and_no_turn_for_ever(tmp_path: Path, keep_open: bool) -> None:
    path = tmp_path / "app.log"
    handler = PrivateFileHandler(path, limit=300, kept=100)
    handler.emit(record(0))
    with path.open("rb") as viewer:
        for number in range(1, 100):
            handler.emit(record(number))
            if number == 50 and not keep_open:
                viewer.close()
    handler.emit(record(100))
    handler.close()
    assert sorted(lines(tmp_path)) == sorted(f"line {number}." for number in range(101))
    assert path.stat().st_size <= 300


@pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open is deleted when it is closed")
def test_a_log_that_was_deleted_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    handler = PrivateFileHandler(path)
    handler.emit(record(1))
    path.unlink()
    handler.emit(record(2))
    handler.close()
    assert path.read_text("utf-8") == "line 2.\n"
