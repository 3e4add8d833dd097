"""Errors that keep ChatKit from showing a chat."""

from __future__ import annotations

from desktop.openai_api.errors import ChatError


class ComponentLate(ChatError):
    """values: seconds."""

    code = "component_late"


class ComponentFailed(ChatError):
    """values: problem (ChatKit's own message)."""

    code = "component_failed"


class ComponentBlank(ChatError):
    code = "component_blank"


class RendererCrashed(ChatError):
    code = "renderer_crashed"
