"""The progress and the remaining time of a long job, estimated from its recent pace. Knows no job."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from desktop.chats.types import Progress, Tell

STRETCH = 200
"""Steps that are looked back on: the beginning says little of the end where much is up to date."""
ENOUGH = 3
"""Steps before anything is said of the time."""
APART = 0.1
"""Seconds between two tellings."""


class Pace:
    """`step` before each one of `total`; it is told at most every tenth of a second, the first and the last always."""

    def __init__(self, tell: Tell | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell or (lambda progress: None)
        self._clock = clock
        self._marks: deque[tuple[int, float]] = deque(maxlen=STRETCH)
        self._told = float("-inf")

    def counting(self, so_far: int = 0) -> None:
        """Nobody knows yet how many there are."""
        now = self._clock()
        if not so_far or now - self._told >= APART:
            self._told = now
            self._tell(Progress(so_far))

    def step(self, done: int, total: int, title: str = "") -> None:
        now = self._clock()
        self._marks.append((done, now))
        if 0 < done < total and now - self._told < APART:
            return
        self._told = now
        self._tell(Progress(done, total, title, self._left(done, total, now)))

    def _left(self, done: int, total: int, now: float) -> float | None:
        first, began = self._marks[0]
        if done >= total:
            return 0.0
        if done - first < ENOUGH:
            return None
        return (now - began) / (done - first) * (total - done)
