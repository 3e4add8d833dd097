"""Normalizes a stream of Chat Completions to what OpenAI would send. Pure: events in, chunks out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from desktop.agents.models.tolerant import shapes
from desktop.agents.models.tolerant.events import Event
from desktop.agents.models.tolerant.shapes import Json
from desktop.agents.models.tolerant.thoughts import Part, Thoughts, before_turn
from desktop.openai_api import error_bodies

PLAIN = {"role", "content", "refusal"}
"""Fields of the delta in an ordinary chunk of text; `refusal` only as null."""


class Call:
    """A tool call as it arrives. It is passed on when complete; one that was cut off is dropped."""

    def __init__(self, place: int, key: object, number: str) -> None:
        self.place = place
        self.key = key
        self.id = number
        self.given = bool(number)
        """Whether the server gave the id."""
        self.name = ""
        self.arguments: list[str] = []


class ChatStream:
    """`see` returns the chunks for an event, `finish` the rest. None means the event can pass unchanged.

    `names`: the tools offered. `keep_reason`: pass finish reasons through; otherwise the reason of an incomplete answer
    becomes "stop", and `reason` has the real one. `takes_back`: the reader can retract text, and is told by `turned`;
    if None, only when it does not read reasons itself. `begun`: see `Thoughts`.
    """

    def __init__(
        self, names: Callable[[], set[str]], *, keep_reason: bool, takes_back: bool | None = None, begun: bool = False
    ) -> None:
        self._names = names
        self._keep = keep_reason
        self._takes_back = not keep_reason if takes_back is None else takes_back
        self._thoughts = Thoughts(begun=begun)
        self._told = 0
        """Characters of text passed on."""
        self._halves = shapes.Halves()
        self._calls: list[Call] = []
        self._base: Json = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 0, "model": ""}
        self._said: list[str] = []
        self._whole = False
        self._begun = False
        self.reason = ""
        """length, content_filter, error or interrupted, if the answer is incomplete."""
        self.turned = 0
        """Characters at the beginning of the text that later turned out to be reasoning."""
        self.answered = False
        """Whether everything passed on as reasoning is the answer, and is sent again as such."""
        self.ended = False
        """Whether the server reported the end of the answer."""
        self.failed = False
        """Whether it reported an error. Nothing follows."""
        self.understood = False
        """Whether anything was part of an answer."""

    def see(self, event: Event) -> Iterator[Json | None]:
        """The chunks for an event; None if it can pass unchanged."""
        chunk = event.data
        if self._is_plain(chunk, event):
            self._begun = self.understood = True
            yield None
            return
        if not isinstance(chunk, dict):
            if isinstance(chunk, str) and event.name == "error":
                yield self._error({"error": chunk})
            return
        if event.name == "error" or error_bodies.is_error(chunk):
            yield self._error(chunk)
            return
        yield from self._chunk(chunk)

    def _is_plain(self, chunk: Any, event: Event) -> bool:
        """Whether it is a text chunk as OpenAI sends it: the usual case, which should be fast."""
        try:
            if not event.raw or event.name:
                return False
            (choice,) = chunk["choices"]
            delta, finish = choice["delta"], choice["finish_reason"]
            said = delta["content"]
            if (
                finish is not None
                or choice["index"] != 0
                or type(said) is not str
                or not PLAIN.issuperset(delta)
                or delta.get("refusal") is not None
                or type(chunk["id"]) is not str
                or chunk["object"] != "chat.completion.chunk"
                or type(chunk["model"]) is not str
                or chunk.get("usage") is not None
                or "error" in chunk
                or "message" in choice
            ):
                return False
        except (KeyError, TypeError, ValueError, AttributeError):
            return False
        if not self._halves.whole(said):
            return False
        if not self._thoughts.simple(said):
            return False
        self._ours(chunk)
        self._said.append(said)
        self._told += len(said)
        return True

    def _ours(self, chunk: Json) -> None:
        """Our chunks have the same outer fields as the server's."""
        if not self._begun:
            self._begun = True
            for name, kind in (("id", str), ("created", int), ("model", str)):
                value = chunk.get(name)
                if isinstance(value, kind) and not isinstance(value, bool) and value:
                    self._base[name] = shapes.whole_letters(value) if isinstance(value, str) else value
                elif name == "created":
                    self._base[name] = shapes.number(value)

    def _chunk(self, chunk: Json) -> Iterator[Json]:
        self._ours(chunk)
        usage = chunk.get("usage")
        choices = chunk.get("choices")
        if isinstance(choices, dict):
            choices = [choices]
        if not isinstance(choices, list) and (isinstance(chunk.get("message"), dict) or "delta" in chunk):
            # Ollama's own protocol, and servers that omit the list around the choice.
            choices = [chunk]
            if chunk.get("done") is True:
                choices = [{**chunk, "finish_reason": chunk.get("done_reason") or "stop"}]
        made = [one for one in choices or () if isinstance(one, dict)]
        first = next((one for one in made if shapes.index(one.get("index")) in (None, 0)), None)
        if first is not None:
            self.understood = True
            yield from self._choice(first)
        elif isinstance(choices, list) or isinstance(usage, dict):
            self.understood = True
        if isinstance(usage, dict) and usage:
            yield {**self._base, "choices": [], "usage": _usage(usage)}

    def _choice(self, choice: Json) -> Iterator[Json]:
        failure = choice.get("error")
        if failure:
            yield self._error({"error": failure})
            return
        delta = choice.get("delta")
        message = choice.get("message")
        whole = False
        if not isinstance(delta, dict) or not delta:
            if isinstance(message, dict):
                delta, whole = message, True
            elif isinstance(delta, str):
                delta = {"content": delta}
            else:
                delta = {"content": choice.get("text")}
        thought, said = shapes.content(delta.get("content"))
        if whole and said:
            # Some repeat everything at the end.
            before = "".join(self._said)
            said = said.removeprefix(before) if before else said
            self._whole = not self._said or self._whole
        reasoned = shapes.thought(delta) or thought
        if reasoned:
            self._thoughts.not_begun()
            yield from self._think(reasoned)
        if said:
            self._said.append(said)
            yield from self._parts(self._thoughts.feed(self._halves.join(said)))
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            yield self._delta({"refusal": shapes.whole_letters(refusal)})
        annotations = delta.get("annotations")
        if isinstance(annotations, list) and annotations:
            yield self._delta({"annotations": annotations})
        calls = delta.get("tool_calls")
        if isinstance(delta.get("function_call"), dict):  # the protocol of 2023
            calls = [{"index": 0, "function": delta["function_call"]}]
        for call in [calls] if isinstance(calls, dict) else calls if isinstance(calls, list) else []:
            if isinstance(call, dict):
                self._call(call, whole=whole)
        finish = shapes.reason(choice.get("finish_reason") or choice.get("stop_reason"))
        if finish:
            self.ended = True
            if finish in ("length", "content_filter", "error"):
                self.reason = self.reason or finish

    # --- pieces -------------------------------------------------------------------------------

    def _think(self, text: str) -> Iterator[Json]:
        text = shapes.whole_letters(text)
        if text:
            yield self._delta({"reasoning_content": text})

    def _parts(self, parts: list[Part]) -> Iterator[Json]:
        for kind, text in parts if self._told else before_turn(parts):
            if kind == "say":
                yield self._say(text)
            elif kind == "think":
                yield from self._think(text)
            elif kind == "turn":
                self.turned = self._told
                if not self._takes_back:  # the reader can't retract text, so at least start a new paragraph
                    yield self._say("\n\n")
            elif kind == "unthink":
                self.answered = True
            else:
                yield from self._written(text)

    def _say(self, text: str) -> Json:
        self._told += len(text)
        return self._delta({"content": text})

    def _written(self, text: str) -> Iterator[Json]:
        """A call written as text. It stays text if no tool has that name."""
        made = shapes.written_calls(text, self._names())
        if not made:
            yield self._say(text)
        for name, arguments in made:
            call = self._new(object(), "")
            call.name, call.arguments = name, [arguments]

    def _call(self, given: Json, *, whole: bool) -> None:
        function = given.get("function")
        function = function if isinstance(function, dict) else given
        name = shapes.text(function.get("name")).strip()
        number = shapes.text(given.get("id")).strip()
        arguments = shapes.arguments(function.get("arguments"))
        call = self._which(shapes.index(given.get("index")), number, name, whole=whole)
        call.name = call.name or name
        if not isinstance(function.get("arguments"), str) and call.arguments == [arguments]:
            return  # a repeated object
        if arguments:
            call.arguments.append(arguments)

    def _which(self, place: int | None, number: str, name: str, *, whole: bool) -> Call:
        """The call a piece belongs to: by index, by id, or else the last one, unless a new one begins."""
        if number:
            known = next((call for call in self._calls if call.given and call.id == number), None)
            if known is not None and not (whole and place is not None and known.key != place):
                return known
        same = next((call for call in reversed(self._calls) if call.key == place), None) if place is not None else None
        if place is None and self._calls and not whole:
            same = self._calls[-1]
        if same is not None:
            # All calls have index 0 and their own ids, or there are no ids and a name begins the next one.
            renamed = bool(name and same.name) and not number and (place is None or name != same.name)
            other = bool(number and same.given and same.id != number) or (
                renamed and _complete("".join(same.arguments))
            )
            if not other:
                return same
        return self._new(place, number)

    def _new(self, key: object, number: str) -> Call:
        call = Call(len(self._calls), key, number)
        call.id = number or shapes.call_id()
        self._calls.append(call)
        return call

    def _tell(self) -> Iterator[Json]:
        """The complete calls."""
        told = 0
        for call in self._calls:
            arguments = shapes.whole_letters("".join(call.arguments)).strip() or "{}"
            if not call.name or (self.reason and not _complete(arguments)):
                continue
            function = {"name": call.name, "arguments": arguments}
            yield self._delta(
                {"tool_calls": [{"index": told, "id": call.id, "type": "function", "function": function}]}
            )
            told += 1

    # --- the end ------------------------------------------------------------------------------

    @property
    def begins_in_thought(self) -> bool | None:
        """Whether the model's text began in the middle of its reasoning; None if unknown."""
        return True if self._thoughts.closed else False if self._thoughts.answered else None

    def finish(self, *, done: bool, broken: bool = False) -> Iterator[Json]:
        """The remaining chunks. `done`: the server sent [DONE]. `broken`: the connection failed, which is reported
        elsewhere."""
        if self.failed:
            return
        if not (broken or self.ended or done or self._whole):
            self.reason = self.reason or "interrupted"
        rest = self._thoughts.feed(self._halves.rest())
        yield from self._parts(rest + self._thoughts.finish(cut=broken or bool(self.reason)))
        if broken:
            return
        calls = list(self._tell())
        yield from calls
        if self.understood:
            finish = "tool_calls" if calls else "stop"
            if self._keep and self.reason in ("length", "content_filter"):
                finish = self.reason
            yield self._chunk_of({}, finish)

    def _error(self, body: Json) -> Json:
        self.failed = True
        return {"error": error_bodies.told(body)}

    def _delta(self, delta: Json) -> Json:
        return self._chunk_of(delta, None)

    def _chunk_of(self, delta: Json, finish: str | None) -> Json:
        return {**self._base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _complete(arguments: str) -> bool:
    """Whether arguments are complete, so that what follows belongs to another call."""
    try:
        json.loads(arguments or "{}")
    except ValueError:
        return False
    return True


def _usage(given: Json) -> Json:
    counts: Json = {
        name: shapes.number(given.get(name, given.get(other)))
        for name, other in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens"))
    }
    counts["total_tokens"] = shapes.number(given.get("total_tokens")) or sum(counts.values())
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        details = given.get(name)
        if isinstance(details, dict):
            counts[name] = {key: shapes.number(value) for key, value in details.items()}
    return counts


def whole(body: Json, names: set[str]) -> tuple[Json, ChatStream | None]:
    """A completion that was not streamed, in OpenAI's format. Anything else is returned unchanged, with None."""
    if not isinstance(body.get("choices"), list | dict) and not isinstance(body.get("message"), dict):
        return body, None
    stream = ChatStream(lambda: names, keep_reason=False)
    chunks = [*stream.see(Event("", body, "", whole=True)), *stream.finish(done=True)]
    made = together(stream, [chunk for chunk in chunks if chunk is not None])
    if made is None:
        return body, None
    usage = made.get("usage") or (body.get("usage") if isinstance(body.get("usage"), dict) else None)
    made = {**body, **made, "usage": usage}
    if usage is None:
        del made["usage"]
    return made, stream


def together(stream: ChatStream, chunks: list[Json]) -> Json | None:
    """The completion made of all chunks of `stream`; None if one is an error."""
    said, thought, refusal, usage = "", "", None, None
    calls: dict[int, Json] = {}
    finish = "stop"
    for chunk in chunks:
        if "error" in chunk:
            return None
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            delta = choice["delta"]
            said += delta.get("content") or ""
            thought += delta.get("reasoning_content", "")
            refusal = delta.get("refusal", refusal)
            finish = choice["finish_reason"] or finish
            for call in delta.get("tool_calls", ()):
                kept = calls.setdefault(call["index"], {"function": {"name": "", "arguments": ""}})
                kept.update({name: call[name] for name in ("id", "type") if name in call})
                kept["function"]["name"] = call["function"].get("name") or kept["function"]["name"]
                kept["function"]["arguments"] += call["function"]["arguments"]
    thought, said = thought + said[: stream.turned].strip(), said[stream.turned :]
    if stream.reason in ("length", "content_filter"):
        finish = stream.reason
    message: Json = {"role": "assistant", "content": said or (None if calls else ""), "refusal": refusal}
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = list(calls.values())
    made = {**stream._base, "object": "chat.completion", "usage": usage}
    made["choices"] = [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}]
    return made
