"""`python -m tests.bench.hello ENGINE FD [QUERY [URL]]`: opens the page and writes what happened when, in JSON lines.

Stock pywebview as its own first example has it. The page is a file, the quickest way there is to get one; at `URL`
where it needs an origin.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import webview


class Api:
    """With a query only: what the page measures pywebview's own bridge with."""

    def echo(self, value: int) -> int:
        return value

    def mounted(self) -> None:
        tell("mounted")

    def took(self, milliseconds: list[float]) -> None:
        tell("round_trips", milliseconds)


def tell(what: str, value: object = None) -> None:
    import json

    os.write(int(sys.argv[2]), json.dumps([what, time.monotonic(), value]).encode() + b"\n")


def main() -> None:
    query = sys.argv[3] if len(sys.argv) > 3 else ""
    page = sys.argv[4] if len(sys.argv) > 4 else Path(__file__).with_name("hello.html").as_uri()
    window = webview.create_window("Hello", page + query, js_api=Api() if query else None, width=960, height=760)
    window.events.before_show += lambda: tell("window")
    window.events.loaded += lambda: tell("loaded")
    tell("engine")
    webview.start(gui=sys.argv[1])


if __name__ == "__main__":
    main()
