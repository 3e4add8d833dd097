"""Consent to code, in a terminal: the code is shown, and nothing is kept without a yes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from desktop.agents.code.errors import CodeConsentNeeded
from desktop.common.unseen import written_out

if TYPE_CHECKING:
    from desktop.agents.code.consent import Source
    from desktop.app.context import Context

MOST_LINES = 3_000
"""Lines of a file that are shown. For the rest, the terminal says how much there is and where."""


def settle(context: Context, *, window: bool = False) -> None:
    """Ask for consent to `--agent FILE`. `window`: a window will open and ask instead. Raises CodeUnreadable, and
    CodeConsentNeeded if nobody says yes."""
    from desktop.agents.code.consent import read

    source = read(context.agent_file)
    consents = context.consents()
    if consents.given(source) or (window and not getattr(context.args, "yes", False)):
        return
    say = context.texts.get
    asks = not getattr(context.args, "yes", False) and can_ask(context)
    if not context.json:
        if asks:
            _show(context, source)  # the question comes below the code, so it is read last
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
    """Print the source so that nothing in it is hidden."""
    for name in source.files:
        lines = source.text(name).split("\n")
        context.warn(f"--- {written_out(name)}")
        for number, line in enumerate(lines[:MOST_LINES], 1):
            context.warn(f"{number:>5}  {line}")
        if len(lines) > MOST_LINES:
            path = written_out(str(source.path.parent / name))
            context.warn(context.texts.get("code.terminal.more_lines", count=len(lines) - MOST_LINES, path=path))


def can_ask(context: Context) -> bool:
    """Whether a person is at a terminal."""
    streams = (sys.stdin, sys.stderr)
    return not context.json and all(stream is not None and stream.isatty() for stream in streams)


def asked(context: Context, question: str) -> bool:
    """Whether the person typed yes. False if there is nobody to ask."""
    if not can_ask(context):
        return False
    context.question(question)
    return sys.stdin.readline().strip().casefold() in ("yes", "y", "oui", "o")
