"""Signing in to MCP servers from the agents page, keeping the sign-in, and signing out. No token goes to a page.

Imports the agents' modules only when somebody signs in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from desktop.agents.mcp.errors import (
    McpClientWanted,
    McpRefused,
    McpScopeWanted,
    McpSignInFailed,
    McpSignInOver,
    McpSignInWanted,
)
from desktop.common.errors import AppError
from desktop.keys.errors import KeyringInsecure, KeyringMissing
from desktop.pages.common.check_run import Closes, Keep
from desktop.settings.mcp import McpServer, mcp_grant

if TYPE_CHECKING:
    from desktop.agents.mcp.grants import Grant, Vault
    from desktop.agents.sources import Sources
    from desktop.keys import Keys
    from desktop.keys.access import KeyStatus
    from desktop.openai_api.transport import Endpoint


@dataclass(frozen=True)
class Wanted:
    """A request to sign in, with the client id and secret if they had to be typed."""

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    host: str = ""
    """The authorization server they were typed for."""


Begin = Callable[[McpServer, Mapping[str, str], Wanted, "Grant | None", Callable[[Closes], object]], "Grant"]
"""Sends the person to the browser and waits. Arguments: the server, its secrets by name, what was typed, the previous
sign-in, and a function that receives an object to end the wait. Raises AppError."""


class SignIns:
    """One for each showing of the page. A sign-in that is not saved with its server is forgotten with the page."""

    def __init__(self, keys: Keys, sources: Sources, begin: Begin) -> None:
        self._keys = keys
        self._sources = sources
        self._begin = begin
        self._fresh: dict[str, _Fresh] = {}

    def begin(
        self, server: McpServer, secrets: Mapping[str, str], wanted: Wanted, uses: Callable[[Closes], object]
    ) -> None:
        """Let the person sign in. The result is used from now on, and stored with the server. Raises AppError."""
        before = self.vault(server).read()
        grant = self._begin(server, secrets, wanted, before, uses)
        self._fresh[_of(server)] = _Fresh(grant, self._sources.route)

    def vault(self, server: McpServer) -> Vault:
        """Where the server's sign-in is kept: here until it is saved, then in the keyring."""
        from desktop.agents.mcp.servers import OwnVault

        return self._fresh.get(_of(server)) or OwnVault(self._sources, server)

    def keep(self, server: McpServer, keep: Keep) -> None:
        """Raises KeyStoreError."""
        fresh = self._fresh.get(_of(server))
        if fresh is not None:
            self._keys.save_secret(mcp_grant(server), fresh.grant.text(), keep=keep)
            del self._fresh[_of(server)]

    def drop(self, server: McpServer) -> None:
        """Sign out. Raises KeyStoreError."""
        if server.transport == "http":
            self._fresh.pop(_of(server), None)
            try:
                self._keys.remove_secret(mcp_grant(server))
            except (KeyringMissing, KeyringInsecure):
                pass  # without a keyring, nothing was stored

    def moved(self, before: McpServer, now: McpServer) -> None:
        """A sign-in belongs to the whole address it was made at. Raises KeyStoreError."""
        if before.transport == "http" and (now.transport, now.url) != (before.transport, before.url):
            self.drop(before)

    def status(self, server: McpServer) -> KeyStatus | None:
        """Whether the person is signed in; None for a program."""
        return self._keys.secret_status(mcp_grant(server)) if server.transport == "http" else None

    def gone(self) -> None:
        self._fresh.clear()


class _Fresh:
    """A sign-in that is not stored yet."""

    def __init__(self, grant: Grant, route: Callable[[str], Endpoint]) -> None:
        self.grant = grant
        self._route = route

    def read(self) -> Grant | None:
        return self.grant

    def keep(self, grant: Grant) -> None:
        self.grant = grant

    def route(self, url: str) -> Endpoint:
        return self._route(url)


def _of(server: McpServer) -> str:
    return f"{server.id} {server.url}"


def offered(error: AppError | None, server: McpServer | None) -> dict[str, Any]:
    """What the page offers after this error: `{sign_in: "" | "browser" | "client", host}`."""
    if isinstance(error, McpClientWanted):
        return {"sign_in": "client", "host": str(error.values["host"])}
    wanted = isinstance(error, McpSignInWanted | McpSignInOver | McpScopeWanted | McpSignInFailed)
    if isinstance(error, McpRefused) and error.values.get("status") == 401 and server is not None:
        # Not every server announces its sign-in, and servers that expect a token in a header don't announce that
        # either.
        wanted = not any(name.lower() == "authorization" for name in (*server.headers, *server.secrets))
    return {"sign_in": "browser" if wanted else "", "host": ""}
