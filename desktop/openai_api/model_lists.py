"""Parses servers' lists of models, in OpenAI's format and others. Pure: makes no requests.

Seen: `{"object": "list", "data": [...]}` (OpenAI and most), `data` null (Ollama without a model), a bare array
(Together), `{"models": [...]}` with names under `name`, `model` or `id` (Ollama's own, Google, llama.cpp beside
`data`), arrays of names alone, an object keyed by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

LISTS = ("data", "models", "model_list", "result", "results", "items")
NAMES = ("id", "name", "model", "model_name", "model_id", "key", "slug")
ENDS = ("shutdown_date", "shutdown_at", "deprecation", "deprecation_date", "expiration_date", "retirement_date")
_NO_CHAT = """
    embedding embeddings text-embedding rerank reranker image image-generation text-to-image text2image video audio
    audio-transcription audio-speech tts text-to-speech stt asr transcription transcribe moderation
    automatic-speech-recognition text-to-video feature-extraction
"""
NO_CHAT = frozenset(_NO_CHAT.split())
LONGEST_NAME = 200


@dataclass(frozen=True)
class Listed:
    """One model of a list."""

    id: str
    created: int = 0
    """Unix seconds; 0 if unknown."""
    ends: date | None = None
    """The day it is shut down, if the list says so."""
    chats: bool = True
    """False if the list says it is for something else."""


def read(answer: object) -> list[Listed] | None:
    """The models in an answer, without duplicates, in order; None if it isn't a list of models."""
    entries = _entries(answer, 0)
    if entries is None:
        return None
    found: dict[str, Listed] = {}
    for entry in entries:
        one = _listed(entry)
        if one is not None:
            found.setdefault(one.id, one)
    return list(found.values()) if found or not entries else None


def further(answer: object) -> dict[str, str] | None:
    """The parameters for the next page of a list; None if this was the last."""
    if not isinstance(answer, Mapping):
        return None
    token = answer.get("nextPageToken") or answer.get("next_page_token")
    if isinstance(token, str) and token:
        return {"pageToken" if "nextPageToken" in answer else "page_token": token}
    if answer.get("has_more") is not True:
        return None
    last = answer.get("last_id")
    if not isinstance(last, str) or not last:
        entries = read(answer)
        last = entries[-1].id if entries else ""
    # OpenAI's lists go on after `after`, Anthropic's after `after_id`; the other one is not looked at.
    return {"after": last, "after_id": last} if last else None


def _entries(answer: object, depth: int) -> list[Any] | None:
    if isinstance(answer, list):
        return answer
    if not isinstance(answer, Mapping) or depth > 1:
        return None
    empty = False
    for name in LISTS:
        if name not in answer:
            continue
        value = answer[name]
        if isinstance(value, Mapping):
            inner = _entries(value, depth + 1)
            keyed = [{"id": key, **one} for key, one in value.items() if isinstance(one, Mapping)]
            value = inner if inner is not None else keyed or None
        if isinstance(value, list) and value:
            return value
        # For Go servers, null is an empty list, but an error with `data: null` is not a list.
        empty = empty or isinstance(value, list) or (value is None and not answer.get("error"))
    return [] if empty else None


def _listed(entry: object) -> Listed | None:
    if isinstance(entry, str):
        name = entry.strip()
        return Listed(name[:LONGEST_NAME]) if name else None
    if not isinstance(entry, Mapping):
        return None
    names = (entry.get(one) for one in NAMES)
    name = next((one.strip() for one in names if isinstance(one, str) and one.strip()), "")
    if not name:
        return None
    ends = next((day for day in map(_day, (entry.get(one) for one in ENDS)) if day), None)
    return Listed(name[:LONGEST_NAME], _created(entry), ends, _chats(entry))


def _created(entry: Mapping[str, Any]) -> int:
    value = entry.get("created", entry.get("created_at"))
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15 else 0


def _day(value: object) -> date | None:
    """A day, from an ISO date or time, or unix seconds."""
    try:
        if isinstance(value, str) and value:
            return date.fromisoformat(value.strip()[:10])
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return datetime.fromtimestamp(value, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _chats(entry: Mapping[str, Any]) -> bool:
    kinds = (entry.get(one) for one in ("type", "task", "mode", "model_type", "pipeline_tag", "kind"))
    if any(isinstance(kind, str) and kind.lower().replace("_", "-") in NO_CHAT for kind in kinds):
        return False
    able = entry.get("capabilities")
    if isinstance(able, Mapping) and able.get("completion_chat") is False:
        return False
    if isinstance(able, list) and able and all(str(one).lower() in NO_CHAT for one in able):
        return False
    methods = entry.get("supportedGenerationMethods")
    if isinstance(methods, list) and methods and "generateContent" not in methods:
        return False
    made = entry.get("architecture")
    outputs = made.get("output_modalities") if isinstance(made, Mapping) else None
    return not (isinstance(outputs, list) and outputs and "text" not in outputs)
