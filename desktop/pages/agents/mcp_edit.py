"""Turns an MCP server into form fields and back. Cleans what was typed, with a sentence for each field.

Pure functions: no window, no keyring, no program is started. A sentence never contains a secret value.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, ValidationError

from desktop.common.errors import Phrase
from desktop.common.page import Params
from desktop.pages.common.check_run import FieldError
from desktop.settings.errors import SettingsInvalid
from desktop.settings.mcp import (
    HEADER,
    MOST_SECRETS,
    OWN_HEADERS,
    REFERENCE,
    VARIABLE,
    McpServer,
    normalise_url,
    problem_in,
)
from desktop.settings.mcp_secrets import address_taken, taken_out
from desktop.settings.origins import is_own_host
from desktop.settings.problems import first_of
from desktop.settings.secret_shapes import is_secret, is_telling

Typed = Annotated[str, StringConstraints(max_length=20_000)]

Kind = Literal["variables", "headers"]

OPEN_REFERENCE = re.compile(r"\$\{(?:workspaceFolder\w*|input:[^}]*|env:[^}]*|\{[^}]*\})\}")
"""Placeholders an editor would replace with its own values."""
LONGEST_SECRET = 8192
"""The longest value in the keyring, in characters."""


class Row(Params):
    """A variable or a header. An empty secret value means the stored one."""

    name: Typed = ""
    value: Typed = Field(default="", repr=False)
    secret: bool = False


Rows = Annotated[list[Row], Field(max_length=200)]


class McpForm(Params):
    """The form as typed. It keeps the fields of the other transport, so that switching loses nothing."""

    name: Typed = ""
    transport: Literal["stdio", "http"] = "stdio"
    command: Typed = ""
    args: Typed = ""
    """One per line."""
    folder: Typed = ""
    url: Typed = ""
    variables: Rows = Field(default=[])
    headers: Rows = Field(default=[])


def form_of(server: McpServer) -> dict[str, Any]:
    """The form of a server in the settings. Secret values are empty."""
    secrets = [{"name": name, "value": "", "secret": True} for name in server.secrets]

    def rows(plain: dict[str, str], transport: str) -> list[dict[str, Any]]:
        known = [{"name": name, "value": value, "secret": False} for name, value in plain.items()]
        return known + (secrets if server.transport == transport else [])

    return {
        "name": server.name,
        "transport": server.transport,
        "command": server.command,
        "args": "\n".join(server.args),
        "folder": server.folder,
        "url": server.url,
        "variables": rows(server.env, "stdio"),
        "headers": rows(server.headers, "http"),
    }


def edited(form: McpForm, server_id: str) -> tuple[McpServer, dict[str, str]]:
    """The server described by the form, and its secret values by name, empty if not typed. Anything in the address or
    the arguments that looks like a secret becomes one, and a reference replaces it.

    Raises FieldError with the form's field name, for a row such as `variables.2.name`.
    """
    data: dict[str, Any] = {"id": server_id, "name": form.name, "transport": form.transport}
    kind: Kind = "variables" if form.transport == "stdio" else "headers"
    if kind == "variables":
        command, split = split_command(form.command)
        args = [*split, *(line for line in form.args.splitlines() if line.strip())]
        if open_one := OPEN_REFERENCE.search(form.folder):
            raise FieldError("folder", Phrase("agents.mcp.reference_open", {"name": open_one[0]}))
        data |= {"command": command, "args": args, "folder": clean_folder(form.folder)}
    rows = _rows(kind, form.variables if kind == "variables" else form.headers)
    secret = {row.name: row.value for row in rows.values() if row.secret}
    taken: dict[str, str] = {}
    if kind == "headers":
        url, taken = address_taken(with_scheme(form.url), [row.name for row in rows.values()])
        data["url"] = clean_url(url)
    data["env" if kind == "variables" else "headers"] = {one.name: one.value for one in rows.values() if not one.secret}
    data["secrets"] = list(secret)
    try:
        server = McpServer.model_validate(data)
    except ValidationError as error:
        place, problem = first_of(error, McpServer)
        raise _at(place, problem, kind, rows) from None
    for at, words in (("args", server.args), ("url", [server.url])):
        for word in words:
            if open_one := OPEN_REFERENCE.search(word):
                raise FieldError(at, Phrase("agents.mcp.reference_open", {"name": open_one[0]}))
    if kind == "variables":
        out = taken_out(server)
        server, taken = out.server, out.values
    else:
        server = server.model_copy(update={"secrets": [*server.secrets, *taken]})
    if len(server.secrets) > MOST_SECRETS:
        raise FieldError(kind, Phrase("problems.too_many", {"limit": MOST_SECRETS}))
    wrong = problem_in(server)
    if wrong is not None:
        raise _at(*wrong, kind, rows)
    return server, {**secret, **taken}


def split_command(text: str) -> tuple[str, list[str]]:
    """Split a program and its arguments, as in a terminal. Raises FieldError for `command`."""
    wanted = text.strip()
    if not wanted:
        raise FieldError("command", Phrase("agents.mcp.command_empty"))
    if not wanted.isprintable():
        raise FieldError("command", Phrase("problems.form_line"))
    # A path with spaces is one word. A Windows backslash is not a shell escape.
    if not re.search(r"[\s\"']", wanted) or re.match(r"[A-Za-z]:\\", wanted) or _is_program(wanted):
        return wanted, []
    try:
        command, *args = shlex.split(wanted)
    except ValueError:
        raise FieldError("command", Phrase("agents.mcp.command_quotes")) from None
    if not command:
        raise FieldError("command", Phrase("agents.mcp.command_empty"))
    return command, args


def _is_program(path: str) -> bool:
    try:
        return Path(path).expanduser().is_file() or shutil.which(path) is not None
    except (OSError, ValueError, RuntimeError):  # too long, or an unknown user's home
        return False


def clean_folder(text: str) -> str:
    """The folder a program starts in; empty for the app's choice. Raises FieldError for `folder`."""
    wanted = text.strip()
    if not wanted:
        return ""
    try:
        folder = Path(wanted).expanduser()
        there = folder.is_absolute() and folder.is_dir()
    except (OSError, ValueError, RuntimeError):
        there = False
    if not there:
        raise FieldError("folder", Phrase("agents.mcp.folder_missing"))
    return str(folder)


def clean_url(text: str) -> str:
    """The address as stored in the settings. A bare `localhost:8000/mcp` means http, any other bare host https.

    Raises FieldError for `url`.
    """
    try:
        return normalise_url(with_scheme(text))
    except SettingsInvalid as error:
        raise FieldError("url", error.values["problem"]) from None
    except ValueError:
        raise FieldError("url", Phrase("problems.mcp_url")) from None


def with_scheme(text: str) -> str:
    """Add the scheme: http for a bare `localhost:8000/mcp`, https for other hosts. Raises FieldError for `url`."""
    wanted = text.strip().strip("\"'`<>")
    if not wanted:
        raise FieldError("url", Phrase("agents.mcp.url_empty"))
    if "://" in wanted:
        return wanted
    try:
        host = urlsplit(f"//{wanted}").hostname or ""
    except ValueError:
        raise FieldError("url", Phrase("problems.mcp_url")) from None
    return f"{'http' if is_own_host(host) else 'https'}://{wanted}"


def _rows(kind: Kind, rows: Sequence[Row]) -> dict[int, Row]:
    """The non-empty rows by number, cleaned. Raises FieldError for an invalid name."""
    found: dict[int, Row] = {}
    seen: set[str] = set()
    form, problem = (VARIABLE, "problems.mcp_variable") if kind == "variables" else (HEADER, "problems.mcp_header")
    for number, row in enumerate(rows):
        name, value = row.name.strip(), row.value.strip() if row.secret or kind == "headers" else row.value
        if not name and not value:
            continue
        at = f"{kind}.{number}.name"
        if not name:
            raise FieldError(at, Phrase("agents.mcp.row_name_empty"))
        if not form.fullmatch(name) or (kind == "headers" and name.lower() in OWN_HEADERS):
            raise FieldError(at, Phrase(problem))
        if not row.secret and is_telling(name) and is_secret(value, "token") and not REFERENCE.search(value):
            raise FieldError(f"{kind}.{number}.value", Phrase("agents.mcp.row_secret"))
        if name.lower() in seen:
            raise FieldError(at, Phrase("problems.mcp_twice", {"name": name}))
        seen.add(name.lower())
        if row.secret and len(value) > LONGEST_SECRET:
            raise FieldError(f"{kind}.{number}.value", Phrase("problems.too_long", {"count": LONGEST_SECRET}))
        if (row.secret and "\0" in value) or (kind == "headers" and not (value.isascii() and value.isprintable())):
            right = Phrase("problems.form_plain" if kind == "headers" else "problems.form_line")
            raise FieldError(f"{kind}.{number}.value", right)
        if row.secret and name.lower() == "authorization":
            value = _bearer(value)
        found[number] = Row(name=name, value=value, secret=row.secret)
    return found


def _at(place: tuple[str | int, ...], problem: Phrase, kind: Kind, rows: Mapping[int, Row]) -> FieldError:
    """Turn a problem at a location in the model into a FieldError at the form's field."""
    field, *below = place
    if field == "args" and problem.key == "problems.mcp_secret":
        return FieldError("args", Phrase("agents.mcp.args_secret"))
    if field == "url" and problem.key == "problems.mcp_secret":
        return FieldError("url", Phrase("agents.mcp.url_secret"))
    if field not in ("env", "headers", "secrets"):
        return FieldError(str(field), problem)
    name = below[0] if below else ""
    if field == "secrets" and isinstance(name, int):
        name = [row.name for row in rows.values() if row.secret][name]
    number = next((number for number, row in rows.items() if row.name == name), max(rows, default=0))
    if problem.key == "problems.mcp_secret":
        problem = Phrase("agents.mcp.row_secret")
    return FieldError(f"{kind}.{number}.value", problem)


def _bearer(value: str) -> str:
    """Add `Bearer` to a bare token. A value with a scheme (`Basic …`) stays as it is."""
    return f"Bearer {value}" if value and not re.search(r"\s", value) else value
