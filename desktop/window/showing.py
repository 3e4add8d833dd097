"""One showing of a page: its random path and its page key. Both stop working when the window shows something else.

Knows no window and no server; both use showings.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field

from desktop.common.page import Page


@dataclass
class Showing:
    """A page being shown. `path`: part of its address. `key`: carried by each of its calls."""

    page: Page
    path: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    alive: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def revoke(self) -> None:
        """Stop serving the path and answering calls with the key. The page's `on_gone` is called once."""
        with self._lock:
            was, self.alive = self.alive, False
        if was:
            self.page.on_gone()
