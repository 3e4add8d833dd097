"""Batches the pieces of an answer on their way to a page.

A page that renders every word falls behind, because each event renders the whole text. So pieces that arrive within a
short pause become one event. The pause grows with the text and with the time the page takes to acknowledge. Nothing is
lost or reordered. Knows no stream and no bridge.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from desktop.agents.chatkit.remote_content import Shield

SHORTEST = 0.04
"""The shortest pause, in seconds: a screen can't show more."""
LONGEST = 0.8
"""The longest pause, in seconds: with a longer one, the answer would seem to have stopped."""
FREE = 4
"""Batches sent at the beginning without a pause: the person is waiting for the first words."""
DRAWN = 250_000
"""Characters a page is assumed to render per second, on a slow computer."""


class Timer(Protocol):
    def cancel(self) -> None: ...


def _soon(seconds: float, run: Callable[[], None]) -> Timer:
    timer = threading.Timer(seconds, run)
    timer.daemon = True
    timer.name = "pieces"
    timer.start()
    return timer


class _Piece:
    """One event for the page, made of `weight` pieces of the answer."""

    def __init__(self, text: str, event: dict[str, Any] | None) -> None:
        self.weight = 1
        self._text: str | None = text
        self._event = event

    def text(self) -> str:
        if self._text is None:
            self._text = f"data: {json.dumps(self._event, ensure_ascii=False)}\n\n"
        return self._text

    def take(self, other: _Piece) -> bool:
        """Merge the next piece into this one, if it continues the same text or updates the same item. True if
        merged."""
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
    """The place an update is about, if later updates of it replace or extend it. None if each must be sent."""
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
    """One answer on its way to a page. `send(chunks, seq)` and `end()` are called in order, one at a time.

    The first piece is sent at once. After that, one batch at most is on its way: the next one is sent when the page has
    acknowledged it and the pause is over.
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
        """Pieces that `shield` withheld from the page, not reported yet."""
        self._waiting: list[_Piece] = []
        self._unread: list[int] = []
        """The weights of events the page has not acknowledged."""
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
        """Start sending to the page; earlier pieces waited here. `passed(count)` is called for pieces of the answer
        that the page has acknowledged or the shield withheld."""
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
        """The page has acknowledged `count` more events."""
        with self._lock:
            weights, self._unread = self._unread[:count], self._unread[count:]
            if not self._unread and self._batches > FREE:
                # Pause as long as the page took: it has other work to do.
                took = self._now() - self._sent_at
                self._next_at = self._sent_at + min(LONGEST, max(self._breath(), 2 * took))
            self._flush()
        if self._passed is not None and weights:
            self._passed(sum(weights))

    def close(self) -> None:
        """Send nothing more."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            self._rest()

    def _shown(self, text: str) -> _Piece | None:
        """The piece as the page may see it."""
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
        # At the end, send everything without waiting: the agents' side limits how much that can be.
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
