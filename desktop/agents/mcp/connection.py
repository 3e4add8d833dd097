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
from desktop.agents.mcp import environment, http, sse
from desktop.agents.mcp.mended import Mended
from desktop.agents.mcp.program import Program
from desktop.agents.mcp.results import Outcome, outcome
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
MOST_PAGES = 200
"""Of a list of tools."""
LARGEST = 16 * 1024 * 1024
"""Bytes of one message over HTTP: a picture may be in it."""
CLOSED = -32000
"""`mcp`'s code for a connection that has ended (mcp 2.3, CONNECTION_CLOSED). Servers say it of calls that fail, too: it
proves nothing."""
OLDER = (400, 404, 405)
"""What a server of the older transport answers to a message (the specification's "Backwards Compatibility")."""
MOST_LISTENINGS = 1_000
UNREADABLE = ("Unexpected content type", "Failed to parse", "server answered a request with 202", "SSE stream")
"""How `mcp` (2.3) words what a server says that is no message; all else is the server's own."""
CHANGED = "notifications/tools/list_changed"


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


class SessionOver(Exception):
    """The server knows the session no more, and has done nothing: in a new one the call can be made."""


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
        self._ended: AppError | None = None
        """Why it has ended."""
        self._older = False
        """Whether it is of the older transport."""
        self._changed = asyncio.Event()
        """The tools have changed, and have not been asked for since."""
        self._fresh = asyncio.Event()
        """Nothing is known of such a change."""
        self._fresh.set()

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
        """What the server itself says is an Outcome. Raises McpEnded, McpNotAnswering, McpFlood, McpRefused,
        NetworkError, SessionOver."""
        client = self._client
        if client is None or not self.alive:
            raise self._why()
        problem: AppError
        try:
            async with asyncio.timeout(self._limits.mcp_call):
                made = outcome(await client.call_tool(name, arguments))
        except TimeoutError:
            problem = McpNotAnswering(server=self.label, seconds=round(self._limits.mcp_call))
        except Exception as error:  # noqa: BLE001 - mcp's, the network's, pydantic's
            if await self._has_ended(error):
                self._lost = True
                if self._seen.session_over:
                    raise SessionOver from None
                problem = self._seen.problem or self._why(error)
            else:
                return Outcome(scrub(_words(error), tuple(self.want.secrets.values()))[:2000], failed=True)
        else:
            await self._renewed()
            return made
        raise problem

    async def _has_ended(self, error: Exception) -> bool:
        """Whether the connection is what failed, and not the call. What `mcp` raises can be the server's own word, so
        it is looked whether anything has ended."""
        if self._seen.problem is not None or self._seen.session_over or not self.alive:
            return True
        if not self._may_be_end(error) or self._task is None:
            return False
        await asyncio.wait({self._task}, timeout=0.5)  # it may be about to end
        return not self.alive

    async def _renewed(self) -> None:
        """Where the call has changed the tools: until they are known."""
        if not self._fresh.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.mcp_renew):
                    await self._fresh.wait()

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
            problem = await self._held(module, ready)
            if problem is not None and self._may_be_older(ready):
                self._older, self._seen = True, http.Seen()
                older = await self._held(module, ready)
                if older is None or ready.done() or not isinstance(older, McpNotMcp):
                    problem = older
        finally:
            self._lost, self._ended = True, problem
            self._fresh.set()
            if self._program is not None:
                self._program.kill()
            if not ready.done():
                ready.set_exception(problem or McpEnded(server=self.label, problem=Phrase("code.ended")))

    async def _held(self, module: Any, ready: asyncio.Future[None]) -> AppError | None:
        """Holds the connection until it ends; why it did."""
        from mcp_types import Implementation

        try:
            async with module.Client(
                self._streams(),
                mode="auto",
                cache=None,
                client_info=Implementation(name="chatkit-desktop", version=__version__),
                read_timeout_seconds=self._limits.mcp_call,
                message_handler=self._heard,
            ) as client:
                self.tools = await _list(client)
                self._client = client
                if not ready.done():
                    ready.set_result(None)
                await self._follow(client)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being opened, or ends it
            problem = self._explained(error)
            log.info("the connection with %s ended: %s", self.label, problem.code)
            return problem
        return None

    def _may_be_older(self, ready: asyncio.Future[None]) -> bool:
        seen = self._seen
        http_ = self.want.server.transport == "http"
        return http_ and not ready.done() and not self._older and not seen.spoke and seen.status in OLDER

    async def _heard(self, message: Any) -> None:
        """What the server says unasked."""
        if getattr(message, "method", "") == CHANGED:
            self._fresh.clear()
            self._changed.set()

    async def _follow(self, client: Client) -> None:
        """Until the end: the tools anew whenever the server says that they have changed."""
        listening = asyncio.create_task(self._listen(client))
        over = asyncio.create_task(self._over.wait())
        ended = asyncio.create_task(self._seen.over.wait())
        try:
            while True:
                changed = asyncio.create_task(self._changed.wait())
                try:
                    await asyncio.wait({changed, over, ended}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    changed.cancel()
                if over.done() or ended.done():
                    return
                self._changed.clear()
                try:
                    self.tools = await _list(client)
                except Exception as error:  # noqa: BLE001 - they stay what they were
                    log.warning("the tools of %s could not be asked for anew: %s", self.label, type(error).__name__)
                if not self._changed.is_set():
                    self._fresh.set()
                await asyncio.sleep(self._limits.mcp_relist)
        finally:
            for task in (listening, over, ended):
                task.cancel()
            await asyncio.wait({listening, over, ended})

    async def _listen(self, client: Client) -> None:
        """Servers of protocol 2026-07-28 tell of changes only where they are asked to; older ones do so unasked."""
        from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
        from mcp.shared.exceptions import MCPError

        tools = client.server_capabilities.tools
        if tools is None or not tools.list_changed:
            return
        for _ in range(MOST_LISTENINGS):
            try:
                async with client.listen(tools_list_changed=True) as told:
                    self._changed.set()  # what was changed before is not told
                    async for _event in told:
                        self._fresh.clear()
                        self._changed.set()
            except (ListenNotSupportedError, MCPError):
                return
            except (SubscriptionLost, TimeoutError):
                pass
            await asyncio.sleep(1.0)

    def _explained(self, error: BaseException) -> AppError:
        leaf = error
        while isinstance(leaf, BaseExceptionGroup):
            leaf = leaf.exceptions[0]
        if isinstance(leaf, AppError):
            return leaf
        seen = self._seen
        if seen.problem is not None:
            return seen.problem
        rpc = type(leaf).__name__ == "MCPError"
        over_http = self.want.server.transport == "http"
        if seen.refusal is not None and not self._client and over_http and rpc:
            # Of the ways to say that there is no such place, none is worth repeating.
            unfit = seen.status in (404, 405) and not seen.spoke
            return McpNotMcp(str(seen.refusal.values), server=self.label) if unfit else seen.refusal
        if not rpc and self._may_be_end(leaf):
            return self._why(leaf)
        secrets = tuple(self.want.secrets.values())
        if isinstance(leaf, ModuleNotFoundError):
            return failures.of(leaf)
        told = failures.of(leaf, failures.Asked(host=self.want.route.host, secrets=secrets))
        if isinstance(told, NetworkError):
            return told
        if rpc and self._program is not None and (not self._program.alive or self._lost):
            return self._why(leaf)
        if rpc and any(_words(leaf).startswith(begin) for begin in UNREADABLE):
            return McpNotMcp(told.detail, server=self.label)
        if rpc:
            return McpFailed(told.detail, server=self.label, problem=scrub(_words(leaf), secrets)[:300] or "?")
        if not isinstance(told, InternalError):
            return told
        return McpNotMcp(told.detail, server=self.label)

    @staticmethod
    def _may_be_end(error: BaseException) -> bool:
        if getattr(error, "code", None) == CLOSED:
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
        known = self._seen.problem or self._ended
        if known is not None:
            return known
        return McpEnded(repr(error)[:100], server=self.label, problem=Phrase("code.ended"))

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[Any]:
        """What `mcp.Client` reads from and writes to."""
        server = self.want.server
        if server.transport == "http":
            from mcp.client.streamable_http import streamable_http_client

            url = normalise_url(server.url)
            client = http.client(server, self.want.secrets, self.want.route, self._limits.mcp_call, self._seen)
            way = (
                sse.streams(client, url, self.label, self._seen)
                if self._older
                else streamable_http_client(url, http_client=client, max_sse_event_size=LARGEST)
            )
            async with client, way as (read, write):
                yield Mended(read), write
            return
        secrets = tuple(self.want.secrets.values())
        environ = environment.of_program(server, self.want.secrets, self._ours)
        self._program = Program(server.model_copy(update={"name": self.label}), environ, secrets, self._ours)
        self._program.start()
        async with self._piped(self._program) as (read, write):
            yield Mended(read), write

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
                self._lost = True  # before those who wait for an answer are told

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
    for _ in range(MOST_PAGES):
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


def _words(error: BaseException) -> str:
    return str(getattr(error, "message", "") or error) or type(error).__name__
