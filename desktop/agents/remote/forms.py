"""The two ways servers accept a file: as raw bytes, or as the field `file` of a form. Pure.

ChatKit sends raw bytes; FastAPI's `UploadFile` and most frameworks expect `multipart/form-data` (RFC 7578). A
descriptor decides. Otherwise, raw bytes are tried first, and the way a server accepts is remembered.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Way = Literal["bytes", "form"]
OTHER: Mapping[Way, Way] = {"bytes": "form", "form": "bytes"}
REFUSED_FORM = (400, 415, 422)
"""Status codes of servers that refuse one of the ways."""
FIELD = "file"


@dataclass(frozen=True)
class Wanted:
    """A server's descriptor for a file. `ways`: those to try, in order."""

    ways: tuple[Way, ...]
    name: str = FIELD
    """The file's field in a form."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Other form fields, sent before the file."""


@dataclass(frozen=True)
class Frame:
    """What surrounds a file's bytes, and its content type; "" keeps the given one."""

    head: bytes = b""
    foot: bytes = b""
    content_type: str = ""


def wanted(descriptor: Mapping[str, Any], known: Way | None) -> Wanted:
    """`known`: the way this server accepted last."""
    headers, fields = descriptor.get("headers"), descriptor.get("fields")
    kinds = [str(value) for name, value in headers.items() if str(name).lower() == "content-type"] if headers else []
    said = str(descriptor.get("type") or descriptor.get("encoding") or descriptor.get("content_type") or "").lower()
    name = next((one for one in (descriptor.get("field"), descriptor.get("file_field")) if isinstance(one, str)), "")
    along = {str(one): str(value) for one, value in fields.items()} if isinstance(fields, Mapping) else {}
    is_form = bool(name or along) or "form" in said or "multipart" in said or any("multipart/" in one for one in kinds)
    if is_form:
        return Wanted(("form",), name or FIELD, along)
    first: Way = known or "bytes"
    return Wanted((first, OTHER[first]))


def frame(way: Way, asked: Wanted, name: str, mime: str) -> Frame:
    """The frame for a file."""
    if way == "bytes":
        return Frame()
    boundary = f"chatkit-{secrets.token_hex(16)}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(one)}"\r\n\r\n{value}\r\n'
        for one, value in asked.fields.items()
    ]
    kind = mime if mime.isascii() and mime.isprintable() else "application/octet-stream"
    head = (
        f'{"".join(parts)}--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(asked.name)}"; '
        f'filename="{_quoted(name) or FIELD}"\r\nContent-Type: {kind}\r\n\r\n'
    )
    return Frame(
        head.encode("utf-8", "replace"), f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
    )


def _quoted(text: str) -> str:
    """Quote a name like browsers do in forms (HTML standard, "multipart form data")."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").replace("\0", "")
