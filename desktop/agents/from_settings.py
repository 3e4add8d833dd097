"""Provides agents with the profile's settings and secrets: the app's implementation of `Sources`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from desktop.keys.errors import KeyringInsecure, KeyringMissing
from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent, CodeAgent, DemoAgent, Endpoint, ServerAgent
from desktop.settings.errors import AgentNotSet
from desktop.settings.mcp import McpServer, mcp_grant, mcp_secret, same_server
from desktop.settings.origins import is_loopback, origin_of
from desktop.settings.servers import server_secret

if TYPE_CHECKING:
    from desktop.openai_api import transport
    from desktop.settings.layers import SettingsStore


class ReadsSecrets(Protocol):
    """The part of the key store used here (`keys.Keys`)."""

    def read(self, origin: str) -> str | None: ...
    def secret(self, name: str) -> str | None: ...
    def renew_secret(self, name: str, value: str) -> None: ...
    def proxy_password(self, proxy: str) -> str: ...


class SettingsSources:
    """Reads the current settings at every call, so a change applies from the next message on."""

    def __init__(self, settings: SettingsStore, keys: ReadsSecrets) -> None:
        self._settings = settings
        self._keys = keys

    @property
    def message_limit(self) -> int:
        return self._settings.current.assistant.message_limit

    @property
    def tracing(self) -> bool:
        return self._settings.current.assistant.tracing

    @property
    def titles(self) -> bool:
        return self._settings.current.assistant.titles

    @property
    def transcription_model(self) -> str:
        return self._settings.current.assistant.transcription_model

    def agent(self, agent_id: str) -> AssistantAgent | CodeAgent | DemoAgent:
        for agent in self._settings.current.agents:
            if agent.id == agent_id and isinstance(agent, (AssistantAgent, CodeAgent, DemoAgent)):
                return agent
        raise AgentNotSet()

    def server(self, agent_id: str) -> ServerAgent | None:
        for agent in self._settings.current.agents:
            if agent.id == agent_id and isinstance(agent, ServerAgent):
                return agent
        return None

    def token(self, agent: ServerAgent) -> str | None:
        try:
            return self._keys.secret(server_secret(agent))
        except (KeyringMissing, KeyringInsecure):
            return None  # without a keyring there is no token, and a server may need none

    def user(self, agent_id: str) -> str:
        return self._settings.user_id(agent_id)

    def endpoint(self, endpoint_id: str) -> Endpoint:
        if endpoint_id == OPENAI_ENDPOINT:
            base = self._settings.current.network.api_base
            return Endpoint(id=OPENAI_ENDPOINT, name="OpenAI", base_url=base, api="responses", needs_key=True)
        for endpoint in self._settings.current.endpoints:
            if endpoint.id == endpoint_id:
                return endpoint
        raise AgentNotSet()

    def key(self, base_url: str) -> str | None:
        return self._keys.read(origin_of(base_url))

    def route(self, base_url: str) -> transport.Endpoint:
        from urllib.parse import urlsplit

        from desktop.openai_api.transport import Endpoint as Route

        network = self._settings.current.network
        # A model on this computer is reached directly: a company's proxy could not.
        proxy = "" if is_loopback(urlsplit(base_url).hostname or "") else network.proxy
        return Route(
            base=base_url,
            proxy=proxy,
            proxy_password=self._keys.proxy_password(proxy),
            ca_file=network.ca_file,
            timeout=network.timeout_seconds,
            plain=network.allows(base_url),
        )

    def code_chosen(self, agent: CodeAgent) -> None:
        from desktop.settings import roster

        self._settings.change(lambda now: {"agents": roster.put(now.agents, agent)})

    def mcp_servers(self, agent_id: str) -> Sequence[McpServer]:
        agent = self.agent(agent_id)
        wanted = agent.mcp_servers if isinstance(agent, (AssistantAgent, CodeAgent)) else []
        return [server for server in self._settings.current.mcp_servers if server.id in wanted]

    def mcp_secret(self, server: McpServer, name: str) -> str | None:
        return self._keys.secret(mcp_secret(server, name))

    def mcp_grant(self, server: McpServer) -> str | None:
        try:
            return self._keys.secret(mcp_grant(server))
        except (KeyringMissing, KeyringInsecure):
            return None  # without a keyring nobody has signed in, and a server may need no sign-in

    def keep_mcp_grant(self, server: McpServer, text: str) -> None:
        self._keys.renew_secret(mcp_grant(server), text)

    def mcp_always(self, server: McpServer, tool: str, digest: str) -> None:
        from desktop.settings.mcp import Approved
        from desktop.settings.model import Settings

        def approve(settings: Settings) -> dict[str, Any]:
            changed = [
                one.model_copy(
                    update={
                        "always": [
                            *(known for known in one.always if known.tool != tool),
                            Approved(tool=tool, digest=digest),
                        ]
                    }
                )
                if one.id == server.id and same_server(one, server)
                else one
                for one in settings.mcp_servers
            ]
            return {"mcp_servers": changed}

        self._settings.change(approve)
