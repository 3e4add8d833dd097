"""Errors of a ChatKit server's answers."""

from __future__ import annotations

from typing import Any

from desktop.common.errors import AppError, Catalogue, Described, _ended
from desktop.openai_api.errors import ThreadNotFound


class ServerChatLost(ThreadNotFound):
    """values: host, thread. A ChatKit server answers but no longer has the chat."""

    code = "server_chat_lost"


class ServerError(AppError):
    """values of every child: host. If there is a value `words`, the server's own words follow the sentence."""

    def describe(self, texts: Catalogue) -> Described:
        """The error in the language of `texts`."""
        told, words = super().describe(texts), self.values.get("words")
        if words:
            told["message"] = _ended(texts.get("errors.in_its_words", message=told["message"], words=words))
        return told


class ServerTokenWanted(ServerError):
    code = "server_token_wanted"


class ServerTokenRefused(ServerError):
    code = "server_token_refused"


class ServerUnfit(ServerError):
    code = "server_unfit"


class ServerNotFound(ServerError):
    """values: host, path."""

    code = "server_not_found"


class ServerUploadUnnamed(ServerError):
    """values: host, name, problem (the field that its answer lacks)."""

    code = "server_upload_unnamed"


class ServerElsewhere(ServerError):
    """values: host, target (another host, or an address)."""

    code = "server_elsewhere"


class ServerBusy(ServerError):
    """values: host, words (the server's own, or nothing). `retry_after`: seconds the server asked to wait, or None."""

    code = "server_busy"
    retryable = True

    def __init__(self, detail: str = "", *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.retry_after = retry_after


class ServerDown(ServerError):
    """values: host, status, words (the server's own, or nothing)."""

    code = "server_down"
    retryable = True


class ServerRefused(ServerError):
    """values: host, status, problem (the server's own words)."""

    code = "server_refused"


class ServerGone(ServerError):
    code = "server_gone"
    retryable = True


class ServerFlood(ServerError):
    """values: host, limit (text with a unit)."""

    code = "server_flood"
