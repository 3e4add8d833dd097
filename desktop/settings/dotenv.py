"""Reads a starter app's `.env` file: key, workflow id, API address. Lists what it ignores.

The file is never changed, and nothing in it goes into the environment.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path

from desktop.common.files import read_limited
from desktop.settings.errors import SettingsInvalid
from desktop.settings.origins import normalise_api_base

SIZE_LIMIT = 1024 * 1024
"""The largest file that is read, in bytes."""

KEY_NAMES = ("OPENAI_API_KEY",)
WORKFLOW_NAMES = ("CHATKIT_WORKFLOW_ID", "VITE_CHATKIT_WORKFLOW_ID", "NEXT_PUBLIC_CHATKIT_WORKFLOW_ID")
VERSION_NAMES = ("CHATKIT_WORKFLOW_VERSION", "VITE_CHATKIT_WORKFLOW_VERSION", "NEXT_PUBLIC_CHATKIT_WORKFLOW_VERSION")
API_BASE_NAMES = ("CHATKIT_API_BASE", "VITE_CHATKIT_API_BASE", "NEXT_PUBLIC_CHATKIT_API_BASE")

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=[ \t]*")
_QUOTE_OR_ESCAPE = re.compile(r"\\.|\"", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


@dataclass(frozen=True)
class Starter:
    """The values of a `.env` we use, empty if missing, and the names of the others.

    Key, id and version are unchecked. The address is normalised.
    """

    key: str = field(default="", repr=False)
    workflow_id: str = ""
    version: str = ""
    api_base: str = ""
    ignored: tuple[str, ...] = ()


def read_starter(path: Path) -> Starter:
    """Read a `.env` of at most 1 MB. Raises FileUnreadable."""
    return find(parse(_text(read_limited(path, SIZE_LIMIT))))


def find(values: dict[str, str]) -> Starter:
    """The values we use. If several names mean the same, the first one set counts."""

    def first(names: tuple[str, ...]) -> str:
        return next((values[name].strip() for name in names if values.get(name, "").strip()), "")

    ours = {*KEY_NAMES, *WORKFLOW_NAMES, *VERSION_NAMES, *API_BASE_NAMES}
    api_base = first(API_BASE_NAMES)
    try:
        api_base = normalise_api_base(api_base) if api_base else ""
    except SettingsInvalid:
        # Often a path on the starter's own server ("/api"), which is not an API address.
        ours -= set(API_BASE_NAMES)
        api_base = ""
    return Starter(
        key=first(KEY_NAMES),
        workflow_id=first(WORKFLOW_NAMES),
        version=first(VERSION_NAMES),
        api_base=api_base,
        ignored=tuple(name[:80] for name in values if name not in ours),
    )


def parse(text: str) -> dict[str, str]:
    """The variables of a `.env`, as dotenv programs read them. Other lines are skipped. Nothing is expanded."""
    values: dict[str, str] = {}
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    at = 0
    while at < len(text):
        line_end = text.find("\n", at)
        line_end = len(text) if line_end < 0 else line_end
        start = _LINE.match(text, at, line_end)
        at = line_end + 1
        if start is None:
            continue
        begin = start.end()
        if begin < line_end and text[begin] in "'\"`":
            # A quoted value may span lines. If the quote never closes, it was not one. The search runs on the original
            # text, so each character is seen a few times at most: an unclosed quote is the last of its kind.
            end = _closing(text, begin)
            if end is not None:
                inner = text[begin + 1 : end]
                values[start[1]] = _unescaped(inner) if text[begin] == '"' else inner
                line_end = text.find("\n", end)
                at = len(text) if line_end < 0 else line_end + 1
                continue
        values[start[1]] = re.split(r"(?:^|\s)#", text[begin:line_end], maxsplit=1)[0].strip()
    return values


def _closing(text: str, begin: int) -> int | None:
    """The position where the quote at `begin` closes."""
    quote = text[begin]
    if quote != '"':
        end = text.find(quote, begin + 1)
        return end if end >= 0 else None
    for found in _QUOTE_OR_ESCAPE.finditer(text, begin + 1):
        if found[0] == '"':
            return found.start()
    return None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), text, flags=re.DOTALL)


def _text(content: bytes) -> str:
    """Decode UTF-8 with or without a byte order mark, or UTF-16 with one, as Windows PowerShell writes it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")
