"""The window that asks about tools and steps: open as long as a question is."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.agents.host import AgentHost
    from desktop.app.windows import Windows

log = logging.getLogger(__name__)


class Asking:
    """Follows the questions of `agents`."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._lock = threading.Lock()
        self.agents: AgentHost

    def changed(self) -> None:
        """A question has come or gone, or is wanted in front. Called on the agents' thread, which has to go on."""
        threading.Thread(target=self._follow, name="ask about a tool", daemon=True).start()

    def _follow(self) -> None:
        with self._lock:  # one after the other, each by what is open then
            waiting = self.agents.questions
            try:
                if waiting:
                    self._windows.emit("approval", "approval.changed", {})
                    self._windows.show("approval")
                else:
                    self._windows.close("approval")
            except Exception:  # a window that can't be opened must not leave the run waiting
                log.exception("the question could not be shown")
                self.agents.put_off_questions([one.number for one in waiting])
