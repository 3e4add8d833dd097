"""Opens the store of chats and that of attachments together, for the host. Imports no agents."""

from __future__ import annotations

from pathlib import Path

from desktop.agents.attachments import AttachmentFiles
from desktop.agents.host import Stores
from desktop.agents.store import SqliteStore


def open_stores(threads: Path | None, attachments: Path | None) -> Stores:
    """The stores over a database file and a folder; None for either keeps nothing of it. Raises as `SqliteStore`."""
    store = SqliteStore(threads)
    files = AttachmentFiles(store, attachments)

    def close() -> None:
        store.close(limit=1.0)
        files.close(limit=1.0)

    return Stores(store, files, close, store.notices, files.sweep)
