"""One showing of a page: its random path and its page key, which die together when the window shows something else.

Knows no window and no server; both hold showings.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field

from desktop.common.page import Page


@dataclass
class Showing:
    """A page being shown. `path` is what the address holds, `key` what its calls must carry."""

    page: Page
    path: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    alive: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def revoke(self) -> None:
        """From now on nothing under the path is served and no call with the key is answered; the page is told once."""
        with self._lock:
            was, self.alive = self.alive, False
        if was:
            self.page.on_gone()
