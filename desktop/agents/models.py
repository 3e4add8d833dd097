"""Names of models and tools, and what is known of them; the one place that names a default. Pure text."""

from __future__ import annotations

import re

from desktop.settings.agents import AssistantAgent, Endpoint

DEFAULT_MODEL = "gpt-5.6-luna"
"""Where an assistant names none: the default of openai-agents 0.24."""

_REASONS = re.compile(r"^(?:o\d|gpt-(?:[5-9]|\d\d))")
_CHATS = re.compile(r"-chat-latest$")
_NOT_FOR_CHAT = re.compile(
    r"embedding|whisper|tts|transcribe|moderation|dall-e|image|realtime|audio|davinci|babbage|sora|search-preview"
)


def reasons(model: str) -> bool:
    """Whether a model of OpenAI thinks before it answers: it takes an effort, and no temperature."""
    return bool(_REASONS.match(model)) and not _CHATS.search(model)


def for_chat(models: list[str]) -> list[str]:
    """Those of an endpoint's models that can chat, by name, in the endpoint's order; all where none seems to."""
    return [model for model in models if not _NOT_FOR_CHAT.search(model)] or models


def models_of(agent: AssistantAgent) -> list[str]:
    """What the composer's model picker offers, the agent's own model first."""
    return list(dict.fromkeys([agent.model or DEFAULT_MODEL, *agent.models]))


def tools_of(agent: AssistantAgent, endpoint: Endpoint) -> list[str]:
    """The tools an agent has, by the ids that the composer's menu and the SDK use. Chat Completions has none."""
    wanted = agent.tools
    tools = {
        "web_search": wanted.web_search,
        "file_search": bool(wanted.vector_store_ids),
        "code_interpreter": wanted.code_interpreter,
        "image_generation": wanted.image_generation,
    }
    return [name for name, on in tools.items() if on] if endpoint.api == "responses" else []
