"""OAuth 2.1 for MCP servers, by the client of `mcp` (2.3, `OAuthClientProvider`): its steps, sent and looked at by us.

The client is driven step by step, since it would send every request through the MCP server's own connection, keeps that
locked while a tool runs, forgets on a restart when a token ends and where it is renewed, and logs what it hears.
Imports `mcp` and `httpx2`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.utils import extract_field_from_www_auth, union_scopes
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
    ProtectedResourceMetadata,
)
from pydantic import AnyUrl

from desktop.agents.mcp.errors import (
    McpClientWanted,
    McpFailed,
    McpScopeWanted,
    McpSignInFailed,
    McpSignInOver,
    McpSignInWanted,
)
from desktop.agents.mcp.grants import MOST_OF_A_TOKEN, Grant, Vault
from desktop.agents.mcp.http import Seen, origin
from desktop.agents.mcp.issuers import Issuers
from desktop.agents.mcp.said import words_of
from desktop.common import logs
from desktop.common.errors import AppError, Phrase
from desktop.keys.errors import KeyStoreError
from desktop.openai_api.errors_map import scrub
from desktop.settings.mcp import McpServer, normalise_url, origin_of_server

log = logging.getLogger(__name__)

# Its errors hold what the authorization server answered: tokens, states, codes. What is to be told is told by us.
logging.getLogger("mcp.client.auth").setLevel(logging.CRITICAL + 1)

MOST_STEPS = 30
"""Requests of one sign-in."""
MOST_SCOPE = 2_000
OF_A_CLIENT = {"client_id", "client_secret", "token_endpoint_auth_method", "redirect_uris", "issuer"}
OF_AN_ISSUER = {"issuer", "authorization_endpoint", "token_endpoint", "token_endpoint_auth_methods_supported"}
OF_A_RESOURCE = {"resource", "authorization_servers"}
"""What a renewal and the next sign-in need to know: a keyring takes no long texts (Windows: 2,560 bytes)."""


class _Storage:
    """What the client of `mcp` asks for and hands over, in memory."""

    def __init__(self, client: OAuthClientInformationFull | None, redirect: str) -> None:
        self.client = client
        self._redirect = redirect
        self.tokens: OAuthToken | None = None
        self.issuer: Callable[[], OAuthMetadata | None] = lambda: None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        if self.client is not None:
            self._with_a_method(self.client)
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._with_a_method(client_info)
        client_info.redirect_uris = [AnyUrl(self._redirect)]  # this one was registered, whatever is said of it
        self.client = client_info

    def _with_a_method(self, client: OAuthClientInformationFull) -> None:
        """A secret without a word on how it is sent is sent as RFC 7591 has it; `mcp` (2.3) would not send it."""
        if client.client_secret and client.token_endpoint_auth_method in (None, "none"):
            issuer = self.issuer()
            known = (issuer.token_endpoint_auth_methods_supported if issuer else None) or ["client_secret_basic"]
            basic = "client_secret_basic" in known or "client_secret_post" not in known
            client.token_endpoint_auth_method = "client_secret_basic" if basic else "client_secret_post"


class Flow:
    """One sign-in, or one renewal, at one server."""

    def __init__(
        self,
        server: McpServer,
        issuers: Issuers,
        *,
        redirect: str = "http://127.0.0.1/callback",
        name: str = "",
        client: OAuthClientInformationFull | None = None,
        typed: str | None = None,
    ) -> None:
        """`redirect`: where the browser comes back to; `name`: the app's, for the page where one signs in; `client`: as
        whom the app is known there already; `typed`: the host that the person typed that for, None: it registered."""
        self._server = server
        self._issuers = issuers
        self._typed = typed
        self._storage = _Storage(client, redirect)
        self._provider = OAuthClientProvider(
            resource_of(server),
            OAuthClientMetadata.model_validate({"redirect_uris": [redirect], "client_name": name or None}),
            self._storage,
        )
        self._storage.issuer = lambda: self._provider.context.oauth_metadata

    # --- signing in -----------------------------------------------------------------------------

    async def sign_in(
        self,
        challenge: httpx2.Response,
        ask: Callable[[str], Awaitable[AuthorizationCodeResult]],
        granted: str = "",
    ) -> Grant:
        """`challenge`: how the server asked for it (401, or 403 for more scopes beside those `granted`). `ask` sends
        the person to an address and waits for what comes back.

        Raises McpSignInFailed, McpClientWanted, NetworkError, and what `ask` raises.
        """
        context = self._provider.context
        answers: list[AuthorizationCodeResult] = []

        async def go(url: str) -> None:
            self._fit_issuer()
            answers.append(await ask(self._issuers.check(url)))

        async def come_back() -> AuthorizationCodeResult:
            return answers.pop()

        context.redirect_handler, context.callback_handler = go, come_back
        context.client_metadata.scope = granted or None
        problem: AppError
        try:
            await self._steps(challenge)
            return self.grant()
        except AppError:
            raise
        except Exception as error:  # noqa: BLE001 - mcp's, pydantic's
            problem = self._told(error)
        raise problem

    async def _steps(self, challenge: httpx2.Response) -> None:
        request = challenge.request
        steps = self._provider.async_auth_flow(request)
        try:
            outgoing = await anext(steps)
            response = challenge
            for _ in range(MOST_STEPS):
                outgoing = await steps.asend(response)
                if outgoing is request:
                    return  # with its token: whether that is taken, the check shows
                response = await self._sent(outgoing)
        except StopAsyncIteration:
            pass
        finally:
            await steps.aclose()
        raise McpSignInFailed("no token", server=self._server.label, problem=Phrase("mcp.sign_in_unreadable"))

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        context = self._provider.context
        registers = request.method == "POST" and context.client_info is None
        if registers and context.oauth_metadata is not None and context.oauth_metadata.registration_endpoint is None:
            raise self._unregistered("")
        response = await self._issuers.send(request)
        if response.is_success or request.method != "POST":
            return response
        words = scrub(words_of(response.content))
        if registers and context.oauth_metadata is None:  # a guess of where it might be
            raise McpSignInFailed("no metadata", server=self._server.label, problem=Phrase("mcp.sign_in_none"))
        if registers:
            raise self._unregistered(words or str(response.status_code))
        if response.status_code == 401 or "invalid_client" in response.text[:2000]:
            raise self._unregistered(words or "invalid_client")
        raise McpSignInFailed(
            f"token: {response.status_code}", server=self._server.label, problem=words or str(response.status_code)
        )

    def _unregistered(self, words: str) -> McpClientWanted:
        return McpClientWanted(words, server=self._server.label, host=self._host())

    def _host(self) -> str:
        """The authorization server's."""
        return httpx2.URL(self._provider.context.auth_server_url or origin_of_server(self._server.url)).host

    def _fit_issuer(self) -> None:
        """Where a code or a token would be sent, before the person is. Raises McpSignInFailed.

        PKCE is always sent; an issuer that names its methods without ours would not look at it. Of those that name
        none, many look.
        """
        context = self._provider.context
        issuer = context.oauth_metadata
        if self._typed and self._host() != self._typed:
            raise McpSignInFailed("another issuer", server=self._server.label, problem=Phrase("mcp.sign_in_mixed"))
        if issuer is None:
            return
        self._issuers.check(str(issuer.token_endpoint))
        methods = issuer.code_challenge_methods_supported
        if methods is not None and "S256" not in methods:
            raise McpSignInFailed("no PKCE", server=self._server.label, problem=Phrase("mcp.sign_in_unsafe"))

    def _told(self, error: Exception) -> AppError:
        """An error of `mcp` as a sentence; its words may hold a state or an address, and go nowhere but into it."""
        words = logs.redact(scrub(str(error)))
        phrase = "mcp.sign_in_mixed" if "mismatch" in words or " iss " in words else "mcp.sign_in_unreadable"
        if "does not match" in words:
            phrase = "mcp.sign_in_mixed"
        return McpSignInFailed(f"{type(error).__name__}: {words}", server=self._server.label, problem=Phrase(phrase))

    def grant(self, before: Grant | None = None) -> Grant:
        """What is kept of it. Raises McpSignInFailed for tokens that nobody could send."""
        context, tokens = self._provider.context, self._storage.tokens
        client = context.client_info
        if tokens is None or client is None:
            raise McpSignInFailed("no token", server=self._server.label, problem=Phrase("mcp.sign_in_unreadable"))
        given = [value for value in (tokens.access_token, tokens.refresh_token or "") if value]
        if any(len(value) > MOST_OF_A_TOKEN or not _sendable(value) for value in given):
            raise McpSignInFailed("an odd token", server=self._server.label, problem=Phrase("mcp.sign_in_unreadable"))
        ends = tokens.expires_in
        if client.issuer is None and context.oauth_metadata is not None:
            client.issuer = str(context.oauth_metadata.issuer)  # it goes to nobody else from now on
        made = Grant(
            typed=self._typed is not None if before is None else before.typed,
            url=self._server.url if before is None else before.url,
            tokens=tokens.model_dump(mode="json", exclude_none=True),
            expires_at=time.time() + max(0, min(ends, 10 * 365 * 86400)) if ends is not None else None,
            client=client.model_dump(mode="json", include=OF_A_CLIENT, exclude_none=True),
            issuer=_dumped(context.oauth_metadata, OF_AN_ISSUER),
            resource=_dumped(context.protected_resource_metadata, OF_A_RESOURCE),
            **({"number": before.number, "wanted": before.wanted} if before is not None else {}),
        )
        made.hide()
        return made

    # --- renewing ---------------------------------------------------------------------------------

    async def renewed(self, grant: Grant) -> Grant | None:
        """With fresh tokens; None: the authorization server gives none any more. Raises NetworkError, McpFailed."""
        context = self._provider.context
        context.client_info = OAuthClientInformationFull.model_validate(grant.client)
        context.current_tokens = OAuthToken.model_validate(grant.tokens)
        if grant.issuer:
            context.oauth_metadata = OAuthMetadata.model_validate(grant.issuer)
        if grant.resource:
            context.protected_resource_metadata = ProtectedResourceMetadata.model_validate(grant.resource)
        response = await self._issuers.send(await self._provider._refresh_token())
        if response.status_code >= 500 or response.status_code in (408, 429):
            words = scrub(words_of(response.content)) or str(response.status_code)
            raise McpFailed(f"renewal: {response.status_code}", server=self._server.label, problem=words)
        if not await self._provider._handle_refresh_response(response):
            return None
        return self.grant(grant)


class Bearer(httpx2.Auth):
    """The token of a sign-in on every request, renewed before it ends and when it is refused; notes what is wrong."""

    def __init__(self, server: McpServer, vault: Vault, seen: Seen) -> None:
        self._server = server
        self._vault = vault
        self._seen = seen
        self._issuers = Issuers(server, vault.route)
        self._lock = asyncio.Lock()
        self._grant: Grant | None = None
        self._loaded = False

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        grant = await self._current()
        if grant is not None:
            request.headers["Authorization"] = f"Bearer {grant.access}"
        response = yield request
        if response.status_code == 401 and grant is not None:
            fresh = await self._renewed(grant)
            if fresh is not None:
                request.headers["Authorization"] = f"Bearer {fresh.access}"
                response = yield request
        await self._look(response, grant)

    async def _current(self) -> Grant | None:
        async with self._lock:
            if not self._loaded:
                self._grant = await asyncio.to_thread(self._vault.read)
                self._loaded = True
            grant = self._grant
        if grant is not None and grant.runs_out and grant.renewable:
            return await self._renewed(grant) or grant
        return grant

    async def _renewed(self, old: Grant) -> Grant | None:
        """A grant with another token than `old`'s; None: there is none to be had."""
        async with self._lock:
            if self._grant is not None and self._grant.access != old.access:
                return self._grant  # by a request beside this one
            kept = await self._kept()
            if kept is not None and kept.access != old.access:
                self._grant = kept  # by another process of ours
                return kept
            if not old.renewable:
                return None
            fresh = await Flow(self._server, self._issuers).renewed(old)
            if fresh is None:
                log.info("%s gives no fresh token", self._server.label)
                return None
            self._grant = fresh
            await self._keep(fresh)
            return fresh

    async def _kept(self) -> Grant | None:
        try:
            return await asyncio.to_thread(self._vault.read)
        except KeyStoreError:
            return None

    async def _keep(self, grant: Grant) -> None:
        try:
            await asyncio.to_thread(self._vault.keep, grant)
        except KeyStoreError as error:
            # It holds until the app ends; then the person is asked to sign in again.
            log.warning("a fresh token of %s could not be kept: %s", self._server.label, error.code)

    async def _look(self, response: httpx2.Response, grant: Grant | None) -> None:
        label = self._server.label
        challenge = response.headers.get("www-authenticate", "")[:4096]
        if response.status_code == 401:
            if grant is not None:
                self._seen.note(McpSignInOver(server=label))
            elif "bearer" in challenge.lower() or "resource_metadata" in challenge:
                self._seen.note(McpSignInWanted(server=label))
        elif response.status_code == 403 and "insufficient_scope" in challenge:
            if grant is None:
                self._seen.note(McpSignInWanted(server=label))
                return
            self._seen.note(McpScopeWanted(server=label))
            asked = (extract_field_from_www_auth(response, "scope") or "")[:MOST_SCOPE]
            now = (self._grant or grant).model_copy(update={"wanted": union_scopes(grant.wanted, asked) or ""})
            self._grant = now
            await self._keep(now)


def resource_of(server: McpServer) -> str:
    """What a token is for: the address without its query, which may hold a secret."""
    return normalise_url(server.url).partition("?")[0]


def challenge_of(server: McpServer, response: httpx2.Response | None, wanted: str) -> httpx2.Response:
    """How the server asked for a sign-in, for `Flow.sign_in`: only what is of use, within bounds, and metadata of the
    server only from the server itself. `response`: what it said to a request without a token; `wanted`: scopes that it
    asked for beyond those it was given."""
    url = resource_of(server)
    parts = []
    if response is not None and response.status_code == 401:
        there = (extract_field_from_www_auth(response, "resource_metadata") or "")[:2048]
        if there and _same_origin(there, url):
            parts.append(f'resource_metadata="{there}"')
        scope = (extract_field_from_www_auth(response, "scope") or "")[:MOST_SCOPE]
        if scope and not wanted:
            parts.append(f'scope="{scope}"')
    if wanted:
        parts += ['error="insufficient_scope"', f'scope="{wanted}"']
    request = httpx2.Request("POST", url, headers={"MCP-Protocol-Version": "2025-11-25"})
    header = {"WWW-Authenticate": f"Bearer {', '.join(parts)}"} if parts else {}
    return httpx2.Response(403 if wanted else 401, headers=header, request=request)


def _same_origin(one: str, other: str) -> bool:
    try:
        return origin(one) == origin(other)
    except ValueError:
        return False


def _sendable(token: str) -> bool:
    return all(33 <= ord(char) < 127 for char in token)


def _dumped(model: Any, names: set[str]) -> dict[str, Any]:
    return model.model_dump(mode="json", include=names, exclude_none=True) if model is not None else {}
