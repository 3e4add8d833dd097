"""The MCP servers in use: starts them with the agents that list them, restarts them once, ends them.

Lives on the agents' event loop. Needs neither the agent stack nor ChatKit. The first connection imports `mcp`.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desktop.agents.chatkit.runs import CURRENT
from desktop.agents.limits import Limits
from desktop.agents.mcp import grants
from desktop.agents.mcp.connection import Connection
from desktop.agents.mcp.errors import McpEnded, McpSecretMissing, McpToolsLeftOut, McpTooManyTools
from desktop.agents.mcp.grants import Grant, Vault
from desktop.agents.mcp.naming import MOST_OFFERED
from desktop.agents.mcp.results import Outcome
from desktop.agents.mcp.starts import Starting
from desktop.agents.mcp.types import SessionOver, Tool, Want
from desktop.agents.mcp.words import plain
from desktop.agents.sources import Sources
from desktop.common.errors import AppError, Phrase
from desktop.openai_api.transport import Endpoint
from desktop.settings.mcp import McpServer, bare

log = logging.getLogger(__name__)

TELL = 0.5
"""Seconds between two checks of starts."""


def want_of(
    server: McpServer,
    secret: Callable[[str], str | None],
    route: Callable[[str], Endpoint],
    vault: Vault | None = None,
) -> Want:
    """What a connection with `server` is made from. Blocks on the keyring. Raises KeyStoreError, McpSecretMissing."""
    values: dict[str, str] = {}
    for name in server.secrets:
        value = secret(name)
        if not value:
            raise McpSecretMissing(server=server.label, name=name)
        values[name] = value
    if server.transport == "stdio":
        return Want(bare(server), values, Endpoint(""))
    grant = vault.read() if vault is not None and not grants.with_own_token(server) else None
    return Want(bare(server), values, route(server.url), grant.number if grant is not None else "")


class OwnVault:
    """A server's sign-in in the keyring."""

    def __init__(self, sources: Sources, server: McpServer) -> None:
        self._sources = sources
        self._server = server

    def read(self) -> Grant | None:
        return grants.read(self._sources.mcp_grant(self._server), self._server)

    def keep(self, grant: Grant) -> None:
        self._sources.keep_mcp_grant(self._server, grant.text())

    def route(self, url: str) -> Endpoint:
        return self._sources.route(url)


class Live:
    """One server in use: its connection, or why there is none."""

    def __init__(
        self, server: McpServer, want: Want, limits: Limits, ours: Mapping[str, str], vault: Vault | None = None
    ) -> None:
        self._vault = vault
        self.server = server
        self.want = want
        self.agents: set[str] = set()
        self.problem: AppError | None = None
        self._limits = limits
        self._ours = ours
        self._connection: Connection | None = None
        self._opening: asyncio.Task[None] | None = None
        self._tried = 0.0
        self._again = float("-inf")
        """When it was last restarted."""
        self._ended = False
        self._said = False
        self._calls = 0
        self._told: Starting | None = None
        self._remark: AppError | None = None
        """Notices to show although it works."""

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools for an agent: all but those switched off."""
        known = self._connection.tools if self._connection is not None else ()
        off = set(self.server.tools_off)
        return tuple(tool for tool in known if tool.name not in off)

    @property
    def starting(self) -> Starting | None:
        """The progress of its start; None if it isn't starting or has only just begun."""
        return self._told if self._opening is not None and not self._opening.done() else None

    @property
    def alive(self) -> bool:
        """Whether a call can be made now."""
        return self._connection is not None and self._connection.alive

    @property
    def busy(self) -> bool:
        return self._calls > 0

    @property
    def pid(self) -> int:
        """Its program's process id; 0 if there is none."""
        return self._connection.pid if self._connection is not None else 0

    async def ready(self) -> None:
        """Start it if needed. Afterwards, `problem` says why it isn't available, if so."""
        if self.alive:
            return
        if self._opening is None or self._opening.done():
            now = time.monotonic()
            if self._connection is not None and self.problem is None:  # it was running and has ended
                # A server with an address is simply called again; nothing is started.
                often = self.server.transport == "stdio" and now - self._again < self._limits.mcp_again
                if often:
                    self._note(McpEnded(server=self.server.label, problem=Phrase("mcp.again")))
                    return
                self._again = now
                log.info("%s has ended; it is started again", self.server.label)
            elif self.problem is not None and now - self._tried < self._limits.mcp_retry:
                return
            self._tried, self.problem = now, None
            context = contextvars.copy_context()
            context.run(CURRENT.set, None)  # other agents use it too
            self._opening = asyncio.get_running_loop().create_task(self._make(), context=context)
        await asyncio.shield(self._opening)

    def unsaid(self) -> AppError | None:
        """Its problem, but only the first time."""
        if self.problem is None and self._remark is not None:
            remark, self._remark = self._remark, None
            return remark
        if self.problem is None or self._said:
            return None
        self._said = True
        return self.problem

    def _note(self, problem: AppError) -> None:
        self.problem, self._said, self._tried = problem, False, time.monotonic()

    async def _make(self) -> None:
        connection = Connection(self.server.label, self.want, self._limits, self._ours, self._vault)
        old = self._connection
        if old is not None:
            await old.close(0.0)
        self._told = None

        def tells(told: Starting) -> None:
            self._told = told

        try:
            await connection.open(tells)
        except AppError as error:
            log.warning("the MCP server %s is not there: %s %s", self.server.label, error.code, error.detail)
            self._note(error)
            return
        self._connection = connection
        if connection.left_out:
            names = ", ".join(plain(tool.name) for tool in connection.left_out[:10])
            self._remark = McpToolsLeftOut(server=self.server.label, problem=names)
        if self._ended:
            await connection.close(0.0)

    async def call(self, tool: str, arguments: dict[str, Any]) -> Outcome:
        """Like `Connection.call`. A server that has ended is restarted once. A call interrupted by its end is not
        repeated: nobody knows what it did."""
        self._calls += 1
        try:
            try:
                return await (await self._there()).call(tool, arguments)
            except SessionOver:
                log.info("%s wants a new session", self.server.label)
            try:
                return await (await self._there()).call(tool, arguments)
            except SessionOver:
                raise McpEnded(server=self.server.label, problem=Phrase("code.ended")) from None
        finally:
            self._calls -= 1

    async def _there(self) -> Connection:
        """A usable connection, restarted if needed. Raises AppError."""
        if self._connection is None or not self._connection.alive:
            await self.ready()
        connection = self._connection
        if connection is None or not connection.alive:
            raise self.problem or McpEnded(server=self.server.label, problem=Phrase("code.ended"))
        return connection

    async def end(self, limit: float | None = None) -> None:
        """Ends it."""
        self._ended = True
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
            await asyncio.wait({self._opening}, timeout=2.0)
        if self._connection is not None:
            await self._connection.close(limit)


@dataclass(frozen=True)
class Ready:
    """An agent's available servers, and the problems of the others."""

    servers: Sequence[Live]
    problems: Sequence[AppError]


class McpServers:
    """All servers in use; each call says for which agent."""

    def __init__(self, sources: Sources, limits: Limits, ours: Mapping[str, str] | None = None) -> None:
        """`ours`: this process's environment."""
        self._sources = sources
        self._limits = limits
        self._ours = dict(os.environ) if ours is None else ours
        self._lives: dict[str, Live] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._told: dict[str, float] = {}

    @property
    def processes(self) -> list[int]:
        """Ids of the programs' guards, for tests and diagnostics."""
        return [live.pid for live in self._lives.values() if live.pid]

    async def use(self, agent_id: str, *, quiet: bool = False) -> Ready:
        """The agent's servers, started if needed. Never raises for an unavailable server.

        A problem is reported once per attempt; with `quiet`, not yet.
        """
        servers = self._sources.mcp_servers(agent_id)
        made = await asyncio.gather(*(self._one(agent_id, server, quiet=quiet) for server in servers))
        ready = [live for live, _ in made if live is not None and live.alive and live.tools]
        problems = [problem for _, problem in made if problem is not None]
        count = sum(len(live.tools) for live in ready)
        if count > MOST_OFFERED and not quiet:
            many = self._once(f"{agent_id} {count}", McpTooManyTools(length=count, limit=MOST_OFFERED), often=False)
            problems += [many] if many is not None else []
        return Ready(ready, problems)

    async def using(self, agent_id: str) -> AsyncGenerator[Starting | Ready, None]:
        """Like `use`, whose result comes last; before it, about once a second, the progress of the slowest start.

        Ending it early ends no start: a download continues for the next message.
        """
        work = asyncio.ensure_future(self.use(agent_id))
        last: Starting | None = None
        try:
            while not (await asyncio.wait({work}, timeout=TELL))[0]:
                ids = {server.id for server in self._sources.mcp_servers(agent_id)}
                told = [
                    live.starting for name, live in self._lives.items() if name in ids and live.starting is not None
                ]
                slowest = max(filter(None, told), key=lambda one: one.seconds, default=None)
                if slowest is not None and slowest != last:
                    last = slowest
                    yield slowest
            yield work.result()
        finally:
            work.cancel()

    async def _one(self, agent_id: str, server: McpServer, *, quiet: bool) -> tuple[Live | None, AppError | None]:
        try:
            vault = OwnVault(self._sources, server) if server.transport == "http" else None
            want = await asyncio.to_thread(
                want_of, server, lambda name: self._sources.mcp_secret(server, name), self._sources.route, vault
            )
        except AppError as error:
            self._drop(server.id)
            return None, None if quiet else self._once(server.id, error)
        self._told.pop(server.id, None)
        live = self._lives.get(server.id)
        if live is not None and live.want != want:
            self._drop(server.id)
            live = None
        if live is None:
            live = self._lives[server.id] = Live(server, want, self._limits, self._ours, vault)
        live.server = server
        live.agents.add(agent_id)
        await live.ready()
        return live, None if quiet else live.unsaid()

    def _once(self, server_id: str, error: AppError, *, often: bool = True) -> AppError | None:
        """The error if it should be reported again; with `often` False, only once."""
        now = time.monotonic()
        if now - self._told.get(server_id, float("-inf")) < (self._limits.mcp_retry if often else float("inf")):
            return None
        self._told[server_id] = now
        return error

    def starts(self, agent_id: str) -> bool:
        """Whether `use` has to wait for a server."""
        lives = [self._lives.get(server.id) for server in self._sources.mcp_servers(agent_id)]
        return any(live is None or not live.alive for live in lives)

    def settle(self, agent_id: str) -> None:
        """Another agent is active, or settings have changed: end servers it does not use."""
        try:
            wanted = {server.id: server for server in self._sources.mcp_servers(agent_id)}
        except AppError:
            wanted = {}
        for name, live in list(self._lives.items()):
            server = wanted.get(name)
            changed = server is not None and bare(server) != live.want.server
            if changed or (server is None and not live.busy):
                self._drop(name)

    def _drop(self, server_id: str) -> None:
        live = self._lives.pop(server_id, None)
        if live is not None:
            self._later(live.end())

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        context = contextvars.copy_context()
        context.run(CURRENT.set, None)
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, context=context)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Ends all."""
        lives, self._lives = list(self._lives.values()), {}
        await asyncio.gather(*(live.end(0.0) for live in lives), return_exceptions=True)
        if self._ending:
            await asyncio.wait(self._ending, timeout=1.0)
