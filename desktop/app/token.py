"""Opens the token window when a ChatKit server wants a token."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from desktop.common.errors import AppError, InternalError

if TYPE_CHECKING:
    from desktop.agents.host import AgentHost
    from desktop.app.windows import Windows

log = logging.getLogger(__name__)


class TokenRequests:
    """`agents` and `windows` are set before the first request."""

    agents: AgentHost
    windows: Windows

    def __init__(self) -> None:
        self.wanted: tuple[str, AppError] = ("", InternalError())
        """The agent whose token is asked for, and why."""

    def request(self, agent_id: str, reason: AppError) -> None:
        """A ChatKit server wants a token. It has its own window, because the chat page runs OpenAI's script. Called on
        the servers' thread; does not block."""

        def ask() -> None:
            try:
                self.wanted = (agent_id, reason)
                self.windows.renew("token")  # it may still ask for another agent's
                self.windows.show("token")
            except Exception:  # if the window can't be opened, the message must not wait for ever
                log.exception("the token could not be asked for")
                self.agents.remote.token_answered(agent_id, given=False)

        threading.Thread(target=ask, name="ask for a token", daemon=True).start()
