"""Makes the app's pages, each imported when it is first shown, and knows what they should show first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.common.page import Page
from desktop.pages.chat.errors import RendererCrashed

if TYPE_CHECKING:
    from desktop.app.chat_view import ChatView
    from desktop.app.code import CodeConsent
    from desktop.app.token import TokenRequests
    from desktop.common.errors import AppError
    from desktop.pages.chat.page import Limits
    from desktop.pages.common.services import Services


class Pages:
    """`services` and `code` are set before the first page is made. `chat_limits`: the times of chat pages made from now
    on; None for the page's own."""

    services: Services
    code: CodeConsent

    def __init__(self, view: ChatView, tokens: TokenRequests, chat_limits: Limits | None) -> None:
        self._view = view
        self._tokens = tokens
        self.chat_limits = chat_limits
        self.settings_section = ""
        """The section the settings page opens with."""
        self.help_place = ""
        """The place the help opens with."""

    def make(self, name: str, *, crashed: bool = False) -> Page:
        """A new page of that name. `crashed`: a chat page that explains the crash."""
        if name == "chat":
            problem = self.code.problem()
            self.code.is_chat_blocked = problem is not None
            if crashed:
                problem = RendererCrashed()
            elif problem is None and self._view.is_builtin:
                from desktop.pages.builtin.page import BuiltinPage

                return BuiltinPage(self.services, self._view.reason).page()
            from desktop.pages.chat.page import ChatPage

            return ChatPage(self.services, problem, self.chat_limits).page()
        if name == "token":
            from desktop.pages.token.page import TokenPage

            return TokenPage(self.services, *self._tokens.wanted).page()
        if name == "approval":
            from desktop.pages.approval.page import ApprovalPage

            return ApprovalPage(self.services).page()
        if name == "consent":
            from desktop.pages.consent.page import ConsentPage

            return ConsentPage(self.services, *self.code.asked()).page()
        if name == "setup":
            from desktop.pages.setup.page import SetupPage

            return SetupPage(self.services).page()
        if name == "chats":
            from desktop.pages.chats.page import ChatsPage

            return ChatsPage(self.services).page()
        if name == "help":
            from desktop.pages.help.page import HelpPage

            place, self.help_place = self.help_place, ""
            return HelpPage(self.services, place).page()
        if name == "agents":
            from desktop.pages.agents.page import AgentsPage

            return AgentsPage(self.services).page()
        from desktop.pages.settings.page import SettingsPage

        section, self.settings_section = self.settings_section, ""
        return SettingsPage(self.services, section).page()

    def explained_chat(self, problem: AppError) -> Page:
        """A chat page that shows `problem` instead of a chat."""
        from desktop.pages.chat.page import ChatPage

        return ChatPage(self.services, problem, self.chat_limits).page()
