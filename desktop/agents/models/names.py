"""Names of models and what they tell. The only place that names a default. Pure text."""

from __future__ import annotations

import re

DEFAULT_MODEL = "gpt-5.6-luna"
"""Used if an assistant names none: the default of openai-agents 0.24."""

_REASONS = re.compile(r"^(?:o\d|gpt-(?:[5-9]|\d\d))")
_CHATS = re.compile(r"-chat-latest$")
_NOT_FOR_CHAT = re.compile(
    r"embed|whisper|tts|transcribe|moderation|dall-e|image|realtime|audio|davinci|babbage|sora|search-preview|rerank"
    r"|stable-diffusion|(?:^|[-_/.:])(?:bge|gte|e5|minilm|clip|stt|flux|sdxl|veo|kokoro|parakeet)(?:[-_.:]|\d|$)"
)


def reasons(model: str) -> bool:
    """Whether an OpenAI model reasons before it answers: it accepts an effort, but no temperature."""
    return bool(_REASONS.match(model)) and not _CHATS.search(model)


def for_chat(models: list[str]) -> list[str]:
    """An endpoint's models that can chat, judged by name, in the endpoint's order; all if none seems to."""
    return [model for model in models if not _NOT_FOR_CHAT.search(model.lower())] or models
