"""Attachments: their bytes in the data folder, their description in the thread store.

A page sends a file in pieces: `begin`, `write` as often as needed, `finish`. There is no upload address. The content
decides a file's type. With a folder of None, the bytes stay in memory. Knows no page and no model.
"""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from chatkit.store import AttachmentStore, NotFoundError
from chatkit.types import Attachment, AttachmentCreateParams, FileAttachment, ImageAttachment
from pydantic import AnyUrl

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.store import file_types
from desktop.agents.store.errors import AttachmentDamaged, AttachmentsUnsent, AttachmentTooLarge, AttachmentType
from desktop.agents.store.ids import is_ours, new_id
from desktop.agents.store.threads import SqliteStore
from desktop.agents.store.worker import Worker
from desktop.common.errors import FileUnreadable, FolderUnwritable
from desktop.common.files import LEFTOVER_AGE, ensure_private_dir, open_private, remove, replace

T = TypeVar("T")

MB = 1024 * 1024
PREVIEW = 64 * 1024
"""The largest preview, in bytes. It is part of every message with the picture, so a larger picture has none unless the
page provides one."""
UNSENT = 24 * 3600.0
"""Seconds after which an unsent file is deleted."""
MOST_UNSENT = 200
"""The most unsent files of all agents together. `Limits.unsent` limits their bytes."""
NAME = 200
"""Characters kept of a file's name."""

_UNKNOWN = ("", "application/octet-stream")
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Limits:
    """What may be attached. `size`: bytes per file."""

    size: int = 20 * MB
    unsent: int = 500 * MB
    """Bytes of all unsent files."""

    @property
    def shown(self) -> str:
        return _words(self.size)


def _words(size: int) -> str:
    return f"{size // MB} MB" if size >= MB else f"{size // 1024} KB"


class AttachmentFiles(AttachmentStore[RequestContext]):
    """The attachments of one profile. All methods raise `NotFoundError` for an id that is not this agent's.

    `begin`, `write` and `finish` raise AttachmentTooLarge, AttachmentsUnsent, AttachmentType, AttachmentDamaged, and
    FolderUnwritable for an error of the disk. `close` it after the store.
    """

    def __init__(
        self,
        store: SqliteStore,
        folder: Path | None,
        *,
        limits: Limits | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._limits = limits or Limits()
        self._now = now
        self._kept: _Kept = _InMemory() if folder is None else _OnDisk(folder)
        self._worker = Worker("attachments")
        store.attachments_gone = self._gone

    def close(self, limit: float = 5.0) -> bool:
        """Finish pending work."""
        return self._worker.close(limit=limit)

    def generate_attachment_id(self, mime_type: str, context: RequestContext) -> str:
        return new_id("attachment")

    # --- in ---------------------------------------------------------------------------------------

    async def create_attachment(self, input: AttachmentCreateParams, context: RequestContext) -> Attachment:  # noqa: A002
        """The description of a file still to be sent; the SDK saves it."""
        name, mime_type = _shown(input.name), input.mime_type.partition(";")[0].strip().lower()
        if input.size > self._limits.size:
            raise AttachmentTooLarge(f"{input.size} bytes", name=name, limit=self._limits.shown)
        if input.size <= 0:
            raise AttachmentDamaged(f"{input.size} bytes", name=name)
        if not (mime_type in (*file_types.IMAGES, "application/pdf", *_UNKNOWN) or file_types.is_text_type(mime_type)):
            raise AttachmentType(mime_type[:100], name=name)
        count, size = await self._store.unsent_attachments()
        if count >= MOST_UNSENT or size + input.size > self._limits.unsent:
            # By the declared size, since that much may arrive.
            raise AttachmentsUnsent(f"{count}, {size} bytes", name=name, limit=_words(self._limits.unsent))
        return FileAttachment(
            id=self.generate_attachment_id(mime_type, context),
            name=name,
            mime_type=mime_type,
            metadata={"size": input.size, "complete": False},
        )

    async def begin(self, name: str, mime_type: str, size: int, context: RequestContext) -> Attachment:
        """Like `create_attachment`, and saved."""
        params = AttachmentCreateParams(name=name, mime_type=mime_type, size=size)
        attachment = await self.create_attachment(params, context)
        await self._store.save_attachment(attachment, context)
        return attachment

    async def write(self, attachment_id: str, offset: int, data: bytes, context: RequestContext) -> int:
        """Append bytes at `offset`, which must be the current end. Returns the new size."""
        attachment, size, complete = await self._load(attachment_id, context)
        if complete or offset + len(data) > size:
            raise AttachmentDamaged(f"{offset + len(data)} bytes of {size}", name=attachment.name)

        def append() -> int:
            return self._kept.append(attachment_id, offset, data)

        if (there := await self._do(append)) < 0:
            raise AttachmentDamaged(f"not at {offset}", name=attachment.name)
        return there

    async def finish(self, attachment_id: str, context: RequestContext, preview: bytes | None = None) -> Attachment:
        """Check the bytes received and keep the file. `preview`: a small picture made by the page."""
        attachment, size, complete = await self._load(attachment_id, context)
        if complete:
            return attachment
        data = await self._do(lambda: self._kept.unfinished(attachment_id))
        if len(data) != size:
            raise AttachmentDamaged(f"{len(data)} bytes of {size}", name=attachment.name)
        kind = file_types.kind_of(data)
        declared = attachment.mime_type
        if kind is None:
            named = declared not in _UNKNOWN
            raise (AttachmentDamaged if named else AttachmentType)(f"not {declared}", name=attachment.name)
        if kind == file_types.TEXT:
            if declared not in _UNKNOWN and not file_types.is_text_type(declared):
                raise AttachmentDamaged(f"text, not {declared}", name=attachment.name)
            kind = declared if file_types.is_text_type(declared) else kind
        await self._do(lambda: self._kept.finish(attachment_id))
        finished = _described(attachment, kind, size, data, preview)
        await self._store.save_attachment(finished, context)
        return finished

    async def add(
        self, name: str, mime_type: str, data: bytes, context: RequestContext, preview: bytes | None = None
    ) -> Attachment:
        """`begin`, `write` and `finish` in one, for a caller with the whole file. A refused file leaves nothing
        behind."""
        attachment = await self.begin(name, mime_type, len(data), context)
        try:
            await self.write(attachment.id, 0, data, context)
            return await self.finish(attachment.id, context, preview)
        except BaseException:
            await self._store.delete_attachment(attachment.id, context)
            raise

    # --- out --------------------------------------------------------------------------------------

    async def describe(self, attachment_id: str, context: RequestContext) -> Attachment:
        """Its name, type and preview."""
        return (await self._load(attachment_id, context))[0]

    async def read(self, attachment_id: str, context: RequestContext) -> bytes:
        """The bytes. Raises AttachmentDamaged if they never arrived completely, FileUnreadable if they are gone."""
        attachment, size, complete = await self._load(attachment_id, context)
        if not complete:
            raise AttachmentDamaged("incomplete", name=attachment.name)
        data = await self._do(lambda: self._kept.read(attachment_id), FileUnreadable)
        if len(data) != size:
            raise AttachmentDamaged(f"{len(data)} bytes of {size}", name=attachment.name)
        return data

    async def delete_attachment(self, attachment_id: str, context: RequestContext) -> None:
        """Delete the bytes; the SDK then makes the store delete the description."""
        await self._store.load_attachment(attachment_id, context)
        await self._do(lambda: self._kept.remove([attachment_id]))

    async def sweep(self) -> None:
        """Delete unsent files and leftovers of a killed process. Called at the start and from time to time."""
        known = await self._store.sweep_attachments(self._now() - UNSENT)
        await self._do(lambda: self._kept.sweep(known, self._now() - LEFTOVER_AGE))

    # --- inside -----------------------------------------------------------------------------------

    async def _load(self, attachment_id: str, context: RequestContext) -> tuple[Attachment, int, bool]:
        if not is_ours(attachment_id):  # the id is used as a file name
            raise NotFoundError(f"attachment {attachment_id}")
        attachment = await self._store.load_attachment(attachment_id, context)
        about = attachment.metadata or {}
        return attachment, int(about.get("size", 0)), bool(about.get("complete"))

    async def _do(self, job: Callable[[], T], failed: type[FolderUnwritable | FileUnreadable] = FolderUnwritable) -> T:
        try:
            return await self._worker.run(job)
        except OSError as error:
            problem = error.strerror or type(error).__name__
            raise failed(repr(error), path=str(error.filename or self._kept.place), problem=problem) from None

    def _gone(self, ids: list[str]) -> None:
        with suppress(RuntimeError):  # already closed: the next start cleans up
            self._worker.submit(lambda: self._kept.remove(ids))


def _shown(name: str) -> str:
    """The last part of a path, without characters that disguise a name."""
    last = _NOT_IN_NAMES.sub("", re.split(r"[/\\]", name)[-1]).strip()
    if len(last) > NAME:
        stem, dot, ending = last.rpartition(".")
        last = f"{stem[: NAME - len(ending) - 2]}….{ending}" if dot and len(ending) < 20 else last[:NAME]
    return last or "file"


def _described(attachment: Attachment, kind: str, size: int, data: bytes, preview: bytes | None) -> Attachment:
    about = {**(attachment.metadata or {}), "size": size, "complete": True}
    small = next(
        (p for p in (preview, data) if p and len(p) <= PREVIEW and file_types.kind_of(p) in file_types.IMAGES), None
    )
    described = FileAttachment(
        id=attachment.id, name=attachment.name, mime_type=kind, thread_id=attachment.thread_id, metadata=about
    )
    if kind not in file_types.IMAGES or small is None:
        return described
    url = AnyUrl(f"data:{file_types.kind_of(small)};base64,{base64.b64encode(small).decode()}")
    return ImageAttachment(**described.model_dump(exclude={"type"}), preview_url=url)


# --- where the bytes are ------------------------------------------------------------------------------


class _Kept(Protocol):
    """Where the bytes are kept. Used on the single thread of `AttachmentFiles`. Ids are ours and safe as file names.
    Raises OSError."""

    place: str

    def append(self, name: str, offset: int, data: bytes) -> int:
        """The new size, or -1 if `offset` is not the end."""

    def unfinished(self, name: str) -> bytes: ...

    def finish(self, name: str) -> None: ...

    def read(self, name: str) -> bytes: ...

    def remove(self, names: list[str]) -> None: ...

    def sweep(self, known: set[str], older_than: float) -> None: ...


class _OnDisk:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.place = str(folder)

    def append(self, name: str, offset: int, data: bytes) -> int:
        ensure_private_dir(self._folder)
        with os.fdopen(open_private(self._part(name), "a"), "ab") as file:
            there = os.fstat(file.fileno()).st_size
            if there != offset:
                return -1
            file.write(data)
        return there + len(data)

    def unfinished(self, name: str) -> bytes:
        try:
            return self._part(name).read_bytes()
        except FileNotFoundError:
            # Killed after finishing but before the store knew, or never begun.
            return self.read(name) if (self._folder / name).exists() else b""

    def finish(self, name: str) -> None:
        with suppress(FileNotFoundError):
            handle = os.open(self._part(name), os.O_RDWR)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            replace(self._part(name), self._folder / name)

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def remove(self, names: list[str]) -> None:
        for name in names:
            if is_ours(name):
                for path in (self._folder / name, self._part(name)):
                    with suppress(OSError):  # the next start deletes it as an orphan
                        remove(path)

    def sweep(self, known: set[str], older_than: float) -> None:
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            name, _, ending = path.name.partition(".")
            with suppress(OSError):
                if is_ours(name) and (ending or name not in known) and path.stat().st_mtime < older_than:
                    path.unlink()

    def _part(self, name: str) -> Path:
        return self._folder / f"{name}.part"


class _InMemory:
    place = ":memory:"

    def __init__(self) -> None:
        self._bytes: dict[str, bytearray] = {}

    def append(self, name: str, offset: int, data: bytes) -> int:
        there = self._bytes.setdefault(name, bytearray())
        if len(there) != offset:
            return -1
        there += data
        return len(there)

    def unfinished(self, name: str) -> bytes:
        return bytes(self._bytes.get(name, b""))

    def finish(self, name: str) -> None:
        pass

    def read(self, name: str) -> bytes:
        if name not in self._bytes:
            raise FileNotFoundError(2, "gone", name)
        return bytes(self._bytes[name])

    def remove(self, names: list[str]) -> None:
        for name in names:
            self._bytes.pop(name, None)

    def sweep(self, known: set[str], older_than: float) -> None:
        self.remove([name for name in self._bytes if name not in known])
