"""A .NET for the tests of the Windows adapter on Linux: Mono's WinForms, and pythonnet as Windows gets it.

`python -m tests.rig.dotnet` puts into build/dotnet what no package installs alone: pythonnet by the lock file's
checksums, and of Debian's `mono-devel` the facades (names of .NET's assemblies that lead to Mono's), without the 130
packages of a compiler. Mono itself is installed by prepare.py. Names no registry: pip and apt use what is set.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "dotnet"
PACKAGES = FOLDER / "packages"
FACADES = FOLDER / "facades"
LOCKED = ("pythonnet", "clr-loader")
LIMIT = 600
"""Seconds for one download."""


def installed() -> bool:
    """Whether everything is there."""
    runtime = shutil.which("mono") or list(Path("/usr/lib").glob("libmonosgen-2.0.so*"))
    return bool(runtime) and (PACKAGES / "clr.py").is_file() and (FACADES / "netstandard.dll").is_file()


def environment() -> dict[str, str]:
    """What a Python of ours needs to have .NET, beside its own."""
    return {
        "PYTHONNET_RUNTIME": "mono",
        "MONO_PATH": str(FACADES),
        "PYTHONPATH": os.pathsep.join((str(PACKAGES), str(ROOT))),
        # Debian 12 has Mono 6.8, of which clr-loader says that it is problematic.
        "PYTHONWARNINGS": "ignore:Hosting Mono:UserWarning",
    }


def install() -> None:
    if not (PACKAGES / "clr.py").is_file():
        shutil.rmtree(PACKAGES, ignore_errors=True)
        PACKAGES.mkdir(parents=True)
        wanted = FOLDER / "requirements.txt"
        wanted.write_text(locked((ROOT / "requirements.txt").read_text(encoding="utf-8")), encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "--target", str(PACKAGES), "-r", str(wanted)], check=True, timeout=LIMIT)
    if not (FACADES / "netstandard.dll").is_file():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["apt-get", "--quiet", "download", "mono-devel"], cwd=folder, check=True, timeout=LIMIT)
            (package,) = Path(folder).glob("mono-devel_*.deb")
            subprocess.run(["dpkg-deb", "--extract", str(package), f"{folder}/all"], check=True, timeout=LIMIT)
            shutil.rmtree(FACADES, ignore_errors=True)
            shutil.copytree(f"{folder}/all/usr/lib/mono/4.5/Facades", FACADES)


def locked(requirements: str) -> str:
    """The entries of `LOCKED` with their checksums, for this system."""
    found = []
    for name in LOCKED:
        entry = re.search(rf"^({name}==\S+) ;[^\n]*\\\n((?: +--hash=\S+(?: \\)?\n)+)", requirements, re.MULTILINE)
        if entry is None:
            raise SystemExit(f"{name} is not in the lock file")
        found.append(f"{entry[1]} \\\n{entry[2]}")
    return "".join(found)


if __name__ == "__main__":
    install()
