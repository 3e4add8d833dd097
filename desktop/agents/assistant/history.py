"""The chat so far as a model's input: the thread's items in the Agents SDK's format, within limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from agents import TResponseInputItem
from chatkit.agents import ThreadItemConverter
from chatkit.types import (
    AssistantMessageItem,
    Attachment,
    GeneratedImageItem,
    ThreadItem,
    ThreadMetadata,
    UserMessageItem,
    UserMessageTagContent,
)
from openai.types.responses import ResponseInputContentParam

from desktop.agents.chatkit import unfinished
from desktop.agents.chatkit.context import RequestContext
from desktop.agents.mcp.pictures import is_of_a_tool
from desktop.agents.models.chat_input import MOST_ITEMS, MOST_TEXT, PAGE, Reads, file_part, text_part

if TYPE_CHECKING:
    from chatkit.store import Store


async def load(store: Store[RequestContext], thread: ThreadMetadata, context: RequestContext) -> list[ThreadItem]:
    """The end of the thread, oldest first, starting with a message from the person."""
    found: list[ThreadItem] = []
    size = 0
    after: str | None = None
    while True:
        page = await store.load_thread_items(thread.id, after, PAGE, "desc", context)
        for item in page.data:
            size += length(item)
            if found and (size > MOST_TEXT or len(found) >= MOST_ITEMS):
                return _from_a_message(found)
            found.append(item)
        if not page.has_more or not page.data:
            return _from_a_message(found)
        after = page.after


def _from_a_message(newest_first: list[ThreadItem]) -> list[ThreadItem]:
    items = unfinished.joined(newest_first[::-1])
    begin = next((index for index, item in enumerate(items) if isinstance(item, UserMessageItem)), 0)
    return items[begin:]


def length(item: ThreadItem) -> int:
    """About how many characters of an item a model will read."""
    if isinstance(item, UserMessageItem):
        return sum(len(part.text) for part in item.content) + len(item.quoted_text or "")
    if isinstance(item, AssistantMessageItem):
        return sum(len(part.text) for part in item.content)
    return 500


class Converter(ThreadItemConverter):
    """The SDK's converter, extended to attachments and tags. Generated pictures are sent back only while they are
    new."""

    def __init__(self, items: list[ThreadItem], attachments: Reads | None, context: RequestContext) -> None:
        self._attachments = attachments
        self._context = context
        pictures = [item.id for item in items if isinstance(item, GeneratedImageItem)]
        self._last_picture = pictures[-1] if pictures else ""

    async def attachment_to_message_content(self, attachment: Attachment) -> ResponseInputContentParam:
        return cast(ResponseInputContentParam, await file_part(attachment, self._attachments, self._context))

    async def tag_to_message_content(self, tag: UserMessageTagContent) -> ResponseInputContentParam:
        return cast(ResponseInputContentParam, text_part(tag.text))

    async def assistant_message_to_input(
        self, item: AssistantMessageItem
    ) -> TResponseInputItem | list[TResponseInputItem] | None:
        # Plain text: the SDK's parts (openai-chatkit 1.6.5) can't be converted to Chat Completions.
        return {"role": "assistant", "content": "\n\n".join(part.text for part in item.content)}

    async def generated_image_to_input(
        self, item: GeneratedImageItem
    ) -> TResponseInputItem | list[TResponseInputItem] | None:
        # The model already got a tool's picture as its result, if it can see.
        if item.id != self._last_picture or is_of_a_tool(item):
            return None
        return await super().generated_image_to_input(item)
