"""How the answer that the present task asks a model for has ended: set by who asks, told by the transport beneath."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Heard:
    """`reason`: length, content_filter, error or interrupted, where the answer is not all there is."""

    reason: str = ""


HEARD: ContextVar[Heard | None] = ContextVar("desktop_heard", default=None)
"""None: whoever asks reads finish reasons itself."""
