"""The app itself, on a WebKitGTK that paints nothing where `RIG_BLANK` says so: `python -m tests.rig.blank [its own]`.

`RIG_BLANK`: names of variables, one of which it takes to paint; or `never`. GTK's widget is then never drawn, so
nothing comes to the screen, and WebKit gets no word that its first frame was shown. Without compositing it waits for
no such word, so with `never` the page gets no frames either. Each start is noted in the file `RIG_STARTS` with what it
found, and how far each page has loaded (WebKitLoadEvent).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from desktop.cli import start
from desktop.window import gtk_frames

SOONER = "700"
"""Milliseconds in place of each part of the app's own limit; another number by `RIG_LIMIT`."""

NO_FRAMES = "window.requestAnimationFrame = () => 0;"


def is_blank(environ: Any = os.environ) -> bool:
    """Asked when the app has set what it sets."""
    wanted = environ.get("RIG_BLANK", "")
    return bool(wanted) and not any(environ.get(name) == "1" for name in wanted.split(","))


def soon(script: str) -> str:
    """The app's question for frames, with the tests' limit."""
    for limit in (gtk_frames.FIRST, gtk_frames.MORE):
        script = script.replace(str(limit), os.environ.get("RIG_LIMIT", SOONER))
    return f"{NO_FRAMES}\n{script}" if os.environ["RIG_BLANK"] == "never" else script


def note(**found: Any) -> None:
    with open(os.environ["RIG_STARTS"], "a", encoding="utf-8") as starts:
        starts.write(json.dumps({"pid": os.getpid(), **found}) + "\n")


def noted(launch: Any) -> Any:
    def launched(engine: Any, storage: Path) -> None:
        note(environ={name: value for name, value in os.environ.items() if name.startswith("WEBKIT_")})
        launch(engine, storage)

    return launched


if __name__ == "__main__":
    from desktop.window.gtk import GtkEngine

    dress = GtkEngine.dress

    def dressed(engine: Any, window: Any, how: Any) -> None:
        blank = is_blank()
        if blank:
            setattr(gtk_frames, "SCRIPT", soon(gtk_frames.SCRIPT))
        dress(engine, window, how)
        if blank:
            engine._view(window).webview.connect("draw", lambda *_: True)
        engine._view(window).webview.connect("load-changed", lambda _web, event: note(loaded=int(event)))

    setattr(GtkEngine, "launch", noted(GtkEngine.launch))
    setattr(GtkEngine, "dress", dressed)
    start()
