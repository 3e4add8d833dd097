"""Errors of requests: network errors, and refusals by OpenAI."""

from __future__ import annotations

from typing import Any

from desktop.common.errors import AppError
from desktop.settings.errors import SettingsError


class PlainUnasked(SettingsError):
    """values: host (with its port), origin. `detail` is the origin."""

    code = "plain_unasked"


class ApiError(AppError):
    """`status` is the HTTP status; `request_id` OpenAI's, or empty."""

    def __init__(
        self, detail: str = "", *, status: int = 0, request_id: str = "", field: str | None = None, **values: object
    ) -> None:
        super().__init__(detail, field=field, **values)
        self.status = status
        self.request_id = request_id
        self.words = ""
        """The server's words, if the sentence does not include them. On one line, without secrets."""


class KeyRejected(ApiError):
    code = "key_rejected"


class KeyRestricted(ApiError):
    code = "key_restricted"


class WorkflowNotFound(ApiError):
    """values: workflow."""

    code = "workflow_not_found"


class WorkflowGone(ApiError):
    """values: workflow."""

    code = "workflow_gone"


class ThreadNotFound(ApiError):
    """values: thread."""

    code = "thread_not_found"


class RateLimited(ApiError):
    """`retry_after`: seconds OpenAI asked to wait, or None."""

    code = "rate_limited"
    retryable = True

    def __init__(self, detail: str = "", *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.retry_after = retry_after


class QuotaExceeded(ApiError):
    code = "quota_exceeded"


class RequestRejected(ApiError):
    """values: status, problem (OpenAI's own message)."""

    code = "request_rejected"


class ServiceDown(ApiError):
    """values: status. `retry_after`: seconds the service asked to wait, or None."""

    code = "service_down"
    retryable = True

    def __init__(self, detail: str = "", *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.retry_after = retry_after


class NetworkError(AppError):
    """values of every child: host."""

    retryable = True


class LoopbackDown(NetworkError):
    """values: problem (the system's own words)."""

    code = "loopback_down"
    retryable = False


class NameNotFound(NetworkError):
    code = "name_not_found"


class ConnectionRefused(NetworkError):
    code = "connection_refused"


class ConnectionLost(NetworkError):
    code = "connection_lost"


class TimedOut(NetworkError):
    """values: host, seconds."""

    code = "timed_out"


class TlsUntrusted(NetworkError):
    code = "tls_untrusted"


class TlsWrongHost(NetworkError):
    code = "tls_wrong_host"


class TlsToPlain(NetworkError):
    code = "tls_plain"


class OutsideNetwork(NetworkError):
    code = "outside_network"


class ClockWrong(NetworkError):
    code = "clock_wrong"


class ProxyFailed(NetworkError):
    """values: host, proxy (without its password)."""

    code = "proxy_failed"


class ProxyAuthRequired(NetworkError):
    """values: host, proxy (without its password)."""

    code = "proxy_auth"


class UpdatesUnreadable(NetworkError):
    """values: host. The detail says what was wrong."""

    code = "updates_unreadable"


class CaptivePortal(NetworkError):
    code = "captive_portal"


class BadAnswer(NetworkError):
    code = "bad_answer"


class AnswerPacked(NetworkError):
    code = "answer_packed"
    retryable = False


class AnswerFlood(NetworkError):
    """values: host, limit (text with a unit)."""

    code = "answer_flood"
    retryable = False


class ChatError(AppError):
    retryable = True


class ComponentUnreachable(ChatError):
    """values: host."""

    code = "component_unreachable"
