"""The bounds of what a ChatKit server may take and send, in one place. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True)
class Bounds:
    """Seconds and bytes. Tests hand in others."""

    begin: float = 90.0
    """For an answer to begin."""
    whole: float = 60.0
    """For an answer that is no stream, from its beginning on."""
    stall: float = 180.0
    """A stream that sends nothing for so long, not even a comment, is ended. Reasoning can be silent for minutes."""
    ask: float = 540.0
    """For a person to enter a token; the page waits a little longer."""
    reply: int = 32 * MB
    """An answer that is no stream."""
    event: int = 8 * MB
    """One event: an image may be in it."""
    stream: int = 256 * MB
    """All events of an answer."""
    upload: float = 120.0
    """For the next part of a file to come, and for its receipt."""

    @staticmethod
    def words(size: int) -> str:
        """A size as sentences name it."""
        return f"{size // MB} MB" if size >= MB else f"{size} B"
