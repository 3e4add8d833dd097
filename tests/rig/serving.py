"""A thread of a probed process that answers a JSON line a command: `{"do": …, "with": […]}`. Imports no app."""

from __future__ import annotations

import faulthandler
import json
import os
from typing import Any

UNASKED_LIMIT = 900
"""Seconds after which an app that nobody asked anything writes its stacks and ends: who drove it is gone, or hangs."""
GONE_LIMIT = 30
"""Seconds that an app has for its own end after who drove it has hung up."""


def serve(probe: Any, read: int, write: int) -> None:
    """Answer commands until the other side closes; an app that is still there a while later is ended."""
    try:
        _serve(probe, read, write)
    finally:
        faulthandler.dump_traceback_later(GONE_LIMIT, exit=True)


def _serve(probe: Any, read: int, write: int) -> None:
    with os.fdopen(read, "r", encoding="utf-8") as commands, os.fdopen(write, "w", encoding="utf-8") as answers:
        for line in commands:
            faulthandler.dump_traceback_later(UNASKED_LIMIT, exit=True)
            command = json.loads(line)
            try:
                value = getattr(probe, command["do"])(*command.get("with", []))
                answer = {"ok": True, "value": value}
            except Exception as error:  # noqa: BLE001  # whatever goes wrong is the answer
                answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
            try:
                answers.write(json.dumps(answer) + "\n")
                answers.flush()
            except OSError:
                return
