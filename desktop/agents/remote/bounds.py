"""Limits for a ChatKit server: how long it may take, and how much it may send. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True)
class Bounds:
    """In seconds and bytes. Tests pass others."""

    begin: float = 90.0
    """Until an answer begins."""
    whole: float = 60.0
    """For an answer that isn't a stream, from its beginning."""
    stall: float = 180.0
    """A stream that sends nothing for this long, not even a comment, is ended. Reasoning can be silent for minutes."""
    ask: float = 540.0
    """For a person to enter a token. The page waits a little longer."""
    reply: int = 32 * MB
    """The largest answer that isn't a stream."""
    event: int = 8 * MB
    """The largest event; it may contain an image."""
    stream: int = 256 * MB
    """All events of an answer together."""
    upload: float = 120.0
    """For the next part of a file to arrive, and for its receipt."""

    @staticmethod
    def words(size: int) -> str:
        """A size for sentences."""
        return f"{size // MB} MB" if size >= MB else f"{size} B"
