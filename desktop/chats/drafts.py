"""Drafts: text typed but not sent, one per chat, kept in the profile's folder.

A chat that has no id yet goes by "". Damage costs the drafts alone, so it is not reported: the file is begun anew.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from desktop.common.errors import AppError, FolderUnwritable
from desktop.common.files import ensure_private_dir, read_limited, write_private

KEPT = 200
"""Drafts of a profile; the ones that were touched longest ago go first."""
FILE_LIMIT = 16 * 1024 * 1024
"""Bytes of the file. Older drafts go before a new one makes it larger."""


class Drafts:
    """`drafts.json` of one profile. Safe to use from every thread; read when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], str] | None = None
        """(agent, chat) -> text, the one that was touched last at the end."""

    def of(self, agent: str) -> dict[str, str]:
        """Chat -> text, for every chat of an agent that has a draft."""
        with self._lock:
            return {chat: text for (owner, chat), text in self._drafts().items() if owner == agent}

    def keep(self, agent: str, chat: str, text: str) -> None:
        """The draft of a chat; an empty text forgets it. Raises FolderUnwritable; it is then kept in memory."""
        with self._lock:
            drafts = self._drafts()
            if drafts.get((agent, chat), "") == text:
                return
            drafts.pop((agent, chat), None)
            if text:
                drafts[agent, chat] = text
            self._write(drafts)

    def _drafts(self) -> dict[tuple[str, str], str]:
        if self._known is None:
            self._known = _read(self._path)
        return self._known

    def _write(self, drafts: dict[tuple[str, str], str]) -> None:
        size = sum(len(text.encode("utf-8", "surrogatepass")) for text in drafts.values())
        while len(drafts) > KEPT or (size > FILE_LIMIT // 2 and len(drafts) > 1):
            size -= len(drafts.pop(next(iter(drafts))).encode("utf-8", "surrogatepass"))
        rows = [{"agent": agent, "chat": chat, "text": text} for (agent, chat), text in drafts.items()]
        try:
            ensure_private_dir(self._path.parent)
            write_private(self._path, json.dumps({"drafts": rows}))
        except OSError as error:
            problem = error.strerror or str(error)
            raise FolderUnwritable(repr(error), path=str(self._path.parent), problem=problem) from None


def _read(path: Path) -> dict[tuple[str, str], str]:
    try:
        values = json.loads(read_limited(path, FILE_LIMIT))
    except (AppError, ValueError, RecursionError):
        return {}
    rows: Any = values.get("drafts") if isinstance(values, dict) else None
    return {
        (row["agent"], row["chat"]): row["text"]
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and all(isinstance(row.get(name), str) for name in ("agent", "chat", "text"))
    }
