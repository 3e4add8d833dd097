"""The real app with a probe beside it: `python -m tests.rig.launch READ_FD WRITE_FD [the app's arguments]`.

Same parser, same `App` as the program itself; a thread answers one JSON line a command, so that one set of window
tests can drive Qt and GTK alike (WebKitGTK has no remote debugging). Its Python reaches no other computer.
Nothing of this is in the product.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop.agents.limits import Limits
from desktop.app import application as app_module
from desktop.app.application import App
from desktop.app.context import Context
from desktop.cli import leave, parse
from desktop.common.errors import AppError
from desktop.window import page_server
from desktop.window.bridge import Answered
from desktop.window.page_server import MOST_CONNECTIONS
from tests.rig import wall
from tests.rig.serving import UNASKED_LIMIT, serve

ANSWER_LIMIT = 20.0
"""Seconds a script in a page may take to answer the probe."""


class ProbedApp(App):
    """The app, with an ear at the one place where values leave for a page, and the engine's console on our output."""

    def __init__(self, context: Context, **options: Any) -> None:
        super().__init__(context, **options)
        self.pushed: list[str] = []
        self.gate = threading.Event()
        self.packaged = bool(os.environ.pop("RIG_PACKAGED", ""))

    def _build(self, *arguments: Any) -> None:
        super()._build(*arguments)
        engine: Any = self.shell.engine
        push, dress = engine.push, engine.dress

        def heard(window: Any, script: str) -> None:
            self.pushed.append(script)
            push(window, script)

        def dressed(window: Any, how: Any) -> None:
            dress(window, how)
            if engine.name == "gtk":
                settings = engine._view(window).webview.get_settings().props
                settings.enable_write_console_messages_to_stdout = True  # as Qt does by itself
                settings.enable_mock_capture_devices = True  # something to refuse

        engine.push, engine.dress = heard, dressed
        self._hold_agents(json.loads(os.environ.pop("RIG_AGENTS", "{}")))

    def _hold_agents(self, wanted: dict[str, Any]) -> None:
        """Other bounds for runs (fields of agents.limits.Limits); `gate`: "store" or "stack" waits for `release`."""
        host: Any = self.services.agents
        gate = wanted.pop("gate", "")
        self.gate = threading.Event()
        if wanted:
            host._limits = Limits(**wanted)
        name = {"store": "_open_stores", "stack": "_import"}.get(gate)
        if name:
            goes_on = getattr(host, name)
            setattr(host, name, lambda *arguments: (self.gate.wait(), goes_on(*arguments))[1])


class Probe:
    """Runs commands against one app."""

    def __init__(self, app: ProbedApp) -> None:
        self.app = app
        self.answered: list[dict[str, Any]] = []

    def watch(self, answered: Answered) -> None:
        self.answered.append(
            {
                "page": answered.page,
                "method": answered.method,
                "params": answered.params.model_dump() if answered.params is not None else None,
                "error": answered.error.code if answered.error else None,
                "at": time.monotonic(),
            }
        )

    def windows(self) -> dict[str, Any]:
        return {
            name: {"shown": window.native.events.shown.is_set(), "title": window.native.title, "strays": window.strays}
            for name, window in list(self.app.windows.items())
            if window.native is not None
        }

    def js(self, window: str, script: str) -> Any:
        """The value of an expression in the top frame, through JSON."""
        answer: list[Any] = []

        def ask() -> None:
            native = self.app.windows[window].native
            wrapped = (
                "(()=>{try{return JSON.stringify([0," + script + "])}catch(e){return JSON.stringify([1,String(e)])}})()"
            )
            answer.append(native.run_js(_ascii(wrapped)))

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(ANSWER_LIMIT)
        if not answer or answer[0] is None:
            raise TimeoutError(f"the page of {window} does not answer")
        failed, value = json.loads(answer[0])
        if failed:
            raise RuntimeError(value)
        return value

    def raw_js(self, window: str, script: str) -> None:
        """Run a script whose end may never be heard of (it navigates)."""
        native = self.app.windows[window].native
        threading.Thread(target=native.run_js, args=(_ascii(script) + ";0",), daemon=True).start()

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        return self.answered[since:]

    def close(self, window: str) -> None:
        self.app.close_window(window)

    def show(self, name: str) -> None:
        shows: dict[str, Callable[[], None]] = {
            "settings": self.app.show_settings,
            "agents": self.app.show_agents,
            "setup": self.app.show_setup,
            "chats": self.app.show_chats,
            "help": self.app.show_help,
            "reload": self.app.reload_chat,
        }
        shows[name]()

    def release(self) -> None:
        """Let what `RIG_AGENTS` holds go on."""
        self.app.gate.set()

    def serve_pages(self, is_open: bool) -> None:
        """Whether the page server has a place for those who ask it; without one it turns our own windows away."""
        slots: Any = self.app.shell.server._slots
        for _ in range(MOST_CONNECTIONS):
            if is_open:
                slots.release()
            else:
                slots.acquire()

    def hide(self, window: str) -> None:
        self.app.windows[window].native.hide()

    def unhide(self, window: str) -> None:
        self.app.windows[window].native.show()

    def push_many(self, window: str, count: int) -> int:
        """`count` scripts into a page, each on its own (the event `rig.tick {n}`, from 0 on); how many went in."""
        shell = self.app.shell
        done = threading.Event()
        pushed: list[int] = []

        def push(number: int) -> None:
            entry = json.dumps([{"event": "rig.tick", "data": {"n": number}}])
            shell.engine.push(self.app.windows[window].native, f"window.bridge&&window.bridge.deliver({entry});0")
            pushed.append(number)
            if number == count - 1:
                done.set()

        for number in range(count):
            shell.later(lambda number=number: push(number))  # type: ignore[misc]
        done.wait(3 * ANSWER_LIMIT)
        return len(pushed)

    def quit(self) -> None:
        self.app.shell.quit()

    def screenshot(self, window: str, file: str) -> bool:
        return self.app.windows[window].screenshot(Path(file))

    def url(self, window: str) -> str:
        return self.app.shell.server.url(self.app.windows[window].showing)

    def showing(self, window: str) -> dict[str, str]:
        showing = self.app.windows[window].showing
        return {"path": showing.path, "key": showing.key}

    def emit(self, window: str, event: str, data: Any) -> None:
        self.app.emit(window, event, data)

    def place(self, window: str) -> dict[str, Any]:
        done = threading.Event()
        found: list[Any] = []

        def look() -> None:
            found.append(self.app.shell.engine.place(self.app.windows[window].native))
            done.set()

        self.app.shell.engine.later(look)
        done.wait(ANSWER_LIMIT)
        return dict(vars(found[0])) if found and found[0] else {}

    def crash(self, window: str) -> None:
        """Ends the page's process as a crash would, by the engine's own means."""
        native = self.app.windows[window].native
        from desktop.window.gtk import GtkEngine

        engine = self.app.shell.engine
        if isinstance(engine, GtkEngine):
            gtk = engine
            gtk.later(lambda: gtk._view(native).webview.terminate_web_process())  # noqa: PLW0108  # looked up over there
        else:
            from tests.rig.children import kill_renderers

            kill_renderers(os.getpid())

    def takes_early_view(self) -> bool:
        """Whether the first window has the view that was made before it (GTK)."""
        engine: Any = self.app.shell.engine
        return bool(engine.name == "gtk" and engine._early_view is not None and engine._early_view.taken)

    def collect(self) -> list[str]:
        """Collect garbage here, on a thread that is not the window's; the classes of pywebview's platform that live."""
        gc.collect()
        kinds = {type(thing) for thing in gc.get_objects()}
        return sorted(kind.__name__ for kind in kinds if kind.__module__.startswith("webview.platforms."))

    def state(self) -> dict[str, Any]:
        services = self.app.services
        return {
            "refused": self.app.bridge.refused,
            "live_sessions": len(services.keeper._live),
            "last_threads": services.state._values.get("last_threads"),
            "diagnostics": services.diagnostics(),
            "reached_out": wall.reached_out,
            "answering": services.agents.answering,
        }

    def crossed(self) -> list[str]:
        """Every script that was pushed into a page: all answers and events there were."""
        return list(self.app.pushed)

    def update(self, changes: dict[str, Any]) -> None:
        self.app.context.settings_store.update(changes)

    def chat_limits(self, changed: dict[str, Any]) -> None:
        """Other times for the chat pages that are shown from now on (fields of pages.chat.Limits); {}: its own."""
        from desktop.pages.chat.page import Limits

        self.app.pages.chat_limits = Limits(**changed) if changed else None


def _ascii(script: str) -> str:
    """Non-ASCII characters as escapes: pywebview cuts scripts that have any on GTK."""
    return "".join(c if ord(c) < 128 else "".join(f"\\u{u:04x}" for u in _units(c)) for c in script)


def _units(char: str) -> list[int]:
    raw = char.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]


def prepare() -> None:
    """What a test may ask for beyond the app's own options, by environment; and time for the end, which no test here
    measures: sessions are cancelled and texts kept on a busy machine too."""
    setattr(app_module, "EXIT_LIMIT", 5.0)
    if os.environ.pop("RIG_FROZEN", ""):  # as a packaged app sees itself
        setattr(sys, "frozen", True)
        setattr(sys, "_MEIPASS", str(Path(__file__).resolve().parents[2]))
    port = int(os.environ.pop("RIG_FIRST_PORT", "0"))
    if port:  # the first port that the system offers, so that a test can take part of it beforehand
        hold, offered = page_server.hold_both_addresses, [port]

        def bind(family: socket.AddressFamily, address: str, wanted: int) -> socket.socket:
            return page_server.bound(family, address, wanted or (offered.pop() if offered else 0))

        setattr(page_server, "hold_both_addresses", lambda: hold(bind=bind))


def main() -> int:
    wall.build()
    read, write = int(sys.argv[1]), int(sys.argv[2])
    prepare()
    context = Context(parse(sys.argv[3:]))
    probe: Probe
    app = ProbedApp(context, watch=lambda answered: probe.watch(answered))  # noqa: PLW0108  # the probe is made next
    probe = Probe(app)
    faulthandler.dump_traceback_later(UNASKED_LIMIT, exit=True)
    threading.Thread(target=serve, args=(probe, read, write), daemon=True).start()
    try:
        return app.run()
    except AppError as error:
        return context.fail(error)


if __name__ == "__main__":
    leave(main())
