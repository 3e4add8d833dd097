"""What the recorded stand-ins of vendors' objects share: a member not written down raises, and so does a wrong type.

A recorded stand-in shows that an adapter says the right things to a toolkit that can't run here, and nothing about what
the toolkit then does.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, ClassVar


class Recorded:
    """An object of a vendor's. `MEMBERS`: what may be set, and the type it takes (None: any)."""

    MEMBERS: ClassVar[dict[str, Any]] = {}

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in type(self).MEMBERS:
            raise AttributeError(f"{type(self).__name__}.{name} is not recorded")
        wanted = type(self).MEMBERS[name]
        if wanted is not None and type(value) is not wanted:
            raise TypeError(f"{type(self).__name__}.{name} takes {wanted.__name__}, not {type(value).__name__}")
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__}.{name} is not recorded")


class Event:
    """A .NET event: `+=` adds a handler."""

    def __init__(self) -> None:
        self._handlers: list[Callable[[Any, Any], object]] = []

    def __iadd__(self, handler: Callable[[Any, Any], object]) -> Event:
        self._handlers.append(handler)
        return self

    def fire(self, sender: Any, args: Any) -> Any:
        for handler in self._handlers:
            handler(sender, args)
        return args


class Loop:
    """The event loop of the thread of windows."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self.thread: int | None = None

    def post(self, job: Callable[[], object]) -> None:
        self._jobs.put(job)

    def end(self) -> None:
        self._jobs.put(None)

    def run(self) -> None:
        """Until `end`. An exception of a job goes through, as through a foreign loop."""
        self.thread = threading.get_ident()
        while (job := self._jobs.get()) is not None:
            job()
