"""The app itself, on a WebKitGTK that paints nothing where `RIG_BLANK` says so: `python -m tests.rig.blank [its own]`.

`RIG_BLANK`: names of variables, one of which it takes to paint; or `never`. Frames are kept from coming in the world of
scripts in which the app asks for them, and each start is noted in the file `RIG_STARTS` with what it found.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from desktop.cli import start
from desktop.window import gtk_frames

FROZEN = "window.requestAnimationFrame = () => 0;\n"
SOONER = "700"
"""Milliseconds in place of each part of the app's own limit; another number by `RIG_LIMIT`."""


def prepare(environ: Any = os.environ) -> None:
    paints = any(environ.get(name) == "1" for name in environ.get("RIG_BLANK", "").split(","))
    if environ.get("RIG_BLANK") and not paints:
        sooner = gtk_frames.SCRIPT
        for limit in (gtk_frames.FIRST, gtk_frames.MORE):
            sooner = sooner.replace(str(limit), environ.get("RIG_LIMIT", SOONER))
        setattr(gtk_frames, "SCRIPT", FROZEN + sooner)


def note(launch: Any) -> Any:
    def launched(engine: Any, storage: Path) -> None:
        found = {name: value for name, value in os.environ.items() if name.startswith("WEBKIT_")}
        with open(os.environ["RIG_STARTS"], "a", encoding="utf-8") as starts:
            starts.write(json.dumps({"pid": os.getpid(), "environ": found}) + "\n")
        launch(engine, storage)

    return launched


if __name__ == "__main__":
    from desktop.window.gtk import GtkEngine

    dress = GtkEngine.dress

    def dressed(engine: Any, window: Any, how: Any) -> None:
        prepare()  # the app has set what it sets
        dress(engine, window, how)

    setattr(GtkEngine, "launch", note(GtkEngine.launch))
    setattr(GtkEngine, "dress", dressed)
    start()
