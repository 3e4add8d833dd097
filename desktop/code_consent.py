"""A yes to code, in a terminal: what would run is shown, and nothing is kept without the yes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from desktop.errors import CodeConsentNeeded

if TYPE_CHECKING:
    from desktop.context import Context


def settle(context: Context, *, window: bool = False) -> None:
    """For `--agent FILE`. `window`: one opens and asks, with the source in sight. Raises CodeUnreadable, and
    CodeConsentNeeded where nobody says yes."""
    from desktop.agents.code.consent import read

    source = read(context.agent_file)
    consents = context.consents()
    if consents.given(source) or (window and not getattr(context.args, "yes", False)):
        return
    say = context.texts.get
    if not context.json:
        context.warn(say("code.terminal.will_run"))
        for name in source.files:
            context.warn(f"  {source.path.parent / name}")
        context.warn(say("code.terminal.digest", digest=source.digest))
        if consents.changed(source):
            context.warn(say("code.terminal.changed"))
    if not getattr(context.args, "yes", False) and not asked(context, say("code.terminal.ask")):
        if not can_ask(context):
            context.warn(say("code.terminal.yes_option"))
        raise CodeConsentNeeded(f"SHA-256 {source.digest}", file=source.name, digest=source.digest)
    consents.give(source)


def can_ask(context: Context) -> bool:
    """Whether somebody sits at a terminal."""
    streams = (sys.stdin, sys.stderr)
    return not context.json and all(stream is not None and stream.isatty() for stream in streams)


def asked(context: Context, question: str) -> bool:
    """Whether the person typed yes; no where there is none."""
    if not can_ask(context):
        return False
    sys.stderr.write(f"{question} ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in ("yes", "y", "oui", "o")
