"""Archives a workflow's chats from a page: one run at a time per folder, whichever page started it.

`desktop/chats` does the archiving. Every page that shows archives gets the progress.
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
"""Pages that get the progress: a reloaded page, or another one, can follow and stop a run."""
WRITTEN: tuple[Format, ...] = ("json", "html")
"""Formats that a page's archive also writes to its folder: a complete one and a readable one."""


def library_of(services: Services) -> Library:
    """The library of all chats for a page. It opens nothing until it is used. The caller closes it."""
    from desktop.chats.library import Library

    return Library(
        services.locations,
        lambda: services.settings.current,
        host=services.agents,
        client=services.keeper.api,
        app_name=services.brand.app.name,
    )


class _Runs:
    """The archive runs of this process, one per folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancels: dict[Path, threading.Event] = {}

    def begin(self, folder: Path) -> threading.Event | None:
        """Returns the event that cancels the run; None if one is already running."""
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
    """The `archive.*` methods of a page."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def start(self, agent: object) -> dict[str, bool]:
        """Start copying this profile's chats with `agent` to disk. Sends `archive.progress` events.

        `{started}`: False if a run is already going. Raises AgentNotSet if it isn't a workflow, KeyMissing.
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
        """Cancel the run; it ends at the next thread."""
        runs.cancel(self._services.locations.archive)

    def open(self, _: NoParams) -> None:
        """Show the folder."""
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
        # An unreadable thread leaves an error and the run continues. Any other error has ended it.
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
