"""An agent's server, and the headers for every request. The token only goes to the server's own origin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from desktop import __version__
from desktop.agents.remote.errors import ServerElsewhere
from desktop.settings.origins import is_loopback, is_own_host
from desktop.settings.servers import HEADER, OWN_HEADERS, normalise_server_url, origin_of_url

if TYPE_CHECKING:
    from desktop.settings.agents import ServerAgent

USER_AGENT = f"chatkit-desktop/{__version__}"
STARS = "…"


@dataclass(frozen=True)
class Target:
    """A server, for requests."""

    url: str
    headers: Mapping[str, str]
    token_header: str
    token: str = field(repr=False)
    """If empty, none is sent."""

    @property
    def host(self) -> str:
        """The host, for sentences."""
        return urlsplit(self.url).netloc

    @property
    def origin(self) -> str:
        return origin_of_url(self.url)

    def dressed(self, url: str) -> dict[str, str]:
        """The headers for `url`, which must be on the server's own origin."""
        if origin_of_url(url) != self.origin:
            raise ValueError("not an address of the server")
        headers = {**self.headers, "User-Agent": USER_AGENT}
        if self.token:
            bearer = self.token_header.lower() == "authorization"
            headers[self.token_header] = f"Bearer {self.token}" if bearer else self.token
        return headers

    def moved(self, location: str, url: str, status: int) -> str:
        """The target of a redirect from `url`. Raises ServerElsewhere unless it keeps the origin and the request's
        body."""
        try:
            there = urljoin(url, location)
            same = bool(location) and origin_of_url(there) == self.origin
        except ValueError:
            raise ServerElsewhere(f"{status} redirect", host=self.host, target="?") from None
        if not same or status not in (307, 308):
            named = urlsplit(there).netloc if not same else urlsplit(there).path
            raise ServerElsewhere(f"{status} redirect", host=self.host, target=named[:100] or "?")
        return there

    def upload(self, url: str, given: Mapping[str, str]) -> dict[str, str]:
        """The headers for a file the server wants at `url`, including those it asks for.

        The server's own origin also gets the token. Another origin only gets the file, and must use https and not be
        this computer. Raises ServerElsewhere.
        """
        asked = {
            name: value
            for name, value in given.items()
            if HEADER.fullmatch(name) and name.lower() not in OWN_HEADERS and value.isprintable() and value.isascii()
        }
        kind = next((value for name, value in given.items() if name.lower() == "content-type"), "")
        if kind.isprintable() and kind.isascii() and kind:
            asked["Content-Type"] = kind
        try:
            parts = urlsplit(url)
            if origin_of_url(url) == self.origin:
                return {**self.dressed(url), **asked}
            fit = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
        except ValueError:
            raise ServerElsewhere("upload", host=self.host, target="?") from None
        here = is_loopback(urlsplit(self.url).hostname or "")
        if not fit or (is_loopback(parts.hostname or "") and not here):
            raise ServerElsewhere("upload", host=self.host, target=f"{parts.scheme}://{parts.netloc}"[:100])
        return {"User-Agent": USER_AGENT, **asked}

    def sends_abroad(self, url: str) -> bool:
        """Whether a file's address must resolve to the internet: it is not the server's own, and the server is not on a
        private network itself."""
        host = urlsplit(self.url).hostname or ""
        return origin_of_url(url) != self.origin and not (is_loopback(host) or is_own_host(host))

    def without_token(self, text: str) -> str:
        """`text` without the token, in case a server repeats it."""
        if self.token:
            for spelled in (self.token, json.dumps(self.token)[1:-1]):
                text = text.replace(spelled, STARS)
        return text


def target_of(agent: ServerAgent, token: str | None) -> Target:
    """Raises SettingsInvalid for an invalid address."""
    return Target(normalise_server_url(agent.url), dict(agent.headers), agent.token_header, token or "")
