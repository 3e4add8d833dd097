"""The model, its tools and its parameters for a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agents import (
    CodeInterpreterTool,
    FileSearchTool,
    ImageGenerationTool,
    ModelSettings,
    Tool,
    WebSearchTool,
)
from chatkit.types import ThreadMetadata, UserMessageItem
from openai.types.shared import Reasoning

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.models.endpoints import is_openai
from desktop.agents.models.names import DEFAULT_MODEL, reasons
from desktop.agents.models.target import ModelTarget
from desktop.settings.agents import AssistantAgent

LONGEST_NAME = 200
"""Characters of a model's name."""


def model_settings(
    agent: AssistantAgent, target: ModelTarget, message: UserMessageItem | None, tools: list[str]
) -> ModelSettings:
    """The parameters set by the person, without those the model is known to refuse. The transport drops others it
    refuses."""
    # Nothing is known about other endpoints' models: they get what was set.
    thinks = reasons(target.model) if is_openai(target.endpoint) else agent.reasoning_effort is not None
    summary = "auto" if target.responses and thinks else None
    # Only values that are set, because the SDK would send None too.
    wanted = (("effort", agent.reasoning_effort), ("summary", summary))
    reasoning = {name: value for name, value in wanted if value and thinks}
    chosen = message.inference_options.tool_choice if message is not None else None
    include: list[Any] = []
    if "web_search" in tools:
        include.append("web_search_call.action.sources")
    if "code_interpreter" in tools:
        include.append("code_interpreter_call.outputs")
    settings = ModelSettings(
        temperature=None if thinks and is_openai(target.endpoint) else agent.temperature,
        reasoning=Reasoning.model_validate(reasoning) if reasoning else None,
        tool_choice=chosen.id if chosen is not None and chosen.id in tools else None,
        response_include=include or None,
    )
    # Chats are stored on this computer, not at OpenAI.
    return replace(settings, store=False) if target.responses else settings


def own_model(agent: AssistantAgent) -> str:
    """The agent's model, otherwise the default."""
    return agent.model or DEFAULT_MODEL


def chosen_model(
    agent: AssistantAgent, message: UserMessageItem | None, thread: ThreadMetadata, context: RequestContext
) -> str:
    """The model that is asked for, otherwise the agent's own.

    Our own pages, which run no other script, may ask for any model at the agent's endpoint: for this request, else for
    this chat, else for its first message. Any other page may ask for one that the agent offers, or leave it to the
    chat's own.
    """
    kept = thread.metadata.get("model")
    said = message.inference_options.model if message is not None else None
    if context.approves:
        wanted = context.model or kept or said
        offered = wanted is not None and 0 < len(wanted) <= LONGEST_NAME
    else:
        wanted = said or kept
        offered = wanted is not None and wanted in (own_model(agent), *agent.models, kept)
    return str(wanted) if offered else own_model(agent)


def hosted_tools(agent: AssistantAgent) -> list[Tool]:
    """The tools run by the endpoint, for the Agents SDK."""
    wanted = agent.tools
    tools: list[Tool] = []
    if wanted.web_search:
        tools.append(WebSearchTool())
    if wanted.vector_store_ids:
        tools.append(FileSearchTool(vector_store_ids=list(wanted.vector_store_ids), include_search_results=True))
    if wanted.code_interpreter:
        tools.append(CodeInterpreterTool({"type": "code_interpreter", "container": {"type": "auto"}}))
    if wanted.image_generation:
        tools.append(ImageGenerationTool({"type": "image_generation"}))
    return tools
