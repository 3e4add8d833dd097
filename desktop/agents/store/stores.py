"""Opens and closes the stores of chats and attachments together. Imports no agents."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from chatkit.store import AttachmentStore, Store

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.store.attachments import AttachmentFiles
from desktop.agents.store.threads import SqliteStore
from desktop.common.errors import AppError


class Stores(NamedTuple):
    """The stores of chats and attachments. `close` is called on the agents' thread, when nothing runs any more."""

    threads: Store[RequestContext]
    attachments: AttachmentStore[RequestContext] | None
    close: Callable[[], object]
    notices: Sequence[AppError] = ()
    """Notices for the person, such as a damaged file that was set aside."""
    sweep: Callable[[], Coroutine[Any, Any, object]] | None = None
    """Deletes what nothing refers to any more. Called once, when there is time."""


def open_stores(threads: Path | None, attachments: Path | None) -> Stores:
    """Open the stores in a database file and a folder. None for either keeps it in memory. Raises like
    `SqliteStore`."""
    store = SqliteStore(threads)
    files = AttachmentFiles(store, attachments)

    def close() -> None:
        store.close(limit=1.0)
        files.close(limit=1.0)

    return Stores(store, files, close, store.notices, files.sweep)
