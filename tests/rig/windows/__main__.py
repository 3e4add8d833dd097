"""`make test-windows`: makes the Windows of `system.py`, then runs the quick tests on it, a process for each folder.

    python -m tests.rig.windows               everything
    python -m tests.rig.windows FOLDER...     these alone: a folder's own files, or one file
    python -m tests.rig.windows -k WORDS ...  what pytest is told beside it
    python -m tests.rig.windows --slow FILE... their slow tests
    python -m tests.rig.windows --shell WORDS a command on that Windows, started in the checkout

Prints the counts for each folder, at the end all that failed and why what was left out was left out. Ends with 0 where
nothing failed. Says what each step does; what a folder's tests print lies in `build/windows/logs`.
"""

from __future__ import annotations

import argparse
import collections
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tests.packaging.clean_system import UID, why_not
from tests.rig.prepare import ROOT
from tests.rig.windows import cpython, wheels
from tests.rig.windows.system import WineSystem

PLACE = ROOT / "build" / "windows"
LIMIT = 5400
"""Seconds for one folder."""
PLUGINS = "-p no:xdist -p no:cacheprovider --continue-on-collection-errors"
"""One process: nothing that starts others."""
MARKS = (
    "not window and not secret_service and not packaging and not peers and not dotnet and not exhaustive and not slow"
)
SLOW_TOO = ("tests/agents/code/test_misbehaviour.py", "tests/settings/test_file.py", "tests/common/test_files.py")
"""Files whose slow tests are of what differs between systems: ends of processes, writes that are cut off."""
SKIPPED_FOLDERS = (
    "tests/js",
    "tests/rig",
    "tests/standins",
    "tests/window",
    "tests/peers",
    "tests/bench",
    "tests/systems",
)
"""Without tests, or with none that needs no window."""


@dataclass
class Counts:
    passed: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """{test: the last line of what it said}"""
    skipped: collections.Counter[str] = field(default_factory=collections.Counter)
    """{reason: how many}"""
    broken: str = ""
    """Why there are no results."""

    def line(self) -> str:
        counts = f"{self.passed} passed, {len(self.failed)} failed, {self.skipped.total()} skipped"
        return f"{counts}; {self.broken}" if self.broken else counts


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rig.windows")
    parser.add_argument("folders", nargs="*")
    parser.add_argument("-k", default="")
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--shell", nargs=argparse.REMAINDER)
    said = parser.parse_args(words)
    reason = why_not() or ("" if shutil.which("osslsigncode") else "osslsigncode is not installed")
    if reason:
        print(f"No Windows can be made here: {reason}.", file=sys.stderr)
        return 2
    # What runs on that Windows is ended with this process: a plain end would leave it alone.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Another run on this Windows is under way.", file=sys.stderr)
            return 2
        return carry_out(said)


def carry_out(said: argparse.Namespace) -> int:
    system = prepared()
    if said.shell:
        return shell(system, said.shell)
    results = {}
    wanted = [(folder, said.slow) for folder in said.folders]
    for folder, slow in wanted or [*((one, False) for one in folders()), *((one, True) for one in SLOW_TOO)]:
        started = time.monotonic()
        name = f"{folder}, its slow tests" if slow else folder
        results[name] = run(system, folder, said.k, slow=slow)
        print(f"{name}: {results[name].line()} ({time.monotonic() - started:.0f} s)", flush=True)
    if not said.folders:
        results["tests/windows"] = packaged()
        print(f"tests/windows: {results['tests/windows'].line()}", flush=True)
    return closing(results)


def packaged() -> Counts:
    """The frozen app and its installer: tests that run here, and start what they look at there."""
    report = PLACE / "logs" / "packaged.xml"
    report.unlink(missing_ok=True)
    words = [sys.executable, "-m", "pytest", "-q", "-m", "packaging", "tests/windows", f"--junitxml={report}"]
    # PyInstaller alone may take longer there than what ends a run of pytest that hangs.
    words += ["--timeout", str(LIMIT), "-o", f"faulthandler_timeout={LIMIT + 600}", "-o", "junit_family=xunit1"]
    code = subprocess.call(words, cwd=ROOT, timeout=4 * LIMIT)
    return counted(report) if report.is_file() else Counts(broken=f"pytest ended with {code} before its report")


def prepared() -> WineSystem:
    """All that is needed, made where it is missing; and the checkout as it is now."""
    system = WineSystem(PLACE)
    step("Debian 13 with wine")
    system.make()
    step("a Windows for its user")
    system.make_windows()
    python = system.drive / "Python313"
    if not (python / "python.exe").is_file():
        step("CPython for Windows: fetched, and what is signed of it kept")
        for kind, count in fetch(system, python).items():
            print(f"  {count} {kind}")
    step("the locked packages, as wheels for Windows")
    wheels.install(python / "Lib" / "site-packages", PLACE / "wheels")
    step("this checkout")
    sync(system)
    for path in (python, *python.rglob("*")):
        os.chown(path, UID, UID, follow_symlinks=False)
    (PLACE / "logs").mkdir(exist_ok=True)
    return system


def step(text: str) -> None:
    print(f"- {text}", flush=True)


def fetch(system: WineSystem, python: Path) -> dict[str, int]:
    """By an account without rights, with a pip that has no build tools beside it."""
    work = PLACE / "fetched"
    shutil.rmtree(work, ignore_errors=True)
    (work / "unpacked").mkdir(parents=True)
    for path in (work, work / "unpacked"):
        os.chown(path, UID, UID)
    subprocess.run([sys.executable, "-m", "venv", str(work / "pip")], check=True, timeout=300)
    for tools in (work / "pip").glob("lib/*/site-packages/*"):
        if re.match(r"(setuptools|pkg_resources|wheel|_distutils_hack|distutils-precedence)", tools.name):
            shutil.rmtree(tools) if tools.is_dir() else tools.unlink()
    account = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs", "--"]
    environ = {**os.environ, "HOME": str(work / "unpacked")}
    archive = cpython.unpacked(work, str(work / "pip" / "bin" / "python"), account, environ)
    checks = work / "checks"
    checks.mkdir()
    debian = next((system.folder / "usr" / "lib").glob("python3.13"))
    counts = cpython.install(archive, python, checks, debian)
    shutil.rmtree(work)
    return counts


def sync(system: WineSystem) -> None:
    """What git knows or would take, as it lies there; what is gone here goes there."""
    copy = system.shared / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    names = {name for name in os.fsdecode(listed.stdout).split("\0") if name and (ROOT / name).is_file()}
    for path in [found for found in copy.rglob("*") if found.is_file()]:
        name = str(path.relative_to(copy))
        if name not in names and "__pycache__" not in path.parts and not name.startswith((".git/", "build/", "dist/")):
            path.unlink()
    for name in names:
        source, target = ROOT / name, copy / name
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for path in (copy, *copy.rglob("*")):
        os.chown(path, UID, UID, follow_symlinks=False)


def shell(system: WineSystem, words: list[str]) -> int:
    output = PLACE / "logs" / "shell.txt"
    code = system.wine(*words, limit=LIMIT, output=output, folder=str(system.shared / "checkout"))
    sys.stdout.buffer.write(output.read_bytes())
    return code


def folders() -> list[str]:
    """Every folder that holds tests itself."""
    found = sorted({path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")})
    return [name for name in found if not name.startswith(SKIPPED_FOLDERS)]


def run(system: WineSystem, folder: str, choice: str, *, slow: bool = False) -> Counts:
    name = folder.replace("/", "-")
    log, report = PLACE / "logs" / f"{name}.txt", system.shared / f"{name}.xml"
    report.unlink(missing_ok=True)
    files = [folder]
    if (ROOT / folder).is_dir():
        files = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / folder).glob("test_*.py"))
    # One process, no plugin that starts others; a test that hangs is ended by the thread method, the only one there.
    words = f"C:\\Python313\\python.exe -X utf8=0 -m pytest -v {PLUGINS} --tb short --timeout 300".split()
    words += [
        "-m",
        MARKS.replace("not slow", "slow") if slow else MARKS,
        f"--junitxml={system.path(report)}",
        "-o",
        "junit_family=xunit1",
    ]
    words += [*(("-k", choice) if choice else ()), *files]
    code = system.wine(*words, limit=LIMIT, output=log, folder=str(system.shared / "checkout"))
    if not report.is_file():
        last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
        return Counts(broken=f"ended with {code} before its report: {' '.join(last)}")
    return counted(report)


def counted(report: Path) -> Counts:
    """What pytest's report says."""
    counts = Counts()
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('file', case.get('classname', '')).replace(chr(92), '/')}::{case.get('name')}"
        bad = case.find("failure")
        bad = case.find("error") if bad is None else bad
        skip = case.find("skipped")
        if bad is not None:
            counts.failed[name] = (bad.get("message") or "").strip().splitlines()[0:1][0] if bad.get("message") else ""
        elif skip is not None:
            counts.skipped[skip.get("message") or ""] += 1
        else:
            counts.passed += 1
    return counts


def closing(results: dict[str, Counts]) -> int:
    """What is told at the end; the exit code."""
    failed = {test: why for counts in results.values() for test, why in counts.failed.items()}
    skipped = sum((counts.skipped for counts in results.values()), collections.Counter[str]())
    for test, why in failed.items():
        print(f"FAILED {test}: {why[:200]}")
    for reason, count in skipped.most_common():
        print(f"skipped {count}: {reason[:200]}")
    broken = [folder for folder, counts in results.items() if counts.broken]
    for folder in broken:
        print(f"BROKEN {folder}: {results[folder].broken}")
    passed = sum(counts.passed for counts in results.values())
    print(f"{passed} passed, {len(failed) + len(broken)} failed, {skipped.total()} skipped")
    return 1 if failed or broken or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
