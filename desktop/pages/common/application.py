"""What a page may ask of the application around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from desktop.common.errors import AppError


class Application(Protocol):
    """`App` implements it; tests have one that takes notes."""

    def show_chat(self, *, ask: bool = True) -> None:
        """The chat; where the active agent is code that nobody has approved, `show_consent` first. `ask` False: the
        chat's window at any rate, which says that nothing runs."""

    def show_setup(self) -> None: ...
    def show_help(self, place: str = "") -> None:
        """The help window, at a place that `desktop.help` knows; empty: where it was, or its beginning."""

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

    def show_builtin(self, reason: str) -> None: ...
    def chat_stuck(self, problem: AppError) -> None:
        """The chat page's process hangs: it is ended, and the built-in view or `problem` stands in the window."""

    def reload_chat(self) -> None: ...
    def shows_builtin(self) -> bool:
        """Whether the active agent's chats are shown in the built-in view."""

    def switch_view(self, draft: str | None = None) -> None:
        """The open chat in the other view, ChatKit or the built-in one, which the active agent then keeps. `draft` goes
        along to its composer. Where there is no other view the chat's window says so."""

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
