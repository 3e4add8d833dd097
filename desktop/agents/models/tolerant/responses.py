"""Normalizes a Responses stream to what OpenAI would send. Pure: events in, events out."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

from desktop.agents.models.tolerant import shapes
from desktop.agents.models.tolerant.events import Event
from desktop.agents.models.tolerant.response_items import Items
from desktop.agents.models.tolerant.response_shapes import DEFAULTS, Item, complete, present, usage
from desktop.agents.models.tolerant.shapes import Json
from desktop.agents.models.tolerant.thoughts import Part, before_turn
from desktop.openai_api import error_bodies

DELTA = {"type", "sequence_number", "item_id", "output_index", "content_index", "delta", "logprobs", "obfuscation"}
"""Fields of an ordinary text event."""
MESSAGE = {"id", "type", "role", "status", "content"}
FAILED = ("error", "response.error", "response.failed")
ENDED = ("response.completed", "response.done", "response.incomplete")


class ResponsesStream(Items):
    """Like `ChatStream`, for Responses."""

    def __init__(
        self, names: Callable[[], set[str]], *, keep_reason: bool, takes_back: bool | None = None, begun: bool = False
    ) -> None:
        super().__init__(begun=begun)
        self._names = names
        self._keep = keep_reason
        self._takes_back = not keep_reason if takes_back is None else takes_back
        self._response: Json = {}
        self._created = False
        self.reason = ""
        self.turned = 0
        self.answered = False
        self.ended = False
        self.failed = False
        self.understood = False

    def see(self, event: Event) -> Iterator[Json | None]:
        """The events for an event; None if it can pass unchanged."""
        data = event.data
        if self._is_plain(data, event):
            yield None
            return
        if not isinstance(data, dict):
            if isinstance(data, str) and event.name == "error":
                yield self._error({"error": data})
            return
        if self.failed or self.ended:
            return
        kind = data.get("type")
        kind = kind if isinstance(kind, str) and kind else event.name
        if kind not in FAILED and data.get("object") == "response":
            yield from self._whole(data)
        elif kind in FAILED or (not kind.startswith("response.") and error_bodies.is_error(data)):
            response = data.get("response")
            yield self._error(response if isinstance(response, dict) else data)
        elif kind.startswith("response."):
            self.understood = True
            yield from self._event(kind, data)

    def _is_plain(self, data: Any, event: Event) -> bool:
        """Whether it is a text event as OpenAI sends it."""
        try:
            if data["type"] != "response.output_text.delta" or not event.raw or not DELTA.issuperset(data):
                return False
            said, item = data["delta"], self._items[data["item_id"]]
            if type(said) is not str or not item.part or item.done or type(data["logprobs"]) is not list:
                return False
            if not (data["content_index"] == 0 and type(data["output_index"]) is type(data["sequence_number"]) is int):
                return False
        except (KeyError, TypeError, AttributeError):
            return False
        if not item.halves.whole(said):
            return False
        if not item.thoughts.simple(said):
            return False
        item.text.append(said)
        item.heard.append(said)
        return True

    # --- events -------------------------------------------------------------------------------

    def _event(self, kind: str, data: Json) -> Iterator[Json]:
        name = kind.removeprefix("response.")
        if kind in ENDED:
            yield from self._end(kind, data)
            return
        if name in ("created", "in_progress", "queued"):
            response = data.get("response")
            self._ours(response if isinstance(response, dict) else {})
            yield from self._begin()
            return
        yield from self._begin()
        given = data.get("item")
        if name == "output_item.added" and isinstance(given, dict):
            yield from self._added(given, data)
        elif name == "output_item.done" and isinstance(given, dict):
            yield from self._done(given, data)
        elif name in ("output_text.delta", "refusal.delta", "text.delta"):
            yield from self._say(self._item(data, "message"), shapes.text(data.get("delta")))
        elif name in ("output_text.done", "refusal.done", "text.done"):
            item = self._item(data, "message")
            yield from self._rest(item, shapes.text(data.get("text") or data.get("refusal")))
        elif name == "output_text.annotation.added":
            item = self._item(data, "message")
            annotation = data.get("annotation")
            if isinstance(annotation, dict) and item.part:
                item.annotations.append(annotation)
                yield self._of(item, kind, content_index=0, annotation=annotation,
                               annotation_index=shapes.number(data.get("annotation_index")))  # fmt: skip
        elif name in ("content_part.added", "content_part.done"):
            part = data.get("part")
            if name.endswith("done") and isinstance(part, dict) and part.get("type") in ("output_text", "text"):
                yield from self._rest(self._item(data, "message"), shapes.text(part.get("text")))
        elif name.startswith("reasoning"):
            yield from self._reasoning(name, data)
        elif name.startswith("function_call_arguments."):
            yield from self._arguments(name, data)
        elif not name.startswith(("content_part", "output_item", "mcp_list_tools")):
            # Progress of tools run by the server, about a known item.
            item_id = data.get("item_id")
            yield self._numbered({**data, "type": kind, "item_id": item_id if isinstance(item_id, str) else self._last,
                                  "output_index": shapes.number(data.get("output_index"))})  # fmt: skip

    def _begin(self) -> Iterator[Json]:
        if not self._created:
            self._created = True
            yield self._numbered({"type": "response.created", "response": self._made("in_progress", [])})

    def _ours(self, response: Json) -> None:
        self._response = {**self._response, **{name: value for name, value in response.items() if value is not None}}

    def _item(self, data: Json, kind: str) -> Item:
        """The item an event is about: by id, by index, or else the last one of this kind."""
        number, place = data.get("item_id"), shapes.index(data.get("output_index"))
        if isinstance(number, str) and number in self._items:
            return self._items[number]
        if place is not None and place in self._places:
            known = self._items[self._places[place]]
            if known.kind == kind and not known.done:
                return known
        if isinstance(number, str) and number:
            # It was mentioned before, without its id.
            unnamed = [item for item in self._items.values() if item.kind == kind and not (item.named or item.done)]
            unnamed = [item for item in unnamed if item is not self._thought]
            if unnamed:
                return unnamed[0]
        last = self._items.get(self._last)
        if not (isinstance(number, str) and number) and place is None:
            open_ones = [item for item in self._items.values() if item.kind == kind and not item.done]
            if open_ones:
                return open_ones[-1]
            if last is not None and last.kind == kind and not data.get("delta"):
                return last
        return self._new(number, kind, place)

    def _added(self, given: Json, data: Json) -> Iterator[Json]:
        kind = shapes.text(given.get("type")) or ("message" if given.get("role") else "")
        item = self._new(given.get("id"), kind, shapes.index(data.get("output_index")))
        if kind == "function_call":
            item.call = self._call(item, given)
            yield from self._tell_call(item)
        elif kind == "reasoning":
            yield from self._tell(item, {"summary": []})
        elif kind != "message":  # a message is announced with its first word: it may only contain reasoning
            item.told = True
            made = {**DEFAULTS.get(kind, {}), "status": "in_progress", **present(given), "id": item.id}
            yield self._numbered({"type": "response.output_item.added", "item": made, "output_index": item.place})

    def _done(self, given: Json, data: Json) -> Iterator[Json]:
        kind = shapes.text(given.get("type")) or ("message" if given.get("role") else "")
        known = given.get("id")
        item = self._item({"item_id": known, "output_index": data.get("output_index")}, kind)
        if item.kind != kind:
            item = self._new(None, kind, None)
        yield from self._settle(item, given)

    def _settle(self, item: Item, given: Json) -> Iterator[Json]:
        """Finish an item in the state given by `given`."""
        if item.done:
            return
        if item.kind == "message":
            thought, said = shapes.content(given.get("content"))
            item.more = {name: value for name, value in present(given).items() if name not in MESSAGE}
            yield from self._think(item, thought)
            parts = given.get("content")
            parts = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
            for part in parts:
                if isinstance(part.get("annotations"), list) and not item.annotations:
                    item.annotations = [one for one in part["annotations"] if isinstance(one, dict)]
            said = said or "".join(shapes.text(part.get("refusal")) for part in parts)
            if item.thoughts.begun and not self.ended:
                yield from self._rest(item, said)  # reasoning or answer: the end of the response will tell
            else:
                yield from self._close(item, said)
        elif item.kind == "function_call":
            item.call = self._call(item, {**present(item.call), **present(given)})
            yield from self._tell_call(item)
            yield from self._end_call(item)
        elif item.kind == "reasoning":
            yield from self._settle_reasoning(item, given)
        else:
            if not item.told:
                yield from self._added_again(item, given)
            item.done = True
            item.whole = {**DEFAULTS.get(item.kind, {}), "status": "completed", **present(given), "id": item.id}
            yield from self._finished(item)

    # --- text ---------------------------------------------------------------------------------

    def _say(self, item: Item, text: str) -> Iterator[Json]:
        if item.done or not text:
            return
        item.heard.append(text)
        yield from self._parts(item, item.thoughts.feed(item.halves.join(text)))

    def _rest(self, item: Item, whole: str) -> Iterator[Json]:
        """The complete text of a part, whose beginning may already have arrived in deltas."""
        if whole and not item.done:
            heard = "".join(item.heard)
            if len(whole) > len(heard) and whole.startswith(heard):
                yield from self._say(item, whole[len(heard) :])

    def _parts(self, item: Item, parts: list[Part]) -> Iterator[Json]:
        for kind, text in parts if item.part else before_turn(parts):
            if kind == "think":
                yield from self._think(item, text)
            elif kind == "say":
                yield from self._spoken(item, text)
            elif kind == "turn":
                if item is self._first and self._takes_back:
                    self.turned = sum(map(len, item.text))
                else:  # the reader can't retract text, so at least start a new paragraph
                    yield from self._spoken(item, "\n\n")
            elif kind == "unthink":
                self.answered = True
            else:
                made = shapes.written_calls(text, self._names())
                if not made:
                    yield from self._spoken(item, text)
                for name, arguments in made:
                    call = self._new(None, "function_call", None)
                    call.call = self._call(call, {"name": name, "arguments": arguments})
                    yield from self._tell_call(call)
                    yield from self._end_call(call)

    def _spoken(self, item: Item, text: str) -> Iterator[Json]:
        if not item.part and not text.strip() and (not text or not item.thoughts.idle):
            return
        yield from self._thought_done()
        yield from self._tell(item, {"role": "assistant", "content": []})
        if not item.part:
            item.part = True
            part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
            yield self._of(item, "response.content_part.added", content_index=0, part=part)
        item.text.append(text)
        yield self._of(item, "response.output_text.delta", content_index=0, delta=text, logprobs=[])

    def _close(self, item: Item, whole: str) -> Iterator[Json]:
        """The end of a message."""
        yield from self._rest(item, whole)
        if item.done:
            return
        rest = item.thoughts.feed(item.halves.rest())
        yield from self._parts(item, rest + item.thoughts.finish(cut=bool(self.reason)))
        yield from self._thought_done()
        item.done = True
        if not item.told:
            return
        text = "".join(item.text)
        part = {"type": "output_text", "text": text, "annotations": item.annotations, "logprobs": []}
        yield self._of(item, "response.output_text.done", content_index=0, text=text, logprobs=[])
        yield self._of(item, "response.content_part.done", content_index=0, part=part)
        made = {"id": item.id, "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        item.whole = {**item.more, **made}
        yield from self._finished(item)

    # --- reasoning ----------------------------------------------------------------------------

    def _reasoning(self, name: str, data: Json) -> Iterator[Json]:
        """Summaries, or the reasoning itself if a server sends no summaries (`reasoning_text`)."""
        item = self._item(data, "reasoning")
        own = "summary" in name
        index = shapes.number(data.get("summary_index" if own else "content_index"))
        if item.done or (not own and item.source == "summary"):
            return
        item.source = "summary" if own else "text"
        yield from self._tell(item, {"summary": []})
        if name.endswith(".delta"):
            if item.text and index not in item.summaries:
                yield from self._summary_done(item)
            delta = data.get("delta")
            yield from self._summary(item, index, shapes.whole_letters(item.halves.join(shapes.text(delta))))
        elif name.endswith("text.done"):
            if not item.text and index not in item.summaries:
                text = shapes.whole_letters(shapes.text(data.get("text")))
                if text:
                    yield from self._summary(item, index, text)
            yield from self._summary_done(item)

    # --- calls --------------------------------------------------------------------------------

    def _arguments(self, name: str, data: Json) -> Iterator[Json]:
        item = self._item(data, "function_call")
        if item.done:
            return
        if not item.call:
            item.call = self._call(item, data)
        if name.endswith("delta"):
            delta = shapes.whole_letters(shapes.arguments(data.get("delta")))
            item.text.append(delta)
            item.call["arguments"] = ""
            if delta and item.told:
                yield self._of(item, "response.function_call_arguments.delta", delta=delta)
        elif data.get("arguments") is not None:
            item.call["arguments"] = shapes.whole_letters(shapes.arguments(data["arguments"]))
            item.call["name"] = item.call["name"] or shapes.text(data.get("name"))
            yield from self._tell_call(item)

    # --- the end ------------------------------------------------------------------------------

    def _whole(self, response: Json) -> Iterator[Json]:
        """A response that arrived at once, as one JSON document or an event without a type."""
        self.understood = True
        status = response.get("status")
        if response.get("error") or status == "failed":
            yield self._error(response)
            return
        if status in ("in_progress", "queued"):
            self._ours(response)
            yield from self._begin()
            return
        yield from self._begin()
        yield from self._end("response.completed", {"response": response})

    def _end(self, kind: str, data: Json) -> Iterator[Json]:
        response = data.get("response")
        response = response if isinstance(response, dict) else {}
        if response.get("error") or response.get("status") == "failed":
            yield self._error(response)
            return
        self._ours(response)
        yield from self._begin()
        details = response.get("incomplete_details")
        if kind == "response.incomplete" or response.get("status") == "incomplete":
            told = shapes.reason(details.get("reason") if isinstance(details, dict) else details)
            self.reason = told if told in ("length", "content_filter") else "interrupted"
        self.ended = True
        output = response.get("output")
        for given in output if isinstance(output, list) else []:
            if not isinstance(given, dict):
                continue
            kind = shapes.text(given.get("type")) or "message"
            number = given.get("id")
            known = self._items.get(number) if isinstance(number, str) else None
            if known is None:
                # Announced under another id, or not at all: match those of this kind in order.
                known = next((one for one in self._items.values() if one.kind == kind and not one.done), None)
                if known is None and any(one.kind == kind for one in self._items.values()):
                    continue
            yield from self._settle(known or self._new(number, kind, None), given)
        yield from self._closing()

    @property
    def begins_in_thought(self) -> bool | None:
        """See `ChatStream.begins_in_thought`."""
        thoughts = self._first.thoughts if self._first is not None else None
        return None if thoughts is None else True if thoughts.closed else False if thoughts.answered else None

    def finish(self, *, done: bool, broken: bool = False) -> Iterator[Json]:
        """See `ChatStream.finish`."""
        if self.failed or self.ended:
            return
        if broken:
            for item in self._items.values():
                if item.kind == "message" and not item.done:
                    rest = item.thoughts.feed(item.halves.rest())
                    yield from self._parts(item, rest + item.thoughts.finish(cut=True))
            return
        if self.understood:
            if not done:
                self.reason = self.reason or "interrupted"
            yield from self._closing()

    def _closing(self) -> Iterator[Json]:
        cut = bool(self.reason)
        for item in list(self._items.values()):
            if item.done:
                continue
            if item.kind == "message":
                yield from self._close(item, "")
            elif item.kind == "function_call":
                if not cut or complete(item.call.get("arguments") or "".join(item.text) or "{"):
                    yield from self._tell_call(item)
                    yield from self._end_call(item)
            elif item.kind == "reasoning" and item is not self._thought:
                yield from self._settle_reasoning(item, {})
        yield from self._thought_done()
        self.ended = True
        kept = self._keep and self.reason in ("length", "content_filter")
        status = "incomplete" if kept else "completed"
        response = self._made(status, self._output)
        if kept:
            told = {"length": "max_output_tokens"}.get(self.reason, self.reason)
            response["incomplete_details"] = {"reason": told}
        yield self._numbered({"type": f"response.{status}", "response": response})

    def _error(self, body: Json) -> Json:
        self.failed = True
        told = error_bodies.told(body)
        return self._numbered({"type": "error", "code": told["code"] or told["type"], "message": told["message"],
                               "param": told["param"]})  # fmt: skip

    # --- shapes -------------------------------------------------------------------------------

    def _made(self, status: str, output: list[Json]) -> Json:
        given = self._response
        number = given.get("id")
        if not isinstance(number, str) or not number:
            number = self._response["id"] = f"resp_{secrets.token_hex(12)}"
        return {
            "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {}, "temperature": None,
            "top_p": None, "instructions": None, **given, "id": number, "object": "response",
            "created_at": shapes.number(given.get("created_at") or given.get("created")),
            "model": shapes.text(given.get("model")), "status": status, "error": None, "incomplete_details": None,
            "output": output, "usage": usage(given.get("usage")),
        }  # fmt: skip


def whole(body: Json, names: set[str]) -> tuple[Json, ResponsesStream | None]:
    """A response that was not streamed, in OpenAI's format. Anything else, or a failed one, is returned unchanged."""
    if not isinstance(body.get("output"), list) or body.get("error") or body.get("status") == "failed":
        return body, None
    stream = ResponsesStream(lambda: names, keep_reason=True)
    made = together(stream, list(stream.see(Event("", {**body, "object": "response"}, "", whole=True))))
    return (body, None) if made is None else (made, stream)


def together(stream: ResponsesStream, events: list[Json | None]) -> Json | None:
    """The response made of all events of `stream`; None if it failed."""
    ends = ("response.completed", "response.incomplete")
    made: Json | None = next((one["response"] for one in events if one is not None and one["type"] in ends), None)
    if made is not None and stream.turned:
        made["output"] = without_thought(made["output"], stream.turned)
    return made


def without_thought(output: list[Json], turned: int) -> list[Json]:
    """`output` without the reasoning at the beginning of its first message."""
    at = next((index for index, item in enumerate(output) if item["type"] == "message"), -1)
    if at < 0 or not output[at]["content"]:
        return output
    part, *others = output[at]["content"]
    message = {**output[at], "content": [{**part, "text": part["text"][turned:]}, *others]}
    return [*output[:at], message, *output[at + 1 :]]
