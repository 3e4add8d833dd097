"""A yes to code, in a terminal: what would run is shown, and nothing is kept without the yes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from desktop.agents.code.errors import CodeConsentNeeded
from desktop.common.unseen import written_out

if TYPE_CHECKING:
    from desktop.agents.code.consent import Source
    from desktop.app.context import Context

MOST_LINES = 3_000
"""Of a file that are shown; the rest is said to be there, and where."""


def settle(context: Context, *, window: bool = False) -> None:
    """For `--agent FILE`. `window`: one opens and asks, with the source in sight. Raises CodeUnreadable, and
    CodeConsentNeeded where nobody says yes."""
    from desktop.agents.code.consent import read

    source = read(context.agent_file)
    consents = context.consents()
    if consents.given(source) or (window and not getattr(context.args, "yes", False)):
        return
    say = context.texts.get
    asks = not getattr(context.args, "yes", False) and can_ask(context)
    if not context.json:
        if asks:
            _show(context, source)  # what is asked stands below it, where it is read last
        context.warn(say("code.terminal.will_run"))
        for name in source.files:
            context.warn(f"  {written_out(str(source.path.parent / name))}")
        context.warn(say("code.terminal.digest", digest=source.digest))
        if consents.changed(source):
            context.warn(say("code.terminal.changed"))
    if not getattr(context.args, "yes", False) and not asked(context, say("code.terminal.ask")):
        if not can_ask(context):
            context.warn(say("code.terminal.yes_option"))
        raise CodeConsentNeeded(f"SHA-256 {source.digest}", file=source.name, digest=source.digest)
    consents.give(source)


def _show(context: Context, source: Source) -> None:
    """The source, with nothing in it out of sight."""
    for name in source.files:
        lines = source.text(name).split("\n")
        context.warn(f"--- {written_out(name)}")
        for number, line in enumerate(lines[:MOST_LINES], 1):
            context.warn(f"{number:>5}  {line}")
        if len(lines) > MOST_LINES:
            path = written_out(str(source.path.parent / name))
            context.warn(context.texts.get("code.terminal.more_lines", count=len(lines) - MOST_LINES, path=path))


def can_ask(context: Context) -> bool:
    """Whether somebody sits at a terminal."""
    streams = (sys.stdin, sys.stderr)
    return not context.json and all(stream is not None and stream.isatty() for stream in streams)


def asked(context: Context, question: str) -> bool:
    """Whether the person typed yes; no where there is none."""
    if not can_ask(context):
        return False
    context.question(question)
    return sys.stdin.readline().strip().casefold() in ("yes", "y", "oui", "o")
