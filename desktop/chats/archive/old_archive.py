"""Imports the archive of earlier versions, which was a folder of files, into the database. The files stay.

A file: `{"schema": "chatkit-desktop/thread", "version": 1, "source": {"host"}, "thread": {…}, "items": […]}`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop.chats.archive.copies import Copies, Origin
from desktop.common.errors import AppError
from desktop.common.files import read_limited

SCHEMA = "chatkit-desktop/thread"
VERSION = 1
LARGEST = 512 * 1024 * 1024

log = logging.getLogger(__name__)


def files_of(folder: Path) -> list[Path]:
    """The files of chats, oldest first; not those that were set aside beside a newer one."""
    try:
        found = [path for path in folder.glob("*.json") if ".before-" not in path.name and path.name[0] != "."]
    except OSError:
        return []
    return sorted(found)


def take_in(copies: Copies, folder: Path, users: Mapping[str, str]) -> int:
    """Copies what is new in `folder`; gives how many chats. A chat that the database has already is left alone.

    `users`: {user id: agent} of this profile. What can't be read is left where it is. Raises FolderUnwritable.
    """
    taken = 0
    files = files_of(folder)
    known = copies.imported() if files else {}
    for path in files:
        try:
            state = path.stat()
        except OSError:
            continue
        mark = (state.st_size, state.st_mtime_ns)
        if known.get(path.name) == mark:
            continue
        document = _read(path)
        if document is not None and copies.row(str(document["thread"]["id"])) is None:
            user = str(document["thread"].get("user") or "")
            source = document.get("source")
            host = str(source.get("host", "")) if isinstance(source, dict) else ""
            # Whoever archived other people's chats in an earlier version has them in this very folder.
            copies.write(document["thread"], document["items"], Origin(host, agent=users.get(user, ""), own=True))
            taken += 1
        copies.note_imported(path.name, *mark)
    return taken


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(read_limited(path, LARGEST))
    except (ValueError, RecursionError, AppError) as error:
        log.warning("%s is not taken into the archive: %s", path.name, type(error).__name__)
        return None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or document.get("version") != VERSION:
        return None
    thread, items = document.get("thread"), document.get("items")
    if not isinstance(thread, dict) or not isinstance(thread.get("id"), str) or not isinstance(items, list):
        return None
    return document if all(isinstance(item, dict) and item.get("id") for item in items) else None
