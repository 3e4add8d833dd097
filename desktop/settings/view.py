"""Which page shows an agent's chats: OpenAI's ChatKit, or the app's own built-in view. Pure functions over Settings."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent, InAppAgent, ServerAgent
from desktop.settings.model import Agent, Settings

View = Literal["chatkit", "builtin"]


def view_of(settings: Settings, agent: Agent) -> View:
    """ChatKit if the agent uses OpenAI anyway, or a server speaks ChatKit's protocol; otherwise the built-in view. A
    hosted workflow always uses ChatKit."""
    if not isinstance(agent, InAppAgent):
        return "chatkit"
    if agent.view != "auto":
        return agent.view
    if settings.assistant.builtin_view:
        return "builtin"
    if isinstance(agent, ServerAgent):
        return "chatkit"
    return "chatkit" if isinstance(agent, AssistantAgent) and is_openai(settings, agent.endpoint) else "builtin"


def is_openai(settings: Settings, endpoint_id: str) -> bool:
    """Whether an endpoint is OpenAI's: the built-in one, or one whose host is OpenAI's."""
    if endpoint_id == OPENAI_ENDPOINT:
        return True
    found = next((one for one in settings.endpoints if one.id == endpoint_id), None)
    host = (urlsplit(found.base_url).hostname or "").rstrip(".") if found else ""
    return host == "openai.com" or host.endswith(".openai.com")
