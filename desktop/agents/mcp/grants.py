"""What a person's sign-in at an MCP server left: tokens, how they are renewed, and as whom the app is known there.

It lives in the keyring as one text, under the server's id and origin, and is hidden from logs wherever it is read.
Knows nothing of how one signs in.
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
"""Seconds before its end that a token is renewed."""
MOST_OF_A_TOKEN = 16_384


class Grant(BaseModel):
    """One sign-in. The parts of the protocol are kept as `mcp` has them (mcp.shared.auth), as JSON."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    number: str = Field(default_factory=lambda: secrets.token_hex(8))
    """Stays the same while its tokens are renewed."""
    url: str
    """The server's address, whole: another one asks anew."""
    tokens: dict[str, Any] = Field(repr=False)
    """OAuthToken."""
    expires_at: float | None = None
    """Unix seconds; None: the server did not say."""
    client: dict[str, Any] = Field(repr=False)
    """OAuthClientInformationFull."""
    issuer: dict[str, Any] = {}
    """OAuthMetadata of the authorization server; empty: it has none."""
    resource: dict[str, Any] = {}
    """ProtectedResourceMetadata of the server; empty: it has none."""
    typed: bool = False
    """Whether the person said as whom the app is known there; else it registered by itself."""
    wanted: str = ""
    """Scopes that the server has asked for since."""

    @property
    def access(self) -> str:
        return str(self.tokens.get("access_token") or "")

    @property
    def renewable(self) -> bool:
        return bool(self.tokens.get("refresh_token"))

    @property
    def runs_out(self) -> bool:
        """Whether its token is about to end, or has."""
        return self.expires_at is not None and time.time() > self.expires_at - EARLY

    @property
    def scope(self) -> str:
        return str(self.tokens.get("scope") or "")

    def text(self) -> str:
        """For the keyring."""
        self.hide()
        return self.model_dump_json()

    def hide(self) -> None:
        """Keeps its secrets out of every log from now on."""
        known = (self.tokens.get("access_token"), self.tokens.get("refresh_token"), self.client.get("client_secret"))
        for value in known:
            if isinstance(value, str):
                logs.add_secret(value)


def read(text: str | None, server: McpServer) -> Grant | None:
    """The sign-in that was kept for this server; None: there is none, or it was at another address."""
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
    """Where one server's sign-in is kept. Called from worker threads: it may block on the keyring."""

    def read(self) -> Grant | None:
        """Raises KeyStoreError."""

    def keep(self, grant: Grant) -> None:
        """Raises KeyStoreError."""

    def route(self, url: str) -> Endpoint:
        """The way to an address of the sign-in."""


def with_own_token(server: McpServer) -> bool:
    """Whether the person gave it a token as a header: then nobody signs in."""
    return any(name.lower() == "authorization" for name in (*server.headers, *server.secrets))
