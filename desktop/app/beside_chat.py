"""Work done beside the chat page once it has called: loading the agents, moving secrets, looking for updates."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from desktop.common.errors import AppError
from desktop.settings.agents import InAppAgent
from desktop.window.errors import ProxyNotInWindow

if TYPE_CHECKING:
    from desktop.pages.common.services import Services

log = logging.getLogger(__name__)

STARTS = ("chat.start", "builtin.start")
READY = ("chat.ready", "builtin.ready")


class BesideChat:
    """`packaged`: run from source, the app never looks for updates. `takes_proxy`: the engine uses the settings' proxy.
    `once`: do the work that is done once per start; not for the demo. `emit(event, data)` reaches the chat page."""

    def __init__(
        self, services: Services, emit: Callable[[str, Any], None], *, packaged: bool, takes_proxy: bool, once: bool
    ) -> None:
        self._services = services
        self._emit = emit
        self._packaged = packaged
        self._takes_proxy = takes_proxy
        self._is_due = once

    def answered(self, method: str) -> None:
        """A page's call of `method` was answered."""
        self._warm_agents(method)
        if method not in READY or not self._is_due:
            return
        self._is_due = False
        threading.Thread(target=self._look_for_updates, name="updates", daemon=True).start()
        settings = self._services.settings.current
        if settings.network.proxy and not self._takes_proxy:
            self._notify(ProxyNotInWindow())
        if settings.mcp_servers:
            threading.Thread(target=self._move_secrets, name="move secrets", daemon=True).start()

    def _notify(self, *notices: AppError) -> None:
        self._emit("notices.added", {"notices": [one.describe(self._services.texts) for one in notices]})

    def _move_secrets(self) -> None:
        """Move secrets that an earlier version left in the settings file to the keyring, and say so."""
        from desktop.keys.moving import move_secrets

        moved = move_secrets(self._services.settings, self._services.keys)
        if moved:
            self._notify(*moved)

    def _look_for_updates(self) -> None:
        """Show a quiet line above the chat if there is a newer version."""
        from desktop.pages.common import updates

        told = updates.look(self._services, packaged=self._packaged)
        if told is not None:
            self._emit("update.found", told)

    def _warm_agents(self, method: str) -> None:
        """Start the light part while the page loads ChatKit, and the agent stack once the page is ready: its import
        delays whatever runs at the same time."""
        agent = self._services.settings.current.agent()
        if not isinstance(agent, InAppAgent):
            return
        try:
            if method in STARTS:
                self._services.agents.begin(agent.id)
            elif method in READY:
                self._services.agents.warm(agent.id)
        except AppError as error:
            log.info("the agents were not warmed: %s", error.code)  # the app is closing
