"""Facts about an answer that its stream can't carry. Set up by the caller in this task, filled in by the transport."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Heard:
    """Filled in before the corresponding bytes are read."""

    keeps_reason: bool = False
    """Whether the caller reads finish reasons itself."""
    reason: str = ""
    """length, content_filter, error or interrupted, if the answer is incomplete."""
    turned: int = 0
    """Characters at the beginning of the first message that were reasoning, as a closing tag has shown."""
    answered: bool = False
    """Whether everything sent as reasoning is the answer. It is sent again as such."""


HEARD: ContextVar[Heard | None] = ContextVar("desktop_heard", default=None)
"""None: the caller reads finish reasons itself and can't retract text."""
