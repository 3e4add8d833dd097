"""MCP servers: programs and addresses that bring an agent tools. Pure models, as `agents.py`, and what holds for them.

The values of their secrets are in the keyring; here stand only the names, and what is shaped like a value is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, StringConstraints

from desktop.errors import Phrase, SettingsInvalid
from desktop.settings.base import AgentId, Model, Name
from desktop.settings.origins import normalise_api_base
from desktop.settings.secret_shapes import is_secret

Place = tuple[str | int, ...]
Problem = tuple[Place, Phrase]
"""Where in a server, or in the list of them, and what is wrong there."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
OWN_HEADERS = {
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "mcp-protocol-version",
    "mcp-session-id",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""Those that the protocol sets by itself."""

MOST_SERVERS = 50
ToolName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Value = Annotated[str, StringConstraints(max_length=4096)]


class McpServer(Model):
    """A server of the Model Context Protocol: its tools are the agents' that name it."""

    id: AgentId
    """The server's name inside the settings; its secrets are kept under it."""
    name: Name = ""
    """What people see; empty: the id."""
    transport: Literal["stdio", "http"]
    """A program on this computer, or an address (streamable HTTP)."""
    command: Annotated[str, StringConstraints(max_length=4096, strip_whitespace=True)] = ""
    """stdio: the program, by its name or its path."""
    args: list[Value] = Field(default=[], max_length=100)
    """What the program is started with."""
    env: dict[Annotated[str, StringConstraints(max_length=100)], Value] = Field(default={}, max_length=100)
    """Variables the program gets beside PATH, HOME and the like; nothing secret."""
    folder: Value = ""
    """Where the program is started; empty: the home folder."""
    url: Annotated[str, StringConstraints(max_length=2048, strip_whitespace=True)] = ""
    """http: where the server is; https, or http on loopback."""
    headers: dict[Annotated[str, StringConstraints(max_length=100)], Value] = Field(default={}, max_length=50)
    """What is sent with every request; nothing secret."""
    secrets: list[Annotated[str, StringConstraints(max_length=100)]] = Field(default=[], max_length=20)
    """Names of variables (stdio) or headers (http) whose values are in the keyring."""
    always: list[ToolName] = Field(default=[], max_length=500)
    """Tools that run without a question."""

    @property
    def label(self) -> str:
        """What people see."""
        return self.name or self.id


def mcp_secret(server: McpServer, name: str) -> str:
    """The name that a secret of a server is kept under in the keyring (`Keys.secret`).

    The address is in it, so that another address asks anew (checklist 31). Raises SettingsInvalid for a bad address.
    """
    where = "stdio" if server.transport == "stdio" else origin_of_server(server.url)
    return f"mcp|{server.id}|{where}|{name}"


def normalise_url(url: str, *, name: str = "url") -> str:
    """The address as it is kept: https, or http on loopback; a path and a query are left as they are.

    Raises SettingsInvalid.
    """
    wanted = url.strip()
    if not wanted:
        raise SettingsInvalid(name=name, problem=Phrase("errors.problem.api_base_empty"))
    try:
        parts = urlsplit(wanted)
    except ValueError:
        raise SettingsInvalid(name=name, problem=Phrase("errors.problem.mcp_url")) from None
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if not all(33 <= ord(char) < 127 for char in path) or "\\" in path or parts.fragment or "@" in parts.netloc:
        raise SettingsInvalid(name=name, problem=Phrase("errors.problem.mcp_url"))
    return normalise_api_base(f"{parts.scheme}://{parts.netloc}", name=name) + (path or "/")


def origin_of_server(url: str) -> str:
    """`scheme://host[:port]` of a server's address: where its secrets may go. Raises SettingsInvalid."""
    parts = urlsplit(normalise_url(url))
    return f"{parts.scheme}://{parts.netloc}"


def same_server(one: McpServer, other: McpServer) -> bool:
    """Whether what was approved for `one` holds for `other`: the same program with the same words, the same address."""
    if one.transport != other.transport:
        return False
    if one.transport == "http":
        return one.url == other.url
    return (one.command, one.args, one.folder) == (other.command, other.args, other.folder)


def problem_in(server: McpServer) -> Problem | None:
    """What is wrong with a server that the model's own shapes can't tell: the field's place in it, and the sentence."""
    return next(_problems(server), None)


def first_problem(servers: Sequence[McpServer]) -> Problem | None:
    """The same for the list of all; the place begins with `mcp_servers`."""
    seen: set[str] = set()
    for index, server in enumerate(servers):
        if server.id in seen:
            return ("mcp_servers", index, "id"), Phrase("errors.problem.mcp_same_id", {"id": server.id})
        seen.add(server.id)
        found = problem_in(server)
        if found is not None:
            return ("mcp_servers", index, *found[0]), found[1]
    return None


def _problems(server: McpServer) -> Iterator[Problem]:
    if server.transport == "stdio":
        if not server.command or not server.command.isprintable():
            yield ("command",), Phrase("errors.problem.mcp_command")
    else:
        try:
            normalise_url(server.url)
        except SettingsInvalid as error:
            problem = error.values["problem"]
            yield ("url",), problem if isinstance(problem, Phrase) else Phrase("errors.problem.mcp_url")
        parts = urlsplit(server.url)
        if is_secret(server.url) or any(is_secret(value, name) for name, value in parse_qsl(parts.query)):
            yield ("url",), Phrase("errors.problem.mcp_secret", {"name": "url"})
    yield from _names("env", server.env, VARIABLE)
    yield from _names("headers", server.headers, HEADER)
    yield from _names("secrets", server.secrets, VARIABLE if server.transport == "stdio" else HEADER)
    for index, name in enumerate(server.secrets):
        plain = server.env if server.transport == "stdio" else server.headers
        if name.lower() in (other.lower() for other in (*plain, *server.secrets[:index])):
            yield ("secrets", index), Phrase("errors.problem.mcp_twice", {"name": name})
    yield from _values(server)


def _names(field: str, names: Iterable[str], form: re.Pattern[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if not form.fullmatch(name) or (form is HEADER and name.lower() in OWN_HEADERS):
            kind = "errors.problem.mcp_header" if form is HEADER else "errors.problem.mcp_variable"
            place: Place = (field, index) if field == "secrets" else (field,)
            yield place, Phrase(kind)


def _values(server: McpServer) -> Iterator[Problem]:
    """No value that belongs in the keyring, and none that could not be handed on."""
    for field, values in (("env", server.env), ("headers", server.headers)):
        for name, value in values.items():
            if is_secret(value, name):
                yield (field, name), Phrase("errors.problem.mcp_secret", {"name": name})
            if "\0" in value or (field == "headers" and not (value.isprintable() and value.isascii())):
                yield (field, name), Phrase("errors.problem.form")
    before = ""
    for index, word in enumerate(server.args):
        option, _, value = word.partition("=")
        # `--token=…`, and `--token …` as two words.
        told = is_secret(value, option) if option.startswith("-") and value else is_secret(word, before)
        if told:
            yield ("args", index), Phrase("errors.problem.mcp_secret", {"name": "args"})
        if "\0" in word:
            yield ("args", index), Phrase("errors.problem.form")
        before = word if word.startswith("-") and not value else ""
    if is_secret(server.command):
        yield ("command",), Phrase("errors.problem.mcp_secret", {"name": "command"})
