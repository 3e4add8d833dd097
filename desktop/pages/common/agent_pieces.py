"""An answer on its way to a page: how its pieces are put together, and how often they go out.

A page that draws every word falls behind: each event is a rendering of the whole text. So what comes within a breath is
one event, the breath grows with the text and with the time that the page takes to acknowledge, and nothing is lost or
comes in another order. Knows no stream and no bridge.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from desktop.agents.chatkit.remote_content import Shield

SHORTEST = 0.04
"""Seconds between two batches: a screen shows no more than that."""
LONGEST = 0.8
"""However slow the page: words that come more rarely look like a stop."""
FREE = 4
"""Batches at the beginning without a breath: the first words are waited for."""
DRAWN = 250_000
"""Characters that a page is taken to render in a second, at the pace of a slow computer."""


class Timer(Protocol):
    def cancel(self) -> None: ...


def _soon(seconds: float, run: Callable[[], None]) -> Timer:
    timer = threading.Timer(seconds, run)
    timer.daemon = True
    timer.name = "pieces"
    timer.start()
    return timer


class _Piece:
    """What goes to the page as one event; `weight` pieces of the answer are in it."""

    def __init__(self, text: str, event: dict[str, Any] | None) -> None:
        self.weight = 1
        self._text: str | None = text
        self._event = event

    def text(self) -> str:
        if self._text is None:
            self._text = f"data: {json.dumps(self._event, ensure_ascii=False)}\n\n"
        return self._text

    def take(self, other: _Piece) -> bool:
        """Whether the next piece went into this one: more words of the same text, or a newer state of the same."""
        mine, theirs = self._event, other._event
        if mine is None or theirs is None or mine["type"] != theirs["type"]:
            return False
        if mine["type"] == "progress_update":
            made = theirs
        elif mine["type"] == "thread.item.updated" and _place(mine) == _place(theirs) is not None:
            update, next_update = mine["update"], theirs["update"]
            if "delta" in update:
                next_update = {**next_update, "delta": update["delta"] + next_update["delta"]}
            made = {**theirs, "update": next_update}
        else:
            return False
        self.weight += other.weight
        self._event, self._text = made, None
        return True


def _place(event: dict[str, Any]) -> tuple[object, ...] | None:
    """What an update is about, where updates of one place follow each other; None where each stands for itself."""
    update = event.get("update")
    if not isinstance(update, dict):
        return None
    kind = str(update.get("type"))
    if kind.endswith("text_delta") and isinstance(update.get("delta"), str):
        return event.get("item_id"), kind, update.get("content_index")
    if kind.endswith("value_delta") and isinstance(update.get("delta"), str):
        return event.get("item_id"), kind, update.get("component_id")
    if kind.endswith("task.updated"):
        return event.get("item_id"), kind, update.get("task_index")
    return None


class Outgoing:
    """One answer on its way to the page. `send(chunks, seq)` and `end()` are called in order, one at a time.

    The first piece goes at once. After it there is one batch under way at most: the next goes when the page has taken
    that one and its breath is over.
    """

    def __init__(
        self,
        shield: Shield | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
        soon: Callable[[float, Callable[[], None]], Timer] = _soon,
    ) -> None:
        self._shield = shield
        self._now = now
        self._soon = soon
        self._lock = threading.Lock()
        self._send: Callable[[list[str], int], None] | None = None
        self._finish: Callable[[], None] = lambda: None
        self._passed: Callable[[int], None] | None = None
        self._kept_back = 0
        """Pieces that `shield` has kept from the page, and nobody has heard of yet."""
        self._waiting: list[_Piece] = []
        self._unread: list[int] = []
        """The weights of what the page has not taken."""
        self._batches = 0
        self._size = 0
        self._sent_at = 0.0
        self._next_at = 0.0
        self._timer: Timer | None = None
        self._ended = False
        self._closed = False

    def open(
        self,
        send: Callable[[list[str], int], None],
        end: Callable[[], None],
        passed: Callable[[int], None] = lambda _count: None,
    ) -> None:
        """The page may have it from now on; what came before waited here. `passed(count)` hears of pieces of the
        answer that the page has taken, or that the shield has kept from it."""
        with self._lock:
            self._send, self._finish, self._passed = send, end, passed
            kept, self._kept_back = self._kept_back, 0
            self._flush()
        if kept:
            passed(kept)

    def add(self, text: str) -> None:
        piece = self._shown(text)
        if piece is None:
            with self._lock:
                passed = self._passed
                self._kept_back += passed is None
            if passed is not None:
                passed(1)
            return
        with self._lock:
            if not (self._waiting and self._waiting[-1].take(piece)):
                self._waiting.append(piece)
            self._flush()

    def end(self) -> None:
        with self._lock:
            self._ended = True
            self._flush()

    def taken(self, count: int) -> None:
        """The page has taken `count` events more."""
        with self._lock:
            weights, self._unread = self._unread[:count], self._unread[count:]
            if not self._unread and self._batches > FREE:
                # As long again as the page took: it has other things to do than to take.
                took = self._now() - self._sent_at
                self._next_at = self._sent_at + min(LONGEST, max(self._breath(), 2 * took))
            self._flush()
        if self._passed is not None and weights:
            self._passed(sum(weights))

    def close(self) -> None:
        """Nothing more goes out."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            self._rest()

    def _shown(self, text: str) -> _Piece | None:
        """The piece as the page may have it."""
        try:
            event = json.loads(text.removeprefix("data:")) if text.startswith("data:") else None
        except ValueError:
            event = None
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            return _Piece(text, None)
        if self._shield is None:
            return _Piece(text, event)
        shown = self._shield.event(event)
        if shown is None:
            return None
        return _Piece(text if shown == event else f"data: {json.dumps(shown, ensure_ascii=False)}\n\n", shown)

    def _breath(self) -> float:
        return max(SHORTEST, self._size / DRAWN)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        if self._send is None or self._closed:
            return
        wait = self._next_at - self._now()
        # The end waits for nobody: how much can be under way then, the agents' side has bounded.
        if self._waiting and (self._ended or not self._unread):
            if wait > 0 and not self._ended:
                if self._timer is None:
                    self._timer = self._soon(wait, self._due)
                return
            self._rest()
            batch, self._waiting = self._waiting, []
            self._unread += [piece.weight for piece in batch]
            self._batches += 1
            self._sent_at = self._now()
            texts = [piece.text() for piece in batch]
            self._size += sum(map(len, texts))
            self._send(texts, self._batches)
        if self._ended:
            self._closed = True
            self._rest()
            self._finish()

    def _due(self) -> None:
        with self._lock:
            self._timer = None
            self._next_at = 0.0
            self._flush()
