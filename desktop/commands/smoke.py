"""Opens the real window, waits until the chat is ready, prints timings and closes. Exit code 0 or 1.

It opens what a person would see, with the same parts. A first launch stops at the setup page, which only counts with
`--page any`. Only what is painted counts: a blank window is no chat, and an answer has arrived when the picture has
changed.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.agents.remote.errors import ServerGone
from desktop.common.errors import AppError, FolderUnwritable, UsageError
from desktop.keys.errors import KeyMissing
from desktop.pages.chat.errors import ComponentBlank, ComponentLate
from desktop.settings.errors import AgentNotSet

if TYPE_CHECKING:
    from desktop.app.application import App
    from desktop.app.context import Context
    from desktop.common.texts import Catalogue
    from desktop.window.bridge import Answered

LIMIT = 60.0
PAINT = 10.0
"""Seconds from a report to its painting: ChatKit draws its composer 1–5 s after `ready`."""
LOOK = 0.25
"""Seconds between two pictures."""
SETTLE = 0.8
"""Seconds between "ready" and the picture; the page is painted by then."""
POLL = 0.02
"""Seconds between two checks whether the answer has ended."""
FINISH = 10.0
"""Seconds the loop may take to end when asked to."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--say", metavar="TEXT", help="send TEXT and wait for the answer (agents in the app)")
    parser.add_argument("--screenshot", metavar="FILE", help="save what the window shows, as PNG")
    parser.add_argument("--page", choices=("chat", "any"), default="chat", help="any: the setup page counts as well")
    parser.add_argument("--limit", metavar="SECONDS", type=float, default=LIMIT, help="longest wait (default 60)")


def run(context: Context, args: argparse.Namespace) -> int:
    from desktop.app.opening import Opening

    if args.say is not None and not _answers_here(context):
        return context.fail(UsageError(problem=context.texts.get("smoke.say_hosted")))
    if args.screenshot:
        folder = Path(args.screenshot).resolve().parent
        if not folder.is_dir():
            return context.fail(FolderUnwritable(path=str(folder), problem="no such folder"))
    look = _Look(args)
    watcher = threading.Thread(target=look.finish, name="smoke", daemon=True)
    opening = Opening(context)
    gc.disable()  # as in a start without a command
    try:
        begun = opening.begin()
        from desktop.app.application import App

        look.app = App(context, watch=look.on_answered)
        watcher.start()
        if begun:
            look.app.run(opening)
    except AppError as error:
        look.done.set()
        return context.fail(error)
    finally:
        gc.enable()
    look.done.set()
    watcher.join(FINISH)
    report = look.report(context)
    if context.json:
        context.print_json(report)
    else:
        context.print(_outcome(context.texts, report))
        for described in report["errors"]:
            context.warn(f"{described['message']} {described['hint']}".strip())
        if report["screenshot"]:
            context.print(context.texts.get("smoke.screenshot", file=report["screenshot"]))
    return 0 if report["ok"] else 1


def _answers_here(context: Context) -> bool:
    """Whether the active agent runs in the app."""
    from desktop.settings.agents import InAppAgent

    return isinstance(context.settings.agent(), InAppAgent)


def _outcome(texts: Catalogue, report: Mapping[str, Any]) -> str:
    """The line that sums up the result."""
    told = {"page": report["page"] or "-", "ms": report["ready_ms"] or 0, "engine": report["engine"]}
    if not report["ok"]:
        return texts.get("smoke.not_ready", **told)
    return texts.get("smoke.ready_builtin" if report["page"] == "builtin" else "smoke.ready", **told)


class _Look:
    """Watches one opening of the app."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.app: App
        self.done = threading.Event()
        self.started = time.monotonic()
        self.page = ""
        self.ready_ms: int | None = None
        self.ready_at: float | None = None
        self.errors: list[AppError] = []
        self.violations = 0
        self.saved = ""
        self.asked = 0.0
        self.answer: str | None = None
        self.answer_ms: int | None = None
        self.painted: bool | None = None
        """Whether the window shows it. None if the engine gives no picture."""
        self._folder = tempfile.TemporaryDirectory(prefix="chatkit-desktop-smoke-")
        self._before = Path(self._folder.name) / "before.png"
        self._after = Path(self._folder.name) / "after.png"

    def on_answered(self, answered: Answered) -> None:
        """Called for every answer a page gets, on that answer's thread."""
        if answered.error is not None:
            self.errors.append(answered.error)
            if answered.method in ("chat.start", "session.mint", "builtin.start", "chatkit.request"):
                self.done.set()
            return
        if answered.method == "chat.problem":
            if answered.params.code == "csp":
                self.violations += 1
            elif answered.params.shown and not self._falls_back():
                self.errors.append(self._problem(answered.params))
                self.done.set()
        ready = {"chat.ready": "chat", "builtin.ready": "builtin"}
        before = {"setup.start": "setup", "consent.start": "consent"}
        if self.args.page == "any":
            ready |= before
        elif answered.method in before:
            self.errors.append(self._in_the_way(before[answered.method]))
            self.done.set()
        if answered.method in ready and not self.page:
            self.page = ready[answered.method]
            self.ready_ms = round((time.monotonic() - self.started) * 1000)
            self.ready_at = time.time()
            # On another thread: the page paints only after it has this answer.
            threading.Thread(target=self._begin, args=(before,), name="smoke look", daemon=True).start()
        if answered.method == "chatkit.request" and self.asked and '"threads.create"' in answered.params.body:
            # The stream continues after its first answer. This runs on that answer's thread.
            while self.app.services.agents.answering and not self.done.wait(POLL):
                continue
            self.answer_ms = round((time.monotonic() - self.asked) * 1000)
            self.answer = self._last_answer()
            if self.answer:
                self.painted = self._look(self._is_answer_seen)
            elif not self.errors and not self.app.failures:
                self.errors.append(ServerGone("the answer has no text", host=self._host()))
            self.done.set()

    def _begin(self, before: dict[str, str]) -> None:
        """The page is ready. Check that it is painted, then type what a person would."""
        self.painted = self._look(self._is_painted)
        if self.args.say is None or self.page in before.values() or self.painted is False:
            self.done.set()
            return
        if self._after.exists():
            self._after.replace(self._before)
        self.asked = time.monotonic()
        self.app.emit("chat", "prompt.send", {"text": self.args.say})

    def _is_painted(self) -> bool:
        from desktop.window.screenshots import is_painted

        return is_painted(self._after)

    def _is_answer_seen(self) -> bool:
        from desktop.window.screenshots import is_changed

        return is_changed(self._before, self._after)

    def _look(self, seen: Callable[[], bool]) -> bool | None:
        """Wait until a picture of the window passes `seen`. None if there is no picture."""
        end = time.monotonic() + PAINT
        while True:
            window = next(iter(self.app.windows.values()), None)
            if window is None or not window.screenshot(self._after):
                return None
            try:
                if seen():
                    return True
            except (ValueError, OSError):
                return None
            if time.monotonic() > end or self.done.wait(LOOK):
                return False

    def _problem(self, params: Any) -> AppError:
        """The problem the chat page reports, as a person reads it."""
        from desktop.pages.chat.page import Limits, component_error

        limits = self.app.pages.chat_limits or Limits()
        return component_error(params.code, params.detail, self.app.services.component_url, limits.ready_ms)

    def _in_the_way(self, page: str) -> AppError:
        """What this page asks for before the chat can open."""
        agent = self.app.context.settings.agent()
        if page == "consent":
            return self.app.code.problem() or AgentNotSet()
        return AgentNotSet() if agent is None else KeyMissing(origin=self.app.keyed_address() or "")

    def _last_answer(self) -> str:
        """The newest answer from where the agent's chats are kept, here or on its server. Failures are reported."""
        agent = self.app.context.settings.agent()
        if agent is None:
            return ""
        try:
            threads = self._ask(agent.id, "threads.list", limit=1, order="desc")
            if not threads:
                return ""
            items = self._ask(agent.id, "items.list", thread_id=threads[0]["id"], limit=20, order="desc")
        except AppError as error:
            self.errors.append(error)
            return ""
        for item in items:
            if item.get("type") == "assistant_message":
                return "".join(str(part.get("text", "")) for part in item.get("content", ()))
        return ""

    def _ask(self, agent_id: str, kind: str, **params: Any) -> list[dict[str, Any]]:
        """One page of a list, in ChatKit's protocol, which every kind of agent speaks."""
        from desktop.agents.chatkit.answers import Reply

        body = json.dumps({"type": kind, "params": params})
        reply = self.app.services.agents.request(agent_id, body, on_data=lambda _piece: None, on_end=lambda: None)
        if not isinstance(reply, Reply):
            raise ServerGone(kind, host="")
        return list(json.loads(reply.json).get("data", ()))

    def _host(self) -> str:
        from urllib.parse import urlsplit

        return urlsplit(str(getattr(self.app.context.settings.agent(), "url", ""))).netloc

    def _falls_back(self) -> bool:
        """Whether the built-in view opens next, as it does for agents in the app."""
        return _answers_here(self.app.context)

    def finish(self) -> None:
        """Wait, take the picture and close the windows."""
        if not self.done.wait(self.args.limit):
            self.errors.append(ComponentLate(seconds=round(self.args.limit)))
        time.sleep(SETTLE)
        shell = getattr(self.app, "shell", None)
        if shell is None:
            return
        for window in list(self.app.windows.values()):
            if self.args.screenshot and window.screenshot(Path(self.args.screenshot)):
                self.saved = self.args.screenshot
                break
        if self.painted is False:
            self.errors.append(ComponentBlank("the picture of the window does not show it"))
        shell.quit()
        self._folder.cleanup()

    def report(self, context: Context) -> dict[str, Any]:
        """`{ok, engine, component, ready_ms, answer, answer_ms, csp_violations, errors}`, plus page, painted,
        screenshot and `ready_at` (seconds since 1970, for whoever started the process)."""
        shell = getattr(self.app, "shell", None)
        ok = self.ready_ms is not None and self.violations == 0 and self.painted is not False
        if self.args.say is not None and not self.answer:
            ok = False
        if self.args.screenshot and not self.saved:
            ok = False
        return {
            "ok": ok,
            "engine": shell.engine.name if shell else "",
            "component": {"chat": "chatkit", "builtin": "builtin"}.get(self.page, ""),
            "page": self.page,
            "ready_ms": self.ready_ms,
            "ready_at": self.ready_at,
            "answer": self.answer,
            "answer_ms": self.answer_ms,
            "painted": self.painted,
            "csp_violations": self.violations,
            "errors": [error.describe(context.texts) for error in (*self.errors, *self.app.failures)],
            "screenshot": self.saved,
        }
