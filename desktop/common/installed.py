"""How the app was installed, and the command that installs a missing part.

No line names this project to a registry: nobody has published it under its name, and somebody else could. What is
installed are the libraries of the part, by the names their own makers publish them under.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from desktop.common.errors import AgentsMissing, Phrase
from desktop.common.locations import is_frozen

Part = Literal["agents", "qt"]
PARTS: dict[Part, tuple[str, ...]] = {
    "agents": ("openai-chatkit", "openai-agents", "markdown-it-py", "nh3"),
    "qt": ("qtpy", "pyside6-addons", "pyside6-webengine"),
}
"""The libraries of each, as pyproject.toml has them."""
PROJECT = "chatkit-desktop"
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)\s*([^;]*?)\s*(?:;(.*))?$")
_PYTHON = re.compile(r"python_version\s*(<|>=)\s*['\"]3\.(\d+)['\"]")


def command_for(part: Part, prefix: Path | None = None) -> str:
    """What installs a part the way the app was installed; empty for a packaged app, which is whole or made without."""
    if is_frozen():
        return ""
    prefix = prefix or Path(sys.prefix)
    source = _checkout()
    if source is not None:
        wanted = ["--require-hashes", "-r", str(source / "requirements.txt")]
        return _line([sys.executable, "-m", "pip", "install", *(wanted if part == "agents" else [f"{source}[{part}]"])])
    libraries = _libraries(part)
    if (prefix / "pipx_metadata.json").is_file():
        return _line(["pipx", "inject", prefix.name, *libraries])
    if (prefix / "uv-receipt.toml").is_file() or "\nuv = " in _config(prefix):
        return _line(["uv", "pip", "install", "--python", sys.executable, *libraries])
    return _line([sys.executable, "-m", "pip", "install", *libraries])


def agents_missing(detail: str) -> AgentsMissing:
    """The sentence for a part of the agent stack that is not there. `detail` is for people who look under *Details*."""
    command = command_for("agents")
    advice = Phrase("errors.agents.install", {"command": command}) if command else Phrase("errors.agents.packaged")
    return AgentsMissing(detail, advice=advice)


def sees_system_packages(prefix: Path | None = None, base: Path | None = None) -> bool:
    """Whether this Python sees what the distribution has installed for its own."""
    prefix, base = prefix or Path(sys.prefix), base or Path(sys.base_prefix)
    return prefix == base or re.search(r"(?mi)^include-system-site-packages\s*=\s*true", _config(prefix)) is not None


def is_of_the_system(base: Path | None = None) -> bool:
    """Whether it is the distribution's own Python, or an environment of that."""
    return (base or Path(sys.base_prefix)) == Path("/usr")


def command_to_see_system_packages(prefix: Path | None = None) -> str:
    """What lets this environment see them, with everything that is in it left as it is."""
    python = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    # Without pip: making that again needs python3-venv, and it is there.
    return _line([python, "-m", "venv", "--without-pip", "--system-site-packages", str(prefix or sys.prefix)])


def _checkout() -> Path | None:
    """The folder of the sources that this runs from."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "pyproject.toml").is_file() and (folder / "requirements.txt").is_file() else None


def _libraries(part: Part) -> list[str]:
    """With the versions that this version of the app takes, on this Python."""
    from importlib import metadata

    try:
        required = metadata.requires(PROJECT) or []
    except metadata.PackageNotFoundError:
        required = []
    found = []
    for one in required:
        match = _REQUIREMENT.match(one)
        if match and match[1].lower() in PARTS[part] and _is_for_this_python(match[3] or ""):
            found.append(match[1] + match[2].replace(" ", ""))
    return found or list(PARTS[part])


def _is_for_this_python(marker: str) -> bool:
    return all((sys.version_info >= (3, int(minor))) is (sign == ">=") for sign, minor in _PYTHON.findall(marker))


def _config(prefix: Path) -> str:
    try:
        return "\n" + (prefix / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _line(words: Sequence[str]) -> str:
    if os.name == "nt":
        import subprocess

        return subprocess.list2cmdline(words)
    import shlex

    return shlex.join(words)
