"""`python -m tests.bench.opened FD [--key KEY] [the app's arguments]`: the app, telling what happened when.

The program's own way from its first line on; what is added waits until the app's parts are made. `--key`: the key lies
in memory instead of the keyring, which tells what the keyring costs.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from desktop import cli

if TYPE_CHECKING:
    from desktop.context import Context
    from desktop.window.bridge import Answered


def tell(what: str, value: object = None) -> None:
    import json

    os.write(int(sys.argv[1]), json.dumps([what, time.monotonic(), value]).encode() + b"\n")


def open_app(context: Context) -> int:
    """In the place of `cli.open_app`."""
    from desktop.app import App

    class Measured(App):
        def _show(self, name: str) -> Any:
            window = super()._show(name)
            if not getattr(self, "_told", False):
                self._told = True
                import threading

                import webview

                stock = webview.start

                def start(**options: Any) -> None:
                    tell("engine")
                    stock(**options)

                webview.start = start
                threading.Thread(target=orders, args=(self,), daemon=True).start()
            return window

        def _page(self, name: str) -> Any:
            return with_bench(super()._page(name))

    return Measured(context, watch=answered).run()


def answered(call: Answered) -> None:
    if call.method in ("chat.start", "session.mint", "chat.ready"):
        tell(call.method, call.seconds)


def with_bench(page: Any) -> Any:
    """The page with two methods more: one that does nothing, one that takes what the page has measured."""
    from dataclasses import replace

    from desktop.pages.page import Method, NoParams, Params

    class Took(Params):
        milliseconds: list[float]

    return replace(
        page,
        methods={
            **page.methods,
            "bench.nothing": Method(NoParams, lambda _: None),
            "bench.took": Method(Took, lambda took: tell("round_trips", took.milliseconds)),
        },
    )


# Engines round their clock (WebKit to 1 ms): each entry is the mean of ten calls in a row.
ROUND_TRIPS = """(async () => {
  const { call } = await import(new URL("bridge.js", document.baseURI).href);
  const took = [];
  for (let i = 0; i < %d; i += 10) {
    const before = performance.now();
    for (let j = 0; j < 10; j += 1) await call("bench.nothing");
    took.push((performance.now() - before) / 10);
  }
  await call("bench.took", { milliseconds: took });
})();0"""


def orders(app: Any) -> None:
    """One word a line on standard input: `url`, `threads`, `round-trips N`."""
    import threading

    for line in sys.stdin:
        match line.split():
            case ["url"]:
                tell("url", app.shell.server.url(app.windows["chat"].showing))
            case ["threads"]:
                here = {threading.main_thread(), threading.current_thread()}
                tell("threads", [[t.native_id, t.name] for t in threading.enumerate() if t not in here])
            case ["round-trips", count]:
                app.windows["chat"].native.run_js(ROUND_TRIPS % int(count))


def main() -> int:
    cli.open_app = open_app
    arguments = sys.argv[2:]
    if arguments[:1] == ["--key"]:
        from desktop.context import Context

        key = arguments[1]
        arguments = arguments[2:]
        Context.keys = property(lambda context: in_memory(context, key))  # type: ignore[assignment,method-assign]
    return cli.main(arguments)


def in_memory(context: Context, key: str) -> Any:
    from desktop.keys import Keys, MemoryStore
    from desktop.settings.origins import origin_of

    if not hasattr(context, "_bench_keys"):
        keys = Keys(context.profile, context.brand.keyring_service, store=MemoryStore())
        keys.store.set(keys._key_entry(origin_of(context.settings.network.api_base)), key)
        context._bench_keys = keys  # type: ignore[attr-defined]
    return context._bench_keys  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
