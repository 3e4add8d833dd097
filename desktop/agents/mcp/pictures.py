"""Pictures from tools, as items of the chat. Needs only `chatkit.types`."""

from __future__ import annotations

import secrets
from datetime import datetime

from chatkit.types import GeneratedImage, GeneratedImageItem

OF_A_TOOL = "tool_"
"""The prefix of such a picture's id. The model has already seen it."""


def picture(item_id: str, thread_id: str, address: str) -> GeneratedImageItem:
    """`address`: a data: one."""
    return GeneratedImageItem(
        id=item_id,
        thread_id=thread_id,
        created_at=datetime.now(),  # noqa: DTZ005 - as every item of the SDK; the store knows it as local time
        image=GeneratedImage(id=f"{OF_A_TOOL}{secrets.token_hex(12)}", url=address),
    )


def is_of_a_tool(item: GeneratedImageItem) -> bool:
    return item.image is not None and item.image.id.startswith(OF_A_TOOL)
