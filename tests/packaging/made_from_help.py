"""What the help tells a maker, taken out of it: the files of its example, and the commands that package it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.clean_system import CleanSystem
from tests.rig import processes

ROOT = Path(__file__).resolve().parents[2]


def section() -> str:
    """What the help says for makers, one topic after another."""
    folder = ROOT / "assets" / "help"
    topics = json.loads((folder / "contents.json").read_text(encoding="utf-8"))["makers"]
    return "\n".join((folder / "en" / f"{name}.md").read_text(encoding="utf-8") for name in topics)


def files() -> dict[str, str]:
    """{path as seen from the clone: text} of the blocks that name a file."""
    return dict(re.findall(r"(?ms)^```[a-z]+ (\.\./\S+)\n(.*?)^```$", section()))


def commands() -> str:
    """The first block of commands, a shell script to run in the clone."""
    found = re.search(r"(?ms)^```sh\n(.*?)^```$", section())
    assert found, "the help for makers has no block of commands"
    return found[1]


def write(clone: Path) -> Path:
    """The example's files, where the help has them. The brand file."""
    for name, text in files().items():
        path = Path(os.path.normpath(clone / name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (brand,) = (clone.parent / "fern").glob("brand.toml")
    return brand


def surroundings(shared: Path) -> tuple[dict[str, str], list[Path]]:
    """How this machine reaches Python's and Node's packages, for another system on it: variables, and folders it must
    see. pip's and npm's settings, the certificates that are trusted here; on a machine without any of its own, nothing.
    """
    environ: dict[str, str] = {}
    listed = subprocess.run(
        ["/usr/bin/env", "python3", "-m", "pip", "config", "list"], capture_output=True, text=True, timeout=60
    ).stdout
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        if name.startswith(("global.", ":env:.")):
            environ["PIP_" + name.rpartition(".")[2].upper().replace("-", "_")] = value.strip("'")
    trusted = Path("/etc/ssl/certs/ca-certificates.crt")
    if trusted.is_file():
        (shared / "trusted.crt").write_bytes(trusted.read_bytes())
        names = ("PIP_CERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "npm_config_cafile")
        environ |= dict.fromkeys(names, str(shared / "trusted.crt"))
    for name, value in environ.items():
        if name.startswith("PIP_") and (own := Path(value)).is_absolute() and own.is_file() and own.parent != shared:
            (shared / own.name).write_bytes(own.read_bytes())  # a file of constraints
            environ[name] = str(shared / own.name)
    if npm := shutil.which("npm"):
        registry = processes.run([npm, "config", "get", "registry"], limit=60).stdout.strip()
        environ |= {"npm_config_registry": registry} if "://" in registry else {}
    environ |= {name: value for name, value in os.environ.items() if name.lower() in ("http_proxy", "https_proxy")}
    said = " ".join(environ.values())
    # An index of files names them beside itself.
    named = [Path(path).parent for path in re.findall(r"file://(/\S+)", said)]
    named += [Path(path) for path in re.findall(r"(?:^|\s)(/\S+)", said)]
    folders = [path for path in dict.fromkeys(named) if path.is_dir() and path != Path("/")]
    return environ, folders


def prepare(system: CleanSystem, user: str) -> tuple[Path, dict[str, str]]:
    """A clone of the last commit in the home of `user`, who may use sudo, with the README's example beside it, and no
    screen. Where the clone is, and the variables that commands there need."""
    clone = system.home / "chatkit-desktop"
    processes.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True, limit=300)
    write(clone)
    system.install("sudo")
    allowed = system.folder / "etc" / "sudoers.d" / user
    allowed.write_text(f"Defaults !use_pty\n{user} ALL=(ALL) NOPASSWD: ALL\n", encoding="utf-8")
    environ, folders = surroundings(system.shared)
    system.folders = (system.shared, *folders)
    (system.folder / "tmp" / ".X11-unix").chmod(0o1777)
    system.must("chown", "-R", user, str(system.home))
    return clone, environ


def make(system: CleanSystem, user: str, limit: float) -> Path:
    """Does what the help says, as `user` of a system with nothing but `sudo`. The folder with the packages."""
    clone, environ = prepare(system, user)
    script = f"cd {clone}\nexport HOME={system.home}\n{commands()}"
    done = system.run("runuser", "-u", user, "--", "sh", "-e", "-c", script, environ=environ, limit=limit)
    if done.returncode:
        pytest.fail(f"the help's commands ended with {done.returncode}: {(done.stdout + done.stderr)[-4000:]}")
    return clone / "dist"
