"""A peer's server as a process of its own on loopback, waited for and ended."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig.processes import Child

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180.0
"""Seconds for a start; LiteLLM imports half of PyPI."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(words: list[str], port: int, log: Path, **environ: str) -> Iterator[None]:
    """Returns once somebody listens on `port`. Raises AssertionError, with what the server printed last."""
    given = {**os.environ, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1,localhost", **environ}
    with log.open("wb") as output:
        process = Child(words, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=given, cwd=log.parent)
    try:
        _wait(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait(process: Child, port: int, log: Path) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text("utf-8", "replace")[-2000:])
