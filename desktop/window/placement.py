"""Where a window opens: at its remembered place, moved onto an existing screen if needed. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

VISIBLE = 80
"""Pixels of a window, across and down, that must be on a screen for it to be reachable."""


@dataclass(frozen=True)
class Rect:
    """Screen coordinates in logical pixels."""

    x: int
    y: int
    width: int
    height: int

    def overlap(self, other: Rect) -> tuple[int, int]:
        """Pixels the two have in common, across and down."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return across, down


@dataclass(frozen=True)
class Place:
    """A window's size and, if known, its position."""

    width: int
    height: int
    x: int | None = None
    y: int | None = None
    maximized: bool = False


def on_screen(place: Place, screens: Sequence[Rect], least: tuple[int, int] = (320, 240)) -> Place:
    """`place`, no larger than its screen and with its title bar reachable. Without a position, it stays without.

    A window on no screen, because a monitor was unplugged, moves to the middle of the first one.
    """
    if not screens:
        return place
    home = screens[0]
    known = place.x is not None and place.y is not None
    if known:
        frame = Rect(place.x or 0, place.y or 0, place.width, place.height)
        reachable = [s for s in screens if min(frame.overlap(s)) >= VISIBLE and frame.y >= s.y - 8]
        home = max(reachable or screens[:1], key=lambda s: max(0, frame.overlap(s)[0]) * max(0, frame.overlap(s)[1]))
        known = bool(reachable)
    width = min(max(least[0], place.width), home.width)
    height = min(max(least[1], place.height), home.height)
    if known:
        # After shrinking, a window may no longer overlap its screen.
        x = max(frame.x, home.x + min(VISIBLE, width) - width)
        return Place(width, height, x, frame.y, place.maximized)
    if place.x is None:
        return Place(width, height, None, None, place.maximized)
    return Place(
        width, height, home.x + (home.width - width) // 2, home.y + (home.height - height) // 2, place.maximized
    )
