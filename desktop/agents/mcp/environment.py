"""The environment of an MCP server's program: a few plain variables, its own variables and its own secrets.

Also where to look for programs: an app started from the desktop has a shorter PATH than a terminal.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from desktop.agents.code.environment import clean
from desktop.settings.mcp import McpServer

PLAIN = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TZ|TMPDIR|LANG|LANGUAGE|LC_\w+|XDG_\w+_(?:HOME|DIRS?)|SSL_CERT_(?:FILE|DIR)"
    r"|DOCKER_HOST|NVM_DIR|VOLTA_HOME|PNPM_HOME|BUN_INSTALL|UV_CACHE_DIR|NPM_CONFIG_CACHE"
    r"|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|(?:https?|no|all)_proxy"
    # Windows
    r"|APPDATA|LOCALAPPDATA|PROGRAMDATA|HOMEDRIVE|HOMEPATH|PATHEXT|PROCESSOR_ARCHITECTURE|SYSTEMDRIVE|SYSTEMROOT|WINDIR"
    r"|TEMP|TMP|USERNAME|USERPROFILE|COMSPEC|PROGRAMFILES(?:\(X86\))?",
    re.IGNORECASE,
)
WITH_PASSWORD = re.compile(r"://[^/\s]*@")

IN_HOME = (
    ".local/bin",
    "bin",
    ".volta/bin",
    ".asdf/shims",
    ".local/share/mise/shims",
    ".nodenv/shims",
    ".pyenv/shims",
    ".local/share/pnpm",
    "Library/pnpm",
    ".npm-global/bin",
    ".npm-packages/bin",
    "n/bin",
    ".bun/bin",
    ".deno/bin",
    ".cargo/bin",
    "go/bin",
    ".rye/shims",
    ".docker/bin",
)
IN_SYSTEM = ("/usr/local/bin", "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin", "/snap/bin", "/opt/local/bin")
ON_WINDOWS = (
    "%APPDATA%/npm",
    "%PROGRAMFILES%/nodejs",
    "%LOCALAPPDATA%/Programs/Python/Launcher",
    "%USERPROFILE%/.local/bin",
)


def of_program(server: McpServer, secrets: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The program's whole environment. From ours, only plain variables, and nothing that looks like a key."""
    ours = {
        name: value
        for name, value in environ.items()
        if PLAIN.fullmatch(name) and not value.startswith("()") and not WITH_PASSWORD.search(value)
    }
    return {**clean(ours), **server.env, **secrets}


def places(environ: Mapping[str, str]) -> list[str]:
    """Folders to search for programs: those in PATH, then common ones that a desktop session's PATH lacks. Only
    existing ones."""
    name = next((name for name in environ if name.upper() == "PATH"), "PATH")
    given = [part for part in environ.get(name, "").split(os.pathsep) if part] or os.defpath.split(os.pathsep)
    more = [str(folder) for folder in _usual(environ) if folder.is_dir()]
    return list(dict.fromkeys([*given, *more]))


def with_places(environ: dict[str, str]) -> dict[str, str]:
    """`environ` with all `places` in PATH: npx needs the node beside it."""
    name = next((name for name in environ if name.upper() == "PATH"), "PATH")
    return {**environ, name: os.pathsep.join(places(environ))}


def _usual(environ: Mapping[str, str]) -> Iterator[Path]:
    if sys.platform == "win32":
        for place in ON_WINDOWS:
            yield Path(re.sub(r"%(\w+)%", lambda found: environ.get(found[1], ""), place))
        return
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    for variable in ("PNPM_HOME", "BUN_INSTALL", "VOLTA_HOME"):
        if value := environ.get(variable):
            yield Path(value) if variable == "PNPM_HOME" else Path(value) / "bin"
    yield from (home / place for place in IN_HOME)
    yield from _node_versions(Path(environ.get("NVM_DIR") or home / ".nvm") / "versions/node", "bin")
    for fnm in (home / ".local/share/fnm", home / "Library/Application Support/fnm", home / ".fnm"):
        yield fnm / "aliases/default/bin"
        yield from _node_versions(fnm / "node-versions", "installation/bin")
    yield from (Path(place) for place in IN_SYSTEM)


def _node_versions(folder: Path, within: str) -> Iterator[Path]:
    """A version manager's versions: its default, if set, then the newest."""
    versions: list[Path] = []
    with suppress(OSError):
        versions = sorted((one for one in folder.iterdir() if one.is_dir()), key=_version, reverse=True)
    wanted = ""
    with suppress(OSError, UnicodeError):
        wanted = (folder.parents[1] / "alias/default").read_text(encoding="utf-8").strip().removeprefix("v")
    first = [one for one in versions if wanted and f"{one.name.removeprefix('v')}.".startswith(f"{wanted}.")]
    yield from (one / within for one in dict.fromkeys([*first[:1], *versions[:1]]))


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", folder.name))
