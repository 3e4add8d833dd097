"""Errors of the chats on this computer and their files."""

from __future__ import annotations

from desktop.common.errors import AppError, AttachmentError


class ThreadsError(AppError):
    pass


class ThreadsNewer(ThreadsError):
    """values: version (of the file), known (newest version this app reads)."""

    code = "threads_newer"


class ThreadsDamaged(ThreadsError):
    """values: kept (the name under which the damaged file was kept)."""

    code = "threads_damaged"


class AttachmentTooLarge(AttachmentError):
    """values: limit (text with a unit)."""

    code = "attachment_too_large"


class AttachmentsUnsent(AttachmentError):
    """values: limit (text with a unit)."""

    code = "attachments_unsent"


class AttachmentType(AttachmentError):
    code = "attachment_type"


class AttachmentDamaged(AttachmentError):
    """Empty, cut short, or not what its type says."""

    code = "attachment_damaged"
