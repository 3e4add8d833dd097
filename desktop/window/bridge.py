"""The bridge between a page and Python: our own dispatcher in place of pywebview's.

pywebview's dispatcher lets any frame call any dotted name, answers with tracebacks, and does not answer unknown names.
Here a call is `{page_key, id, method, params}` and gets one answer, `{id, ok, value}` or `{id, ok, error}`. A call
without the key of the page now shown does nothing. Knows no page and no engine: a showing brings the methods its page
may call, and the caller provides the function that pushes a script into the window.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from desktop.common.errors import AppError, BadParams, Catalogue, InternalError, PageGone
from desktop.window.calls import DEEPEST, Unread, is_deeper
from desktop.window.errors import CallTooLarge, TooManyCalls, UnknownMethod
from desktop.window.showing import Showing

log = logging.getLogger(__name__)

MOST_IN_FLIGHT = 32
"""Calls of one showing that may run at the same time."""
MOST_HELD = 1_000
"""Events kept for a page that has not made its first call. The oldest are dropped first."""
OPENING = re.compile(r"(?:^|[._])(?:open|pick|choose)(?:_|$)")
"""Methods that open something in front of the person: a window, a dialog, the browser, the file manager. A call needs
no click, so a script could open them endlessly."""
MOST_OPENINGS = 5
"""How many of these a page may call in a row."""
OPENING_SECONDS = 2.0
"""Seconds until it may call another one."""
ID_LENGTH = 64
TOO_DEEP = f"params: nested deeper than {DEEPEST} levels"
NAME_LENGTH = 80
"""The longest part of a page's own text (a method, a parameter) repeated in an answer, in characters."""


def weighs_over(value: Any, limit: int) -> bool:
    """Whether parsed JSON takes more than `limit` bytes of UTF-8, not counting spaces and escapes.

    Stops at the limit and never builds the text again, so refusing a call of many megabytes is cheap.
    """
    left = limit
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            left -= _bytes(item, left) + 2
        elif isinstance(item, dict):
            left -= 1 + max(1, len(item))
            for key, inner in item.items():
                left -= _bytes(key, left) + 3
                if left < 0:
                    return True
                stack.append(inner)
        elif isinstance(item, list):
            left -= 1 + max(1, len(item))
            if left < 0:
                return True
            stack.extend(item)
        elif isinstance(item, int) and not isinstance(item, bool):
            left -= max(1, item.bit_length() * 3 // 10)
        else:
            left -= 3
        if left < 0:
            return True
    return False


def _bytes(text: str, enough: int) -> int:
    """The length of `text` in UTF-8. If it has more than `enough` characters, just their number."""
    if text.isascii() or len(text) > enough:
        return len(text)
    return len(text.encode("utf-8", "surrogatepass"))


class Channel:
    """One window's side of the bridge: the showing it holds, and what waits to be pushed.

    `schedule(flush)` runs `flush` on the window's thread soon; `push(script)` runs a script in its page. Everything
    collected between two turns of the window's loop goes out as one script, so batching needs no thread and no timer.
    """

    def __init__(self, schedule: Callable[[Callable[[], None]], None], push: Callable[[str], None]) -> None:
        self._schedule = schedule
        self._push = push
        self._lock = threading.Lock()
        self._showing: Showing | None = None
        self._heard = False
        self._scheduled = False
        self._waiting: deque[str] = deque()
        self._in_flight = 0

    @property
    def showing(self) -> Showing | None:
        return self._showing

    def hold(self, showing: Showing | None) -> None:
        """The window now shows this. Anything that waited for the previous page is dropped."""
        with self._lock:
            before, self._showing = self._showing, showing
            self._heard = False
            self._waiting.clear()
            self._in_flight = 0
        # Outside the lock: the page's `on_gone` may still post.
        if before is not None and before is not showing:
            before.revoke()

    def enter(self, showing: Showing) -> None:
        """Count one more running call of `showing`. Raises TooManyCalls, and PageGone if something else is shown."""
        with self._lock:
            if self._showing is not showing:
                raise PageGone()
            if self._in_flight >= MOST_IN_FLIGHT:
                raise TooManyCalls()
            self._in_flight += 1

    def leave(self, showing: Showing) -> None:
        """A call of `showing` has ended. Calls of an earlier page are no longer counted."""
        with self._lock:
            if self._showing is showing:
                self._in_flight -= 1

    def heard(self) -> None:
        """The page has made a call, so its side of the bridge exists. Send what was held for it."""
        with self._lock:
            if self._heard:
                return
            self._heard = True
        self._flush_soon()

    def post(self, entry: dict[str, Any], showing: Showing | None = None) -> None:
        """Send `entry` to the page. It is dropped if the window shows another page by now.

        Raises TypeError or ValueError at once if JSON can't hold it or it is nested deeper than `calls.DEEPEST`: later,
        it would spoil the entries sent with it.
        """
        self.send(_written(entry), showing)

    def send(self, text: str, showing: Showing | None) -> None:
        """Like `post`, for an entry that is already JSON."""
        with self._lock:
            current = self._showing
            if current is None or not current.alive or (showing is not None and showing is not current):
                return
            self._waiting.append(text)
            if not self._heard:
                while len(self._waiting) > MOST_HELD:
                    self._waiting.popleft()
                return
        self._flush_soon()

    def _flush_soon(self) -> None:
        with self._lock:
            if self._scheduled or not self._waiting:
                return
            self._scheduled = True
        self._schedule(self._flush)

    def _flush(self) -> None:
        with self._lock:
            self._scheduled = False
            if not self._heard:
                return  # scheduled for the previous page; what waits now is for one that has not called yet
            entries = ",".join(self._waiting)
            self._waiting.clear()
            if not entries or self._showing is None or not self._showing.alive:
                return
        # ";0": GTK logs an error for a result it cannot convert.
        self._push(f"window.bridge&&window.bridge.deliver([{entries}]);0")


class Pace:
    """A rate limit: `most` at once, then one every `seconds`. Thread-safe."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float]) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._lock = threading.Lock()
        self._left, self._since = float(most), clock()

    def take(self) -> bool:
        """Whether one more is allowed now."""
        with self._lock:
            now = self._clock()
            self._left = min(float(self._most), self._left + (now - self._since) / self._seconds)
            self._since = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


@dataclass(frozen=True)
class Answered:
    """A call that has been answered, for counters and watchers. Never its value, which may be a secret."""

    page: str
    method: str
    params: Any
    """The checked parameters; None if they were invalid."""
    seconds: float
    error: AppError | None


class Bridge:
    """Answers the calls of every window's page. `texts`: the sentences of errors."""

    def __init__(
        self,
        texts: Catalogue,
        *,
        on_answered: Callable[[Answered], None] = lambda _answered: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._texts = texts
        self._on_answered = on_answered
        self._clock = clock
        self._openings: dict[str, Pace] = {}
        """By page name, so that reloading a page does not reset its limit."""
        self.refused = 0
        """Calls without a valid page key. They are counted, never answered."""

    def receive(self, channel: Channel, name: object, params: object, _id: object) -> None:
        """A call from the engine, on the window's thread. It is checked here and run on its own thread."""
        showing = channel.showing
        if (
            showing is None
            or not showing.alive
            or not isinstance(params, dict)
            or params.get("page_key") != showing.key
            or not isinstance(params.get("id"), str)
            or not 0 < len(params["id"]) <= ID_LENGTH
        ):
            # Not logged: a page could send thousands, and a log line costs the window's thread more than this check.
            self.refused += 1
            if self.refused & (self.refused - 1) == 0:
                log.warning("a call without the key of the page shown was ignored (%d so far)", self.refused)
            return
        channel.heard()
        call_id: str = params["id"]
        started = self._clock()
        method_name = params.get("method")
        if name != "call" or set(params) - {"page_key", "id", "method", "params"}:
            self._refuse(channel, showing, call_id, UnknownMethod(method=_name(name)))
            return
        if not isinstance(method_name, str) or method_name not in showing.page.methods:
            self._refuse(channel, showing, call_id, UnknownMethod(method=_name(method_name)))
            return
        method = showing.page.methods[method_name]
        raw = params.get("params", {})
        if raw is Unread.TOO_DEEP:
            self._refuse(channel, showing, call_id, BadParams(problem=TOO_DEEP))
            return
        if raw is Unread.TOO_LARGE or weighs_over(raw, method.limit):
            self._refuse(channel, showing, call_id, CallTooLarge(limit=f"{method.limit // 1024} KB"))
            return
        if OPENING.search(method_name):
            pace = self._openings.setdefault(showing.page.name, Pace(MOST_OPENINGS, OPENING_SECONDS, self._clock))
            if not pace.take():
                self._refuse(channel, showing, call_id, TooManyCalls())
                return
        try:
            channel.enter(showing)
        except AppError as error:
            self._refuse(channel, showing, call_id, error)
            return

        def run() -> None:
            params: Any = None
            failure: AppError | None = None
            try:
                params = self._checked(showing, method_name, raw)
                answer = _written({"id": call_id, "ok": True, "value": method.call(params)})
            except AppError as error:
                failure = error
            except Exception:  # includes a value that JSON can't hold, or that is too deep
                log.exception("the method %s failed", method_name)
                failure = InternalError(method_name)
            if failure is not None:
                answer = _written(self._failed(call_id, failure))
            channel.leave(showing)
            channel.send(answer, showing)
            self._on_answered(Answered(showing.page.name, method_name, params, self._clock() - started, failure))

        try:
            threading.Thread(target=run, name=f"call {method_name}", daemon=True).start()
        except RuntimeError:  # the system has no more threads
            channel.leave(showing)
            self._refuse(channel, showing, call_id, TooManyCalls())

    def _checked(self, showing: Showing, name: str, raw: Any) -> Any:
        from pydantic import ValidationError

        try:
            return showing.page.methods[name].params.model_validate(raw)
        except ValidationError as error:
            problem = _first_problem(error)
        raise BadParams(problem=problem)

    def _failed(self, call_id: str, error: AppError) -> dict[str, Any]:
        try:
            described = error.describe(self._texts)
        except Exception:  # the page needs an answer even if a text is missing
            log.exception("the error %s has no words", error.code)
            described = {
                "code": error.code,
                "message": error.code,
                "hint": "",
                "retryable": error.retryable,
                "field": error.field,
                "detail": "",
            }
        return {"id": call_id, "ok": False, "error": described}

    def _refuse(self, channel: Channel, showing: Showing, call_id: str, error: AppError) -> None:
        channel.post(self._failed(call_id, error), showing)
        self._on_answered(Answered(showing.page.name, "", None, 0.0, error))


def _name(given: object) -> str:
    """The name an answer gives an unknown method. For a value that isn't text, its type: it may be nested too deep to
    print."""
    return given[:NAME_LENGTH] if isinstance(given, str) else f"({type(given).__name__})"


def _written(entry: dict[str, Any]) -> str:
    # ASCII only: on GTK, pywebview passes a count of characters as a count of bytes, which cuts the script off.
    try:
        text = json.dumps(entry, ensure_ascii=True, allow_nan=False)
    except RecursionError as error:
        raise ValueError("nested deeper than JSON goes") from error
    # The depth that `json` and the engine can read differs by version. Anything the engine can't read spoils #
    # everything pushed with it.
    if is_deeper(text):
        raise ValueError(f"nested deeper than {DEEPEST} levels")
    return text


def _first_problem(error: Any) -> str:
    """The first wrong parameter and what is wrong with it, without its value, which may be a secret."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:NAME_LENGTH] or "params"
    return f"{place}: {first['msg']}"
