"""What kind of file some bytes are, by their content: names and declared types are only what somebody said."""

from __future__ import annotations

import re

TEXT = "text/plain"

_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_TEXT_TYPES = re.compile(
    r"text/[\w.+-]+|application/([\w.+-]+\+)?(json|xml|yaml|x-yaml|toml|javascript|x-javascript|typescript|sql|x-sh|x-python)"
)
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What OpenAI's models take as a picture."""


def kind_of(data: bytes) -> str | None:
    """One of IMAGES, "application/pdf", "text/plain", or None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    # Readers of PDF allow something before the mark; mail programs put it there.
    if b"%PDF-" in data[:1024]:
        return "application/pdf"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or _CONTROL.search(data) is None:
        return TEXT
    return None


def is_text_type(mime_type: str) -> bool:
    """Whether a declared type means text that a person can read: also JSON, YAML, source code."""
    return _TEXT_TYPES.fullmatch(mime_type) is not None


def as_text(data: bytes) -> str:
    """The text in `data`: UTF-8, UTF-16 with its mark, else what Windows writes in western Europe."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
