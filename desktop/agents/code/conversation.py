"""A chat so far, as input of the Agents SDK in plain JSON: what the child is told with every turn.

As `history.py`, which needs the agent stack in this process; here only `chatkit.types` is there.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Protocol

from chatkit.types import AssistantMessageItem, Attachment, ThreadMetadata, UserMessageItem

from desktop.agents.context import RequestContext

if TYPE_CHECKING:
    from chatkit.store import Store

MOST_ITEMS = 200
MOST_TEXT = 400_000
"""Characters of the chat that are told; the last message goes whatever its length."""
MOST_OF_A_FILE = 200_000
PAGE = 50


class Reads(Protocol):
    """What is needed of the attachments."""

    async def read(self, attachment_id: str, context: RequestContext) -> bytes: ...


async def told(
    store: Store[RequestContext],
    attachments: Reads | None,
    thread: ThreadMetadata,
    message: UserMessageItem | None,
    context: RequestContext,
) -> dict[str, Any]:
    """{text, message, history}: what was typed, it with its files as an input item, and what was said before."""
    before: list[dict[str, Any]] = []
    size = 0
    after: str | None = None
    more = True
    while more and size < MOST_TEXT and len(before) < MOST_ITEMS:
        page = await store.load_thread_items(thread.id, after, PAGE, "desc", context)
        for item in page.data:
            if message is None and isinstance(item, UserMessageItem):
                message = item
                continue
            if message is not None and item.id == message.id:
                before.clear()  # what came after it is being answered anew
                continue
            if isinstance(item, UserMessageItem):
                before.append({"role": "user", "content": typed(item)})
            elif isinstance(item, AssistantMessageItem):
                before.append({"role": "assistant", "content": "\n\n".join(part.text for part in item.content)})
            else:
                continue
            size += len(before[-1]["content"])
        more, after = page.has_more and bool(page.data), page.after
    while before and before[-1]["role"] != "user":
        before.pop()
    text = typed(message) if message is not None else ""
    content: Any = text
    if message is not None and message.attachments:
        parts = [{"type": "input_text", "text": text}] if text else []
        content = [*parts, *[await _file(one, attachments, context) for one in message.attachments]]
    return {"text": text, "message": {"role": "user", "content": content}, "history": before[::-1]}


def typed(message: UserMessageItem) -> str:
    """What a person wrote, with what they quoted."""
    text = "".join(part.text for part in message.content)
    return f"> {message.quoted_text}\n\n{text}" if message.quoted_text else text


async def _file(attachment: Attachment, attachments: Reads | None, context: RequestContext) -> dict[str, Any]:
    if attachments is None:
        return {"type": "input_text", "text": f"[{attachment.name}]"}
    data = await attachments.read(attachment.id, context)
    address = f"data:{attachment.mime_type};base64,{base64.b64encode(data).decode()}"
    if attachment.mime_type.startswith("image/"):
        return {"type": "input_image", "detail": "auto", "image_url": address}
    if attachment.mime_type == "application/pdf":
        return {"type": "input_file", "filename": attachment.name, "file_data": address}
    text = data.decode("utf-8", "replace")[:MOST_OF_A_FILE]
    return {"type": "input_text", "text": f"The file {attachment.name}:\n```\n{text}\n```"}
