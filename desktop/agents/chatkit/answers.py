"""The answer to a request, whole or as a stream; how other threads wait for it; counters.

Knows no SDK and no caller.
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
    """An answer in pieces, each `data: {…}` and an empty line."""

    id: str


Answer = Reply | Stream


def waited(waiting: Future[T], loop: asyncio.AbstractEventLoop, given_up: Callable[[], bool] = lambda: False) -> T:
    """Wait on another thread for the result of a coroutine on `loop`. Raises PageGone if the loop has ended, or soon
    after `given_up` says that nobody waits any more."""
    while True:
        try:
            return waiting.result(1.0)
        except TimeoutError:
            if waiting.done():
                raise
            if given_up():
                waiting.cancel()
                raise PageGone from None
            if loop.is_closed():  # the loop ended between the two lines above
                raise PageGone from None
        except CancelledError:
            raise PageGone from None


def tell(
    loop: asyncio.AbstractEventLoop | None, runs: Mapping[str, Run], stream_id: str, what: Callable[[Run], None]
) -> None:
    """Do something to a run on its loop. Ignores an unknown run."""
    if loop is None or stream_id not in runs:
        return

    def do() -> None:
        run = runs.get(stream_id)
        if run is not None:
            what(run)

    with suppress(RuntimeError):  # the loop is closed, so the run has ended
        loop.call_soon_threadsafe(do)


class Counts(Protocol):
    """The part of `diagnostics.Counters` used here."""

    def add(self, name: str, amount: int = 1) -> None: ...


class NoCounts:
    """Counts nothing."""

    def add(self, name: str, amount: int = 1) -> None:
        pass
