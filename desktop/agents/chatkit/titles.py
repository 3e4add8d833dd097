"""Titles of chats: the first words, or a better one from a model, made beside the answer without delaying it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LONGEST = 60
"""The longest title, in characters."""
ASK = (
    "Write a title for a chat that begins with the message below: at most six words, in the language of the message, "
    "without quotation marks and without a full stop. Answer with the title alone; do not answer the message."
)
MOST = 2_000
"""Characters of the message sent to the model."""


def first_words(text: str) -> str:
    """The beginning of a message as a title: one line of whole words, with an ellipsis if it was shortened."""
    line = " ".join(re.sub(r"[#*_`>|]+", " ", text).split())
    if len(line) <= LONGEST:
        return line
    cut = line[: LONGEST - 1]
    whole = cut.rsplit(" ", 1)[0] if " " in cut[LONGEST // 2 :] else cut
    return f"{whole.rstrip(' ,;:.-–—')}…"


def tidy(text: str) -> str:
    """A model's title without quotes, a label or a full stop; empty if nothing is left."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"^(?:title|titre)\s*:\s*", "", line, flags=re.IGNORECASE).strip(" \"'“”«»„‟*#\u202f\u00a0")
    return first_words(line.rstrip("."))


async def ask(client: AsyncOpenAI, model: str, text: str, *, responses: bool) -> str:
    """Ask `model` for a title, unchanged. Raises whatever the SDK raises."""
    if responses:
        answer = await client.responses.create(model=model, instructions=ASK, input=text[:MOST], store=False)
        return answer.output_text
    completion = await client.chat.completions.create(
        model=model, messages=[{"role": "system", "content": ASK}, {"role": "user", "content": text[:MOST]}]
    )
    return completion.choices[0].message.content or ""
