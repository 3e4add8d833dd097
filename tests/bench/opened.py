"""`python -m tests.bench.opened FD [--key KEY | --flood] [the app's arguments]`: the app, telling what happened when.

The program's own way from its first line on; what is added waits until the app's parts are made. `--key`: the key lies
in memory instead of the keyring, which tells what the keyring costs. `--flood`: the assistant says as many pieces as it
is asked for, as quickly as they are taken.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from desktop import cli

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from desktop.agents.host import AgentHost
    from desktop.app.application import App
    from desktop.app.context import Context
    from desktop.common.page import Page
    from desktop.window.bridge import Answered
    from desktop.window.shell import PageWindow, WindowPlan


def tell(what: str, value: object = None) -> None:
    import json

    os.write(int(sys.argv[1]), json.dumps([what, time.monotonic(), value]).encode() + b"\n")


def open_app(context: Context) -> int:
    """In the place of `cli.open_app`, with the same first steps."""
    from desktop.app.opening import Opening

    opening = Opening(context)
    if not opening.begin():
        return 0
    from desktop.app.application import App

    class Measured(App):
        def _build(self, *parts: Any) -> None:
            super()._build(*parts)
            make: Any = self.windows._make_page
            self.windows._make_page = lambda name, *, crashed=False: with_bench(make(name, crashed=crashed))
            stock = self.shell.open

            def open_first(plan: WindowPlan) -> PageWindow:
                self.shell.open = stock  # type: ignore[method-assign]
                window = stock(plan)
                self._opened(window)
                return window

            self.shell.open = open_first  # type: ignore[method-assign]

        def _opened(self, window: PageWindow) -> None:
            import threading

            import webview

            stock = webview.start

            def start(**options: Any) -> None:
                tell("engine")
                stock(**options)

            webview.start = start
            window.native.events.before_show += lambda: tell("window")
            threading.Thread(target=orders, args=(self,), daemon=True).start()
            listen(self.services.agents)

    return Measured(context, watch=answered).run(opening)


def answered(call: Answered) -> None:
    if call.method in ("chat.start", "session.mint", "chat.ready", "builtin.start", "builtin.ready"):
        tell(call.method, call.seconds)
    elif call.method == "chatkit.request" and call.params is not None and '"threads.list"' in call.params.body:
        tell("threads.list", call.seconds)
    elif call.method == "history.list":
        tell("threads.list", call.seconds)  # the same, as the built-in view asks for it


EMITTED: list[float] = []
"""When each piece of text left the agents' thread, in milliseconds since 1970."""


def listen(host: AgentHost) -> None:
    """Note when pieces leave for the page; and with `--flood`, let the flood answer."""
    request = host.request

    def heard(agent_id: str, body: str, *, on_data: Any, **rest: Any) -> Any:
        def passed(piece: str) -> None:
            if ".text_delta" in piece:
                EMITTED.append(time.time() * 1000)
            on_data(piece)

        return request(agent_id, body, on_data=passed, **rest)

    host.request = heard
    if FLOOD:
        host._import_stack = Flood


FLOOD: list[bool] = []


class Flood:
    """In the place of `agents.assistant.Assistants`: the message is how many pieces are wanted, "w0 ", "w1 " and on."""

    async def respond(self, agent: Any, thread: Any, message: Any, *_: Any) -> AsyncIterator[Any]:
        from datetime import datetime

        from chatkit.types import (
            AssistantMessageContent,
            AssistantMessageContentPartAdded,
            AssistantMessageContentPartDone,
            AssistantMessageContentPartTextDelta,
            AssistantMessageItem,
            ThreadItemAddedEvent,
            ThreadItemDoneEvent,
            ThreadItemUpdatedEvent,
        )

        pieces = [f"w{number} " for number in range(int(message.content[0].text))]
        now = datetime.now()  # noqa: DTZ005 - as the SDK makes them
        item = AssistantMessageItem(id="msg_flood", thread_id=thread.id, created_at=now, content=[])
        part = AssistantMessageContentPartAdded(content_index=0, content=AssistantMessageContent(text=""))
        whole = AssistantMessageContent(text="".join(pieces))
        yield ThreadItemAddedEvent(item=item)
        yield ThreadItemUpdatedEvent(item_id=item.id, update=part)
        for piece in pieces:
            delta = AssistantMessageContentPartTextDelta(content_index=0, delta=piece)
            yield ThreadItemUpdatedEvent(item_id=item.id, update=delta)
        done = AssistantMessageContentPartDone(content_index=0, content=whole)
        yield ThreadItemUpdatedEvent(item_id=item.id, update=done)
        yield ThreadItemDoneEvent(item=item.model_copy(update={"content": [whole]}))

    async def close(self) -> None:
        pass


def with_bench(page: Page) -> Page:
    """The page with two methods more: one that does nothing, one that takes what the page has measured."""
    from dataclasses import replace

    from desktop.common.page import Method, NoParams, Params

    class Took(Params):
        milliseconds: list[float]
        what: str = "round_trips"
        """The mark."""

    return replace(
        page,
        methods={
            **page.methods,
            "bench.nothing": Method(NoParams, lambda _: None),
            "bench.took": Method(Took, lambda took: tell(took.what, took.milliseconds), limit=1 << 20),
        },
    )


# Engines round their clock (WebKit to 1 ms): each entry is the mean of ten calls in a row.
ROUND_TRIPS = """(async () => {
  const { call } = await import(new URL("../common/bridge.js", document.baseURI).href);
  const took = [];
  for (let i = 0; i < %d; i += 10) {
    const before = performance.now();
    for (let j = 0; j < 10; j += 1) await call("bench.nothing");
    took.push((performance.now() - before) / 10);
  }
  await call("bench.took", { milliseconds: took });
})();0"""


def orders(app: App) -> None:
    """One order a line on standard input: `url`, `threads`, `round-trips N`, `emitted`, `stack`; `js SCRIPT`, for the
    chat's page, as JSON."""
    import json
    import threading

    for line in sys.stdin:
        match line.split(maxsplit=1):
            case ["url"]:
                tell("url", app.shell.server.url(app.windows["chat"].showing))
            case ["threads"]:
                here = {threading.main_thread(), threading.current_thread()}
                tell("threads", [[t.native_id, t.name] for t in threading.enumerate() if t not in here])
            case ["round-trips", count]:
                app.windows["chat"].native.run_js(ROUND_TRIPS % int(count))
            case ["emitted"]:
                tell("emitted", list(EMITTED))
                EMITTED.clear()
            case ["stack"]:
                # The host's own future, made by the page's start or by this.
                app.services.agents._begin_stack().result(60)
                tell("stack")
            case ["js", script]:
                # In the page's own world: what the app itself pushes runs in another one on GTK.
                native = app.windows["chat"].native
                threading.Thread(target=native.run_js, args=(json.loads(script),), daemon=True).start()


def main() -> int:
    cli.open_app = open_app
    arguments = sys.argv[2:]
    if arguments[:1] == ["--flood"]:
        FLOOD.append(True)
        arguments = arguments[1:]
    if arguments[:1] == ["--key"]:
        from desktop.app.context import Context

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
