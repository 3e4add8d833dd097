"""Exchanges `mcp`'s messages with a program over standard input and output, and notices other output."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from desktop.agents.mcp.lines import messages
from desktop.agents.mcp.program import Program, output

log = logging.getLogger(__name__)

MOST_JUNK = 1_000
"""Lines that are no messages, of a program that prints before it speaks."""
MOST_BETWEEN = 20_000
"""The same between two messages: some print as they work."""
LOGGED = 20
"""Of those lines, how many stand in the log."""
MOST_UNASKED = 5_000
"""Messages between two answers."""


class Stdio:
    """The messages of one program. `lost` is called when its output has ended, before pending calls learn of it."""

    def __init__(self, label: str, lost: Callable[[], None]) -> None:
        self.label = label
        self.junk = 0
        """Lines that were no messages since the last message."""
        self.spoke = False
        """Whether it has answered in the protocol."""
        self._lost = lost
        self._unasked = 0

    @asynccontextmanager
    async def streams(self, program: Program) -> AsyncIterator[Any]:
        """The streams `mcp.Client` reads and writes, for a program that has been started. Kills it at the end."""
        import anyio
        from mcp.shared.message import SessionMessage

        coming, incoming = anyio.create_memory_object_stream[Any](0)
        outgoing, going = anyio.create_memory_object_stream[SessionMessage](0)

        async def listen() -> None:
            async with coming:
                with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                    while (line := await program.receive()) is not None:
                        for message in self._read(program, line):
                            await coming.send(message)
                self._lost()  # before those who wait for an answer are told

        async def speak() -> None:
            async with going:
                async for message in going:
                    text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    program.send(f"{text}\n".encode())

        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            group.start_soon(speak)
            try:
                yield incoming, outgoing
            finally:
                program.kill()
                group.cancel_scope.cancel()
                for stream in (coming, incoming, outgoing, going):
                    stream.close()

    def _read(self, program: Program, line: bytes) -> list[Any]:
        """The messages of a line (older servers may send several at once); none, where it is none. What is too much
        ends the program."""
        from mcp.shared.message import SessionMessage

        found = messages(line, MOST_UNASKED)
        if not found:
            self.junk += 1
            program.banner(line)
            if self.junk <= LOGGED:
                output.info("%s, in place of the protocol: %s", self.label, program.plain(line))
            if self.junk > (MOST_BETWEEN if self.spoke else MOST_JUNK):
                log.warning("%s: its standard output is not the protocol", self.label)
                program.flooded()
            return []
        if self.spoke:
            self.junk = 0
        given = []
        for message in found:
            if hasattr(message, "result") or hasattr(message, "error"):
                self.spoke, self._unasked = True, 0
            else:
                self._unasked += 1
                if self._unasked == MOST_UNASKED:
                    program.flooded()
            if self._unasked < MOST_UNASKED:
                given.append(SessionMessage(message))
        return given
