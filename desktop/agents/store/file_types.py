"""The type of a file by its content. Names and declared types are not trusted."""

from __future__ import annotations

import re

TEXT = "text/plain"

_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_TEXT_TYPES = re.compile(
    r"text/[\w.+-]+|application/([\w.+-]+\+)?(json|xml|yaml|x-yaml|toml|javascript|x-javascript|typescript|sql|x-sh|x-python)"
)
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Picture types that OpenAI's models accept."""


def kind_of(data: bytes) -> str | None:
    """One of IMAGES, "application/pdf" or "text/plain"; None for anything else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    # PDF readers allow a prefix, and mail programs add one.
    if b"%PDF-" in data[:1024]:
        return "application/pdf"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or _CONTROL.search(data) is None:
        return TEXT
    return None


def is_text_type(mime_type: str) -> bool:
    """Whether a declared type means readable text, including JSON, YAML and source code."""
    return _TEXT_TYPES.fullmatch(mime_type) is not None


def as_text(data: bytes) -> str:
    """Decode `data` as UTF-8, as UTF-16 with a byte order mark, or else as Windows-1252."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
