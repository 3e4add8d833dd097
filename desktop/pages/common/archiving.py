"""Archiving a workflow's chats from a page: one run at a time for a folder, whichever page began it.

What is archived and how is `desktop/chats`. Every page that shows archives hears how far it is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.common.errors import InternalError
from desktop.common.page import NoParams
from desktop.pages.common.services import Services
from desktop.settings.errors import AgentNotSet
from desktop.settings.model import WorkflowAgent

if TYPE_CHECKING:
    from desktop.chats.library import Library
    from desktop.chats.types import Archived, Format, Progress

log = logging.getLogger(__name__)

PAGES = ("chat", "agents")
"""Who is told: a page that is shown anew, or another one, can follow and stop the run that goes on."""
WRITTEN: tuple[Format, ...] = ("json", "html")
"""What else an archive from a page leaves in its folder: a record that loses nothing, and something to read."""


def library_of(services: Services) -> Library:
    """The library of all chats, for a page; nothing is opened before it is asked. Whoever made it closes it."""
    from desktop.chats.library import Library

    return Library(
        services.locations,
        lambda: services.settings.current,
        host=services.agents,
        client=services.keeper.api,
        app_name=services.brand.app.name,
    )


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


runs = _Runs()
"""Shared by all pages that archive."""


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
        services.keeper.api()
        folder = services.locations.archive
        cancel = runs.begin(folder)
        if cancel is None:
            return {"started": False}

        def tell(progress: Progress) -> None:
            self._tell(agent.id, done=progress.done, total=progress.total, title=progress.title[:200])

        def run() -> None:
            from desktop.chats.types import Archived

            try:
                done = self._run(agent.id, folder, tell, cancel)
            except Exception:
                log.exception("the archive run ended")
                done = Archived(error=InternalError("archive"))
            finally:
                runs.end(folder)
            self._finished(agent.id, done)

        threading.Thread(target=run, name="archive", daemon=True).start()
        return {"started": True}

    def cancel(self, _: NoParams) -> None:
        """Ends the run that is under way, at the next thread."""
        runs.cancel(self._services.locations.archive)

    def open(self, _: NoParams) -> None:
        """Shows the folder."""
        self._services.app.open_folder("archive")

    def _run(self, agent: str, folder: Path, tell: Callable[[Progress], None], cancel: threading.Event) -> Archived:
        services = self._services
        library = library_of(services)
        try:
            done = library.archive(agent=agent, tell=tell, cancel=cancel)
            if done.cancelled or done.ended is not None:
                return done
            chats = list(library.all(agent=agent, where=("archived",)))
            for form in WRITTEN if chats else ():
                files = library.export(chats, folder, form, services.texts, cancel=cancel)
                done = replace(done, cancelled=files.cancelled, error=done.error or files.error)
            return done
        finally:
            library.close()

    def _finished(self, agent: str, archived: Archived) -> None:
        done = archived.written + archived.unchanged
        # A thread that could not be read leaves an error and the run goes on; another one ended it.
        ended = archived.ended
        log.info("archived %d of %d chats, %d failed", done, archived.total, archived.failed)
        self._tell(
            agent,
            done=done,
            total=archived.total,
            finished=True,
            cancelled=archived.cancelled,
            folder=str(self._services.locations.archive),
            failed=archived.failed,
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
            self._services.app.emit(page, "archive.progress", told | changed)
