"""What a window may go to and what may leave it for the system's browser. Pure; the engines ask here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

OUTSIDE_SCHEMES = frozenset({"http", "https", "mailto"})
# Frames inside OpenAI's own frame: the hosts that the component talks to.
NESTED_HOSTS = (".openai.com", ".chatgpt.com", ".oaiusercontent.com")
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")


def origin(url: str) -> str:
    """`scheme://host[:port]` of an http(s) address in lower case; empty for anything else."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    return f"{parts.scheme}://{parts.hostname.lower()}{port}"


def may_leave(url: str) -> bool:
    """Whether an address may be handed to the system's browser or mail program.

    Refuses every other scheme, UNC paths, backslashes, control characters and addresses with a user in them.
    """
    if len(url) > 8192 or _CONTROL.search(url):
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises ValueError on a port that is none
    except ValueError:
        return False
    if parts.scheme not in OUTSIDE_SCHEMES:
        return False
    if parts.scheme == "mailto":
        return bool(parts.path) and not parts.netloc
    return bool(parts.hostname) and "@" not in parts.netloc


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
        if where in self.frame_origins:
            return True
        from_openai = any(o.endswith(".openai.com") for o in self.frame_origins)
        host = urlsplit(where).hostname or ""
        return from_openai and where.startswith("https://") and ("." + host).endswith(NESTED_HOSTS)
