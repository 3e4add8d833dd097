"""Exports one chat to a file, or many to a folder. Each file is complete or absent. Can be resumed.

Whoever runs it is told how far it is. Knows no page and no terminal.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from desktop.agents.remote.errors import ServerError, ServerTokenRefused, ServerTokenWanted
from desktop.chats.export.as_html import as_html
from desktop.chats.export.as_json import as_json
from desktop.chats.export.as_markdown import as_markdown
from desktop.chats.export.journal import Done, Journal
from desktop.chats.export.names import stem
from desktop.chats.export.writing import sweep, unwritable, write
from desktop.chats.pace import Pace
from desktop.chats.sources.patient import CancelledError
from desktop.chats.types import HERE, MOST_NAMED, Chat, Exported, Format, Item, Tell, iso
from desktop.common.errors import AppError
from desktop.common.files import ensure_private_dir
from desktop.openai_api.errors import BadAnswer, NetworkError, RequestRejected, ThreadNotFound

if TYPE_CHECKING:
    from desktop.common.texts import Catalogue

RESUMED = 3600.0
"""Seconds for which a chat that is not on this machine counts as written: its last change is not known."""
IN_A_ROW = 3
"""Chats of a server in a row that fail: the rest of its chats will fail too."""


class Reads(Protocol):
    """What an export needs of the library."""

    def thread(self, chat: Chat) -> dict[str, Any]: ...
    def all_items(self, chat: Chat, cancel: threading.Event | None = None) -> Iterator[Item]: ...
    def removed_items(self, chat: Chat) -> Iterator[Item]: ...
    def left_items(self, chat: Chat) -> Iterator[Item]: ...
    def attachment(self, chat: Chat, attachment_id: str) -> bytes | None: ...


class Export:
    """Writes chats in one format and the language of `texts`."""

    def __init__(
        self,
        library: Reads,
        texts: Catalogue,
        form: Format,
        *,
        now: Callable[[], float] = time.time,
        pace: Callable[[Tell | None], Pace] = Pace,
    ) -> None:
        self._library = library
        self._texts = texts
        self._form = form
        self._now = now
        self._pace = pace

    def pieces(self, chat: Chat, cancel: threading.Event | None = None) -> Iterator[str]:
        """One chat as text, a piece at a time. Raises ThreadNotFound, ApiError, NetworkError."""
        library = self._library
        items = library.all_items(chat, cancel)

        def bytes_of(attachment_id: str) -> bytes | None:
            return library.attachment(chat, attachment_id)

        if self._form == "json":
            removed, left = library.removed_items(chat), library.left_items(chat)
            yield from as_json(chat, library.thread(chat), items, removed, left, bytes_of)
        elif self._form == "html":
            yield from as_html(chat, items, self._texts, self._texts.language, bytes_of)
        else:
            yield from as_markdown(chat, items, self._texts)

    def to_file(
        self,
        chat: Chat,
        path: Path,
        *,
        force: bool = False,
        tell: Tell | None = None,
        cancel: threading.Event | None = None,
    ) -> Exported:
        """Writes one chat to `path`. Never raises AppError: the result's `error` says why nothing was written."""
        done = Exported(path, total=1)
        pace = self._pace(tell)
        pace.step(0, 1, chat.title or "")
        try:
            write(path, self._stopping(self.pieces(chat, cancel), cancel), replace=force)
        except CancelledError:
            return replace(done, cancelled=True)
        except AppError as error:
            return replace(done, failed=1, error=error)
        pace.step(1, 1)
        return replace(done, written=1, files=((chat.id, path),))

    def to_folder(
        self,
        chats: Sequence[Chat],
        folder: Path,
        *,
        tell: Tell | None = None,
        cancel: threading.Event | None = None,
    ) -> Exported:
        """Writes each chat to a file of its own in `folder`, which is made where it isn't there; a later export into
        the same folder writes what has changed since. Other files there are left alone. Never raises AppError."""
        done = Exported(folder, total=len(chats))
        pace = self._pace(tell)
        made = False
        failing: Counter[str] = Counter()
        try:
            with unwritable(folder):
                if not folder.exists():
                    ensure_private_dir(folder)
                    made = True
            journal = Journal(folder, self._form)
        except AppError as error:
            return replace(done, error=error)
        try:
            sweep(folder)
            for number, chat in enumerate(chats):
                pace.step(number, len(chats), chat.title or "")
                if cancel is not None and cancel.is_set():
                    return replace(done, cancelled=True)
                if failing[chat.agent_id] >= IN_A_ROW:
                    done = replace(done, failed=done.failed + 1)
                    continue
                try:
                    path, wrote = self._one(chat, journal, cancel)
                except (ServerError, NetworkError) as error:
                    if chat.where != "server":
                        raise
                    # Chats from elsewhere are written; a server that can't be had is not asked for each of its own.
                    lost = isinstance(error, NetworkError | ServerTokenWanted | ServerTokenRefused)
                    failing[chat.agent_id] += IN_A_ROW if lost else 1
                    done = replace(done, failed=done.failed + 1, error=done.error or error)
                    continue
                except (ThreadNotFound, BadAnswer, RequestRejected) as error:
                    done = replace(done, failed=done.failed + 1, error=done.error or error)
                    continue
                failing[chat.agent_id] = 0
                done = replace(done, written=done.written + wrote, unchanged=done.unchanged + (not wrote))
                if len(done.files) < MOST_NAMED:
                    done = replace(done, files=(*done.files, (chat.id, path)))
            pace.step(len(chats), len(chats))
        except CancelledError:
            return replace(done, cancelled=True)
        except AppError as error:
            return replace(done, error=error)
        finally:
            journal.close()
            if made and not done.files:
                with suppress(OSError):
                    (folder / journal.NAME).unlink()
                    folder.rmdir()
        return done

    def _one(self, chat: Chat, journal: Journal, cancel: threading.Event | None) -> tuple[Path, bool]:
        mark, known = self._mark(chat), journal.done(chat.id)
        fresh = chat.where in HERE or (known is not None and 0 <= self._now() - known.at <= RESUMED)
        path = journal.name(chat.id, stem(chat.title, chat.created_at, self._texts.get("export.untitled")))
        if known is not None and known.mark == mark and fresh:
            return path, False
        pieces = self._stopping(self.pieces(chat, cancel), cancel)
        write(path, pieces, replace=journal.ours(chat.id), before=lambda content: journal.writes(chat.id, content))
        journal.finish(chat.id, Done(mark, self._now()))
        return path, True

    def _mark(self, chat: Chat) -> str:
        """Differs where the file would."""
        said = [
            *(chat.where, chat.title, iso(chat.updated_at), chat.items, chat.agent_name, chat.gone),
            iso(chat.copied_at) if chat.copied_at else "",
            self._texts.language,
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    def _stopping(self, pieces: Iterable[str], cancel: threading.Event | None) -> Iterator[str]:
        for piece in pieces:
            if cancel is not None and cancel.is_set():
                raise CancelledError
            yield piece
