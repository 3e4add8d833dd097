"""What an answer is: whole, or in pieces; how other threads wait for the loop that makes it; what counts them.

Knows neither the SDKs nor who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from desktop.common.errors import PageGone

if TYPE_CHECKING:
    import asyncio

    from desktop.agents.chatkit.runs import Run

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """The whole answer of a request that does not stream."""

    json: str


@dataclass(frozen=True)
class Stream:
    """An answer that comes in pieces, each `data: {…}` and an empty line."""

    id: str


Answer = Reply | Stream


def waited(waiting: Future[T], loop: asyncio.AbstractEventLoop, given_up: Callable[[], bool] = lambda: False) -> T:
    """The outcome of what was handed to `loop` from another thread. Raises PageGone where the loop has ended, or
    soon after `given_up` says that nobody waits any more."""
    while True:
        try:
            return waiting.result(1.0)
        except TimeoutError:
            if waiting.done():
                raise
            if given_up():
                waiting.cancel()
                raise PageGone from None
            if loop.is_closed():  # it ended between the two lines above
                raise PageGone from None
        except CancelledError:
            raise PageGone from None


def tell(
    loop: asyncio.AbstractEventLoop | None, runs: Mapping[str, Run], stream_id: str, what: Callable[[Run], None]
) -> None:
    """Does something to a run on its loop; an unknown one is none of anybody's business."""
    if loop is None or stream_id not in runs:
        return

    def do() -> None:
        run = runs.get(stream_id)
        if run is not None:
            what(run)

    with suppress(RuntimeError):  # the loop is closed: the run has ended
        loop.call_soon_threadsafe(do)


class Counts(Protocol):
    """What is needed of the counters (`diagnostics.Counters`)."""

    def add(self, name: str, amount: int = 1) -> None: ...


class NoCounts:
    """Counts nothing."""

    def add(self, name: str, amount: int = 1) -> None:
        pass
