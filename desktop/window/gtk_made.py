"""What becomes of a WebKitGTK window whose making fails: PyGObject prints what was raised there and goes on, and the
app would run for ever with no window to be seen (pywebview 6.2.1, `BrowserView.__init__`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


def tell_unmade(view: Any, tell: Callable[[Any, Exception], None]) -> None:
    """Let `view`, pywebview's class, tell the window and what was raised, and take back what there is of it: the loop
    ends with its last window."""
    make = view.__init__

    def made(browser: Any, window: Any) -> None:
        try:
            make(browser, window)
        except Exception as error:
            log.exception("a window could not be made")
            view.instances.pop(window.uid, None)
            browser.show = lambda: None  # pywebview shows it next
            tell(window, error)
            if hasattr(browser, "window"):
                browser.window.destroy()

    view.__init__ = made
