"""Where a window may navigate, and what may be opened in the system's browser. Pure functions, used by the engines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

OUTSIDE_SCHEMES = frozenset({"http", "https", "mailto"})
# Hosts of frames inside OpenAI's own frame: those ChatKit talks to.
NESTED_HOSTS = (".openai.com", ".chatgpt.com", ".oaiusercontent.com")
STATIC_HOSTS = (".oaistatic.com",)
"""In addition, where OpenAI keeps fonts and pictures."""
DEFAULT_PORTS = {"http": 80, "https": 443}
MAIL_FIELDS = frozenset({"to", "cc", "bcc", "subject", "body"})
"""The fields a mailto address may fill in. Some mail programs accept `attach` too, and would send the user's files."""
# Control characters, spaces, line separators, direction changes, surrogate halves, backslashes: engines write none of #
# these in an address, and programs disagree about what they mean.
_ODD = re.compile(r"[\x00-\x20\x7f-\xa0\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\\]")

_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
"""A name (in punycode), or an IPv4 or IPv6 address. Anything else could break out of a CSP's list."""


def origin(url: str) -> str:
    """`scheme://host[:port]` of an http(s) address, as engines write it: lower case, no default port. Empty for
    anything else."""
    if _ODD.search(url):
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    host = parts.hostname
    if parts.scheme not in DEFAULT_PORTS or not host or not _HOST.fullmatch(host) or "@" in parts.netloc:
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port and port != DEFAULT_PORTS[parts.scheme] else "")


def may_leave(url: str) -> bool:
    """Whether an address may be handed to the system's browser or mail program.

    Refuses other schemes, UNC paths, backslashes, control characters, addresses with a user name, and a mailto that
    fills in more than a letter's usual fields.
    """
    if len(url) > 8192 or _ODD.search(url):
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises ValueError on a port that is none
    except ValueError:
        return False
    if parts.scheme not in OUTSIDE_SCHEMES:
        return False
    if parts.scheme == "mailto":
        fields = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        return bool(parts.path) and not parts.netloc and fields <= MAIL_FIELDS
    return bool(parts.hostname) and "@" not in parts.netloc


ANYWHERE = ("*",)
"""Used instead of `reach` if the person allows pictures from any host named in an answer."""


def reach(addresses: Iterable[str]) -> list[str]:
    """All hosts the windows may connect to, for engines that can restrict this: those of `addresses` as `host:port`,
    and, if ChatKit is among them, the hosts it needs, as `*.host` for every port."""
    hosts: list[str] = []
    for address in addresses:
        where = origin(address)
        if not where:
            continue
        parts = urlsplit(where)
        name = where.partition("://")[2]
        hosts.append(name if parts.port else f"{name}:{DEFAULT_PORTS[parts.scheme]}")
        if (parts.hostname or "").endswith(".openai.com"):
            hosts += [pattern for host in (*NESTED_HOSTS, *STATIC_HOSTS) for pattern in (f"*{host}", host[1:])]
    return list(dict.fromkeys(hosts))


@dataclass(frozen=True)
class Policy:
    """The rules for one window: its own page on top, ChatKit's frames inside."""

    frame_origins: tuple[str, ...] = ()
    """Origins that may be embedded: ChatKit's own."""

    def may_show(self, url: str, own_url: str) -> bool:
        """Whether the top frame may show `url`: only its own page, with or without a fragment."""
        return url.split("#", 1)[0] == own_url

    def may_embed(self, url: str) -> bool:
        """Whether a frame may go to `url`. For engines that can't tell which frame navigates."""
        if url in ("about:blank", "about:srcdoc", ""):
            return True
        where = origin(url)
        if not where:
            return False
        if where in self.frame_origins:
            return True
        from_openai = any(o.endswith(".openai.com") for o in self.frame_origins)
        scheme, _, host = where.partition("://")  # including a port other than 443, which then never matches
        return from_openai and scheme == "https" and f".{host}".endswith(NESTED_HOSTS)
