"""Handles a WebKitGTK window that could not be made. PyGObject would print the exception and go on, and the app would
run for ever without a window (pywebview 6.2.1, `BrowserView.__init__`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


def tell_unmade(view: Any, tell: Callable[[Any, Exception], None]) -> None:
    """Make `view`, pywebview's class, report the window and the exception, and remove what exists of the window, so
    that the loop can end."""
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
