"""Expiry of client secrets (ten minutes at most) and of hosted workflows (ended on 2026-11-30).

Pure: reads no clock itself. A secret's life is measured with the monotonic clock, which can't be set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from desktop.common.errors import AppError
from desktop.openai_api.errors import ApiError, KeyRestricted, RequestRejected, WorkflowGone, WorkflowNotFound

WORKFLOWS_END = date(2026, 11, 30)
"""The day Agent Builder, the only source of hosted workflows, shuts down."""
_ENDED = re.compile(
    r"deprecat|no longer|not (?:longer )?available|unavailable|discontinu|shut ?down|sunset|retired|removed|has ended"
    r"|not supported|unsupported",
    re.IGNORECASE,
)
AHEAD = 60.0
"""Seconds before its expiry when a secret is renewed (a tenth of short lives)."""


@dataclass(frozen=True)
class Life:
    """From `started` (monotonic seconds, taken before the request was sent) for `seconds`."""

    started: float
    seconds: float

    @property
    def ends(self) -> float:
        return self.started + self.seconds

    @property
    def renew_at(self) -> float:
        """The monotonic moment from which a new one should be minted."""
        return self.ends - min(AHEAD, self.seconds / 10)

    def left(self, now: float) -> float:
        """Seconds left at `now` (monotonic), never below 0."""
        return max(0.0, self.ends - now)


def workflows_over(today: date) -> bool:
    """Whether that day has come."""
    return today >= WORKFLOWS_END


def or_gone(error: AppError, workflow: str, *, worked_before: bool, today: date | None) -> AppError:
    """WorkflowGone instead of `error` if a session was refused with 404, 403 or 410 and the workflow worked before or
    the day has come. After that day, for any other refusal too, since OpenAI has not said what it answers. A key
    without permission keeps its error."""
    over = today is not None and workflows_over(today)
    refused = isinstance(error, WorkflowNotFound | KeyRestricted) or (
        isinstance(error, RequestRejected) and (error.status in (404, 410) or (over and _speaks_of_an_end(error)))
    )
    if not refused or not isinstance(error, ApiError) or _lacks_permission(error):
        return error
    if not worked_before and not over:
        return error
    return WorkflowGone(error.detail, status=error.status, request_id=error.request_id, workflow=workflow)


def _speaks_of_an_end(error: RequestRejected) -> bool:
    return error.status in (405, 501) or bool(_ENDED.search(error.detail))


def _lacks_permission(error: AppError) -> bool:
    """OpenAI's own words for a restricted key: "You have insufficient permissions … Missing scopes: …"."""
    detail = error.detail.lower()
    return isinstance(error, KeyRestricted) and ("permission" in detail or "scope" in detail)
