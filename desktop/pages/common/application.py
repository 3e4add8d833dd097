"""The application as pages see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from desktop.common.errors import AppError


class Application(Protocol):
    """`App` implements it. Tests use one that records the calls."""

    def show_chat(self, *, ask: bool = True) -> None:
        """Show the chat; if the active agent's code is not approved, `show_consent` first. `ask` False: show the chat
        window in any case, which then explains that nothing runs."""

    def show_setup(self) -> None: ...
    def show_help(self, place: str = "") -> None:
        """Show the help window at a place known to `desktop.help`; empty for where it was, or the beginning."""

    def show_settings(self, section: str = "") -> None: ...
    def show_agents(self, agent: str = "", section: str = "") -> None:
        """`agent`: the id of the agent to show. `section`: road, road.code or road.assistant on its page, or
        add-server: the form for a new ChatKit server."""

    def show_consent(self, agent_id: str = "") -> None:
        """Show a code agent's files and ask whether they may run. Without an id, the active agent's."""

    def packages_installed(self, agent_id: str) -> None:
        """This code agent now has all the packages it needs."""

    def code_approved(self, agent_id: str) -> None:
        """The code was approved on the consent page, which has closed. If it is the active agent's, the chat
        continues."""

    def show_builtin(self, reason: str) -> None: ...
    def chat_stuck(self, problem: AppError) -> None:
        """The chat page's process hangs: end it, and show the built-in view or `problem` instead."""

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
        """Show the system's folder dialog. None if it was cancelled."""

    def show_folder(self, folder: Path) -> None:
        """Show a folder in the system's file manager. Only for folders the app has written."""

    def show_chats(self) -> None: ...
    def open_chat(self, agent_id: str, thread_id: str) -> None:
        """Open this chat in the chat window. Its agent becomes the active one."""

    def use_agent(self, agent_id: str) -> None:
        """Make this agent the active one, and show its last chat or a new one in the chat window."""

    def apply_scheme(self, scheme: str) -> None: ...
    def delete_all_data(self) -> None:
        """Close the windows and end the app, then delete the profile's folder: the engine keeps its files open until
        then. Key and sessions have already been deleted."""

    def emit(self, page: str, event: str, data: Any) -> None: ...
