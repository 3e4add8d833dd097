"""Archiving a workflow's chats from a page: one run at a time for a folder, whichever page began it.

What is archived and how is `desktop/archive.py`. Every page that shows archives hears how far it is.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.errors import AgentNotSet, InternalError
from desktop.pages.page import NoParams
from desktop.pages.services import Services
from desktop.settings.model import WorkflowAgent

if TYPE_CHECKING:
    from desktop.archive import Summary

log = logging.getLogger(__name__)

PAGES = ("chat", "agents")
"""Who is told: a page that is shown anew, or another one, can follow and stop the run that goes on."""


class _Runs:
    """The archive runs of this process, one a folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancels: dict[Path, threading.Event] = {}

    def begin(self, folder: Path) -> threading.Event | None:
        """What cancels the run; None where one is under way."""
        with self._lock:
            if folder in self._cancels:
                return None
            self._cancels[folder] = threading.Event()
            return self._cancels[folder]

    def cancel(self, folder: Path) -> None:
        with self._lock:
            if folder in self._cancels:
                self._cancels[folder].set()

    def end(self, folder: Path) -> None:
        with self._lock:
            self._cancels.pop(folder, None)


_runs = _Runs()


class Archiving:
    """What `archive.*` of a page does."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def start(self, agent: object) -> dict[str, bool]:
        """Begins to copy this profile's chats with `agent` to disk; how far it is comes as `archive.progress` events.

        `{started}`: False where a run is under way. Raises AgentNotSet for what is no workflow, KeyMissing.
        """
        services = self._services
        if not isinstance(agent, WorkflowAgent):
            raise AgentNotSet()
        client = services.keeper.api()
        folder = services.locations.archive
        user = services.settings.user_id(agent.id)
        cancel = _runs.begin(folder)
        if cancel is None:
            return {"started": False}

        def progress(done: int, total: int | None, title: str) -> None:
            self._tell(agent.id, done=done, total=total, title=title[:200])

        def run() -> None:
            from desktop.archive import Summary, ThreadArchive

            try:
                archive = ThreadArchive(folder, client, user, texts=services.texts)
                summary = archive.run(progress=progress, cancel=cancel)
            except Exception:
                log.exception("the archive run ended")
                summary = Summary(folder, error=InternalError("archive"))
            finally:
                _runs.end(folder)
            self._finished(agent.id, summary)

        threading.Thread(target=run, name="archive", daemon=True).start()
        return {"started": True}

    def cancel(self, _: NoParams) -> None:
        """Ends the run that is under way, at the next thread."""
        _runs.cancel(self._services.locations.archive)

    def open(self, _: NoParams) -> None:
        """Shows the folder."""
        self._services.desk.open_folder("archive")

    def _finished(self, agent: str, summary: Summary) -> None:
        done = summary.written + summary.unchanged
        seen = done + summary.vanished + summary.failed
        # A thread that could not be read leaves an error and the run goes on; another one ended it.
        ended = summary.error if summary.error is not None and (seen < summary.total or not summary.failed) else None
        log.info("archived %d of %d chats, %d failed", done, summary.total, summary.failed)
        self._tell(
            agent,
            done=done,
            total=summary.total,
            finished=True,
            cancelled=summary.cancelled,
            folder=str(summary.folder),
            failed=summary.failed,
            error=ended.describe(self._services.texts) if ended else None,
        )

    def _tell(self, agent: str, **changed: Any) -> None:
        told = {
            "agent": agent,
            "done": 0,
            "total": None,
            "title": "",
            "finished": False,
            "cancelled": False,
            "folder": "",
            "failed": 0,
            "error": None,
        }
        for page in PAGES:
            self._services.desk.emit(page, "archive.progress", told | changed)
