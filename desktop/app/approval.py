"""Opens the approval window while an agent has a question about a tool or a step, and closes it afterwards."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.agents.host import AgentHost
    from desktop.app.windows import Windows

log = logging.getLogger(__name__)


class Asking:
    """Keeps the window in step with the open questions of `agents`."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._lock = threading.Lock()
        self.agents: AgentHost

    def changed(self) -> None:
        """A question was asked or answered, or should come to the front. Called on the agents' thread; does not
        block."""
        threading.Thread(target=self._follow, name="ask about a tool", daemon=True).start()

    def _follow(self) -> None:
        with self._lock:  # one at a time, each based on what is open by then
            waiting = self.agents.questions
            try:
                if waiting:
                    self._windows.emit("approval", "approval.changed", {})
                    self._windows.show("approval")
                else:
                    self._windows.close("approval")
            except Exception:  # if the window can't be opened, the run must not wait for ever
                log.exception("the question could not be shown")
                self.agents.put_off_questions([one.number for one in waiting])
