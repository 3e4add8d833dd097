"""One live connection with an MCP server, over `mcp`'s client: opened, asked for tools, called, closed.

Made and used on one event loop. A task of its own holds it open, since `mcp` wants to be left where it was entered.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from desktop import __version__
from desktop.agents import failures
from desktop.agents.limits import Limits
from desktop.agents.mcp import environment, http
from desktop.agents.mcp.program import Program
from desktop.agents.runs import CURRENT
from desktop.errors import (
    AppError,
    InternalError,
    McpEnded,
    McpFailed,
    McpNotAnswering,
    McpNotMcp,
    NetworkError,
    Phrase,
)
from desktop.openai_api.errors_map import scrub
from desktop.settings.mcp import McpServer, normalise_url

if TYPE_CHECKING:
    from mcp import Client

    from desktop.openai_api import transport

log = logging.getLogger(__name__)

MOST_TOOLS = 200
MOST_OF_A_DESCRIPTION = 4_000
MOST_OF_A_SCHEMA = 50_000
"""Characters of the description of a tool's parameters, as JSON."""
MOST_JUNK = 50
"""Lines that are no messages, of a program that prints before it speaks."""
MOST_UNASKED = 5_000
"""Messages between two answers."""
MOST_TEXT = 200_000
"""Characters of a result that go to the model."""
MOST_OF_A_PICTURE = 5_000_000
CLOSED = -32000
"""`mcp`'s code for a connection that has ended (mcp 2.3, CONNECTION_CLOSED)."""


@dataclass(frozen=True)
class Want:
    """What a connection is made of; one that was made for another want is of no use to it."""

    server: McpServer
    """Without its name and what is approved: those make no other server."""
    secrets: Mapping[str, str] = field(repr=False)
    route: transport.Endpoint


@dataclass(frozen=True)
class Tool:
    """A tool as its server describes it."""

    name: str
    description: str
    schema: dict[str, Any]
    """Of its parameters, JSON Schema."""


@dataclass(frozen=True)
class Outcome:
    """What a call gave. `failed`: the tool, or the server, says that it went wrong."""

    text: str
    failed: bool = False
    pictures: tuple[str, ...] = ()
    """As data: addresses."""


class Connection:
    """`open` once, then `call`; `close` whenever."""

    def __init__(self, label: str, want: Want, limits: Limits, ours: Mapping[str, str]) -> None:
        """`ours`: this process's environment."""
        self.label = label
        self.want = want
        self.tools: tuple[Tool, ...] = ()
        self._limits = limits
        self._ours = ours
        self._client: Client | None = None
        self._program: Program | None = None
        self._seen = http.Seen()
        self._junk = 0
        self._spoke = False
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._lost = False
        self._unasked = 0

    @property
    def alive(self) -> bool:
        """Whether a call may be made."""
        going = self._task is not None and not self._task.done() and self._client is not None and not self._lost
        return going and (self._program is None or self._program.alive)

    @property
    def pid(self) -> int:
        """Of its program; 0 where there is none."""
        return self._program.pid if self._program is not None else 0

    async def open(self) -> None:
        """Raises AppError: those of McpError, of the network, of what `http.client` raises."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        context = contextvars.copy_context()
        context.run(CURRENT.set, None)  # it outlives the answer that it was opened for
        self._task = asyncio.get_running_loop().create_task(self._hold(ready), context=context)
        problem: AppError | None = None
        try:
            async with asyncio.timeout(self._limits.mcp_start):
                await asyncio.shield(ready)
            return
        except TimeoutError:
            problem = self._seen.problem or self._silent(self._limits.mcp_start)
        except AppError as error:
            problem = error
        except asyncio.CancelledError:
            ready.cancel()
            await self.close(0.0)
            raise
        ready.cancel()
        await self.close(0.0)
        raise problem

    def _silent(self, seconds: float) -> AppError:
        if self._junk and not self._spoke:
            return McpNotMcp(server=self.label)
        return McpNotAnswering(server=self.label, seconds=round(seconds))

    async def call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Raises McpEnded, McpNotAnswering, McpFlood, McpRefused, NetworkError: what the server itself says is an
        Outcome."""
        client = self._client
        if client is None or not self.alive:
            raise self._why()
        problem: AppError
        try:
            async with asyncio.timeout(self._limits.mcp_call):
                return _outcome(await client.call_tool(name, arguments))
        except TimeoutError:
            problem = McpNotAnswering(server=self.label, seconds=round(self._limits.mcp_call))
        except Exception as error:  # noqa: BLE001 - mcp's, the network's, pydantic's
            seen, self._seen.problem = self._seen.problem, None
            if seen is not None or self._is_end(error) or not self.alive:
                self._lost = True
                problem = seen or self._why(error)
            else:
                return Outcome(scrub(_words(error), tuple(self.want.secrets.values()))[:2000], failed=True)
        raise problem

    async def close(self, limit: float | None = None) -> None:
        """Ends it, its program and all below; what still waits for an answer gets none."""
        task = self._task
        if self._program is not None:
            await self._program.end(self._limits.mcp_end if limit is None else limit)
        self._over.set()
        if task is None or task.done():
            return
        if limit == 0.0:
            task.cancel()
        done, _ = await asyncio.wait({task}, timeout=self._limits.mcp_end + 0.5)
        if not done:
            task.cancel()
            await asyncio.wait({task}, timeout=1.0)

    # --- inside -------------------------------------------------------------------------------

    async def _hold(self, ready: asyncio.Future[None]) -> None:
        problem: AppError | None = None
        try:
            module = await asyncio.to_thread(_mcp)
            from mcp_types import Implementation

            who = Implementation(name="chatkit-desktop", version=__version__)
            async with module.Client(
                self._streams(), mode="auto", cache=None, client_info=who, read_timeout_seconds=self._limits.mcp_call
            ) as client:
                self.tools = await _list(client)
                self._client = client
                if not ready.done():
                    ready.set_result(None)
                await self._over.wait()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being opened, or ends it
            problem = self._explained(error)
            log.info("the connection with %s ended: %s", self.label, problem.code)
        finally:
            self._lost = True
            if self._program is not None:
                self._program.kill()
            if not ready.done():
                ready.set_exception(problem or McpEnded(server=self.label, problem=Phrase("code.ended")))

    def _explained(self, error: BaseException) -> AppError:
        leaf = error
        while isinstance(leaf, BaseExceptionGroup):
            leaf = leaf.exceptions[0]
        if isinstance(leaf, AppError):
            return leaf
        if self._seen.problem is not None:
            return self._seen.problem
        if self._is_end(leaf):
            return self._why(leaf)
        secrets = tuple(self.want.secrets.values())
        if isinstance(leaf, ModuleNotFoundError):
            return failures.of(leaf)
        told = failures.of(leaf, failures.Asked(host=self.want.route.host, secrets=secrets))
        if isinstance(told, NetworkError):
            return told
        if type(leaf).__name__ == "MCPError" and self.want.server.transport == "http" and not self._spoke:
            return McpNotMcp(told.detail, server=self.label)  # it has no such place, or another content
        if type(leaf).__name__ == "MCPError":
            return McpFailed(told.detail, server=self.label, problem=scrub(_words(leaf), secrets)[:300] or "?")
        if not isinstance(told, InternalError):
            return told
        return McpNotMcp(told.detail, server=self.label)

    def _is_end(self, error: BaseException) -> bool:
        if getattr(error, "code", None) == CLOSED or "Session terminated" in str(error):
            return True
        return type(error).__name__ in ("ClosedResourceError", "BrokenResourceError", "EndOfStream")

    def _why(self, error: BaseException | None = None) -> AppError:
        if self._program is not None:
            if self._junk > MOST_JUNK and not self._spoke:
                return McpNotMcp(server=self.label)
            why = self._program.why()
            if isinstance(why, McpEnded) and self._junk and not self._spoke:
                return McpNotMcp(server=self.label)
            return why
        if self._seen.problem is not None:
            return self._seen.problem
        return McpEnded(repr(error)[:100], server=self.label, problem=Phrase("code.ended"))

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[Any]:
        """What `mcp.Client` reads from and writes to."""
        server = self.want.server
        if server.transport == "http":
            from mcp.client.streamable_http import streamable_http_client

            client = http.client(server, self.want.secrets, self.want.route, self._limits.mcp_call, self._seen)
            async with client, streamable_http_client(normalise_url(server.url), http_client=client) as streams:
                yield streams
            return
        secrets = tuple(self.want.secrets.values())
        environ = environment.of_program(server, self.want.secrets, self._ours)
        self._program = Program(server.model_copy(update={"name": self.label}), environ, secrets, self._ours)
        self._program.start()
        async with self._piped(self._program) as piped:
            yield piped

    @asynccontextmanager
    async def _piped(self, program: Program) -> AsyncIterator[Any]:
        import anyio
        from mcp.shared.message import SessionMessage

        coming, incoming = anyio.create_memory_object_stream[Any](0)
        outgoing, going = anyio.create_memory_object_stream[SessionMessage](0)

        async def listen() -> None:
            async with coming:
                with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                    while (line := await program.receive()) is not None:
                        message = self._read(program, line)
                        if message is not None:
                            await coming.send(message)

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

    def _read(self, program: Program, line: bytes) -> Any:
        """A message; None for what is none. What is too much ends the program."""
        from mcp.shared.message import SessionMessage
        from mcp_types import jsonrpc_message_adapter

        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:
            self._junk += 1
            if self._junk == MOST_JUNK + 1:
                log.warning("%s: its standard output is not the protocol", self.label)
                program.flooded()
            return None
        if hasattr(message, "result") or hasattr(message, "error"):
            self._spoke, self._unasked = True, 0
        else:
            self._unasked += 1
            if self._unasked == MOST_UNASKED:
                program.flooded()
            if self._unasked >= MOST_UNASKED:
                return None
        return SessionMessage(message)


def _mcp() -> Any:
    """Imported at the first connection: nearly half a second."""
    import mcp

    return mcp


async def _list(client: Client) -> tuple[Tool, ...]:
    found: list[Tool] = []
    cursor: str | None = None
    for _ in range(MOST_TOOLS):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            schema = dict(tool.input_schema)
            if len(repr(schema)) > MOST_OF_A_SCHEMA or not 0 < len(tool.name) <= 200:
                log.warning("a tool was left out: its description is too long")
                continue
            found.append(Tool(tool.name, (tool.description or "")[:MOST_OF_A_DESCRIPTION], schema))
        cursor = page.next_cursor
        if not cursor or len(found) >= MOST_TOOLS:
            break
    return tuple(found[:MOST_TOOLS])


def _outcome(result: Any) -> Outcome:
    texts: list[str] = []
    pictures: list[str] = []
    for part in result.content:
        if part.type == "text":
            texts.append(part.text)
        elif part.type == "image" and len(part.data) <= MOST_OF_A_PICTURE and part.mime_type.startswith("image/"):
            pictures.append(f"data:{part.mime_type};base64,{part.data}")
        elif part.type in ("image", "audio"):
            texts.append(f"[{part.type}: {part.mime_type}]")
        else:
            texts.append(part.model_dump_json(exclude_none=True))
    text = "\n".join(texts)
    if len(text) > MOST_TEXT:
        text = f"{text[:MOST_TEXT]}\n[cut: {len(text)} characters]"
    return Outcome(text, bool(result.is_error), tuple(pictures[:4]))


def _words(error: BaseException) -> str:
    return str(getattr(error, "message", "") or error) or type(error).__name__
