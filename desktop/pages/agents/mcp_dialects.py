"""Reads MCP servers as other programs write them: JSON, TOML, command lines, addresses, links. Pure functions.

Claude Desktop, Claude Code, VS Code, Cursor, Windsurf, Zed, Continue, Cline, Gemini, opencode, Codex.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from desktop.common.errors import Phrase
from desktop.pages.agents.mcp_jsonc import parsed, unfenced
from desktop.pages.common.check_run import FieldError

AROUND = (
    *("mcpServers", "servers", "context_servers", "mcp_servers", "mcp", "modelContextProtocolServers"),
    *("amp.mcpServers", "experimental", "extensions"),
)
"""The names under which programs list their servers; some are nested."""
MOST = 50
ADDRESSES = ("url", "serverUrl", "httpUrl", "uri", "endpoint")
STEPS = 4
"""Nested names."""


@dataclass
class Written:
    """A server as it was written."""

    at: list[str]
    """The path of keys to it; empty outside a block."""
    name: str
    command: str = ""
    args: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict, repr=False)
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    folder: str = ""
    env_file: str = ""
    off: bool = False
    """Whether it was switched off there."""
    always: bool = False
    """Whether it lists tools that run without asking."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Inputs VS Code asks for: id -> question. Hidden inputs begin with a *."""

    @property
    def transport(self) -> str:
        return "stdio" if self.command else "http"


def written(text: str) -> list[Written]:
    """The servers in a text. Raises FieldError for `block` if there is none."""
    text = unfenced(text)
    if not text:
        raise FieldError("block", Phrase("agents.mcp.paste_empty"))
    found = _from_link(text) or _from_line(text) or _from_toml(text)
    if found is None:
        try:
            given = parsed(text)
        except ValueError as error:
            line = getattr(error, "lineno", 1)
            raise FieldError("block", Phrase("agents.mcp.paste_json", {"line": line})) from None
        inputs = _inputs(given)
        found = [_server(at, one) for at, one in _candidates(given) if _fits(one)]
        for one in found:
            one.inputs = inputs
    if not found:
        raise FieldError("block", Phrase("agents.mcp.paste_none"))
    return found[:MOST]


# --- blocks ------------------------------------------------------------------------------------------


def _candidates(given: Any, at: tuple[str, ...] = ()) -> list[tuple[list[str], Any]]:
    """Every place that may hold a server: below a known name, below its own name, or the whole text."""
    if isinstance(given, list):
        return [([*at, str(number)], one) for number, one in enumerate(given)]
    if not isinstance(given, Mapping) or len(at) > STEPS:
        return []
    if _fits(given):
        return [(list(at), given)]
    for name in AROUND:
        if isinstance(given.get(name), (Mapping, list)) and (below := _candidates(given[name], (*at, name))):
            return below
    return [([*at, name], one) for name, one in given.items()]


def _fits(one: Any) -> bool:
    return isinstance(one, Mapping) and bool(_command(one)[0] or _address(one))


def _command(one: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The program and its arguments, wherever the various programs write them."""
    given = one.get("command") or one.get("cmd")
    args = one.get("args")
    if isinstance(one.get("transport"), Mapping):
        return _command(one["transport"])
    if isinstance(given, Mapping):  # Zed
        args, given = given.get("args"), given.get("path")
    if isinstance(given, list) and one.get("type") == "local":  # opencode
        given, args = (given[0] if given else ""), given[1:]
    words = [_text(word) for word in args] if isinstance(args, list) else []
    return (given.strip(), words) if isinstance(given, str) else ("", [])


def _address(one: Mapping[str, Any]) -> str:
    if isinstance(one.get("transport"), Mapping):
        return _address(one["transport"])
    return next((one[name].strip() for name in ADDRESSES if isinstance(one.get(name), str) and one[name].strip()), "")


def _server(at: list[str], one: Mapping[str, Any]) -> Written:
    command, args = _command(one)
    inner = one["command"] if isinstance(one.get("command"), Mapping) else {}
    below = one["transport"] if isinstance(one.get("transport"), Mapping) else {}
    named = one.get("name") or one.get("displayName")
    env: dict[str, str] = {}
    for source in (below, inner, one):
        for name in ("env", "envs", "environment"):
            env |= _texts(source.get(name))
    headers = _texts(one.get("headers")) | _texts(one.get("http_headers")) | _texts(below.get("headers"))
    if isinstance(one.get("requestInit"), Mapping):
        headers |= _texts(one["requestInit"].get("headers"))
    headers |= {name: f"${{env:{value}}}" for name, value in _texts(one.get("env_http_headers")).items()}
    if isinstance(one.get("bearer_token_env_var"), str):
        headers["Authorization"] = f"Bearer ${{env:{one['bearer_token_env_var']}}}"
    key = at[-1] if at and not at[-1].isdigit() else ""
    return Written(
        at=at,
        name=_text(named) if named and not key else key,
        command=command,
        args=args,
        env=env,
        url="" if command else _address(one),
        headers=headers,
        folder=_text(one.get("cwd") or below.get("cwd") or ""),
        env_file=_text(one.get("envFile") or one.get("env_file") or ""),
        off=one.get("disabled") is True or one.get("enabled") is False,
        always=any(one.get(name) for name in ("alwaysAllow", "autoApprove", "alwaysAllowed", "trust", "autoAllow")),
    )


def _inputs(given: Any) -> dict[str, str]:
    asked = given.get("inputs") if isinstance(given, Mapping) else None
    if asked is None and isinstance(given, Mapping) and isinstance(given.get("mcp"), Mapping):
        asked = given["mcp"].get("inputs")
    found: dict[str, str] = {}
    for one in asked if isinstance(asked, list) else []:
        if isinstance(one, Mapping) and isinstance(one.get("id"), str):
            words = _text(one.get("description") or one["id"])[:200]
            found[one["id"]] = f"*{words}" if one.get("password") is True else words
    return found


def _texts(values: Any) -> dict[str, str]:
    if not isinstance(values, Mapping):
        return {}
    return {str(name): _text(value) for name, value in values.items() if isinstance(value, (str, int, float))}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _from_toml(text: str) -> list[Written] | None:
    """Codex: `[mcp_servers.name]`."""
    if not re.search(r"(?m)^[ \t]*\[[\w.\"' -]+\][ \t\r]*(?:#.*)?$", text) or text.startswith("{"):
        return None
    try:
        given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"line (\d+)", str(error))
        raise FieldError("block", Phrase("agents.mcp.paste_toml", {"line": found[1] if found else 1})) from None
    return [_server(at, one) for at, one in _candidates(given) if _fits(one)]


# --- lines -------------------------------------------------------------------------------------------


def _from_link(text: str) -> list[Written] | None:
    """A plain address, or a link that installs a server in an editor."""
    if re.search(r"\s", text):
        return None
    if re.match(r"(?i)https?://", text):
        return [Written([], "", url=text)]
    parts = urlsplit(text)
    given: Any = None
    try:
        if parts.scheme in ("cursor", "windsurf") and "config" in parts.query:
            query = parse_qs(parts.query)
            encoded = query["config"][0].replace(" ", "+")
            given = {query.get("name", [""])[0]: json.loads(base64.b64decode(encoded + "=" * (-len(encoded) % 4)))}
        elif parts.scheme in ("vscode", "vscode-insiders") and parts.query:
            given = parsed(unquote(parts.query))
    except (ValueError, KeyError, RecursionError):
        return []
    return None if given is None else [_server(at, one) for at, one in _candidates(given) if _fits(one)]


PROGRAMS = {
    *("npx", "npm", "pnpm", "pnpx", "yarn", "node", "bunx", "bun", "deno", "uvx", "uv", "pipx", "python", "python3"),
    *("docker", "podman", "claude", "codex", "gemini", "code", "go", "dotnet", "dnx", "java"),
}


def _from_line(text: str) -> list[Written] | None:
    """A command line: `npx -y …`, possibly after variables, or a command that adds a server to another program."""
    line = re.sub(r"\\\r?\n\s*", " ", text)
    line = re.sub(r"^[$>%#]\s+", "", line)
    if "\n" in line.strip() or line[:1] in "{[\"'":
        return None
    env: dict[str, str] = {}
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    while words and (found := re.fullmatch(r"([A-Za-z_]\w*)=(.*)", words[0], re.DOTALL)):
        env[found[1]] = found[2]
        words.pop(0)
    first = words[0].replace("\\", "/").rpartition("/")[2].removesuffix(".exe").removesuffix(".cmd") if words else ""
    if first == "code" and "--add-mcp" in words[:-1]:
        return _named(words[words.index("--add-mcp") + 1])
    if first in ("claude", "codex", "gemini") and words[1:2] == ["mcp"]:
        return _added(words[2:], env)
    if not words or not (first in PROGRAMS or re.match(r"(?:~|\.{1,2})?/[\w.-]", words[0])):
        return None
    return [Written([], "", command=words[0], args=words[1:], env=env)]


def _named(text: str) -> list[Written]:
    """One server as JSON that includes its name."""
    try:
        given = parsed(text)
    except ValueError:
        return []
    one = _server([], given) if _fits(given) else None
    return [one] if one else []


TAKE_ONE = {"-t", "--transport", "-s", "--scope", "--client-id", "--url", "--bearer-token-env-var", "--timeout"}


def _added(words: list[str], env: dict[str, str]) -> list[Written] | None:
    """`claude mcp add` and the like: options, a name, then an address, or `--` and a command line."""
    if words[:1] == ["add-json"] and len(words) >= 3:
        plain = [word for word in words[1:] if not word.startswith("-")]
        found = _named(plain[1]) if len(plain) > 1 else []
        for one in found:
            one.name = plain[0]
        return found
    if words[:1] != ["add"]:
        return []
    made = Written([], "", env=env)
    plain, rest = [], words[1:]
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if word == "--":
            plain += rest
            break
        if len(plain) >= 2 and not made.url and not re.match(r"(?i)https?://", plain[1]):
            plain += [word, *rest]  # the command's own options
            break
        if option in ("-e", "--env", "-H", "--header"):
            given = value if equals and option.startswith("--") else (rest.pop(0) if rest else "")
            sign = "=" if option in ("-e", "--env") else ":"
            name, _, value = given.partition(sign)
            (made.env if sign == "=" else made.headers)[name.strip()] = value.strip()
            while sign == "=" and rest and re.match(r"[A-Za-z_]\w*=", rest[0]):
                name, _, value = rest.pop(0).partition("=")
                made.env[name] = value
        elif option in TAKE_ONE:
            value = value if equals else (rest.pop(0) if rest else "")
            if option == "--url":
                made.url = value
            if option == "--bearer-token-env-var":
                made.headers["Authorization"] = f"Bearer ${{env:{value}}}"
        elif not word.startswith("-") or plain:
            plain.append(word)
    if not plain:
        return []
    made.name = plain[0]
    if len(plain) > 1 and re.match(r"(?i)https?://", plain[1]):
        made.url = plain[1]
    elif len(plain) > 1:
        made.command, made.args = plain[1], plain[2:]
    return [made] if made.command or made.url else []
