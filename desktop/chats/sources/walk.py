"""Reads an API's list to its end, page by page. Even if it changes meanwhile, nothing is repeated or left out.

Knows lists and cursors, not what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from desktop.openai_api.errors import BadAnswer, RequestRejected
from desktop.openai_api.threads import Order
from desktop.openai_api.wire import Item, Page, Thread

Entry = TypeVar("Entry", Thread, Item)
EMPTY = 3
"""Pages in a row without anything new, after which a direction leads no further."""
OTHERS = 5
"""Entries before the last one that are tried as a cursor where that one is refused: it was deleted meanwhile."""
STEP = 1e-7
"""Between the places of two entries that the first pass had missed at one spot."""


def walk(page: Callable[[str | None, Order], Page[Entry]], order: Order, host: str) -> Iterator[tuple[float, Entry]]:
    """Every entry with its place in `order`; a later one may have an earlier place. `page(after, order)` asks.

    A list of more than one page, or one that moved or broke off, is read from the other end too: an entry that slipped
    through between two pages is found there. Raises what `page` raises, and BadAnswer where the middle can't be had.
    """
    places: dict[str, int] = {}
    whole, pages = True, 0
    for data in _pages(page, order):
        if data is None:
            whole = False
            break
        pages += 1
        for entry in data:
            if entry.id in places:
                whole = False  # it moved while it was read
            else:
                places[entry.id] = len(places)
                yield float(len(places) - 1), entry
    if whole and pages <= 1:
        return
    back: Order = "desc" if order == "asc" else "asc"
    behind, missed, met = float(len(places)), 0, False
    extra: set[str] = set()
    for data in _pages(page, back):
        if data is None:
            if not met:
                raise BadAnswer("the list breaks off from both ends", host=host)
            return
        for entry in data:
            if entry.id in places:
                behind, missed, met = float(places[entry.id]), 0, True
            elif entry.id not in extra:
                extra.add(entry.id)
                missed += 1
                yield behind - missed * STEP, entry


def _pages(page: Callable[[str | None, Order], Page[Entry]], order: Order) -> Iterator[list[Entry] | None]:
    """The data of one page after the other; None at the end where the server promises more and does not give it."""
    after: str | None = None
    asked: set[str] = set()
    others: list[str] = []
    empty = 0
    while True:
        try:
            found = page(after, order)
        except RequestRejected:
            if after is None:
                raise
            if not others:
                yield None
                return
            after = others.pop()
            continue
        yield found.data
        others = [entry.id for entry in found.data[:-1]][-OTHERS:] or others
        if not found.has_more:
            return
        cursor = found.last_id or (found.data[-1].id if found.data else None)
        empty = 0 if found.data else empty + 1
        if cursor is None or cursor in asked or empty >= EMPTY:
            yield None
            return
        asked.add(cursor)
        after = cursor
