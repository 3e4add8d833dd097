"""What a page is, and what a page may ask of the window it is shown in. Knows neither a window nor a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

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


class Desk(Protocol):
    """What a page may ask of the application around it. `App` implements it."""

    def show_chat(self, *, ask: bool = True) -> None:
        """The chat; where the active agent is code that nobody has approved, `show_consent` first. `ask` False: the
        chat's window at any rate, which says that nothing runs."""

    def show_setup(self) -> None: ...
    def show_settings(self, section: str = "") -> None: ...
    def show_agents(self, agent: str = "", section: str = "") -> None:
        """`agent`: the id of the one to show; `section`: a place on its page: road, road.code, road.assistant;
        add-server: the form for a new ChatKit server."""

    def show_consent(self, agent_id: str = "") -> None:
        """The files of a code agent and the question whether they may run; of the active agent where none is named."""

    def packages_installed(self, agent_id: str) -> None:
        """Nothing that this code agent asked for is missing any more."""

    def code_approved(self, agent_id: str) -> None:
        """Somebody said yes on the consent page, which is closed; where it is the active agent's code, the chat goes
        on."""

    def show_basic(self, reason: str) -> None: ...
    def reload_chat(self) -> None: ...
    def close_window(self, page: str) -> None: ...
    def set_chat_title(self, title: str) -> None: ...
    def open_external(self, url: str) -> None: ...
    def open_folder(self, which: str) -> None: ...
    def pick_file(self, title: str, patterns: tuple[str, ...]) -> str | None: ...
    def pick_folder(self) -> str | None:
        """The system's dialog for a folder; None when it was closed without one."""

    def show_folder(self, folder: Path) -> None:
        """In the system's file manager. Only for folders that the app itself has written."""

    def show_chats(self) -> None: ...
    def open_chat(self, agent_id: str, thread_id: str) -> None:
        """The chat's window with this chat; its agent becomes the active one."""

    def apply_scheme(self, scheme: str) -> None: ...
    def delete_all_data(self) -> None:
        """Closes the windows, ends the app, and then deletes the profile's folder: the engine's files are free only
        after its end. Key and sessions are gone by then."""

    def emit(self, page: str, event: str, data: Any) -> None: ...
