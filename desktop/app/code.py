"""Consent to code, in the app: whose code the consent window shows, and what happens after a yes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop.agents.code.errors import CodeConsentNeeded, CodePackageMissing, CodeUnreadable
from desktop.common.errors import AppError
from desktop.settings.agents import CodeAgent

if TYPE_CHECKING:
    from desktop.agents.code.consent import Consents
    from desktop.app.windows import Windows
    from desktop.pages.common.services import Services

log = logging.getLogger(__name__)

ACTIONS: dict[type[AppError], str] = {
    CodeConsentNeeded: "code.look",
    CodeUnreadable: "code.other_file",
    CodePackageMissing: "code.install",
}
"""The button offered above the chat, by the error that kept the code from running."""


class CodeConsent:
    """`consents` records which code people have approved."""

    def __init__(self, services: Services, windows: Windows, consents: Callable[[], Consents]) -> None:
        self._services = services
        self._windows = windows
        self._consents = consents
        self._asking = ""
        """The agent whose code the consent window shows."""
        self._packages: dict[str, list[str]] = {}
        """Packages that code agents tried to import and did not find, by agent."""
        self.is_chat_blocked = False
        """Whether the chat window explains that the active agent's code can't run, instead of showing a chat."""

    def problem(self) -> AppError | None:
        """Why the active agent's code can't run, usually for want of consent. None if it can, or if it isn't code."""
        agent = self._services.settings.current.agent()
        return self._consents().problem(agent.file) if isinstance(agent, CodeAgent) else None

    def asked(self) -> tuple[str, tuple[str, ...]]:
        """What the consent page is about: the agent's id, and the packages its code is known to lack."""
        self._asking = self._asking or self._active
        return self._asking, tuple(self._packages.get(self._asking, ()))

    def show(self, agent_id: str) -> None:
        """Show the consent window for this agent; if empty, for the active one."""
        wanted = agent_id or self._active
        another, self._asking = wanted != self._asking, wanted
        if another:
            self._windows.renew("consent")
        self._windows.show("consent")

    def request(self, agent_id: str, _: AppError) -> None:
        """A message waits for consent to changed code. Called on the agents' thread; does not block."""

        def ask() -> None:
            try:
                self.show(agent_id)
            except Exception:  # if the window can't be opened, the message must not wait for ever
                log.exception("the code could not be shown")
                self._services.agents.code_answered(agent_id, given=False)

        threading.Thread(target=ask, name="ask for consent", daemon=True).start()

    def approved(self, agent_id: str) -> None:
        """The code was approved: whatever waits for that continues."""
        self._services.agents.code_answered(agent_id, given=True)
        if agent_id == self._active:
            if self.is_chat_blocked:
                self._windows.renew("chat")
            else:
                self._windows.emit("chat", "code.approved", {})
                self._services.agents.warm(agent_id)
            self._windows.show("chat")
        self._windows.emit("agents", "code.approved", {"id": agent_id})
        self._windows.close("consent")

    def packages_installed(self, agent_id: str) -> None:
        self._packages.pop(agent_id, None)
        if agent_id == self._active:
            self._windows.emit("chat", "code.approved", {})
        self._windows.emit("agents", "code.approved", {"id": agent_id})

    def failed(self, agent_id: str, failure: AppError) -> None:
        """An answer failed. If the consent page can help, offer it above the chat."""
        action = ACTIONS.get(type(failure))
        if action is None or agent_id != self._active:
            return
        texts = self._services.texts
        words = texts.get("code.waits")
        if not isinstance(failure, CodeConsentNeeded):
            words = failure.describe(texts)["message"]
        if isinstance(failure, CodePackageMissing):
            known = self._packages.setdefault(agent_id, [])
            package = str(failure.values.get("package", ""))
            if package and package not in known:
                known.append(package)
        self._windows.emit("chat", "code.refused", {"words": words, "action": texts.get(action)})

    @property
    def _active(self) -> str:
        agent = self._services.settings.current.agent()
        return agent.id if agent is not None else ""
