"""Names of models: the ones that the app itself names have no end that is announced."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import openai.types.audio_model
import openai.types.shared.chat_model
import pytest

from desktop.agents.models.names import DEFAULT_MODEL, for_chat

ROOT = Path(__file__).resolve().parents[3]
NAMED_AS_GONE = re.compile(r"gpt-4\.1 = ")
"""The example of a model that is replaced."""


def ending() -> set[str]:
    """The models whose end OpenAI has announced, as `openai`'s types list them."""
    found: set[str] = set()
    for module in (openai.types.shared.chat_model, openai.types.audio_model):
        _, _, told = inspect.getsource(module).partition("Deprecated values:")
        found |= set(re.findall(r'"([a-z0-9.-]+)"', told))
    return found


def test_the_types_tell_which_models_end() -> None:
    assert {"gpt-5", "gpt-5-mini", "o3", "whisper-1"} <= ending()


def test_the_default_model_has_no_announced_end_and_is_one_that_openai_lists() -> None:
    assert DEFAULT_MODEL not in ending()
    assert f'"{DEFAULT_MODEL}"' in inspect.getsource(openai.types.shared.chat_model)


@pytest.mark.parametrize(
    "file", ["README.md", "assets/brand.toml", "assets/texts/en", "assets/texts/fr", "assets/help/en", "assets/help/fr"]
)
def test_no_example_names_a_model_that_ends(file: str) -> None:
    place = ROOT / file
    for path in [place] if place.is_file() else sorted([*place.glob("*.json"), *place.glob("*.md")]):
        text = NAMED_AS_GONE.sub("", path.read_text(encoding="utf-8"))
        named = set(re.findall(r"\b(?:gpt-[0-9a-z][0-9a-z.-]*[0-9a-z]|whisper-1|o[134](?:-mini)?)\b", text))
        assert named & ending() == set(), path.name


OTHERS = """
    nomic-embed-text text-embedding-3-small whisper-large-v3 BAAI/bge-m3 tts-1 gpt-transcribe gpt-image-1 dall-e-3
    jina-reranker-v2 stable-diffusion-xl black-forest/flux-1-dev
"""
CHATTING = "qwen3:8b gpt-oss:20b Meta-Llama-3.1-8B claude-opus mistral-small gpt-6.1-sol"


@pytest.mark.parametrize("name", OTHERS.split())
def test_what_can_not_chat_is_left_out(name: str) -> None:
    assert for_chat(["llama3.2:latest", name]) == ["llama3.2:latest"]


@pytest.mark.parametrize("name", CHATTING.split())
def test_what_chats_stays(name: str) -> None:
    assert for_chat(["whisper-1", name]) == [name]
