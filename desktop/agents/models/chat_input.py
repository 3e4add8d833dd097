"""What a model gets of a chat, in every process: how much at most, and the files of a message.

Knows `chatkit.types`, not the agent stack.
"""

from __future__ import annotations

import base64
from typing import Any, Protocol

from chatkit.types import Attachment

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.store import file_types

MOST_ITEMS = 200
"""The most items of a thread sent to the model, counted from the end."""
MOST_TEXT = 400_000
"""The most characters sent. The last message is always sent, whatever its length."""
MOST_OF_A_FILE = 200_000
"""Characters of a text file sent to the model."""
PAGE = 50
"""Items read from the store at a time."""


class Reads(Protocol):
    """The part of the attachment store used here."""

    async def read(self, attachment_id: str, context: RequestContext) -> bytes: ...


async def file_part(attachment: Attachment, attachments: Reads | None, context: RequestContext) -> dict[str, Any]:
    """A file as part of a message in the Responses API: a picture or a PDF as it is, text as text. Only its name if no
    files are kept. Raises NotFoundError, AppError."""
    if attachments is None:
        return text_part(f"[{attachment.name}]")
    data = await attachments.read(attachment.id, context)
    address = f"data:{attachment.mime_type};base64,{base64.b64encode(data).decode()}"
    if attachment.mime_type.startswith("image/"):
        return {"type": "input_image", "detail": "auto", "image_url": address}
    if attachment.mime_type == "application/pdf":
        return {"type": "input_file", "filename": attachment.name, "file_data": address}
    text = file_types.as_text(data)[:MOST_OF_A_FILE]
    return text_part(f"The file {attachment.name}:\n```\n{text}\n```")


def text_part(text: str) -> dict[str, Any]:
    return {"type": "input_text", "text": text}
