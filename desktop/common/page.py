"""What a page of ours is: the contract between the pages and the window, which know nothing of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    """Base of every method's parameters: unknown names refused, texts stripped of nothing."""

    model_config = ConfigDict(extra="forbid", defer_build=True, strict=True)


class NoParams(Params):
    pass


@dataclass(frozen=True)
class Method:
    """One thing a page may ask for. `call` runs in a thread of its own and returns what JSON can hold;
    it raises `errors.AppError` for everything that a person should read."""

    params: type[Params]
    call: Callable[[Any], Any]
    limit: int = 64 * 1024
    """Largest call, in bytes of JSON."""


@dataclass(frozen=True)
class Sources:
    """What a page's Content-Security-Policy allows beside 'self'."""

    script: tuple[str, ...] = ()
    frame: tuple[str, ...] = ()
    connect: tuple[str, ...] = ()
    img: tuple[str, ...] = ()
    inline_style: bool = False


@dataclass(frozen=True)
class Page:
    """A page of ours: the file that is shown, the files it needs, what it may ask for."""

    name: str
    html: str
    """File in `assets/pages`."""
    files: tuple[str, ...]
    """Everything else in `assets` the page may load, as paths relative to `assets`."""
    methods: Mapping[str, Method]
    sources: Sources = field(default_factory=Sources)
    title: str = ""
    on_gone: Callable[[], None] = lambda: None
    """Called once when the window shows something else or has closed: what still runs for this page ends."""
