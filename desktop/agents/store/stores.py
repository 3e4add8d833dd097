"""The store of chats and that of attachments, opened and closed together. Imports no agents."""

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
    """Where chats and attachments are. `close` is called on the agents' thread, when nothing runs any more."""

    threads: Store[RequestContext]
    attachments: AttachmentStore[RequestContext] | None
    close: Callable[[], object]
    notices: Sequence[AppError] = ()
    """What a person should be told of the stores: a damaged file that was set aside."""
    sweep: Callable[[], Coroutine[Any, Any, object]] | None = None
    """Once, when there is time: deletes what nothing refers to any more."""


def open_stores(threads: Path | None, attachments: Path | None) -> Stores:
    """The stores over a database file and a folder; None for either keeps nothing of it. Raises as `SqliteStore`."""
    store = SqliteStore(threads)
    files = AttachmentFiles(store, attachments)

    def close() -> None:
        store.close(limit=1.0)
        files.close(limit=1.0)

    return Stores(store, files, close, store.notices, files.sweep)
