"""`python -m tests.bench.hello ENGINE FD [QUERY]`: opens the page and writes what happened when, a JSON line each.

Stock pywebview as its own first example has it; the page is a file, the quickest way there is to get one.
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

    def took(self, milliseconds: list[float]) -> None:
        tell("round_trips", milliseconds)


def tell(what: str, value: object = None) -> None:
    import json

    os.write(int(sys.argv[2]), json.dumps([what, time.monotonic(), value]).encode() + b"\n")


def main() -> None:
    query = sys.argv[3] if len(sys.argv) > 3 else ""
    page = Path(__file__).with_name("hello.html").as_uri() + query
    window = webview.create_window("Hello", page, js_api=Api() if "calls" in query else None, width=960, height=760)
    window.events.loaded += lambda: tell("loaded")
    tell("engine")
    webview.start(gui=sys.argv[1])


if __name__ == "__main__":
    main()
