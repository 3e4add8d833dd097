"""A terminal during a long job: a progress bar on standard error, and Ctrl+C that ends the job cleanly.

Knows nothing about the job.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO, TypeVar

from desktop.common import output
from desktop.common.unseen import RESET, for_terminal, one_line

if TYPE_CHECKING:
    from desktop.chats.types import Progress
    from desktop.common.texts import Catalogue

T = TypeVar("T")
WIDTH = 20
"""Width of the bar, in characters."""


class Bar:
    """A line that overwrites itself. Prints nothing without a terminal, or with `quiet`."""

    def __init__(self, stream: TextIO | None, texts: Catalogue, *, quiet: bool = False) -> None:
        self._stream = stream if stream is not None and not quiet and stream.isatty() else None
        self._texts = texts
        self._lock = threading.Lock()

    def tell(self, progress: Progress) -> None:
        say = self._texts.get
        if progress.total is None:
            self.line(say("threads.counting", count=progress.done))
            return
        filled = WIDTH if not progress.total else WIDTH * progress.done // progress.total
        count = say("threads.progress", done=f"{progress.done:n}", total=f"{progress.total:n}")
        parts = [
            f"[{'#' * filled}{'-' * (WIDTH - filled)}] {count}",
            self._left(progress.seconds_left),
            one_line(progress.title),
        ]
        self.line(" · ".join(part for part in parts if part))

    def line(self, text: str = "") -> None:
        if self._stream is not None:
            with self._lock:
                output.note(self._stream, f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}", end="")

    def _left(self, seconds: float | None) -> str:
        if not seconds:
            return ""
        if seconds < 90:
            return self._texts.get("threads.seconds_left", count=max(1, round(seconds)))
        return self._texts.get("threads.minutes_left", count=round(seconds / 60))


def interruptible(job: Callable[[threading.Event], T]) -> T:
    """Run `job(cancel)` in a thread. The first Ctrl+C sets `cancel` and waits; the second one leaves at once."""
    cancel, ended = threading.Event(), threading.Event()
    results: list[T] = []
    problems: list[BaseException] = []

    def work() -> None:
        try:
            results.append(job(cancel))
        except BaseException as error:  # noqa: BLE001 - it goes to whoever waits
            problems.append(error)
        finally:
            ended.set()

    threading.Thread(target=work, name="job", daemon=True).start()
    try:
        _wait(ended)
    except KeyboardInterrupt:
        cancel.set()
        _wait(ended)
    if problems:
        raise problems[0]
    return results[0]


def _wait(ended: threading.Event) -> None:
    # In short waits: otherwise Windows lets no Ctrl+C through. Not `join`: when interrupted, it takes the thread for #
    # ended.
    while not ended.wait(0.2):
        pass


def typed(question: str, word: str, stdin: TextIO | None, stderr: TextIO | None) -> bool:
    """Whether the person typed `word`. The question goes to standard error; end of input means no."""
    if stderr is not None:
        if stderr.isatty():
            output.note(stderr, RESET, end="")
        output.note(stderr, for_terminal(question), end="")
    return stdin is not None and stdin.readline().strip() == word
