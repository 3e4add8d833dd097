"""Learns what a model server refuses by name (parameters, roles, fields) and leaves it out from then on.

Remembered per address and model, as long as the app runs, once a request without it was answered. Also remembers which
models begin their text in the middle of their reasoning.
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
"""Parameters that can be left out without changing the request's meaning."""
NESTED = ("reasoning.summary", "reasoning.effort", "reasoning.generate_summary", "text.verbosity")
OTHER = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""Older or newer names of a parameter."""
INSIDE = ("strict", "developer", "system")
"""Not parameters: a field of tools, and message roles."""
MOST = 500
"""The most pairs of address and model remembered."""

_REFUSING = re.compile(
    r"unsupported|n[o']t\s+(?:be\s+)?(?:supported|support|allowed|permitted|accepted|recogni[sz]ed|valid|implemented|known)"
    r"|unknown|unrecogni[sz]ed|unexpected|extra|invalid|additional\s+propert|only\s+the\s+default|deprecat|no\s+longer"
    r"|doesn.t|does\s+not|cannot|can.t|must\s|instead|forbidden|no\s+such|remove",
    re.IGNORECASE,
)


class Refusals:
    """What each model at each address has refused."""

    def __init__(self) -> None:
        self._known: dict[Where, tuple[str, ...]] = {}
        self._begun: dict[Where, None] = {}

    def known(self, where: Where) -> tuple[str, ...]:
        """What to leave out of requests to `where`."""
        return self._known.get(where, ())

    def remember(self, where: Where, names: list[str]) -> None:
        """A request without `names` was answered: leave them out from now on."""
        if names:
            log.info("%s takes no %s", where[1], ", ".join(names))
            self._known[where] = tuple(dict.fromkeys((*self.known(where), *names)))
            while len(self._known) > MOST:
                del self._known[next(iter(self._known))]

    def begins_in_thought(self, where: Where) -> bool:
        """Whether the last answer from `where` closed reasoning it had not opened, because its prompt template opens
        it."""
        return where in self._begun

    def note_beginning(self, where: Where, begins: bool | None) -> None:
        """Record how an answer from `where` began; None if unknown."""
        if begins is None or begins == (where in self._begun):
            return
        if begins:
            self._begun[where] = None
            while len(self._begun) > MOST:
                del self._begun[next(iter(self._begun))]
        else:
            del self._begun[where]


def less(body: Json, names: tuple[str, ...] | list[str]) -> Json:
    """The request without `names`."""
    made = dict(body)
    for name in names:
        _WITHOUT.get(name, _plainly(name))(made)
    return made


def refused(sent: Json, status: int, answer: bytes) -> list[str]:
    """The names in a refusal that the request contains and can do without."""
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
    """Prefer part of a parameter to the whole parameter, to lose less."""
    parts = {name.partition(".")[0] for name in names if "." in name}
    return [name for name in names if name not in parts]


def _places(body: object, depth: int = 0) -> Iterator[str]:
    """The places a refusal points to, as dotted paths: `param`, and FastAPI's `loc`."""
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
    """Put the system's message in front of the person's first message."""
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
