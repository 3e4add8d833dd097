"""Where words leave for a terminal, a file or another program: the one place that writes there.

Whoever reads may be gone (`config | head -1`), the disk may be full, or there may be nothing to write to (`>&-`).
The first ends the program without a word, as it ends any other; the rest is told on standard error. What can't be
told there is lost on purpose: there is nobody left to tell.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TextIO

from desktop.common.errors import OutputUnwritable, Phrase

READER_GONE = 141
"""The exit code that a shell shows for a program which SIGPIPE has ended: 128 + 13."""
_GONE = {errno.EPIPE} | ({errno.EINVAL} if os.name == "nt" else set())
"""Windows calls a pipe that nobody reads an invalid argument (CPython issue 79935)."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ReaderGone(SystemExit):
    """Nobody reads the output any more. No `Exception`: nothing on the way out takes it for its own failure."""

    def __init__(self) -> None:
        super().__init__(READER_GONE)


def fill_standard_places() -> None:
    """Open nothing in the place of a closed standard stream: the next file that is opened, a database, would get its
    number, and whatever an engine prints would be written into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, so this one


def write(stream: TextIO | None, text: str, end: str = "\n") -> None:
    """To standard output. Raises ReaderGone, OutputUnwritable. None: it is closed; where standard error is None too,
    this is a packaged app without a console, which says what it has to say in its window."""
    if stream is None:
        if sys.stderr is None:
            return
        raise OutputUnwritable(problem=Phrase("problems.output_closed"))
    try:
        _write(stream, text, end)
    except OSError as error:
        _let_go(stream)
        if error.errno in _GONE:
            raise ReaderGone from None
        problem = Phrase("problems.disk_full") if error.errno in _FULL else error.strerror or type(error).__name__
        raise OutputUnwritable(repr(error), problem=problem) from None


def note(stream: TextIO | None, text: str, end: str = "\n") -> None:
    """To standard error. Raises nothing: what a command was asked for does not fail over a remark."""
    if stream is None:
        return
    try:
        _write(stream, text, end)
    except OSError:
        _let_go(stream)


def writable(stream: TextIO | None, text: str) -> bool:
    """Whether the stream's encoding has every character; a terminal of an older system may lack our spaces."""
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _write(stream: TextIO, text: str, end: str) -> None:
    if not writable(stream, text):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        text = text.encode(encoding, "replace").decode(encoding)
    print(text, file=stream, flush=True, end=end)


def _let_go(stream: TextIO) -> None:
    """What the stream still holds goes nowhere, or Python would try once more as it ends, and complain."""
    if stream not in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        return
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
