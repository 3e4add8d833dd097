"""What a model is given of a chat, whichever process asks it: how much at most, and the files of a message.

Knows `chatkit.types`, not the agent stack.
"""

from __future__ import annotations

import base64
from typing import Any, Protocol

from chatkit.types import Attachment

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.store import file_types

MOST_ITEMS = 200
"""Items of a thread that go to the model, the last ones."""
MOST_TEXT = 400_000
"""Characters of them; the last message goes whatever its length."""
MOST_OF_A_FILE = 200_000
"""Characters of a text file that go to the model."""
PAGE = 50
"""Items that are read of the store at a time."""


class Reads(Protocol):
    """What is needed of the attachments."""

    async def read(self, attachment_id: str, context: RequestContext) -> bytes: ...


async def file_part(attachment: Attachment, attachments: Reads | None, context: RequestContext) -> dict[str, Any]:
    """A file as a part of a message, as the Responses API takes it: a picture and a PDF as they are, text as text;
    by its name alone where no files are kept. Raises NotFoundError, AppError."""
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
