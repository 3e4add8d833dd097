"""Errors of the library of chats."""

from __future__ import annotations

from desktop.agents.store.errors import ThreadsError, ThreadsNewer


class ArchiveNewer(ThreadsNewer):
    """As its parent, of the archive of hosted chats."""

    code = "archive_newer"


class ChatReadOnly(ThreadsError):
    code = "chat_read_only"


class ChatAtOpenAI(ThreadsError):
    code = "chat_at_openai"


class JobUnderWay(ThreadsError):
    code = "job_under_way"
    retryable = True
