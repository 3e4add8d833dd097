"""A person's sign-in at an MCP server: tokens, how to renew them, and the app's client id there.

It is stored in the keyring as a single text, under the server's id and origin. Wherever it is read, it is hidden from
the logs. Knows nothing about how to sign in.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desktop.common import logs
from desktop.openai_api.transport import Endpoint
from desktop.settings.mcp import McpServer

EARLY = 30.0
"""Seconds before its expiry when a token is renewed."""
MOST_OF_A_TOKEN = 16_384


class Grant(BaseModel):
    """One sign-in. The protocol's objects are JSON, as in `mcp` (mcp.shared.auth)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    number: str = Field(default_factory=lambda: secrets.token_hex(8))
    """Stays the same when tokens are renewed."""
    url: str
    """The server's complete address. Another address needs a new sign-in."""
    tokens: dict[str, Any] = Field(repr=False)
    """OAuthToken."""
    expires_at: float | None = None
    """Unix seconds; None if the server did not say."""
    client: dict[str, Any] = Field(repr=False)
    """OAuthClientInformationFull."""
    issuer: dict[str, Any] = {}
    """OAuthMetadata of the authorization server; empty if it has none."""
    resource: dict[str, Any] = {}
    """ProtectedResourceMetadata of the server; empty if it has none."""
    typed: bool = False
    """Whether the person entered the client id. Otherwise the app registered itself."""
    wanted: str = ""
    """Scopes the server has asked for since."""

    @property
    def access(self) -> str:
        return str(self.tokens.get("access_token") or "")

    @property
    def renewable(self) -> bool:
        return bool(self.tokens.get("refresh_token"))

    @property
    def runs_out(self) -> bool:
        """Whether its token has expired or is about to."""
        return self.expires_at is not None and time.time() > self.expires_at - EARLY

    @property
    def scope(self) -> str:
        return str(self.tokens.get("scope") or "")

    def text(self) -> str:
        """For the keyring."""
        self.hide()
        return self.model_dump_json()

    def hide(self) -> None:
        """Keep its secrets out of every log from now on."""
        known = (self.tokens.get("access_token"), self.tokens.get("refresh_token"), self.client.get("client_secret"))
        for value in known:
            if isinstance(value, str):
                logs.add_secret(value)


def read(text: str | None, server: McpServer) -> Grant | None:
    """The sign-in stored for this server; None if there is none or it was for another address."""
    if not text:
        return None
    try:
        grant = Grant.model_validate_json(text)
    except ValidationError:
        return None
    if grant.url != server.url or not grant.access:
        return None
    grant.hide()
    return grant


class Vault(Protocol):
    """Stores one server's sign-in. Called from worker threads, since it may block on the keyring."""

    def read(self) -> Grant | None:
        """Raises KeyStoreError."""

    def keep(self, grant: Grant) -> None:
        """Raises KeyStoreError."""

    def route(self, url: str) -> Endpoint:
        """The route to an address of the sign-in."""


def with_own_token(server: McpServer) -> bool:
    """Whether the person gave it a token in a header, so that no sign-in is needed."""
    return any(name.lower() == "authorization" for name in (*server.headers, *server.secrets))
