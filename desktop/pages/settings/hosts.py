"""Whom the chat talks to, for the privacy section: true for the agent and the view in use. Pure functions."""

from __future__ import annotations

from desktop.settings import roster
from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent, CodeAgent, ServerAgent
from desktop.settings.model import Settings
from desktop.settings.origins import host_of

Row = tuple[str, str]
"""A host, and the name of the text that says what it is for."""

CHATKIT: tuple[Row, ...] = (
    ("cdn.platform.openai.com", "settings.host_component"),
    ("api.openai.com", "settings.host_api"),
    ("us.api.openai.com, eu.api.openai.com", "settings.host_region"),
    ("chatgpt.com", "settings.host_events"),
    ("sentinel.openai.com", "settings.host_abuse"),
    ("*.oaiusercontent.com", "settings.host_files"),
    ("Datadog", "settings.host_errors"),
    ("Mixpanel", "settings.host_usage"),
    ("www.google.com/s2/favicons", "settings.host_icons"),
)
"""Whom the component's frame talks to (observed in June 2026; Mixpanel as OpenAI's users report it). The last one only
where the settings allow it. OpenAI publishes no list."""
IMAGES: Row = ("*", "settings.host_images")


def lead(settings: Settings, *, builtin: bool) -> str:
    """The name of the sentence over the table."""
    if not builtin:
        return "settings.hosts_text"
    return "settings.hosts_builtin" if answering(settings) else "settings.hosts_none"


def rows(settings: Settings, *, builtin: bool) -> list[Row]:
    """The table, in order. `builtin`: whether the built-in view shows the chat, which itself connects to nobody."""
    return [*(() if builtin else CHATKIT), *answering(settings), IMAGES]


def answering(settings: Settings) -> list[Row]:
    """Who gets the messages of the active agent, as far as the settings tell; nobody for the demo."""
    agent = settings.agent()
    if isinstance(agent, ServerAgent):
        return [(host_of(agent.url), "settings.host_server")]
    if not isinstance(agent, (AssistantAgent, CodeAgent)):
        return []
    endpoint = roster.find(settings.endpoints, agent.endpoint)
    found: list[Row] = []
    if agent.endpoint == OPENAI_ENDPOINT:
        found.append((host_of(settings.network.api_base), "settings.host_model"))
    elif endpoint is not None:
        found.append((host_of(endpoint.base_url), "settings.host_model"))
    servers = [roster.find(settings.mcp_servers, one) for one in agent.mcp_servers]
    return found + [(host_of(one.url), "settings.host_tools") for one in servers if one is not None and one.url]
