"""Other people's servers, installed into build/peers for `make test-peers`: `python -m tests.rig.peers` installs them.

Python packages go into an environment of their own each, npm packages into one folder, all on their newest versions, so
that the tests say what is true today; which versions were met is printed. A further peer is one more row of `PYTHON` or
`NODE`, and a file of tests in `tests/peers/` that asks for it by its name. Names no registry: pip and npm use what the
machine is set to.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LIMIT = 1800
"""Longest time for one installation, in seconds."""
FOLDER = Path(__file__).resolve().parents[2] / "build" / "peers"
NODE_FOLDER = FOLDER / "node"


@dataclass(frozen=True)
class Peer:
    """`packages` are installed together; the first is the one that is met."""

    name: str
    packages: tuple[str, ...]


PYTHON = (
    # MCP servers and what starts them.
    Peer("time", ("mcp-server-time",)),
    Peer("uv", ("uv",)),
    # ChatKit servers: `servers/` has what a team would write on them.
    Peer("microsoft", ("agent-framework-chatkit", "uvicorn")),
    Peer("google", ("adk-chatkit", "uvicorn")),
    # Models: a gateway, and a server of models on this computer. The latter is compiled: it wants a C++ compiler.
    Peer("litellm", ("litellm[proxy]",)),
    Peer("llama", ("llama-cpp-python[server]", "gguf", "numpy")),
)
NODE = (
    "@modelcontextprotocol/server-everything",
    "@modelcontextprotocol/server-filesystem",
)


def python_of(name: str) -> Path:
    """The interpreter of a Python peer."""
    return FOLDER / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def script_of(name: str, script: str) -> Path:
    """A program that a Python peer brings."""
    return python_of(name).with_name(script)


def installed() -> bool:
    """Whether everything is there."""
    return all(python_of(peer.name).exists() for peer in PYTHON) and all(
        (NODE_FOLDER / "node_modules" / package).is_dir() for package in NODE
    )


def versions() -> dict[str, str]:
    """Package -> version, of what is installed."""
    found: dict[str, str] = {}
    for peer in PYTHON:
        package = peer.packages[0].partition("[")[0]
        code = f"import importlib.metadata as m; print(m.version({package!r}))"
        done = subprocess.run([str(python_of(peer.name)), "-c", code], capture_output=True, text=True, timeout=60)
        found[package] = done.stdout.strip() or "?"
    for package in NODE:
        about = NODE_FOLDER / "node_modules" / package / "package.json"
        found[package] = json.loads(about.read_text(encoding="utf-8"))["version"] if about.exists() else "?"
    return found


def install() -> None:
    """Installs or brings up to date. Raises CalledProcessError where a registry can't be reached."""
    NODE_FOLDER.mkdir(parents=True, exist_ok=True)
    for peer in PYTHON:
        if not python_of(peer.name).exists():
            subprocess.run([sys.executable, "-m", "venv", str(FOLDER / peer.name)], check=True, timeout=LIMIT)
        pip = [str(python_of(peer.name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--upgrade", *peer.packages], check=True, timeout=LIMIT)
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is needed for the peers in JavaScript: install nodejs and npm.")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    latest = [f"{package}@latest" for package in NODE]
    subprocess.run([npm, "install", "--prefix", str(NODE_FOLDER), *quiet, *latest], check=True, timeout=LIMIT)


def main() -> None:
    install()
    for package, version in versions().items():
        print(f"{package} {version}")


if __name__ == "__main__":
    main()
