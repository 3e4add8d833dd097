"""A program's last words: the part of its error output that says why it failed. Pure.

Short, plain and without secrets, because they end a sentence for the person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from desktop.common.unseen import written_out

MOST = 300
"""Characters."""
TAIL = 16_384
"""Bytes of the output that are looked at."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CAUSES = re.compile(
    r"(?i)error|exception|fail|cannot|can't|could ?n[o']t|unable|denied|refused|not (?:found|installed|allowed|valid)"
    r"|no such|missing|required|invalid|unsupported|unknown|expired|certificate|timed? ?out|must |panic|fatal"
    r"|(?-i:\bE[A-Z]{4,})"
)
_NOISE = re.compile(
    r"^\s*at .*:\d"  # a frame of JavaScript's stack
    r"|^\s*File \".*\", line \d+"
    r"|^\s*[\^~]+\s*$|^[\s{}\[\](),;]*$"
    r"|^Node\.js v\d|^Traceback \(most recent"
    r"|^npm (?:error|ERR!) (?:A complete log|\s*/.*debug-\d+\.log|$)|^npm (?:notice|warn)\b"
    r"|^node:internal"
    r"|^\s+\w+: .*,?$"  # the fields of a JavaScript error
)


def plain(text: str) -> str:
    """Without terminal escapes. Other invisible characters, and those that change the direction, are written out."""
    return written_out("".join(char for char in text if unicodedata.category(char) != "Cc"))


def last_words(output: bytes, secrets: Iterable[str]) -> str:
    """The end of `output` on one line; empty if it says nothing."""
    from desktop.openai_api.errors_map import scrub

    text = _ESCAPES.sub("", output[-TAIL:].decode("utf-8", "replace"))
    if len(output) > TAIL:
        text = text.partition("\n")[2]  # the rest of a line could be half a secret
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    lines = [line for line in lines if line.strip()]
    telling = [line for line in lines if not _NOISE.search(line)] or lines
    chosen = [line for line in telling if _CAUSES.search(line)][-2:] or telling[-1:]
    words = " ".join(" ".join(scrub(line, tuple(secrets)).split()) for line in dict.fromkeys(chosen))
    words = plain(words)
    return words if len(words) <= MOST else f"{words[: MOST - 1].rstrip()}…"
