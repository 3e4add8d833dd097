"""OAuth 2.1 for MCP servers. The client of `mcp` (2.3, `OAuthClientProvider`) makes the steps; we check and send them.

The client is driven step by step, because it would send every request through the MCP server's connection, lock that
while a tool runs, forget on a restart when a token expires and where to renew it, and log what it receives. Imports
`mcp` and `httpx2`.
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

# Its errors contain the authorization server's answers: tokens, states, codes. We report what is needed ourselves.
logging.getLogger("mcp.client.auth").setLevel(logging.CRITICAL + 1)

MOST_STEPS = 30
"""The most requests for one sign-in."""
MOST_SCOPE = 2_000
OF_A_CLIENT = {"client_id", "client_secret", "token_endpoint_auth_method", "redirect_uris", "issuer"}
OF_AN_ISSUER = {"issuer", "authorization_endpoint", "token_endpoint", "token_endpoint_auth_methods_supported"}
OF_A_RESOURCE = {"resource", "authorization_servers"}
"""What a renewal and the next sign-in need. A keyring accepts no long texts (Windows: 2,560 bytes)."""


class _Storage:
    """In-memory storage for the client of `mcp`."""

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
        client_info.redirect_uris = [AnyUrl(self._redirect)]  # this one was registered just now
        self.client = client_info

    def _with_a_method(self, client: OAuthClientInformationFull) -> None:
        """Without a method for sending the secret, use RFC 7591's default. `mcp` (2.3) would not send it."""
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
        """`redirect`: where the browser returns to. `name`: the app's name, for the sign-in page. `client`: the
        existing registration. `typed`: the host the person typed it for; None if the app registered itself."""
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
        """`challenge`: the server's request for a sign-in (401, or 403 for more scopes than those `granted`). `ask`
        sends the person to an address and waits for the answer.

        Raises McpSignInFailed, McpClientWanted, NetworkError, and whatever `ask` raises.
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
                    return  # the request with its token; the check will show whether it is accepted
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
        if registers and context.oauth_metadata is None:  # a guessed address
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
        """The authorization server's host."""
        return httpx2.URL(self._provider.context.auth_server_url or origin_of_server(self._server.url)).host

    def _fit_issuer(self) -> None:
        """Check where a code or a token would be sent, before the person signs in. Raises McpSignInFailed.

        PKCE is always sent. An issuer that lists its methods without ours would ignore it; many that list none check
        it.
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
        """An error of `mcp` as a sentence. Its words may contain a state or an address, and go nowhere else."""
        words = logs.redact(scrub(str(error)))
        phrase = "mcp.sign_in_mixed" if "mismatch" in words or " iss " in words else "mcp.sign_in_unreadable"
        if "does not match" in words:
            phrase = "mcp.sign_in_mixed"
        return McpSignInFailed(f"{type(error).__name__}: {words}", server=self._server.label, problem=Phrase(phrase))

    def grant(self, before: Grant | None = None) -> Grant:
        """The sign-in to store. Raises McpSignInFailed for tokens that can't be sent."""
        context, tokens = self._provider.context, self._storage.tokens
        client = context.client_info
        if tokens is None or client is None:
            raise McpSignInFailed("no token", server=self._server.label, problem=Phrase("mcp.sign_in_unreadable"))
        given = [value for value in (tokens.access_token, tokens.refresh_token or "") if value]
        if any(len(value) > MOST_OF_A_TOKEN or not _sendable(value) for value in given):
            raise McpSignInFailed("an odd token", server=self._server.label, problem=Phrase("mcp.sign_in_unreadable"))
        ends = tokens.expires_in
        if client.issuer is None and context.oauth_metadata is not None:
            client.issuer = str(context.oauth_metadata.issuer)  # from now on it goes nowhere else
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
        """The grant with new tokens; None if the authorization server refuses. Raises NetworkError, McpFailed."""
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
    """Adds the sign-in's token to every request. Renews it before it expires or when it is refused. Records
    problems."""

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
        """A grant with a different token than `old`; None if there is none."""
        async with self._lock:
            if self._grant is not None and self._grant.access != old.access:
                return self._grant  # renewed by a parallel request
            kept = await self._kept()
            if kept is not None and kept.access != old.access:
                self._grant = kept  # renewed by another process of the app
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
            # It is valid until the app ends. Then the person has to sign in again.
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
    """The resource of a token: the address without its query, which may contain a secret."""
    return normalise_url(server.url).partition("?")[0]


def challenge_of(server: McpServer, response: httpx2.Response | None, wanted: str) -> httpx2.Response:
    """The server's request for a sign-in, for `Flow.sign_in`: only the useful part, within limits, and metadata only
    from the server itself. `response`: its answer to a request without a token. `wanted`: additional scopes it asked
    for."""
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
