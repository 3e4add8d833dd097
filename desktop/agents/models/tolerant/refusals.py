"""What a model server refuses by name, left out from then on: parameters, and roles and fields inside a request.

Remembered by address and model, as long as the app runs, once a request without it was answered; and beside it, whose
text begins in the middle of the model's reasoning.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from desktop.openai_api import error_bodies

log = logging.getLogger(__name__)

Json = dict[str, Any]
Where = tuple[str, str]
"""Address and model."""

PLAIN = (
    *("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "logprobs", "top_logprobs"),
    *("reasoning", "reasoning_effort", "parallel_tool_calls", "stream_options", "store", "include", "metadata"),
    *("tool_choice", "verbosity", "service_tier", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"),
    *("user", "truncation", "text", "modalities", "background", "context_management", "extra_body"),
)
"""Parameters without which a request means the same."""
NESTED = ("reasoning.summary", "reasoning.effort", "reasoning.generate_summary", "text.verbosity")
OTHER = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""What stands for a parameter under its newer or older name."""
INSIDE = ("strict", "developer", "system")
"""Not parameters: a field of tools, and roles of messages."""
MOST = 500
"""Pairs of address and model that are remembered."""

_REFUSING = re.compile(
    r"unsupported|n[o']t\s+(?:be\s+)?(?:supported|support|allowed|permitted|accepted|recogni[sz]ed|valid|implemented|known)"
    r"|unknown|unrecogni[sz]ed|unexpected|extra|invalid|additional\s+propert|only\s+the\s+default|deprecat|no\s+longer"
    r"|doesn.t|does\s+not|cannot|can.t|must\s|instead|forbidden|no\s+such|remove",
    re.IGNORECASE,
)


class Refusals:
    """Remembers what each model at each address has refused."""

    def __init__(self) -> None:
        self._known: dict[Where, tuple[str, ...]] = {}
        self._begun: dict[Where, None] = {}

    def known(self, where: Where) -> tuple[str, ...]:
        """What is left out of requests to `where`."""
        return self._known.get(where, ())

    def remember(self, where: Where, names: list[str]) -> None:
        """That requests without `names` were answered."""
        if names:
            log.info("%s takes no %s", where[1], ", ".join(names))
            self._known[where] = tuple(dict.fromkeys((*self.known(where), *names)))
            while len(self._known) > MOST:
                del self._known[next(iter(self._known))]

    def begins_in_thought(self, where: Where) -> bool:
        """Whether the last answer from `where` closed reasoning that it had not opened: its prompt's template does."""
        return where in self._begun

    def note_beginning(self, where: Where, begins: bool | None) -> None:
        """How an answer from `where` began; None: that did not show."""
        if begins is None or begins == (where in self._begun):
            return
        if begins:
            self._begun[where] = None
            while len(self._begun) > MOST:
                del self._begun[next(iter(self._begun))]
        else:
            del self._begun[where]


def less(body: Json, names: tuple[str, ...] | list[str]) -> Json:
    """A request without what is named."""
    made = dict(body)
    for name in names:
        _WITHOUT.get(name, _plainly(name))(made)
    return made


def refused(sent: Json, status: int, answer: bytes) -> list[str]:
    """What a refusal names that the request has and can do without; []: nothing."""
    parsed = error_bodies.read_all(answer)
    told = error_bodies.said(answer)
    has = [name for name in (*NESTED, *PLAIN, *OTHER, *INSIDE) if _has(sent, name)]
    if status < 500:
        pointed = [name for name in has if any(_points(place, name) for place in _places(parsed))]
        if pointed:
            return _nearest(pointed)
    if not _REFUSING.search(told):
        return []
    quoted = [name for name in has if re.search(rf"[\"'`“‘\[]{re.escape(name)}[\"'`”’\]:=]", told)]
    if quoted:
        return _nearest(quoted)
    if status >= 500:
        return []
    words = [name for name in has if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w])", told, re.IGNORECASE)]
    return _nearest(words)


def _nearest(names: list[str]) -> list[str]:
    """Of a parameter and a part of it, the part: less is lost."""
    parts = {name.partition(".")[0] for name in names if "." in name}
    return [name for name in names if name not in parts]


def _places(body: object, depth: int = 0) -> Iterator[str]:
    """Where a refusal points: `param`, and FastAPI's `loc`, as dotted paths."""
    if depth > error_bodies.DEEPEST:
        return
    if isinstance(body, list):
        for one in body[:20]:
            yield from _places(one, depth + 1)
    if isinstance(body, Mapping):
        param, loc = body.get("param"), body.get("loc")
        if isinstance(param, str):
            yield re.sub(r"\[(\w+)\]", r".\1", param)
        if isinstance(loc, list):
            yield ".".join(str(part) for part in loc if part != "body")
        for value in body.values():
            if isinstance(value, Mapping | list):
                yield from _places(value, depth + 1)


def _points(place: str, name: str) -> bool:
    parts = place.split(".")
    if name == "strict":
        return parts[-1] == "strict"
    if name in INSIDE:
        return False  # "messages.0.role" does not say which role
    wanted = name.split(".")
    return parts[: len(wanted)] == wanted


def _has(sent: Json, name: str) -> bool:
    if name == "strict":
        return any("strict" in tool for tool in _tools(sent))
    if name in INSIDE:
        return any(message.get("role") == name for message in _messages(sent))
    outer, _, inner = name.partition(".")
    value = sent.get(outer)
    if name == "text":
        return isinstance(value, dict) and "format" not in value
    return (isinstance(value, dict) and inner in value) if inner else outer in sent


def _tools(sent: Json) -> list[Json]:
    tools = sent.get("tools")
    tools = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return [*tools, *(tool["function"] for tool in tools if isinstance(tool.get("function"), dict))]


def _messages(sent: Json) -> list[Json]:
    found = sent.get("messages", sent.get("input"))
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


# --- leaving out ----------------------------------------------------------------------------------


def _plainly(name: str) -> Callable[[Json], None]:
    outer, _, inner = name.partition(".")

    def without(body: Json) -> None:
        if not inner:
            body.pop(outer, None)
        elif isinstance(body.get(outer), dict):
            body[outer] = {key: value for key, value in body[outer].items() if key != inner}
            if not body[outer]:
                del body[outer]

    return without


def _renamed(name: str) -> Callable[[Json], None]:
    def without(body: Json) -> None:
        if name in body:
            value = body.pop(name)
            body.setdefault(OTHER[name], value)

    return without


def _strict(body: Json) -> None:
    tools = body.get("tools")
    if isinstance(tools, list):
        body["tools"] = [_less_strict(tool) if isinstance(tool, dict) else tool for tool in tools]


def _less_strict(tool: Json) -> Json:
    made = {key: value for key, value in tool.items() if key != "strict"}
    if isinstance(made.get("function"), dict):
        made["function"] = {key: value for key, value in made["function"].items() if key != "strict"}
    return made


def _developer(body: Json) -> None:
    for name in ("messages", "input"):
        if isinstance(body.get(name), list):
            body[name] = [
                {**one, "role": "system"} if isinstance(one, dict) and one.get("role") == "developer" else one
                for one in body[name]
            ]


def _system(body: Json) -> None:
    """What the system says stands before what the person says first."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return
    told = [one["content"] for one in messages if _is_system(one) and isinstance(one.get("content"), str)]
    rest = [dict(one) if isinstance(one, dict) else one for one in messages if not _is_system(one)]
    first = next((one for one in rest if isinstance(one, dict) and one.get("role") == "user"), None)
    if first is not None and isinstance(first.get("content"), str) and told:
        first["content"] = "\n\n".join([*told, first["content"]])
        body["messages"] = rest


def _is_system(one: object) -> bool:
    return isinstance(one, dict) and one.get("role") in ("system", "developer")


_WITHOUT: dict[str, Callable[[Json], None]] = {
    **{name: _renamed(name) for name in OTHER},
    "strict": _strict,
    "developer": _developer,
    "system": _system,
}
