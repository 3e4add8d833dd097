"""Lets a person sign in at an MCP server: opens the browser and waits for the answer. Blocks; not for the agents' loop.
Only called after a person's click.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from desktop.agents.limits import Limits
from desktop.agents.mcp.errors import McpEnded, McpSignInFailed
from desktop.agents.mcp.grants import Grant
from desktop.agents.mcp.issuers import Issuers
from desktop.agents.mcp.loopback import Back, Loopback, Words
from desktop.agents.mcp.references import resolved
from desktop.common import logs
from desktop.common.errors import AppError, Phrase
from desktop.common.texts import Catalogue
from desktop.openai_api.errors import NetworkError
from desktop.openai_api.errors_map import scrub
from desktop.openai_api.transport import Endpoint
from desktop.settings.mcp import McpServer, normalise_url

if TYPE_CHECKING:
    import httpx2

HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "chatkit-desktop", "version": "1"},
    },
}


@dataclass(frozen=True)
class Client:
    """The client id and secret typed by the person; if empty, the app registers itself."""

    id: str = ""
    secret: str = field(default="", repr=False)
    host: str = ""
    """The authorization server it is for, as shown to the person."""


def sign_in(
    server: McpServer,
    headers: Mapping[str, str],
    route: Callable[[str], Endpoint],
    browser: Callable[[str], object],
    texts: Catalogue,
    *,
    name: str,
    typed: Client | None = None,
    before: Grant | None = None,
    limits: Limits | None = None,
    stops: Callable[[Callable[[], None]], object] = lambda _stop: None,
) -> Grant:
    """The grant from the person's sign-in.

    `headers`: the server's secrets by name. `browser` opens an address. `name`: the app's name, for the authorization
    server's page. `before`: the previous sign-in. `stops` gets a function that ends it early, from any thread. Raises
    AppError; McpEnded if it was stopped.
    """

    async def go() -> Grant:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop() -> None:
            with suppress(RuntimeError):  # the loop has closed, so it is over
                loop.call_soon_threadsafe(lambda: task and task.cancel())

        stops(stop)
        return await _sign_in(server, headers, route, browser, texts, name, typed, before, limits or Limits())

    try:
        return asyncio.run(go())
    except asyncio.CancelledError:
        raise McpEnded(server=server.label, problem=Phrase("code.ended")) from None


async def _sign_in(
    server: McpServer,
    headers: Mapping[str, str],
    route: Callable[[str], Endpoint],
    browser: Callable[[str], object],
    texts: Catalogue,
    name: str,
    typed: Client | None,
    before: Grant | None,
    limits: Limits,
) -> Grant:
    from mcp.shared.auth import AuthorizationCodeResult

    from desktop.agents.mcp.oauth import Flow, challenge_of

    whole, values = resolved(server, headers)
    loopback = Loopback(words(texts, server.label))
    await loopback.begin(_port(before.client) if before is not None else 0)
    try:
        flow = Flow(
            whole,
            Issuers(whole, route),
            redirect=loopback.redirect,
            name=name,
            client=_client(before, typed, loopback.redirect),
            typed=typed.host if typed is not None else "" if before is not None and before.typed else None,
        )

        async def ask(url: str) -> AuthorizationCodeResult:
            state = (parse_qs(urlsplit(url).query).get("state") or [""])[-1]
            back = await loopback.wait(state, lambda: browser(url))
            if back.error or not back.code:
                raise _refused(server, back)
            logs.add_secret(back.code)
            return AuthorizationCodeResult(code=back.code, state=back.state, iss=back.iss)

        wanted = before.wanted if before is not None else ""
        hidden = tuple(headers.values())
        challenge = challenge_of(whole, None if wanted else await _asked(whole, values, hidden, route), wanted)
        try:
            async with asyncio.timeout(limits.mcp_sign_in):
                made = await flow.sign_in(challenge, ask, before.scope if before is not None else "")
                return made.model_copy(update={"url": server.url})
        except TimeoutError:
            raise McpSignInFailed("late", server=server.label, problem=Phrase("mcp.sign_in_late")) from None
    finally:
        await loopback.end()


async def _asked(
    server: McpServer, headers: Mapping[str, str], hidden: tuple[str, ...], route: Callable[[str], Endpoint]
) -> httpx2.Response | None:
    """The server's answer to a request without a token, which says where to sign in. Raises NetworkError."""
    from desktop.agents.mcp import http
    from desktop.agents.models import failures

    seen = http.Seen()
    url = normalise_url(server.url)
    way = await asyncio.to_thread(route, url)
    problem: AppError
    try:
        accept = {"Accept": "application/json, text/event-stream"}
        async with (
            http.client(server, headers, way, 20.0, seen, hidden=hidden) as client,
            client.stream("POST", url, json=HELLO, headers=accept) as response,
        ):
            return response
    except Exception as error:  # noqa: BLE001 - httpx2's, the socket's
        told = failures.of(error, failures.Asked(host=way.host, seconds=20.0))
        problem = told
    if isinstance(problem, NetworkError) or seen.problem is not None:
        raise seen.problem or problem
    return None


def _client(before: Grant | None, typed: Client | None, redirect: str) -> Any:
    """The client: typed, or the previous one if the redirect address is unchanged; None to register."""
    from mcp.shared.auth import OAuthClientInformationFull

    if typed is not None and typed.id:
        logs.add_secret(typed.secret)
        given = {"client_id": typed.id, "client_secret": typed.secret or None, "redirect_uris": [redirect]}
        return OAuthClientInformationFull.model_validate(given)
    if before is not None and (before.typed or redirect in before.client.get("redirect_uris", ())):
        return OAuthClientInformationFull.model_validate({**before.client, "redirect_uris": [redirect]})
    return None


def _port(known: Mapping[str, Any]) -> int:
    """The port the app was registered with."""
    for url in known.get("redirect_uris") or ():
        with suppress(ValueError):
            return urlsplit(str(url)).port or 0
    return 0


def _refused(server: McpServer, back: Back) -> AppError:
    said = scrub(logs.redact(back.described or back.error))
    if back.error == "access_denied" or not said:
        return McpSignInFailed(said, server=server.label, problem=Phrase("mcp.sign_in_denied"))
    return McpSignInFailed(back.error, server=server.label, problem=said)


def words(texts: Catalogue, server: str) -> Words:
    """The texts of the browser's final page."""

    def of(name: str) -> tuple[str, str]:
        return texts.get(f"mcp.browser_{name}_title", server=server), texts.get(f"mcp.browser_{name}")

    return Words(texts.language, of("done"), of("refused"), of("stranger"))
