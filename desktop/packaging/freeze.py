"""Runs PyInstaller on `build.spec` with a brand's assets. The result only depends on the sources, not on the date."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from desktop.packaging import processes
from desktop.packaging.errors import BuildFailed
from desktop.packaging.plan import PLATFORM, ROOT, Plan

LIMIT = 1800
"""Seconds PyInstaller may take."""


@dataclass(frozen=True)
class Frozen:
    """A frozen app, one folder."""

    folder: Path
    executable: Path
    build: Path
    """PyInstaller's own notes: what was packed, and from where."""

    def files(self) -> list[Path]:
        """Every file and link in it, in order."""
        return sorted(path for path in self.folder.rglob("*") if path.is_symlink() or path.is_file())

    def size(self) -> int:
        """In bytes, on the disk."""
        return sum(path.lstat().st_size for path in self.files())


def freeze(plan: Plan, assets: Path) -> Frozen:
    """Raises BuildFailed."""
    dist, build = plan.work / "frozen", plan.work / "pyinstaller"
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    command += ["--distpath", str(dist), "--workpath", str(build), str(ROOT / "build.spec")]
    command += ["--", "--assets", str(assets)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # The order of sets goes into bytecode, dates into archives: both must be the same each time.
    environ |= {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": str(plan.epoch)}
    # Modules are packed plain: each package is compressed as a whole, which makes less of it, and they load faster.
    environ["PYINSTALLER_ZLIB_COMPRESSION_LEVEL"] = "0"
    try:
        # Not into a file: on a disk that is full it would stay empty.
        done = processes.run(
            command,
            cwd=ROOT,
            env=environ,
            stderr=subprocess.STDOUT,
            errors="replace",
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"PyInstaller had not ended after {LIMIT} s.") from None
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if line.strip()]
        if "No space left on device" in done.stdout:
            raise OSError(28, "No space left on device", str(dist))
        raise BuildFailed(f"PyInstaller failed: {said[-1][:300] if said else 'it said nothing'}", "\n".join(said[-15:]))
    name = plan.name + (".exe" if sys.platform == "win32" else "")
    frozen = Frozen(dist / plan.name, dist / plan.name / name, build)
    if not frozen.executable.is_file():
        raise BuildFailed(f"PyInstaller made no {name}.")
    if PLATFORM == "linux":
        _strip(frozen)
    return frozen


def elf_files(folder: Path) -> list[Path]:
    """Programs and libraries of Linux in a folder, in order."""

    def is_elf(path: Path) -> bool:
        with path.open("rb") as stream:
            return stream.read(4) == b"\x7fELF"

    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and is_elf(path))


def _strip(frozen: Frozen) -> None:
    """Symbols that only a debugger wants go; not those of the executable, to whose end the app is appended."""
    libraries = [path for path in elf_files(frozen.folder) if path != frozen.executable]
    done = processes.run(["strip", "--strip-unneeded", "--", *map(str, libraries)])
    if done.returncode:
        raise BuildFailed(f"strip failed: {done.stderr.strip()[:300]}")
