"""One connection with an MCP server, using `mcp`'s client: opens it, lists tools, makes calls, closes it.

Made and used on one event loop. A separate task holds it open, since `mcp` must be left in the task that entered it.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from desktop import __version__
from desktop.agents.chatkit.runs import CURRENT
from desktop.agents.limits import Limits
from desktop.agents.mcp import environment, fetching, grants, http, schemas, sse
from desktop.agents.mcp.digests import digest_in
from desktop.agents.mcp.errors import McpEnded, McpFailed, McpNotAnswering, McpNotMcp
from desktop.agents.mcp.grants import Vault
from desktop.agents.mcp.greeting import introduced
from desktop.agents.mcp.mended import Mended
from desktop.agents.mcp.program import Program
from desktop.agents.mcp.references import resolved
from desktop.agents.mcp.results import Outcome, outcome
from desktop.agents.mcp.starts import STARTS, Starting, Tells
from desktop.agents.mcp.stdio import MOST_JUNK, Stdio
from desktop.agents.mcp.types import SessionOver, Tool, Want
from desktop.agents.models import failures
from desktop.common.errors import AppError, InternalError, Phrase
from desktop.openai_api.errors import NetworkError
from desktop.openai_api.errors_map import scrub
from desktop.settings.mcp import McpServer, normalise_url

if TYPE_CHECKING:
    import httpx2
    from mcp import Client


log = logging.getLogger(__name__)

MOST_TOOLS = 1_000
"""Tools of one server; a model gets fewer (`naming.MOST_OFFERED`)."""
MOST_OF_A_DESCRIPTION = 4_000
LOOK = 0.25
"""Seconds between two checks of a start."""
TOLD_AFTER = 2.0
"""Seconds after which the person sees the progress of a start, once a second."""
FIRST = 4.0
"""How many times longer than usual a program may be silent if it was never ready before and is not known to
download."""
LOUD = 1_000_000
"""Bytes on standard error after which a program that isn't ready no longer counts as working."""
NO_METHOD = -32601
NO_HANDSHAKE = (-32022, NO_METHOD)
"""Answers to `initialize` from a server that only speaks the newest protocol (mcp-types 2.3)."""
MOST_PAGES = 200
"""Pages of a list of tools."""
LARGEST = 16 * 1024 * 1024
"""The largest message over HTTP, in bytes; it may contain a picture."""
CLOSED = -32000
"""`mcp`'s code for a closed connection (mcp 2.3, CONNECTION_CLOSED). Servers also use it for failed calls, so it proves
nothing."""
OLDER = (400, 404, 405)
"""Answers of a server with the older transport (the specification's "Backwards Compatibility")."""
MOST_LISTENINGS = 1_000
UNREADABLE = ("Unexpected content type", "Failed to parse", "server answered a request with 202", "SSE stream")
"""`mcp`'s (2.3) own words for an answer that isn't a message. All other words are the server's."""
CHANGED = "notifications/tools/list_changed"


class Connection:
    """`open` once, then `call`; `close` whenever."""

    def __init__(
        self, label: str, want: Want, limits: Limits, ours: Mapping[str, str], vault: Vault | None = None
    ) -> None:
        """`ours`: this process's environment. `vault`: where the person's sign-in at it is kept."""
        self._vault = vault
        self.label = label
        self.want = want
        self.tools: tuple[Tool, ...] = ()
        self.left_out: tuple[Tool, ...] = ()
        """Unusable tools, each with its remark."""
        self._remarks: list[schemas.Remark] = []
        self._newest_only = False
        self._limits = limits
        self._ours = ours
        self._client: Client | None = None
        self._program: Program | None = None
        self._seen = http.Seen()
        self._stdio = Stdio(label, self._lose)
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._lost = False
        self._ended: AppError | None = None
        """Why it has ended."""
        self._older = False
        """Whether it uses the older transport."""
        self._changed = asyncio.Event()
        """Set when the tools have changed and have not been listed since."""
        self._fresh = asyncio.Event()
        """Set when no such change is known."""
        self._fresh.set()

    @property
    def alive(self) -> bool:
        """Whether a call can be made."""
        going = self._task is not None and not self._task.done() and self._client is not None and not self._lost
        return going and (self._program is None or self._program.alive)

    @property
    def pid(self) -> int:
        """Its program's process id; 0 if there is none."""
        return self._program.pid if self._program is not None else 0

    async def open(self, tells: Tells = lambda _told: None) -> None:
        """Open the connection. `tells` is called about once a second with the progress. A program that was never ready
        before may take long, and one that is still working is not ended; see `Limits`.

        Raises AppError: an McpError, a network error, or an error of `http.client`.
        """
        server = self.want.server.model_copy(update={"name": self.label})
        alone = server.transport == "stdio" and not STARTS.known(server)
        if alone:
            await STARTS.enter(server, tells)
        try:
            await self._open(tells, first=alone)
            if server.transport == "stdio":
                STARTS.was_ready(server)
        finally:
            if alone:
                STARTS.leave(server)

    async def _open(self, tells: Tells, *, first: bool) -> None:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        context = contextvars.copy_context()
        context.run(CURRENT.set, None)  # it outlives the answer it was opened for
        self._task = asyncio.get_running_loop().create_task(self._hold(ready), context=context)
        problem: AppError | None = None
        began, last = time.monotonic(), 0
        try:
            while not (await asyncio.wait({ready}, timeout=LOOK))[0]:
                seconds = time.monotonic() - began
                if self._late(seconds, first=first):
                    problem = self._seen.problem or self._silent(seconds)
                    break
                if seconds >= TOLD_AFTER and int(seconds) != last:
                    last = int(seconds)
                    said = self._program.said if self._program is not None else ""
                    told = Starting(self.label, last, said, first)
                    STARTS.tell(self.want.server, told)
                    tells(told)
            else:
                ready.result()
                return
        except AppError as error:
            problem = error
        except asyncio.CancelledError:
            ready.cancel()
            await self.close(0.0)
            raise
        ready.cancel()
        await self.close(0.0)
        raise problem

    def _late(self, seconds: float, *, first: bool) -> bool:
        """Whether to give up a start after this long."""
        limits, program = self._limits, self._program
        if program is None:
            return seconds > limits.mcp_start
        idle = program.idle()
        fetches = first and fetching.name_of(self.want.server.command) in fetching.FETCHERS
        usual = limits.mcp_first if fetches else limits.mcp_start
        if seconds <= usual:
            return False
        if program.loud > LOUD or seconds > limits.mcp_longest:
            return True
        if first and not fetches and seconds <= FIRST * limits.mcp_start and not self._stdio.junk:
            return False
        return idle > min(limits.mcp_idle, limits.mcp_start)

    def _silent(self, seconds: float) -> AppError:
        said = self._program.said if self._program is not None else ""
        if self._stdio.junk and not self._stdio.spoke:
            return McpNotMcp(server=self.label, said=said)
        return McpNotAnswering(server=self.label, seconds=round(seconds), said=said)

    async def call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Call a tool. The server's own errors are an Outcome. Raises McpEnded, McpNotAnswering, McpFlood, McpRefused,
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
            if self._program is None and getattr(error, "code", None) == http.SESSION_OVER:
                self._lost = True
                raise SessionOver from None
            if await self._has_ended(error):
                self._lost = True
                problem = self._seen.problem or self._why(error)
            else:
                return Outcome(scrub(_words(error), tuple(self.want.secrets.values()))[:2000], failed=True)
        else:
            await self._renewed()
            return made
        raise problem

    async def _has_ended(self, error: Exception) -> bool:
        """Whether the connection failed, not just the call. `mcp` may raise the server's own error, so this checks
        whether anything has really ended."""
        if self._seen.problem is not None or not self.alive:
            return True
        if not self._may_be_end(error) or self._task is None:
            return False
        await asyncio.wait({self._task}, timeout=0.5)  # it may be about to end
        return not self.alive

    async def _renewed(self) -> None:
        """If the call has changed the tools, wait until they are listed."""
        if not self._fresh.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.mcp_renew):
                    await self._fresh.wait()

    async def close(self, limit: float | None = None) -> None:
        """End the connection, its program and everything below. Pending calls get no answer."""
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

    def _lose(self) -> None:
        self._lost = True

    # --- inside -------------------------------------------------------------------------------

    async def _hold(self, ready: asyncio.Future[None]) -> None:
        problem: AppError | None = None
        try:
            module = await asyncio.to_thread(_mcp)
            # Most programs are older than the newest protocol, and some exit on an unknown request.
            stdio = self.want.server.transport == "stdio"
            problem = await self._held(module, "legacy" if stdio else "auto", ready)
            if problem is not None and stdio and self._newest_only and not ready.done():
                problem = await self._held(module, "auto", ready)
            if problem is not None and self._may_be_older(ready):
                self._older, self._seen = True, http.Seen()
                older = await self._held(module, "auto", ready)
                if older is None or ready.done() or not isinstance(older, McpNotMcp):
                    problem = older
        finally:
            self._lost, self._ended = True, problem
            self._fresh.set()
            if self._program is not None:
                self._program.kill()
            if not ready.done():
                ready.set_exception(problem or McpEnded(server=self.label, problem=Phrase("code.ended")))

    async def _held(self, module: Any, mode: str, ready: asyncio.Future[None]) -> AppError | None:
        """Hold the connection, in one of `mcp.Client`'s modes, until it ends. Returns why it did."""
        from mcp_types import Implementation

        try:
            async with module.Client(
                self._streams(),
                mode=mode,
                cache=None,
                client_info=Implementation(name="chatkit-desktop", version=__version__),
                # Starts (`_late`) and calls have their own limits.
                read_timeout_seconds=max(self._limits.mcp_longest, self._limits.mcp_call),
                message_handler=self._heard,
            ) as client:
                await self._list(client)
                self._client = client
                if not ready.done():
                    ready.set_result(None)
                await self._follow(client)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being opened, or ends it
            problem = self._explained(error)
            self._newest_only = getattr(_leaf(error), "code", None) in NO_HANDSHAKE
            log.info("the connection with %s ended: %s", self.label, problem.code)
            return problem
        return None

    def _may_be_older(self, ready: asyncio.Future[None]) -> bool:
        seen = self._seen
        http_ = self.want.server.transport == "http"
        return http_ and not ready.done() and not self._older and not seen.spoke and seen.status in OLDER

    async def _heard(self, message: Any) -> None:
        """A notification from the server."""
        if getattr(message, "method", "") == CHANGED:
            self._fresh.clear()
            self._changed.set()

    async def _follow(self, client: Client) -> None:
        """Until the end, list the tools again whenever the server reports a change."""
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
                    await self._list(client)
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
        """Subscribe to changes. Servers of protocol 2026-07-28 only report them on request; older ones always do."""
        from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
        from mcp.shared.exceptions import MCPError

        tools = client.server_capabilities.tools
        if tools is None or not tools.list_changed:
            return
        for _ in range(MOST_LISTENINGS):
            try:
                async with client.listen(tools_list_changed=True) as told:
                    self._changed.set()  # earlier changes are not reported
                    async for _event in told:
                        self._fresh.clear()
                        self._changed.set()
            except (ListenNotSupportedError, MCPError):
                return
            except (SubscriptionLost, TimeoutError):
                pass
            await asyncio.sleep(1.0)

    async def _list(self, client: Client) -> None:
        """Ask for the tools again."""
        self._remarks.clear()
        found: dict[str, Tool] = {}
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            try:
                page = await client.list_tools(cursor=cursor)
            except Exception as error:
                if getattr(error, "code", None) != NO_METHOD:
                    raise
                break  # it offers other things than tools
            for tool in page.tools:
                found.setdefault(
                    tool.name,
                    Tool(tool.name, tool.description or "", dict(tool.input_schema), digest=digest_in(tool.meta)),
                )
            cursor = page.next_cursor
            if not cursor or len(found) >= MOST_TOOLS:
                break
        mended = {one.tool for one in self._remarks if not one.left_out}
        self.tools = tuple(
            replace(
                tool, description=tool.description[:MOST_OF_A_DESCRIPTION], remark="mended" if name in mended else ""
            )
            for name, tool in list(found.items())[:MOST_TOOLS]
        )
        self.left_out = tuple(Tool(one.tool, "", {}, one.why) for one in self._remarks if one.left_out)
        for one in self._remarks:
            log.warning("%s: the tool %s: %s", self.label, one.tool, one.why)

    def _mend(self, message: Any) -> Any:
        """Correct a list of tools, which `mcp` would refuse as a whole because of one, and an incomplete greeting."""
        result = getattr(getattr(message, "message", None), "result", None)
        if isinstance(result, dict) and "protocolVersion" in result and "content" not in result:
            message.message.result = introduced(result)
            return message
        if not isinstance(result, dict) or "tools" not in result or "capabilities" in result or "content" in result:
            return message
        made, remarks = schemas.mended(result)
        self._remarks += remarks
        message.message.result = made
        return message

    def _explained(self, error: BaseException) -> AppError:
        leaf = _leaf(error)
        if isinstance(leaf, AppError):
            return leaf
        seen = self._seen
        if seen.problem is not None:
            return seen.problem
        rpc = type(leaf).__name__ == "MCPError"
        over_http = self.want.server.transport == "http"
        if seen.refusal is not None and not self._client and over_http and rpc:
            # A plain "not found" is not worth repeating.
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
            if self._stdio.junk > MOST_JUNK and not self._stdio.spoke:
                return McpNotMcp(server=self.label, said=self._program.said)
            why = self._program.why()
            if isinstance(why, McpEnded) and self._stdio.junk and not self._stdio.spoke and not why.values.get("said"):
                return McpNotMcp(server=self.label)
            return why
        known = self._seen.problem or self._ended
        if known is not None:
            return known
        return McpEnded(repr(error)[:100], server=self.label, problem=Phrase("code.ended"))

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[Any]:
        """The streams `mcp.Client` reads and writes."""
        named = self.want.server.model_copy(update={"name": self.label})
        server, values = resolved(named, self.want.secrets)
        if server.transport == "http":
            from mcp.client.streamable_http import streamable_http_client

            hidden = tuple(self.want.secrets.values())
            url = normalise_url(server.url)
            client = http.client(
                server,
                values,
                self.want.route,
                self._limits.mcp_call,
                self._seen,
                hidden=hidden,
                auth=self._auth(server),
            )
            way = (
                sse.streams(client, url, self.label, self._seen)
                if self._older
                else streamable_http_client(url, http_client=client, max_sse_event_size=LARGEST)
            )
            async with client, way as (read, write):
                yield Mended(read, self._mend), write
            return
        secrets = tuple(self.want.secrets.values())
        environ = environment.with_places(environment.of_program(server, values, self._ours))
        self._program = Program(server.model_copy(update={"name": self.label}), environ, secrets, self._ours)
        self._program.start()
        async with self._stdio.streams(self._program) as (read, write):
            yield Mended(read, self._mend), write

    def _auth(self, server: McpServer) -> httpx2.Auth | None:
        """The person's sign-in; None if a token is used instead. `server`: with its secrets filled in."""
        if self._vault is None or grants.with_own_token(self.want.server):
            return None
        from desktop.agents.mcp.oauth import Bearer

        return Bearer(server, self._vault, self._seen)


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _mcp() -> Any:
    """Import `mcp` at the first connection, since it takes nearly half a second."""
    import mcp

    return mcp


def _words(error: BaseException) -> str:
    return str(getattr(error, "message", "") or error) or type(error).__name__
