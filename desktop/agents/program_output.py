"""What programs below the app print, as entries of the log: bounded, without secrets, and few.

A program may print a line a microsecond, and each entry takes Python's lock from the window for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from desktop.agents.code.child import Passed

MOST_OF_A_LINE = 2_000
"""Characters of one line that are kept, at most."""
MOST_LINES = 200
"""Lines of one entry."""


def entries(chunks: Iterable[bytes], secrets: Callable[[], Iterable[str]]) -> Iterator[str]:
    """One entry for what came at once: whole lines, each cut, none of them empty."""
    bounds = Passed()
    rest = b""
    cut = False
    for chunk in chunks:
        whole, end, rest = (rest + bounds.of(chunk)).rpartition(b"\n")
        if end and cut:  # the remainder of a line whose beginning stands in the log
            whole, cut = whole.partition(b"\n")[2], False
        if cut:
            rest = b""
        elif len(rest) > 4 * MOST_OF_A_LINE:
            # Far more than is kept of it, so that what is cut off can't be half of a secret.
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
