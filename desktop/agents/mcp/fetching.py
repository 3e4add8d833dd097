"""Programs that download what they run, and whether a silent one is still working.

`npx`, `uvx` and the like download a server before its first start. Minutes of silence are then normal.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePath

from desktop.common.errors import Phrase

HOW = {
    "node": ("npx", "npm", "node", "pnpm", "pnpx", "yarn", "corepack"),
    "uv": ("uvx", "uv"),
    "pipx": ("pipx",),
    "docker": ("docker",),
    "podman": ("podman",),
    "bun": ("bunx", "bun"),
    "deno": ("deno",),
    "python": ("python", "python3", "py"),
    "go": ("go",),
    "dotnet": ("dotnet", "dnx"),
    "java": ("java",),
}
"""How to get programs: the ending of a text (`mcp.get_…`) -> the programs."""

FETCHERS = {
    *("npx", "npm", "pnpm", "pnpx", "yarn", "bunx", "bun", "deno"),
    *("uvx", "uv", "pipx", "docker", "podman", "nerdctl", "go", "dnx", "dotnet", "cargo", "nix", "jbang", "mvn"),
}
"""Programs that download what they run, mostly silently."""


def name_of(command: str) -> str:
    """`/usr/bin/npx`, `npx.cmd` -> `npx`."""
    name = PurePath(command.replace("\\", "/")).name.lower()
    return name.removesuffix(".exe").removesuffix(".cmd").removesuffix(".bat")


def how_to_get(command: str) -> Phrase | None:
    """How to get a missing program; None if unknown."""
    name = name_of(command)
    return next((Phrase(f"mcp.get_{kind}") for kind, names in HOW.items() if name in names), None)


def pulse(pid: int) -> int | None:
    """A number that grows while the process or one below it works: processor time plus bytes read and written.

    None if unknown: not on Linux, or it has ended.
    """
    total = None
    for one in _below(pid):
        with suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{one}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            total = (total or 0) + int(fields[11]) + int(fields[12])
        with suppress(OSError, ValueError):
            counts = Path(f"/proc/{one}/io").read_text(encoding="utf-8").split()
            total = (total or 0) + int(counts[1]) + int(counts[3])
    return total


def _below(pid: int) -> Iterable[int]:
    """The process and all its descendants (Linux). The guard adopts those that lost their parent."""
    found = [pid] if pid > 0 and os.path.isdir("/proc/self") else []
    for one in found:
        with suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                children = Path(f"/proc/{one}/task/{task}/children").read_text(encoding="utf-8").split()
                found += [int(child) for child in children if int(child) not in found][: 200 - len(found)]
    return found
