"""Coordinates starts of programs in this process: which have been ready before, and which is starting. Thread-safe.

A first start may download the server. So that the agents page's check and the chat don't start the same download twice,
the second one waits until the first is ready or has failed, and shows its output meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from desktop.common.errors import Phrase
from desktop.settings.mcp import McpServer

Key = tuple[str, ...]

POLL = 0.1
"""Seconds between two checks of another start."""


@dataclass(frozen=True)
class Starting:
    """The progress of a slow start, for the person."""

    server: str
    seconds: int
    """Seconds since it began."""
    said: str = ""
    """The program's last words."""
    first: bool = True
    """Whether it may be downloading itself."""

    @property
    def told(self) -> Phrase:
        """For the person."""
        key = "mcp.starting_first" if self.first else "mcp.starting_one"
        told = Phrase(key, {"server": self.server, "seconds": self.seconds})
        return Phrase("mcp.starting_said", {"told": told, "said": self.said}) if self.said else told


Tells = Callable[[Starting], None]


class Starts:
    """One for the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: set[Key] = set()
        self._under_way: dict[Key, Starting] = {}

    def known(self, server: McpServer) -> bool:
        """Whether it has been ready before, so it has nothing to download any more."""
        with self._lock:
            return key_of(server) in self._ready

    def was_ready(self, server: McpServer) -> None:
        with self._lock:
            self._ready.add(key_of(server))

    async def enter(self, server: McpServer, tells: Tells) -> None:
        """Wait until no other start of the same program is going. `leave` ends this one's turn."""
        key, label, began = key_of(server), server.label, time.monotonic()
        last = -1
        while True:
            with self._lock:
                other = self._under_way.get(key)
                if other is None:
                    self._under_way[key] = Starting(label, 0)
                    return
            if other.seconds != last:
                last = other.seconds
                tells(replace(other, server=label, seconds=max(other.seconds, int(time.monotonic() - began))))
            await asyncio.sleep(POLL)

    def tell(self, server: McpServer, told: Starting) -> None:
        """Inform those who wait for this start."""
        with self._lock:
            if key_of(server) in self._under_way:
                self._under_way[key_of(server)] = told

    def leave(self, server: McpServer) -> None:
        with self._lock, suppress(KeyError):
            del self._under_way[key_of(server)]


def key_of(server: McpServer) -> Key:
    """Equal for programs that download the same thing."""
    return (server.command, server.folder, *server.args)


STARTS = Starts()
