"""Shows a sentence when there is neither a window nor a terminal: in a packaged app that can't open its window.

Uses the system's message box; on Linux, the first dialog program that is installed. Not run on Windows or macOS yet.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

LIMIT = 600.0
"""Seconds a message may stay open."""


def has_terminal() -> bool:
    """Whether anybody can read what is printed. A windowed app has no standard error at all."""
    return sys.stderr is not None and sys.stderr.isatty()


def command(title: str, text: str, platform: str = sys.platform) -> list[str] | None:
    """The program that shows the message. None if there is none, and on Windows, which needs no program for it."""
    if platform == "darwin":
        script = "on run argv\ndisplay alert (item 1 of argv) message (item 2 of argv) as critical\nend run"
        return ["osascript", "-e", script, title, text]
    for program, arguments in (
        ("zenity", ["--error", "--no-markup", f"--title={title}", f"--text={text}"]),
        ("kdialog", ["--title", title, "--error", text]),
        ("xmessage", ["-center", f"{title}\n\n{text}"]),
    ):
        if shutil.which(program):
            return [program, *arguments]
    return None


def show(title: str, text: str) -> bool:
    """Show the message and wait until it is closed. False if nothing could show it."""
    if sys.platform == "win32":
        import ctypes

        error_icon = 0x10  # MB_ICONERROR
        return bool(ctypes.windll.user32.MessageBoxW(None, text, title, error_icon))
    words = command(title, text)
    if words is None:
        return False
    try:
        return subprocess.run(words, timeout=LIMIT, check=False, capture_output=True).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
