"""Checks an MCP server by a real start or call, and saves it only then.

A secret goes only to the key store and the server itself, never into a return value, an error or a repr. Imports none
of the SDKs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from desktop.agents.mcp.errors import McpCommandMissing, McpError
from desktop.common import logs
from desktop.common.errors import Phrase
from desktop.keys.errors import KeyringInsecure, KeyringMissing
from desktop.openai_api.errors import NetworkError
from desktop.pages.agents.mcp_edit import McpForm, edited
from desktop.pages.agents.mcp_sign_in import SignIns, Wanted
from desktop.pages.common.check_run import CheckRuns, Closes, FieldError, Keep
from desktop.pages.common.http_question import settle
from desktop.settings import roster
from desktop.settings.layers import ENVIRONMENT_AGENT
from desktop.settings.mcp import MOST_SERVERS, McpServer, mcp_secret, same_server

if TYPE_CHECKING:
    from desktop.keys import Keys
    from desktop.settings.layers import SettingsStore
    from desktop.settings.model import Settings


class Tool(Protocol):
    """A tool as its server describes it (`agents.mcp`)."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...


Ask = Callable[[McpServer, Mapping[str, str], Callable[[Closes], object]], Sequence[Tool]]
"""Starts or calls the server with its secrets by name, and returns its tools. The third argument receives an object
that can end the wait. Raises AppError."""


@dataclass(frozen=True)
class McpDraft:
    """The server to check, in its final form."""

    server: McpServer
    secrets: Mapping[str, str] = field(repr=False)
    """All secrets, by name."""
    typed: tuple[str, ...] = ()
    """Names of secrets to save; the others are already stored."""
    sign_in: Wanted | None = None
    """Set if the person signs in first."""


class McpCheck(CheckRuns[McpDraft, Sequence[Tool]]):
    """One check at a time. `tools`: found by the last one."""

    unanswered = (NetworkError, McpError)

    def __init__(
        self,
        keys: Keys,
        settings: SettingsStore,
        ask: Ask,
        sign_ins: SignIns | None = None,
        background: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        super().__init__(background)
        self._keys = keys
        self._settings = settings
        self._ask = ask
        self.sign_ins = sign_ins
        self.tools: Sequence[Tool] = ()
        self.told: Phrase | None = None
        """The progress of the current start; None if there is nothing to report."""

    def draft(self, form: McpForm, server_id: str, sign_in: Wanted | None = None, *, plain: bool = False) -> McpDraft:
        """What was typed, in its final form. Asks only the key store. `server_id`: empty for a new one. `plain`: the
        person has just allowed http there. `sign_in`: the person wants to sign in. Raises FieldError, PlainUnasked,
        KeyStoreError."""
        settings = self._settings.current
        known = roster.find(settings.mcp_servers, server_id)
        if known is None and len(settings.mcp_servers) >= MOST_SERVERS:
            raise FieldError("name", Phrase("agents.mcp.most", {"limit": MOST_SERVERS}))
        server, values = edited(form, known.id if known else "new")
        if server.transport != "stdio":
            settle(self._settings, server.url, plain, field="url")
        if known is None:
            server = server.model_copy(update={"id": roster.mcp_id(server, settings)})
        elif same_server(known, server):
            server = server.model_copy(update={"always": known.always, "tools_off": known.tools_off})
        secrets = {name: value or self._kept(form, known, server, name) for name, value in values.items()}
        for value in secrets.values():
            logs.add_secret(value)
        return McpDraft(server, secrets, tuple(name for name, value in values.items() if value), sign_in)

    def _kept(self, form: McpForm, known: McpServer | None, server: McpServer, name: str) -> str:
        """The stored value. It belongs to this server's address only."""
        kind, rows = ("variables", form.variables) if server.transport == "stdio" else ("headers", form.headers)
        at = next((f"{kind}.{number}.value" for number, row in enumerate(rows) if row.name.strip() == name), kind)
        if known is None or name not in known.secrets:
            raise FieldError(at, Phrase("agents.mcp.secret_empty"))
        if mcp_secret(known, name) != mcp_secret(server, name):
            raise FieldError(at, Phrase("agents.mcp.secret_elsewhere"))
        value = self._keys.secret(mcp_secret(server, name))
        if not value:
            raise FieldError(at, Phrase("agents.mcp.secret_lost"))
        return value

    def prove(self, draft: McpDraft, uses: Callable[[Closes], object] = lambda _client: None) -> Sequence[Tool]:
        """Ask the server for its tools, after a sign-in if the person wants one. Raises AppError."""
        self.tools, self.told = (), None
        if draft.sign_in is not None and self.sign_ins is not None:
            self.sign_ins.begin(draft.server, draft.secrets, draft.sign_in, uses)
        try:
            self.tools = self._ask(draft.server, draft.secrets, uses)
        except McpCommandMissing as error:
            error.field = "command"
            raise
        finally:
            self.told = None
        return self.tools

    def save(self, draft: McpDraft, proof: Sequence[Tool] | None, keep: Keep) -> None:
        """Store the secrets, delete those no longer needed, then save the server. The keyring comes first: if it
        refuses, the settings are unchanged. Raises KeyStoreError, SettingsError."""
        if self.sign_ins is not None:
            self.sign_ins.keep(draft.server, keep)
        for name in draft.typed:
            self._keys.save_secret(mcp_secret(draft.server, name), draft.secrets[name], keep=keep)
        known = roster.find(self._settings.current.mcp_servers, draft.server.id)
        if known is not None:
            wanted = {mcp_secret(draft.server, name) for name in draft.server.secrets}
            self._drop(entry for name in known.secrets if (entry := mcp_secret(known, name)) not in wanted)
            if self.sign_ins is not None:
                self.sign_ins.moved(known, draft.server)

        def changes(settings: Settings) -> dict[str, Any]:
            return {"mcp_servers": roster.put(settings.mcp_servers, draft.server)}

        self._settings.change(changes)

    def remove(self, server: McpServer, *, agents: bool) -> None:
        """Remove the secrets, then the server from the settings and, if `agents` can be changed, from every agent.

        Raises KeyStoreError, SettingsError.
        """
        self._drop(mcp_secret(server, name) for name in server.secrets)
        if self.sign_ins is not None:
            self.sign_ins.drop(server)

        def changes(settings: Settings) -> dict[str, Any]:
            made: dict[str, Any] = {"mcp_servers": roster.without(settings.mcp_servers, server.id)}
            if agents and roster.mcp_users(settings, server.id):
                own = [agent for agent in settings.agents if agent.id != ENVIRONMENT_AGENT]
                made["agents"] = [roster.without_mcp(agent, server.id) for agent in own]
            return made

        self._settings.change(changes)

    def _drop(self, entries: Iterable[str]) -> None:
        for entry in entries:
            try:
                self._keys.remove_secret(entry)
            except (KeyringMissing, KeyringInsecure):
                pass  # without a keyring, nothing was stored
