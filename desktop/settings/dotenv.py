"""Reads what a starter app left in its `.env`: the key, the workflow id, the API base; names what it ignores.

The file itself is never changed, and nothing of it is put into the environment.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path

from desktop.errors import SettingsInvalid
from desktop.files import read_limited
from desktop.settings.origins import normalise_api_base

SIZE_LIMIT = 1024 * 1024
"""Largest file that is read, in bytes."""

KEY_NAMES = ("OPENAI_API_KEY",)
WORKFLOW_NAMES = ("CHATKIT_WORKFLOW_ID", "VITE_CHATKIT_WORKFLOW_ID", "NEXT_PUBLIC_CHATKIT_WORKFLOW_ID")
VERSION_NAMES = ("CHATKIT_WORKFLOW_VERSION", "VITE_CHATKIT_WORKFLOW_VERSION", "NEXT_PUBLIC_CHATKIT_WORKFLOW_VERSION")
API_BASE_NAMES = ("CHATKIT_API_BASE", "VITE_CHATKIT_API_BASE", "NEXT_PUBLIC_CHATKIT_API_BASE")

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=[ \t]*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


@dataclass(frozen=True)
class Starter:
    """What a `.env` holds for us, and the names of the rest. An empty text: it is not there.

    Key, id and version are as they stand there, unchecked; the address is in its normal form.
    """

    key: str = field(default="", repr=False)
    workflow_id: str = ""
    version: str = ""
    api_base: str = ""
    ignored: tuple[str, ...] = ()


def read_starter(path: Path) -> Starter:
    """Reads a `.env` of at most 1 MB. Raises FileUnreadable."""
    return find(parse(_text(read_limited(path, SIZE_LIMIT))))


def find(values: dict[str, str]) -> Starter:
    """The values that have a place here; of several names for one thing the first that is set counts."""

    def first(names: tuple[str, ...]) -> str:
        return next((values[name].strip() for name in names if values.get(name, "").strip()), "")

    ours = {*KEY_NAMES, *WORKFLOW_NAMES, *VERSION_NAMES, *API_BASE_NAMES}
    api_base = first(API_BASE_NAMES)
    try:
        api_base = normalise_api_base(api_base) if api_base else ""
    except SettingsInvalid:
        # Often a path of the starter's own server ("/api"): no address of an API.
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
    """The variables of a `.env` as dotenv programs read it; a line that is none is skipped. Nothing is expanded."""
    values: dict[str, str] = {}
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        start = _LINE.match(line)
        if start is None:
            continue
        rest = line[start.end() :]
        if rest[:1] in ("'", '"', "`"):
            quote = rest[0]
            end = _closing(rest, quote)
            further = at
            while end is None and further < len(lines):
                # A quoted value may run over lines; where the quote never closes, it was none.
                rest = f"{rest}\n{lines[further]}"
                further += 1
                end = _closing(rest, quote)
            if end is not None:
                at = further
                values[start[1]] = _unescaped(rest[1:end]) if quote == '"' else rest[1:end]
                continue
            rest = line[start.end() :]
        values[start[1]] = re.split(r"(?:^|\s)#", rest, maxsplit=1)[0].strip()
    return values


def _closing(text: str, quote: str) -> int | None:
    at = 1
    while at < len(text):
        if text[at] == "\\" and quote == '"':
            at += 1
        elif text[at] == quote:
            return at
        at += 1
    return None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), text, flags=re.DOTALL)


def _text(content: bytes) -> str:
    """UTF-8 with or without its mark; UTF-16 with its mark, as Windows PowerShell writes it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "replace")
