"""What a window may go to and what may leave it for the system's browser. Pure; the engines ask here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

OUTSIDE_SCHEMES = frozenset({"http", "https", "mailto"})
# Frames inside OpenAI's own frame: the hosts that the component talks to.
NESTED_HOSTS = (".openai.com", ".chatgpt.com", ".oaiusercontent.com")
STATIC_HOSTS = (".oaistatic.com",)
"""Beside those: where OpenAI keeps fonts and pictures."""
DEFAULT_PORTS = {"http": 80, "https": 443}
MAIL_FIELDS = frozenset({"to", "cc", "bcc", "subject", "body"})
"""What a mailto address may fill in. Some mail programs take `attach` too, and would send a file of the user's."""
# Controls, spaces, line separators, characters that turn the reading direction, halves of a pair, backslashes:
# none stands in an address as an engine writes it, and programs disagree about what they mean.
_ODD = re.compile(r"[\x00-\x20\x7f-\xa0\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\\]")

_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
"""A name (in punycode) or an address of either kind. What else a host may hold would end a CSP's list."""


def origin(url: str) -> str:
    """`scheme://host[:port]` of an http(s) address as engines write it: lower case, no default port.
    Empty for anything else."""
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

    Refuses every other scheme, UNC paths, backslashes, control characters, addresses with a user in them, and a
    mailto that fills in more than a letter's own fields.
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
"""In the place of what `reach` gives, where a person has pictures loaded from whatever host an answer names."""


def reach(addresses: Iterable[str]) -> list[str]:
    """The hosts that the windows may connect to at all, for engines that can be told: those of `addresses`, each as
    `host:port`, and where OpenAI's component is among them also what it needs, as `*.host` for every port."""
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
    """The rules for one window: its own page on top, the component's frames within."""

    frame_origins: tuple[str, ...] = ()
    """Origins that may be embedded; the component's own."""

    def may_show(self, url: str, own_url: str) -> bool:
        """Whether the top frame may show `url`: its own page (a fragment may follow) and nothing else."""
        return url.split("#", 1)[0] == own_url

    def may_embed(self, url: str) -> bool:
        """Whether a frame may go to `url`. For engines that can't tell which frame a navigation is for."""
        if url in ("about:blank", "about:srcdoc", ""):
            return True
        where = origin(url)
        if not where:
            return False
        if where in self.frame_origins:
            return True
        from_openai = any(o.endswith(".openai.com") for o in self.frame_origins)
        scheme, _, host = where.partition("://")  # with its port, if it has another than https's: then none fits
        return from_openai and scheme == "https" and f".{host}".endswith(NESTED_HOSTS)
