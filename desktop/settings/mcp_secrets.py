"""Replaces secrets in an MCP server's address and arguments by references. Pure.

It guesses by form and by name. A false positive does no harm, since the keyring returns the value unchanged.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import unquote, unquote_plus, urlsplit, urlunsplit

from desktop.settings.mcp import REFERENCE, McpServer, reference
from desktop.settings.secret_shapes import SECRET_SHAPES, is_secret, is_telling

_SHORT_NAMES = {"code", "sig", "signature", "auth", "jwt", "session", "sid", "passcode", "access", "bearer", "sas"}
"""Parameters of an address that usually contain a secret if the value is long enough."""
_UUID = re.compile(r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_OPEN = re.compile(r"(?i)^(?:<.*>|\{.*\}|\[.*\]|\.{3}|…|x{3,}|\*{3,}|your[-_ ].*|.*[-_ ]here|insert[-_ ].*)?$")
"""Placeholders used in examples instead of a secret."""
_USER = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)([^/\s:@]*):([^\s]*)@(?=[^@]*$|[^@/]*/)")
_ASSIGNED = re.compile(r"^(-{0,2}[A-Za-z_][\w.-]*)=(.+)$", re.DOTALL)
_HEADER = re.compile(r"^([A-Za-z][\w-]{1,60}):\s*((?:bearer|basic|token)\s+)?(\S.*)$", re.IGNORECASE)


@dataclass
class Taken:
    """The server without its secrets, and the secrets."""

    server: McpServer
    values: dict[str, str] = field(default_factory=dict, repr=False)
    """By name; the names are in `server.secrets`."""


def taken_out(server: McpServer) -> Taken:
    """The server with references instead of whatever looks like a secret in its address and arguments."""
    names = _Names({*server.secrets, *server.env, *server.headers})
    if server.transport == "http":
        url = _address(server.url, names)
        changes: dict[str, object] = {"url": url}
    else:
        changes = {"args": _arguments(server.args, names)}
    if not names.values:
        return Taken(server)
    changes["secrets"] = [*server.secrets, *names.values]
    return Taken(server.model_copy(update=changes), names.values)


def address_taken(url: str, used: Collection[str]) -> tuple[str, dict[str, str]]:
    """An address with references instead of whatever looks like a secret, and the secrets by name. `used`: names
    already taken. A user name and a password before the host become a header."""
    names = _Names(used)
    return _address(url, names), names.values


def has_secret(server: McpServer) -> bool:
    """Whether anything in its address or arguments looks like a secret."""
    return bool(taken_out(server).values)


class _Names:
    """Gives each secret a unique name."""

    def __init__(self, used: Collection[str]) -> None:
        self._used = {name.lower() for name in used}
        self.values: dict[str, str] = {}

    def keep(self, value: str, wanted: str) -> str:
        """Add a secret. Returns the reference to it."""
        stem = re.sub(r"[^A-Za-z0-9_]", "_", wanted.strip("-")).strip("_")[:60] or "secret"
        stem = stem if not stem[0].isdigit() else f"_{stem}"
        name, number = stem, 1
        while name.lower() in self._used:
            number += 1
            name = f"{stem}_{number}"
        self._used.add(name.lower())
        self.values[name] = value
        return reference(name)

    def keep_header(self, name: str, value: str) -> bool:
        """Add a header; False if there is one already."""
        if name.lower() in self._used:
            return False
        self._used.add(name.lower())
        self.values[name] = value
        return True


def _address(url: str, names: _Names, *, raw: bool = False) -> str:
    """`raw`: keep a secret as it is written, since an argument is put together without escaping."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is none
    except ValueError:
        return url
    netloc = parts.netloc
    if "@" in netloc:
        user, _, host = netloc.rpartition("@")
        login = unquote(user if ":" in user else f"{user}:")
        basic = base64.b64encode(login.encode()).decode()
        if parts.scheme == "https" and names.keep_header("Authorization", f"Basic {basic}"):
            netloc = host
    path = "/".join(_segment(one, names, raw=raw) for one in parts.path.split("/"))
    query = "&".join(_pair(one, names, raw=raw) for one in parts.query.split("&"))
    return urlunsplit((parts.scheme, netloc, path, query, parts.fragment))


def _segment(word: str, names: _Names, *, raw: bool) -> str:
    value = unquote(word)
    if REFERENCE.search(word) or not (SECRET_SHAPES.search(value) or is_opaque(value)):
        return word
    return names.keep(word if raw else value, "path")


def _pair(pair: str, names: _Names, *, raw: bool) -> str:
    name, equals, word = pair.partition("=")
    value = unquote_plus(word)
    if not equals:
        if not (SECRET_SHAPES.search(pair) or is_opaque(unquote(pair))):
            return pair
        return names.keep(pair if raw else unquote_plus(pair), "query")
    if REFERENCE.search(word) or _OPEN.match(value) or value.startswith("$"):
        return pair
    telling = is_telling(unquote(name)) or unquote(name).lower() in _SHORT_NAMES
    if not (is_secret(value) or is_opaque(value) or (telling and len(value) >= 6)):
        return pair
    return f"{name}={names.keep(word if raw else value, unquote(name))}"


def _arguments(args: list[str], names: _Names) -> list[str]:
    made: list[str] = []
    before = ""
    for word in args:
        made.append(_word(word, before, names))
        before = word if word.startswith("-") and "=" not in word else ""
    return made


def _word(word: str, before: str, names: _Names) -> str:
    if REFERENCE.search(word):
        return word
    user = _USER.match(word)
    if user and user[3] and not _OPEN.match(user[3]) and not user[3].startswith("$"):
        return f"{user[1]}{user[2]}:{names.keep(user[3], 'password')}@{word[user.end() :]}"
    if re.match(r"(?i)^https?://", word):
        return _address(word, names, raw=True)
    assigned = _ASSIGNED.match(word)
    if assigned:
        name, value = assigned[1], assigned[2]
        inner = _word(value, name, names)
        return f"{name}={inner}"
    named = is_telling(before.lstrip("-")) and len(word) >= 6 and not word.startswith("-") and not _open(word)
    if named and not re.match(r"~|\.{0,2}/|[A-Za-z]:[\\/]", word):
        return names.keep(word, before)
    header = _HEADER.match(word)
    if header and (is_telling(header[1]) or header[2]) and not _open(header[3]) and len(header[3]) >= 6:
        return f"{word[: header.start(3)]}{names.keep(header[3], header[1])}"
    found = SECRET_SHAPES.search(word)
    if found and not _open(word):
        return _shaped(word, found, lambda value: names.keep(value, before if len(before) > 4 else "secret"))
    return word


def _shaped(word: str, found: re.Match[str], keep: Callable[[str], str]) -> str:
    """Replace only the part that looks like a secret, and anything directly attached to it."""
    end = re.compile(r"[^\s\"'&;,]*").match(word, found.end())
    stop = end.end() if end else found.end()
    return f"{word[: found.start()]}{keep(word[found.start() : stop])}{word[stop:]}"


def _open(value: str) -> bool:
    return bool(_OPEN.match(value)) or value.startswith("$")


def is_opaque(word: str) -> bool:
    """Whether part of an address is not a word: long, with letters and digits mixed."""
    if _UUID.search(word):
        return True
    if len(word) < 20 or not re.fullmatch(r"[A-Za-z0-9_\-.~=:+/%]+", word):
        return False
    run = max(re.split(r"[^A-Za-z0-9]", word), key=len)
    if len(run) < 16 or not re.search(r"[A-Za-z]", run):
        return False
    digits = sum(char.isdigit() for char in run)
    turns = sum(one.isupper() != other.isupper() for one, other in pairwise(run))
    return bool(digits >= 3 or (digits >= 1 and turns >= 4) or turns >= 8)
