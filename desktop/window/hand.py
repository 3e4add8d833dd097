"""The person's hand on one window: whether something may leave it now.

An engine's own word for "a person did this" is not enough: WebKitGTK takes every script that the app itself runs in a
page for a person's doing, and Chromium lets a script go on with a click for five seconds. So the events that the
window's toolkit has seen decide, and each is good for one thing. Knows no toolkit.
"""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT = 2.0
"""Seconds from a click or key until what it means must have come back from the page's process."""


class Hand:
    """Told of real events by the window's own thread, asked there too."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None

    def pressed(self) -> None:
        """A mouse button went down, a finger touched, or a key that sets something off (Enter, Space) was struck."""
        self._since = self._clock()

    def released(self) -> None:
        """The button or finger went up: a click is over only now, and counts from here. It is still the same one."""
        if self._since is not None:
            self._since = self._clock()

    def take(self) -> bool:
        """Whether one thing may leave now; it uses the event up."""
        since, self._since = self._since, None
        return since is not None and self._clock() - since <= LIMIT


class Claim:
    """For engines that show the app no clicks: what they say of a person's doing, and no oftener than a person acts.

    A script can go on with one click for five seconds in Chromium; so each thing that has left uses up what follows in
    the next two.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: float | None = None

    def take(self, claimed: bool) -> bool:
        """Whether one thing may leave now, where the engine says that a person has asked for it."""
        now = self._clock()
        if not claimed or (self._taken is not None and now - self._taken < LIMIT):
            return False
        self._taken = now
        return True
