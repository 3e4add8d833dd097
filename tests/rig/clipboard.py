"""The clipboard of a virtual screen, as any other program there has it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.rig.processes import Child

_START = """
import sys
import gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GLib, Gtk
board = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
"""
_READ = _START + "sys.stdout.write(board.wait_for_text() or '')"
_HOLD = (
    _START
    + """
board.set_text(sys.argv[1], -1)
GLib.idle_add(lambda: print("held", flush=True))
GLib.timeout_add_seconds(300, Gtk.main_quit)
Gtk.main()
"""
)


def held(environ: Mapping[str, str]) -> str:
    """What the clipboard holds now, as text."""
    done = subprocess.run(
        [sys.executable, "-c", _READ], env=dict(environ), capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@contextmanager
def holding(environ: Mapping[str, str], text: str) -> Iterator[None]:
    """Another program's text on the clipboard while the block lasts, or until somebody else copies one."""
    process = Child([sys.executable, "-c", _HOLD, text], env=dict(environ), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.line() == "held\n"
        yield
    finally:
        process.kill()
        process.communicate()
