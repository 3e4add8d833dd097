"""The chat so far as plain JSON input for the Agents SDK, sent to the child with every turn.

Like `history.py`, which needs the agent stack in this process; this module only uses `chatkit.types`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.types import AssistantMessageItem, ThreadMetadata, UserMessageItem

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.models.chat_input import MOST_ITEMS, MOST_TEXT, PAGE, Reads, file_part, text_part

if TYPE_CHECKING:
    from chatkit.store import Store


async def told(
    store: Store[RequestContext],
    attachments: Reads | None,
    thread: ThreadMetadata,
    message: UserMessageItem | None,
    context: RequestContext,
) -> dict[str, Any]:
    """{text, message, history}: the text typed, the input item with its files, and the earlier messages."""
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
                before.clear()  # anything after it is being answered again
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
        parts = [text_part(text)] if text else []
        content = [*parts, *[await file_part(one, attachments, context) for one in message.attachments]]
    return {"text": text, "message": {"role": "user", "content": content}, "history": before[::-1]}


def typed(message: UserMessageItem) -> str:
    """A person's text, including quotes."""
    text = "".join(part.text for part in message.content)
    return f"> {message.quoted_text}\n\n{text}" if message.quoted_text else text
