"""What the stream of an answer can't say of it: set by who asks a model in this task, told by the transport beneath."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Heard:
    """Told before the bytes that it is about are read."""

    keeps_reason: bool = False
    """Whoever asks reads finish reasons itself."""
    reason: str = ""
    """length, content_filter, error or interrupted, where the answer is not all there is."""
    turned: int = 0
    """Characters of the first message, at its beginning, that were thought, as a closing tag has told by now."""
    answered: bool = False
    """Whether all that came as thought is the answer; it comes again as such."""


HEARD: ContextVar[Heard | None] = ContextVar("desktop_heard", default=None)
"""None: whoever asks reads finish reasons itself, and nobody can take back what was said."""
