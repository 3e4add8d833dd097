"""The unfinished items of a Responses answer, and their events as OpenAI would send them. Pure.

`responses` interprets what a server sends; this module writes the events.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from desktop.agents.models.tolerant import shapes
from desktop.agents.models.tolerant.response_shapes import DEFAULTS, Item, present
from desktop.agents.models.tolerant.shapes import Json
from desktop.agents.models.tolerant.thoughts import Thoughts


class Items:
    """The items of one answer. `begun`: see `Thoughts`. Events are numbered in order."""

    def __init__(self, *, begun: bool) -> None:
        self._begun = begun
        self._number = 0
        self._items: dict[str, Item] = {}
        self._places: dict[int, str] = {}
        self._last = ""
        self._output: list[Json] = []
        """Finished items, as listed at the end of the response."""
        self._thought: Item | None = None
        """Reasoning found in a message, made an item of our own."""
        self._first: Item | None = None
        """The first message, which may begin in the middle of the model's reasoning."""

    def _new(self, number: object, kind: str, place: int | None) -> Item:
        prefix = {"message": "msg", "function_call": "fc", "reasoning": "rs"}.get(kind, "item")
        named = isinstance(number, str) and bool(number) and number not in self._items
        name = str(number) if named else f"{prefix}_{secrets.token_hex(12)}"
        item = Item(name, kind, len(self._items) if place is None else place)
        item.named = named
        self._items[name] = item
        self._places[item.place] = self._last = name
        if kind == "message" and self._first is None:
            self._first = item
            if self._begun and not any(one.kind == "reasoning" for one in self._items.values()):
                item.thoughts = Thoughts(begun=True)
        return item

    def _tell(self, item: Item, more: Json) -> Iterator[Json]:
        if not item.told:
            item.told = True
            made = {"id": item.id, "type": item.kind, "status": "in_progress", **more}
            yield self._numbered({"type": "response.output_item.added", "item": made, "output_index": item.place})

    def _added_again(self, item: Item, given: Json) -> Iterator[Json]:
        item.told = True
        made = {**DEFAULTS.get(item.kind, {}), **present(given), "id": item.id, "status": "in_progress"}
        yield self._numbered({"type": "response.output_item.added", "item": made, "output_index": item.place})

    def _finished(self, item: Item) -> Iterator[Json]:
        if item.whole is not None:
            self._output.append(item.whole)
            yield self._numbered({"type": "response.output_item.done", "item": item.whole, "output_index": item.place})

    def _think(self, item: Item, text: str) -> Iterator[Json]:
        """Reasoning found in a message, as an item of its own. It is not sent back to the server."""
        text = shapes.whole_letters(text)
        if not text:
            return
        if self._thought is None:
            self._thought = self._new(None, "reasoning", None)
            yield from self._tell(self._thought, {"summary": []})
            self._last = item.id
        yield from self._summary(self._thought, 0, text)

    def _thought_done(self) -> Iterator[Json]:
        if self._thought is not None:
            item, self._thought = self._thought, None
            item.done = True
            yield from self._summary_done(item)
            yield self._numbered(
                {"type": "response.output_item.done", "output_index": item.place,
                 "item": {"id": item.id, "type": "reasoning", "summary": []}}
            )  # fmt: skip

    def _summary(self, item: Item, index: int, text: str) -> Iterator[Json]:
        if index not in item.summaries:
            item.summaries.add(index)
            part = {"type": "summary_text", "text": ""}
            yield self._of(item, "response.reasoning_summary_part.added", summary_index=index, part=part)
        item.text.append(text)
        yield self._of(item, "response.reasoning_summary_text.delta", summary_index=index, delta=text)

    def _summary_done(self, item: Item) -> Iterator[Json]:
        text, item.text = "".join(item.text), []
        if text:
            index = max(item.summaries, default=0)
            yield self._of(item, "response.reasoning_summary_text.done", summary_index=index, text=text)
            part = {"type": "summary_text", "text": text}
            yield self._of(item, "response.reasoning_summary_part.done", summary_index=index, part=part)

    def _settle_reasoning(self, item: Item, given: Json) -> Iterator[Json]:
        if not item.summaries:
            told = given.get("summary") or given.get("content")
            texts = told if isinstance(told, list) else [told]
            for index, text in enumerate(shapes.whole_letters(shapes.text(one)) for one in texts):
                if text:
                    yield from self._tell(item, {"summary": []})
                    yield from self._summary(item, index, text)
                    yield from self._summary_done(item)
        yield from self._summary_done(item)
        yield from self._tell(item, {"summary": []})
        item.done = True
        summary = given.get("summary")
        item.whole = {**present(given), "id": item.id, "type": "reasoning"}
        item.whole["summary"] = [
            {"type": "summary_text", "text": shapes.text(one)} for one in (summary if isinstance(summary, list) else [])
        ]
        yield from self._finished(item)

    def _call(self, item: Item, given: Json) -> Json:
        function = given.get("function")
        function = function if isinstance(function, dict) else {}
        number = shapes.text(given.get("call_id")).strip() or shapes.text(item.call.get("call_id"))
        return {
            "id": item.id, "type": "function_call",
            "call_id": number or (item.id if item.id.startswith("call_") else shapes.call_id()),
            "name": (shapes.text(given.get("name")) or shapes.text(function.get("name"))).strip(),
            "arguments": shapes.whole_letters(shapes.arguments(given.get("arguments", function.get("arguments")))),
        }  # fmt: skip

    def _tell_call(self, item: Item) -> Iterator[Json]:
        if not item.told and item.call.get("name"):
            item.told = True
            made = {**item.call, "arguments": "", "status": "in_progress"}
            yield self._numbered({"type": "response.output_item.added", "item": made, "output_index": item.place})

    def _end_call(self, item: Item) -> Iterator[Json]:
        item.done = True
        item.call["arguments"] = item.call["arguments"] or "".join(item.text) or "{}"
        if not item.call["name"]:
            return
        yield self._of(item, "response.function_call_arguments.done", arguments=item.call["arguments"],
                       name=item.call["name"])  # fmt: skip
        item.whole = {**item.call, "status": "completed"}
        yield from self._finished(item)

    def _numbered(self, event: Json) -> Json:
        event["sequence_number"] = self._number
        self._number += 1
        return event

    def _of(self, item: Item, kind: str, **more: Any) -> Json:
        return self._numbered({"type": kind, "item_id": item.id, "output_index": item.place, **more})
