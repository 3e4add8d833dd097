"""User activation of one window: whether a person's click or key allows something to leave it now.

An engine's own notion of user activation is not enough: WebKitGTK counts every script the app runs in a page as a
person's action, and Chromium lets a script use a click for five seconds. Here the events seen by the window's toolkit
decide, and each is good for one action. Knows no toolkit.
"""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT = 2.0
"""Seconds from a click or key until its effect must have come back from the page's process."""


class UserActivation:
    """Records real events and answers for them, both on the window's own thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None

    def pressed(self) -> None:
        """A mouse button or finger went down, or a key that activates something (Enter, Space) was pressed."""
        self._since = self._clock()

    def released(self) -> None:
        """The button or finger went up, which completes the click. Time counts from here."""
        if self._since is not None:
            self._since = self._clock()

    def take(self) -> bool:
        """Whether one thing may leave now. This uses up the event."""
        since, self._since = self._since, None
        return since is not None and self._clock() - since <= LIMIT


class Claim:
    """For engines that show the app no clicks: trusts their word for user activation, but no more often than a person
    acts.

    In Chromium, a script can use one click for five seconds, so each thing that leaves blocks the next two seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: float | None = None

    def take(self, claimed: bool) -> bool:
        """Whether one thing may leave now, given the engine's claim that a person asked for it."""
        now = self._clock()
        if not claimed or (self._taken is not None and now - self._taken < LIMIT):
            return False
        self._taken = now
        return True
