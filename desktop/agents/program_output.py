"""Logs what child processes print: limited, without secrets, and in few entries.

A program may print a line per microsecond, and each entry takes Python's lock from the window for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from desktop.agents.code.child import Passed

MOST_OF_A_LINE = 2_000
"""Characters kept of one line."""
MOST_LINES = 200
"""Lines per entry."""


def entries(chunks: Iterable[bytes], secrets: Callable[[], Iterable[str]]) -> Iterator[str]:
    """One entry for everything that arrived at once: complete lines, shortened, without empty ones."""
    bounds = Passed()
    rest = b""
    cut = False
    for chunk in chunks:
        whole, end, rest = (rest + bounds.of(chunk)).rpartition(b"\n")
        if end and cut:  # the rest of a line whose beginning is already logged
            whole, cut = whole.partition(b"\n")[2], False
        if cut:
            rest = b""
        elif len(rest) > 4 * MOST_OF_A_LINE:
            # Far more than is kept, so that a cut can't leave half a secret.
            whole, rest, cut = whole + end + rest, b"", True
        if said := _said(whole, secrets):
            yield said
    if said := _said(rest, secrets):
        yield said


def _said(lines: bytes, secrets: Callable[[], Iterable[str]]) -> str:
    if not lines.strip():
        return ""
    from desktop.openai_api.errors_map import scrub

    known = tuple(secrets())
    found = [line for line in lines.split(b"\n") if line.strip()]
    kept = [scrub(line.decode("utf-8", "replace"), known)[:MOST_OF_A_LINE] for line in found[:MOST_LINES]]
    if len(found) > len(kept):
        kept.append(f"[{len(found) - len(kept)} more lines]")
    return "\n".join(kept)
