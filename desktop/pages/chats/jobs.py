"""Long jobs of the chats page: exporting, archiving and deleting, one at a time, with progress and a way to cancel.

`desktop/chats` does the work; the page gets `chats.job` events.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from desktop.agents.remote.errors import ServerError
from desktop.chats.errors import JobUnderWay
from desktop.common.errors import AppError, InternalError
from desktop.common.page import NoParams, Params
from desktop.openai_api.errors import ThreadNotFound
from desktop.pages.common import archiving
from desktop.pages.common.services import Services

if TYPE_CHECKING:
    from desktop.chats.library import Library
    from desktop.chats.types import Chat, Tell

log = logging.getLogger(__name__)

FEW = 50
"""Up to this many chats are looked up one by one; more are picked from the whole list."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Ids = Annotated[list[Id], Field(max_length=100_000)]
Result = dict[str, Any]
Work = Callable[["Tell", threading.Event], Result]
"""Does the job. Returns `{written, failed, cancelled, error}` and anything else the page gets at the end."""


class ExportJob(Params):
    ids: Ids | None
    """None for every chat of `agent` in the last `days` days."""
    agent: Annotated[str, StringConstraints(max_length=64)] = ""
    days: Annotated[int, Field(ge=0, le=36_500)] = 0
    format: Literal["md", "html", "json"]
    folder: Annotated[str, StringConstraints(max_length=4_096)]


class DeleteJob(Params):
    here: Ids = Field(default=[])
    """Chats with agents in the app, and copies of hosted ones."""
    openai: Ids = Field(default=[])
    """Chats to delete at OpenAI."""
    servers: Ids = Field(default=[])
    """Chats to delete on their servers."""


class ArchiveJob(Params):
    ids: Ids | None = None
    """None for every hosted chat of this profile."""
    again: bool = False
    """Read every chat in full, even one that looks unchanged."""


class Jobs:
    """The jobs of one showing of the page."""

    def __init__(self, services: Services, library: Library) -> None:
        self._services = services
        self._library = library
        self._lock = threading.Lock()
        self._cancel: threading.Event | None = None
        """Cancels the current job."""
        self._at_end: Callable[[], None] | None = None
        self._folder: Path | None = None

    def close(self, then: Callable[[], None]) -> None:
        """End the current job, then call `then`."""
        with self._lock:
            if self._cancel is not None:
                self._cancel.set()
                self._at_end = then
                return
        then()

    def cancel(self, _: NoParams) -> None:
        """Cancel the job; it ends at the next chat."""
        with self._lock:
            if self._cancel is not None:
                self._cancel.set()

    def open_folder(self, _: NoParams) -> None:
        """Show the last export in the file manager."""
        if self._folder is not None:
            self._services.app.show_folder(self._folder)

    # --- what there is to do ----------------------------------------------------------------------

    def export(self, params: ExportJob, folder: Path, every: Iterable[Chat]) -> dict[str, bool]:
        """Raises JobUnderWay."""

        def work(tell: Tell, cancel: threading.Event) -> Result:
            chats, missing = self._chosen(params.ids, every)
            problems = [*missing, *(self._library.problems if params.ids is None else ())]
            done = self._library.export(chats, folder, params.format, self._services.texts, tell=tell, cancel=cancel)
            written = done.written + done.unchanged
            self._folder = folder if written else None
            return {
                "written": written,
                "failed": done.failed + len(missing),
                "cancelled": done.cancelled,
                "error": done.error or next(iter(problems), None),
                "folder": str(folder) if written else "",
            }

        return self._start("export", work)

    def archive(self, params: ArchiveJob) -> dict[str, bool]:
        """Raises JobUnderWay, also if another page is archiving."""
        folder = self._services.locations.archive
        shared = archiving.runs.begin(folder)
        if shared is None:
            raise JobUnderWay()

        def work(tell: Tell, cancel: threading.Event) -> Result:
            try:
                done = self._library.archive(ids=params.ids, again=params.again, tell=tell, cancel=cancel)
            finally:
                archiving.runs.end(folder)
            return {
                "written": done.written,
                "unchanged": done.unchanged,
                "failed": done.failed,
                "cancelled": done.cancelled,
                "error": done.error,
            }

        try:
            return self._start("archive", work, shared)
        except AppError:
            archiving.runs.end(folder)
            raise

    def delete(self, params: DeleteJob) -> dict[str, bool]:
        """If a chat can't be deleted at OpenAI, its copy stays too. Raises JobUnderWay."""

        def work(tell: Tell, cancel: threading.Event) -> Result:
            from desktop.chats.pace import Pace

            here = [*params.here, *params.servers]
            pace, total = Pace(tell), len(params.openai) + len(here)
            deleted: list[str] = []
            at_openai: list[str] = []
            failed: dict[str, AppError] = {}
            for number, (chat_id, there) in enumerate(
                [*((one, True) for one in params.openai), *((one, False) for one in here)]
            ):
                pace.step(number, total)
                if cancel.is_set():
                    break
                if chat_id in failed:
                    continue
                own = self._library.thread_id(chat_id)
                done = self._library.delete([chat_id], at_openai=there)
                failed.update(done.failed)
                (at_openai if there else deleted).extend(done.deleted)
                if done.deleted:
                    self._services.app.emit("chat", "chat.deleted", {"id": own})
            return {
                "written": len({*deleted, *at_openai}),
                "failed": len(failed),
                "cancelled": cancel.is_set(),
                "error": next(iter(failed.values()), None),
                "deleted": deleted,
                "at_openai": at_openai,
            }

        return self._start("delete", work)

    # --- inside -----------------------------------------------------------------------------------

    def _chosen(self, ids: list[str] | None, every: Iterable[Chat]) -> tuple[list[Chat], list[AppError]]:
        """The chats, and why others are unavailable. Raises errors that affect all: KeyMissing, NetworkError."""
        if ids is None:
            return list(every), []
        chats: list[Chat] = []
        missing: list[AppError] = []
        wanted = dict.fromkeys(ids)
        if len(wanted) > FEW:
            for chat in self._library.all():
                if chat.id in wanted:
                    chats.append(chat)
                    del wanted[chat.id]
        for one in wanted:
            try:
                chats.append(self._library.chat(one))
            except (ThreadNotFound, ServerError) as error:
                missing.append(error)
        return chats, missing

    def _start(self, kind: str, work: Work, cancel: threading.Event | None = None) -> dict[str, bool]:
        with self._lock:
            if self._cancel is not None:
                raise JobUnderWay()
            mine = self._cancel = cancel or threading.Event()

        def tell(progress: Any) -> None:
            self._tell({"kind": kind, "finished": False, **progress.wire()})

        def run() -> None:
            told: Result = {"written": 0, "failed": 0, "cancelled": False}
            try:
                told |= work(tell, mine)
            except AppError as error:
                told["error"] = error
            except Exception:
                log.exception("the job %s ended", kind)
                told["error"] = InternalError(kind)
            self._finished(kind, told)

        threading.Thread(target=run, name=f"chats {kind}", daemon=True).start()
        return {"started": True}

    def _finished(self, kind: str, told: Result) -> None:
        error = told.get("error")
        log.info("%s: %d chats, %d failed", kind, told["written"], told["failed"])
        with self._lock:
            self._cancel = None
            then, self._at_end = self._at_end, None
        described = error.describe(self._services.texts) if error is not None else None
        self._tell({"kind": kind, "finished": True, **told, "error": described})
        if then is not None:
            then()

    def _tell(self, told: Result) -> None:
        self._services.app.emit("chats", "chats.job", told)
