"""What agents need of the settings and the keyring, as one narrow door. Knows neither files nor keyrings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from desktop.settings.agents import AssistantAgent, CodeAgent, DemoAgent, Endpoint, ServerAgent
from desktop.settings.mcp import McpServer

if TYPE_CHECKING:
    from desktop.openai_api import transport


class Sources(Protocol):
    """Asked anew for every message, so a changed setting holds from the next one on. Called from any thread."""

    @property
    def message_limit(self) -> int:
        """Most characters of a message."""

    @property
    def tracing(self) -> bool:
        """Whether runs may be reported to OpenAI's traces."""

    @property
    def titles(self) -> bool:
        """Whether a model writes the titles of chats; else their first words are the title."""

    @property
    def transcription_model(self) -> str:
        """The model for dictation at the agent's endpoint; empty: no dictation."""

    def agent(self, agent_id: str) -> AssistantAgent | CodeAgent | DemoAgent:
        """Raises AgentNotSet."""

    def server(self, agent_id: str) -> ServerAgent | None:
        """The agent where it is a ChatKit server; None for every other."""

    def token(self, agent: ServerAgent) -> str | None:
        """The token kept for the agent's server. May block on the keyring; raises KeyStoreError."""

    def user(self, agent_id: str) -> str:
        """Whose chats these are: an id that stays the same for the agent."""

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """Raises AgentNotSet."""

    def key(self, base_url: str) -> str | None:
        """The key kept for this address. May block on the keyring; raises KeyStoreError."""

    def route(self, base_url: str) -> transport.Endpoint:
        """How to get there: proxy, CA file, time limits. "": somewhere outside, as pip asks where its settings say."""

    def code_chosen(self, agent: CodeAgent) -> None:
        """The person chose what the code agent runs, or another model for it: `agent` is it from now on. Raises
        SettingsError where that can't be kept."""

    def mcp_servers(self, agent_id: str) -> Sequence[McpServer]:
        """The MCP servers whose tools the agent has. Raises AgentNotSet."""

    def mcp_secret(self, server: McpServer, name: str) -> str | None:
        """A secret of the server, for its address. May block on the keyring; raises KeyStoreError."""

    def mcp_grant(self, server: McpServer) -> str | None:
        """What the person's sign-in at the server left. May block on the keyring; raises KeyStoreError."""

    def keep_mcp_grant(self, server: McpServer, text: str) -> None:
        """The same, renewed; where there is none any more, nothing is kept. Raises KeyStoreError."""

    def mcp_always(self, server: McpServer, tool: str, digest: str) -> None:
        """The person approved the tool, as `digest` says it is, for always. Raises SettingsError where that can't be
        kept."""
