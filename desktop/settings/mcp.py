"""MCP servers: programs and addresses that provide tools to agents. Pure models, like `agents.py`, and their rules.

The values of secrets are in the keyring. The settings only contain their names, and refuse what looks like a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, StringConstraints, model_validator

from desktop.common.errors import Phrase
from desktop.settings.base import AgentId, Model, Name, shaped
from desktop.settings.errors import SettingsInvalid
from desktop.settings.origins import normalise_api_base
from desktop.settings.secret_shapes import is_secret, is_telling

Place = tuple[str | int, ...]
Problem = tuple[Place, Phrase]
"""A location in a server, or in the list of them, and the problem there."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
REFERENCE = re.compile(r"\$\{secret:([A-Za-z0-9_.-]{1,100})\}")
"""A reference to a secret in an argument, a variable, a header or an address: `${secret:NAME}`."""
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
"""Headers the protocol sets itself."""

MOST_SERVERS = 50
MOST_SECRETS = 20
ToolName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Value = Annotated[str, StringConstraints(max_length=4096)]


class Approved(Model):
    """A tool that is always allowed, as its server described it at the time."""

    tool: ToolName
    digest: Annotated[str, shaped(r"^([0-9a-f]{64})?$", "form_digest")] = ""
    """SHA-256 of the server's description of the tool. If empty, or if the entry is only a name, you are asked
    again."""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"tool": value} if isinstance(value, str) else value


class McpServer(Model):
    """A server of the Model Context Protocol. Agents that list it may use its tools."""

    id: AgentId
    """The server's id in the settings. Its secrets are stored under it."""
    name: Name = ""
    """The name people see; empty for the id."""
    transport: Literal["stdio", "http"]
    """A program on this computer, or an address (streamable HTTP)."""
    command: Annotated[str, StringConstraints(max_length=4096, strip_whitespace=True)] = ""
    """stdio: the program's name or path."""
    args: list[Value] = Field(default=[], max_length=100)
    """The program's arguments."""
    env: dict[Annotated[str, StringConstraints(max_length=100)], Value] = Field(default={}, max_length=100)
    """Variables for the program, besides PATH, HOME and the like. Nothing secret."""
    folder: Value = ""
    """The folder the program starts in; empty for the home folder."""
    url: Annotated[str, StringConstraints(max_length=2048, strip_whitespace=True)] = ""
    """http: the server's address: https, or http on this computer."""
    headers: dict[Annotated[str, StringConstraints(max_length=100)], Value] = Field(default={}, max_length=50)
    """Headers sent with every request. Nothing secret."""
    secrets: list[Annotated[str, StringConstraints(max_length=100)]] = Field(default=[], max_length=MOST_SECRETS)
    """Names of secrets whose values are in the keyring. A secret with a reference (`${secret:NAME}` in an argument, a
    variable, a header or the address) is only used there. Any other is a variable (stdio) or a header (http)."""
    always: list[Approved] = Field(default=[], max_length=500)
    """Tools that run without asking, as long as their description has not changed."""
    tools_off: list[ToolName] = Field(default=[], max_length=1000)
    """Tools that no agent gets."""

    @property
    def label(self) -> str:
        """The name people see."""
        return self.name or self.id


def reference(name: str) -> str:
    """The reference to a secret."""
    return f"${{secret:{name}}}"


def referred(server: McpServer) -> set[str]:
    """Names of the secrets the server refers to."""
    words = (
        (*server.args, *server.env.values()) if server.transport == "stdio" else (server.url, *server.headers.values())
    )
    return {name for word in words for name in REFERENCE.findall(word)}


def bare(server: McpServer) -> McpServer:
    """The server without its name, approvals and switched-off tools, which don't make it a different server."""
    return server.model_copy(update={"name": "", "always": [], "tools_off": []})


def mcp_secret(server: McpServer, name: str) -> str:
    """The name of a server's secret in the keyring (`Keys.secret`).

    It includes the address, so that another address asks again (checklist 31). Raises SettingsInvalid for a bad
    address.
    """
    where = "stdio" if server.transport == "stdio" else origin_of_server(server.url)
    return f"mcp|{server.id}|{where}|{name}"


def mcp_grant(server: McpServer) -> str:
    """The name of a person's sign-in at a server in the keyring; like `mcp_secret`."""
    return f"mcp-sign-in|{server.id}|{origin_of_server(server.url)}"


def normalise_url(url: str, *, name: str = "url") -> str:
    """The address as stored: https, or http on loopback. Path and query stay as they are.

    Raises SettingsInvalid.
    """
    wanted = url.strip()
    if not wanted:
        raise SettingsInvalid(name=name, problem=Phrase("problems.api_base_empty"))
    try:
        parts = urlsplit(wanted)
    except ValueError:
        raise SettingsInvalid(name=name, problem=Phrase("problems.mcp_url")) from None
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if not all(33 <= ord(char) < 127 for char in path) or "\\" in path or parts.fragment or "@" in parts.netloc:
        raise SettingsInvalid(name=name, problem=Phrase("problems.mcp_url"))
    return normalise_api_base(f"{parts.scheme}://{parts.netloc}", name=name) + (path or "/")


def origin_of_server(url: str) -> str:
    """`scheme://host[:port]` of a server's address, the only place its secrets may go. Raises SettingsInvalid."""
    parts = urlsplit(normalise_url(url))
    return f"{parts.scheme}://{parts.netloc}"


def same_server(one: McpServer, other: McpServer) -> bool:
    """Whether approvals for `one` apply to `other`: the same program with the same arguments, or the same address."""
    if one.transport != other.transport:
        return False
    if one.transport == "http":
        return one.url == other.url
    return (one.command, one.args, one.folder) == (other.command, other.args, other.folder)


def problem_in(server: McpServer) -> Problem | None:
    """A problem with a server that the model can't express: the field's location, and a sentence."""
    return next(_problems(server), None)


def first_problem(servers: Sequence[McpServer], *, movable: bool = False) -> Problem | None:
    """The same for the list of servers; the location begins with `mcp_servers`. `movable`: a secret in an address is
    not a problem, because it will be moved to the keyring (`keys/moving.py`)."""
    seen: set[str] = set()
    for index, server in enumerate(servers):
        if server.id in seen:
            return ("mcp_servers", index, "id"), Phrase("problems.mcp_same_id", {"id": server.id})
        seen.add(server.id)
        problems = _problems(server)
        found = next((one for one in problems if not (movable and _is_movable(one))), None)
        if found is not None:
            return ("mcp_servers", index, *found[0]), found[1]
    return None


def _problems(server: McpServer) -> Iterator[Problem]:
    if server.transport == "stdio":
        if not server.command or not server.command.isprintable():
            yield ("command",), Phrase("problems.mcp_command")
    else:
        try:
            normalise_url(server.url)
        except SettingsInvalid as error:
            problem = error.values["problem"]
            yield ("url",), problem if isinstance(problem, Phrase) else Phrase("problems.mcp_url")
        if _holds_secret(server.url):
            yield ("url",), Phrase("problems.mcp_secret", {"name": "url"})
    yield from _references(server)
    yield from _names("env", server.env, VARIABLE)
    yield from _names("headers", server.headers, HEADER)
    yield from _names("secrets", server.secrets, VARIABLE if server.transport == "stdio" else HEADER)
    for index, name in enumerate(server.secrets):
        plain = server.env if server.transport == "stdio" else server.headers
        if name.lower() in (other.lower() for other in (*plain, *server.secrets[:index])):
            yield ("secrets", index), Phrase("problems.mcp_twice", {"name": name})
    yield from _values(server)


def _references(server: McpServer) -> Iterator[Problem]:
    """Each reference must be to an existing secret, and none may change which host the address means."""
    groups: list[tuple[Place, Iterable[str]]] = (
        [(("args",), server.args), (("env",), server.env.values())]
        if server.transport == "stdio"
        else [(("url",), [server.url]), (("headers",), server.headers.values())]
    )
    for place, words in groups:
        for index, word in enumerate(words):
            missing = next((name for name in REFERENCE.findall(word) if name not in server.secrets), "")
            if missing:
                at: Place = (*place, index) if place == ("args",) else place
                yield at, Phrase("problems.mcp_reference", {"name": missing})


def _holds_secret(url: str) -> bool:
    bare_url = _without_references(url)
    pairs = parse_qsl(urlsplit(bare_url).query)
    return is_secret(bare_url) or any(is_telling(name) and is_secret(value, name) for name, value in pairs)


def _is_movable(problem: Problem) -> bool:
    return problem[0] == ("url",) and problem[1].key == "problems.mcp_secret"


def _names(field: str, names: Iterable[str], form: re.Pattern[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if not form.fullmatch(name) or (form is HEADER and name.lower() in OWN_HEADERS):
            kind = "problems.mcp_header" if form is HEADER else "problems.mcp_variable"
            place: Place = (field, index) if field == "secrets" else (field,)
            yield place, Phrase(kind)


def _values(server: McpServer) -> Iterator[Problem]:
    """No value may belong in the keyring or be impossible to pass on."""
    for field, values in (("env", server.env), ("headers", server.headers)):
        for name, value in values.items():
            if is_secret(_without_references(value), name):
                yield (field, name), Phrase("problems.mcp_secret", {"name": name})
            if "\0" in value or (field == "headers" and not (value.isprintable() and value.isascii())):
                yield (
                    (field, name),
                    Phrase("problems.form_plain" if field == "headers" else "problems.form_line"),
                )
    before = ""
    for index, word in enumerate(server.args):
        option, _, value = word.partition("=")
        # `--token=…`, and `--token …` as two arguments.
        rest = _without_references(value)
        told = is_secret(rest, option) if option.startswith("-") and value else _shaped(word, before)
        if told:
            yield ("args", index), Phrase("problems.mcp_secret", {"name": "args"})
        if "\0" in word:
            yield ("args", index), Phrase("problems.form_line")
        before = word if word.startswith("-") and not value else ""
    if is_secret(server.command):
        yield ("command",), Phrase("problems.mcp_secret", {"name": "command"})


def _without_references(text: str) -> str:
    return REFERENCE.sub("", text)


def _shaped(word: str, before: str) -> bool:
    return is_secret(_without_references(word), before)
