"""Which letters go through the standard streams: UTF-8 in pipes and files, on every system.

Windows gives a pipe the code page of the country (cp1252, cp932) and turns line ends into two characters; whoever reads
`--json` or an export there wants neither. A console is left as it is: Python writes to it in Unicode, and where it was
told not to (PYTHONLEGACYWINDOWSSTDIO, a code page like cp437), what it lacks is replaced, never a reason to fail.
Run on Linux, and on CPython for Windows under wine.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TextIO

CODE_PAGE = "oem" if os.name == "nt" else "utf-8"
"""What `echo é |` writes in a console of Windows."""


def set_up() -> None:
    """Before the first word is read or written, once, in a process of the app's own."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):  # None: a windowed app has none
            continue
        if os.name == "nt" and not stream.isatty() and not os.environ.get("PYTHONIOENCODING"):
            stream.reconfigure(encoding="utf-8", newline="\n")
        if stream.errors == "strict":
            stream.reconfigure(errors="replace")
    if isinstance(sys.stdin, io.TextIOWrapper) and not sys.stdin.isatty():
        # `read` looks at what is no UTF-8.
        sys.stdin.reconfigure(encoding=None if os.name == "posix" else "utf-8", errors="surrogateescape")


def read(stream: TextIO | None, limit: int) -> str:
    """All of a stream, at most `limit` characters, in whichever letters it was written: UTF-8, UTF-16 (PowerShell and
    Notepad mark it at its beginning), or the console's own."""
    if stream is None:  # it is closed
        return ""
    text = stream.read(limit)
    if text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text):
        return text.removeprefix("\ufeff")
    data = text.encode("utf-8", "surrogateescape")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode(CODE_PAGE, "replace")


def is_unicode(stream: TextIO | None) -> bool:
    """Whether what is written to it arrives as UTF-8."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False
