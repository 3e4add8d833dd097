"""ChatKit servers run by a team: valid addresses and headers, and the name of their token in the keyring.

Pure text, like `origins.py`. The token itself is only in the keyring.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from desktop.common.errors import Phrase
from desktop.settings.errors import SettingsInvalid
from desktop.settings.origins import normalise_api_base, with_scheme
from desktop.settings.secret_shapes import is_secret

HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OWN = """
    accept connection content-length content-type cookie expect host te trailer transfer-encoding upgrade
    proxy-authorization proxy-connection
"""
OWN_HEADERS = frozenset(_OWN.split())
"""Headers set by the app or by HTTP itself, or that must not be set."""

Problem = tuple[tuple[str, ...], Phrase]
"""The field's location in the agent, and the problem there."""


class Server(Protocol):
    """The part of `agents.ServerAgent` used here."""

    @property
    def id(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> dict[str, str]: ...
    @property
    def token_header(self) -> str: ...


def normalise_server_url(text: str, *, name: str = "url") -> str:
    """The address as stored: `https://host[:port]/path`, or http on loopback and private networks. A bare host gets a
    scheme.

    Raises SettingsInvalid.
    """
    wanted = text.strip().strip("\"'`<>")
    if not wanted:
        raise SettingsInvalid(name=name, problem=Phrase("problems.api_base_empty"))
    try:
        wanted = with_scheme(wanted)
        parts = urlsplit(wanted)
    except ValueError:
        raise SettingsInvalid(name=name, problem=Phrase("problems.server_url")) from None
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingsInvalid(name=name, problem=Phrase("problems.server_url"))
    path = parts.path
    if not all(33 <= ord(char) < 127 for char in path) or "\\" in path or ".." in path.split("/"):
        raise SettingsInvalid(name=name, problem=Phrase("problems.server_url"))
    try:
        return normalise_api_base(f"{parts.scheme}://{parts.netloc}", name=name) + (path or "/")
    except SettingsInvalid as error:
        if error.values["problem"] != Phrase("problems.api_base_form"):
            raise
        raise SettingsInvalid(name=name, problem=Phrase("problems.server_url")) from None


def server_origin(url: str) -> str:
    """`scheme://host[:port]` of a server's address, the only place its token may go. Raises SettingsInvalid."""
    return origin_of_url(normalise_server_url(url))


def origin_of_url(url: str) -> str:
    """`scheme://host[:port]` of a complete address, without the scheme's default port.

    Raises ValueError.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = parts.port
    own = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{shown}{f':{port}' if port is not None and port != own else ''}"


def server_secret(agent: Server) -> str:
    """The name of an agent's token in the keyring (`Keys.secret`).

    It includes the origin, so that another address asks again (checklist 31). Raises SettingsInvalid for a bad address.
    """
    return f"server|{agent.id}|{server_origin(agent.url)}"


def problem_in(agent: Server) -> Problem | None:
    """A problem with an agent's connection that the model can't express."""
    return next(_problems(agent), None)


def first_problem(agents: Sequence[object]) -> tuple[tuple[str | int, ...], Phrase] | None:
    """The same for a list of agents; the location begins with `agents`."""
    from desktop.settings.agents import ServerAgent

    for index, agent in enumerate(agents):
        found = problem_in(agent) if isinstance(agent, ServerAgent) else None
        if found is not None:
            return ("agents", index, *found[0]), found[1]
    return None


def _problems(agent: Server) -> Iterator[Problem]:
    try:
        normalise_server_url(agent.url)
    except SettingsInvalid as error:
        problem = error.values["problem"]
        yield ("url",), problem if isinstance(problem, Phrase) else Phrase("problems.server_url")
    if is_secret(agent.url):
        yield ("url",), Phrase("problems.server_secret", {"name": "url"})
    if not HEADER.fullmatch(agent.token_header) or agent.token_header.lower() in OWN_HEADERS:
        yield ("token_header",), Phrase("problems.server_header", {"name": agent.token_header[:60]})
    seen: set[str] = set()
    for name, value in agent.headers.items():
        lowered = name.lower()
        if not HEADER.fullmatch(name) or lowered in OWN_HEADERS or lowered in seen:
            yield ("headers",), Phrase("problems.server_header", {"name": name[:60]})
        if lowered in ("authorization", agent.token_header.lower()) or is_secret(value, name):
            yield ("headers",), Phrase("problems.server_secret", {"name": name[:60]})
        if not (value.isprintable() and value.isascii()):
            yield ("headers",), Phrase("problems.server_header_value", {"name": name[:60]})
        seen.add(lowered)
