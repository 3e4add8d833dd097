"""What packaging costs and gives: sizes with and without the agent stack, time, and the frozen app's start over a hello
page frozen the same way. Takes ten minutes, so only a whole run, or `--only packages`, does it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from tests.bench.child import Child
from tests.bench.figures import Figure, summary
from tests.rig.driver import ROOT

LIMIT = 1800
"""Seconds one package may take."""


def measure(environ: Mapping[str, str], runs: int) -> list[Figure]:
    """`environ`: of a screen and a keyring. Raises RuntimeError where a package can't be made."""
    with tempfile.TemporaryDirectory(prefix="bench-packages-") as name:
        folder = Path(name)
        began = time.monotonic()
        whole = _package(folder / "whole", agents=True)
        took = time.monotonic() - began
        lean = _package(folder / "lean", agents=False)
        tree = folder / "tree"
        subprocess.run(["dpkg-deb", "-x", str(whole), str(tree)], check=True, timeout=LIMIT)
        hello = _hello(folder)
        app = tree / "usr" / "bin" / "chatkit-desktop"
        return [
            Figure(".deb with the agent stack", whole.stat().st_size / 1e6, "MB", 25.0),
            Figure(".deb without it", lean.stat().st_size / 1e6, "MB"),
            Figure("brand file to proved .deb", took, "s"),
            _starts(app, hello, folder, environ, runs),
        ]


def _package(folder: Path, *, agents: bool) -> Path:
    folder.mkdir()
    brand = folder / "brand.toml"
    brand.write_text(
        f'[app]\nicon = "app.svg"\n[package]\nagents = {str(agents).lower()}\n',
        encoding="utf-8",
    )
    (folder / "app.svg").write_bytes((ROOT / "assets" / "icons" / "app.svg").read_bytes())
    command = [
        sys.executable,
        "-m",
        "desktop.packaging",
        "--brand",
        str(brand),
        "--out",
        str(folder),
        "--format",
        "deb",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode:
        raise RuntimeError(f"no package was made: {done.stderr[-500:]}")
    (deb,) = folder.glob("*.deb")
    return deb


def _hello(folder: Path) -> Path:
    spec = ROOT / "tests" / "bench" / "hello" / "hello.spec"
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR", str(spec)]
    command += ["--distpath", str(folder / "dist"), "--workpath", str(folder / "build")]
    environ = os.environ | {"PYINSTALLER_ZLIB_COMPRESSION_LEVEL": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode:
        raise RuntimeError(f"the hello page was not frozen: {done.stderr[-500:]}")
    return folder / "dist" / "hello" / "hello"


def _starts(app: Path, hello: Path, folder: Path, environ: Mapping[str, str], runs: int) -> Figure:
    """From before the process to the loaded page, or the app's first page with its words in it: OpenAI's component is
    not to be had here. They take turns; each one's first is left out."""
    data = folder / "data"
    taken: dict[str, list[float]] = {"hello": [], "app": []}
    for run in range(runs + 1):
        found = {"hello": _hello_start(hello, environ), "app": _app_start(app, data, environ)}
        for name, seconds in found.items():
            if run:
                taken[name].append(seconds)
    pairs = zip(taken["app"], taken["hello"], strict=True)
    return Figure(
        "frozen start",
        median(ours / bare for ours, bare in pairs),
        "× hello",
        1.10,
        {
            "least of both": round(min(taken["app"]) / min(taken["hello"]), 3),
            **{f"{name} (ms)": summary(values, 1000) for name, values in taken.items()},
        },
    )


def _hello_start(hello: Path, environ: Mapping[str, str]) -> float:
    with Child(str(hello), ["gtk"], [], environ, frozen=True) as child:
        return child.until("loaded")


def _app_start(app: Path, data: Path, environ: Mapping[str, str]) -> float:
    began = time.time()
    command = [str(app), "smoke", "--page", "any", "--data-dir", str(data), "--json"]
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, timeout=120)
    report = json.loads(done.stdout)
    if not report["ok"]:
        raise RuntimeError(f"the frozen app opened nothing: {done.stdout[:300]}")
    return float(report["ready_at"]) - began
