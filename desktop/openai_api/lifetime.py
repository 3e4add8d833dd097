"""How long things last: a client secret (ten minutes at most) and hosted workflows (ended on 2026-11-30).

Pure: asks for no clock by itself. A secret's life is counted on the monotonic clock, which nobody sets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from desktop.common.errors import AppError
from desktop.openai_api.errors import ApiError, KeyRestricted, RequestRejected, WorkflowGone, WorkflowNotFound

WORKFLOWS_END = date(2026, 11, 30)
"""Agent Builder, the only maker of hosted workflows, shuts down on this day."""
_ENDED = re.compile(
    r"deprecat|no longer|not (?:longer )?available|unavailable|discontinu|shut ?down|sunset|retired|removed|has ended"
    r"|not supported|unsupported",
    re.IGNORECASE,
)
AHEAD = 60.0
"""A new secret is minted this many seconds before the old one ends (a tenth of short lives)."""


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
    """Whether the day has come."""
    return today >= WORKFLOWS_END


def or_gone(error: AppError, workflow: str, *, worked_before: bool, today: date | None) -> AppError:
    """WorkflowGone in place of `error` where a session was refused with 404, 403 or 410 and the workflow had
    worked before, or the day has come; then with any other word that means no, too: what OpenAI answers since was never
    said. A key that lacks a permission stays what it is."""
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
