"""What a model is asked with: which model, its tools and parameters, less what it has refused by name."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import openai
from agents import (
    CodeInterpreterTool,
    FileSearchTool,
    ImageGenerationTool,
    ModelSettings,
    Tool,
    WebSearchTool,
)
from chatkit.types import UserMessageItem
from openai.types.shared import Reasoning

from desktop.agents.endpoints import is_openai
from desktop.agents.models import DEFAULT_MODEL, reasons
from desktop.agents.way import Way
from desktop.settings.agents import AssistantAgent

log = logging.getLogger(__name__)

DROPPABLE = ("reasoning.summary", "reasoning.effort", "temperature", "store", "include")
"""Parameters that are left out, and the request made again, where a model or endpoint refuses them by name."""


class Parameters:
    """Remembers what each model has refused, for as long as the app runs."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str], frozenset[str]] = {}
        """(address, model) -> the parameters that it refused."""

    def settings(
        self, agent: AssistantAgent, way: Way, message: UserMessageItem | None, tools: list[str]
    ) -> ModelSettings:
        """What the model takes, less what it has refused before."""
        refused = self._refused.get((way.endpoint.base_url, way.model), frozenset())
        # Of other endpoints' models nothing is known: they get what was set.
        thinks = reasons(way.model) if is_openai(way.endpoint) else agent.reasoning_effort is not None
        effort = agent.reasoning_effort if "reasoning.effort" not in refused else None
        summary = "auto" if way.responses and thinks and "reasoning.summary" not in refused else None
        # Only what is set: the SDK sends what is None too.
        reasoning = {name: value for name, value in (("effort", effort), ("summary", summary)) if value and thinks}
        chosen = message.inference_options.tool_choice if message is not None else None
        include: list[Any] = []
        if "web_search" in tools:
            include.append("web_search_call.action.sources")
        if "code_interpreter" in tools:
            include.append("code_interpreter_call.outputs")
        settings = ModelSettings(
            temperature=None if "temperature" in refused or (thinks and is_openai(way.endpoint)) else agent.temperature,
            reasoning=Reasoning.model_validate(reasoning) if reasoning else None,
            tool_choice=chosen.id if chosen is not None and chosen.id in tools else None,
            response_include=include if include and "include" not in refused else None,
        )
        # Chats are kept on this computer, not at OpenAI.
        return replace(settings, store=False) if way.responses and "store" not in refused else settings

    def drop(self, way: Way, error: openai.BadRequestError) -> bool:
        """Notes a parameter that was refused by name; False where it is none that can be left out."""
        param = error.param or ""
        known = self._refused.get((way.endpoint.base_url, way.model), frozenset())
        for name in DROPPABLE:
            if param == name or param.startswith(f"{name}[") or (not param and f"'{name}'" in error.message):
                if name in known:
                    return False
                log.info("%s takes no %s", way.model, name)
                self._refused[way.endpoint.base_url, way.model] = known | {name}
                return True
        return False


def chosen_model(agent: AssistantAgent, message: UserMessageItem | None) -> str:
    """The composer's choice where it is one of the agent's, else the agent's, else the app's."""
    wanted = message.inference_options.model if message is not None else None
    own = agent.model or DEFAULT_MODEL
    return wanted if wanted and wanted in (own, *agent.models) else own


def hosted_tools(agent: AssistantAgent) -> list[Tool]:
    """The tools that the endpoint runs, as the Agents SDK takes them."""
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
