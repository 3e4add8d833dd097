"""Opens addresses and folders with the system's browser, mail program or file manager."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

from desktop.common.programs import clean_environment
from desktop.window.policy import may_leave

log = logging.getLogger(__name__)


def open_address(url: str) -> bool:
    """Open an http, https or mailto address outside the app. False if it is refused or nothing can open it."""
    if not may_leave(url):
        log.warning("an address was not opened: its kind is not allowed")
        return False
    return _start(url)


def open_path(path: Path) -> bool:
    """Show one of our folders in the system's file manager."""
    return _start(str(path))


def _start(target: str) -> bool:
    try:
        if sys.platform == "win32":
            os.startfile(target)  # noqa: S606  # http, https, mailto or a folder of ours
            return True
        program = "open" if sys.platform == "darwin" else "xdg-open"
        process = subprocess.Popen(
            [program, target],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        log.warning("nothing opens addresses here: %s", error.strerror)
        return False
    # Wait for it, or it stays behind as a zombie. It may be the browser itself.
    threading.Thread(target=_watch, args=(process, program), name="outside", daemon=True).start()
    return True


def _watch(process: subprocess.Popen[bytes], program: str) -> None:
    code = process.wait()
    if code:
        log.warning("%s ended with code %d", program, code)
