"""The interface through which agents get settings and secrets. Knows no files and no keyring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from desktop.settings.agents import AssistantAgent, CodeAgent, DemoAgent, Endpoint, ServerAgent
from desktop.settings.mcp import McpServer

if TYPE_CHECKING:
    from desktop.openai_api import transport


class Sources(Protocol):
    """Used for every message, so a changed setting applies from the next one on. Called from any thread."""

    @property
    def message_limit(self) -> int:
        """The longest message, in characters."""

    @property
    def tracing(self) -> bool:
        """Whether traces of runs may be sent to OpenAI."""

    @property
    def titles(self) -> bool:
        """Whether a model writes the titles of chats. Otherwise their first words are the title."""

    @property
    def transcription_model(self) -> str:
        """The dictation model at the agent's endpoint; empty for no dictation."""

    def agent(self, agent_id: str) -> AssistantAgent | CodeAgent | DemoAgent:
        """Raises AgentNotSet."""

    def server(self, agent_id: str) -> ServerAgent | None:
        """The agent if it is a ChatKit server, otherwise None."""

    def token(self, agent: ServerAgent) -> str | None:
        """The token stored for the agent's server. May block on the keyring; raises KeyStoreError."""

    def user(self, agent_id: str) -> str:
        """The user id for the agent's chats, which stays the same."""

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """Raises AgentNotSet."""

    def key(self, base_url: str) -> str | None:
        """The key stored for this address. May block on the keyring; raises KeyStoreError."""

    def route(self, base_url: str) -> transport.Endpoint:
        """The route to an address: proxy, CA file, time limits. "" for a route to the internet in general, as for
        pip."""

    def code_chosen(self, agent: CodeAgent) -> None:
        """The person chose what the code agent runs, or another model for it: save `agent`. Raises SettingsError if
        that fails."""

    def mcp_servers(self, agent_id: str) -> Sequence[McpServer]:
        """The MCP servers whose tools the agent may use. Raises AgentNotSet."""

    def mcp_secret(self, server: McpServer, name: str) -> str | None:
        """A secret of the server, for its address. May block on the keyring; raises KeyStoreError."""

    def mcp_grant(self, server: McpServer) -> str | None:
        """The person's sign-in at the server. May block on the keyring; raises KeyStoreError."""

    def keep_mcp_grant(self, server: McpServer, text: str) -> None:
        """Store a renewed sign-in, unless it was removed meanwhile. Raises KeyStoreError."""

    def mcp_always(self, server: McpServer, tool: str, digest: str) -> None:
        """The person always allows the tool as described by `digest`. Raises SettingsError if that can't be saved."""
