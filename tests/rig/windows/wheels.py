"""The locked packages as a Windows would install them: `requirements-dev.txt`, its markers evaluated for Windows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from packaging.markers import Marker

from tests.rig.prepare import QT_NAMES, ROOT

PYTHON = "3.13"
WINDOWS = {
    "implementation_name": "cpython",
    "implementation_version": f"{PYTHON}.2",
    "os_name": "nt",
    "platform_machine": "AMD64",
    "platform_python_implementation": "CPython",
    "platform_system": "Windows",
    "python_full_version": f"{PYTHON}.2",
    "python_version": PYTHON,
    "sys_platform": "win32",
}
FITTING = ("--only-binary=:all:", "--platform", "win_amd64", "--python-version", PYTHON, "--implementation", "cp")
SOURCE_ONLY = ("proxy_tools",)
"""Published without a wheel; plain Python. Built here, as every installation from source does."""
ABIS = ("--abi", f"cp{PYTHON.replace('.', '')}", "--abi", "abi3", "--abi", "none")


def for_windows(lock: str) -> str:
    """Of a lock file, what Windows needs, hashes and all, without markers and without Qt."""
    kept: list[str] = []
    taken = False
    for line in lock.splitlines():
        start = re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+) *(?:; *(.*?))? *\\?$", line)
        if start:
            name, version, marker = start.groups()
            taken = not QT_NAMES.fullmatch(name.lower()) and (not marker or Marker(marker).evaluate(dict(WINDOWS)))
            if taken:
                kept.append(f"{name}=={version}")
        elif taken and (found := re.match(r" +(--hash=\S+)", line)):
            kept[-1] += f" {found[1]}"
    return "\n".join(kept) + "\n"


def install(target: Path, beside: Path) -> bool:
    """Into `target`, from wheels kept in `beside`; False where all is there. Nothing of the wheels is run here."""
    text = for_windows((ROOT / "requirements-dev.txt").read_text(encoding="utf-8"))
    wanted, stamp = beside / "requirements.txt", target / ".installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == text:
        return False
    beside.mkdir(parents=True, exist_ok=True)
    sources = beside / "sources.txt"
    lines = text.splitlines()
    bare = [line for line in lines if line.split("==")[0].replace("-", "_") in SOURCE_ONLY]
    wanted.write_text("\n".join(line for line in lines if line not in bare), encoding="utf-8")
    sources.write_text("\n".join(bare), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--quiet"]
    hashed = ["--no-deps", "--require-hashes", "--requirement", str(wanted), *FITTING, *ABIS]
    subprocess.run([*pip, "download", *hashed, "--dest", str(beside)], check=True, timeout=1800)
    build = ["--no-deps", "--require-hashes", "--requirement", str(sources), "--wheel-dir", str(beside / "built")]
    subprocess.run([*pip, "wheel", *build], check=True, timeout=600)
    into = ["--no-index", "--target", str(target), "--upgrade", "--no-compile"]
    subprocess.run([*pip, "install", *hashed, "--find-links", str(beside), *into], check=True, timeout=1800)
    built = [str(path) for path in (beside / "built").glob("*.whl")]
    subprocess.run([*pip, "install", "--no-deps", *into, *built], check=True, timeout=600)
    stamp.write_text(text, encoding="utf-8")
    return True
