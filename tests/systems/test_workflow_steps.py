"""The workflows' steps for Linux, taken out of them and run as they stand: in the system of its container, with each
Python of the matrix that is here. Stand-ins: what GitHub keeps between jobs, and `gh`, which would publish.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging import made_from_help
from tests.packaging.clean_system import CleanSystem, clean_system
from tests.rig import processes
from tests.systems import steps, tally

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 3600.0
"""Seconds that one step may take."""
SHOWN = 6000
"""Characters of a failed step's last words."""
pytestmark = [pytest.mark.packaging, pytest.mark.systems]


def clone(target: Path) -> Path:
    """What `actions/checkout` brings."""
    processes.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(target)], check=True, limit=300)
    return target


def wanted(workflow: str, job: str) -> list[steps.Step]:
    return [step for step in steps.of_job(workflow, job) if (workflow, step.run) not in steps.RUN_ELSEWHERE]


def here(step: steps.Step, folder: Path, environ: dict[str, str]) -> str:
    """What a step prints that is run on this very machine."""
    done = processes.run(step.command, cwd=folder, env=environ, limit=LIMIT, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{step.run}: exit code {done.returncode}\n{(done.stdout + done.stderr)[-SHOWN:]}"
    return done.stdout


def inside(system: CleanSystem, step: steps.Step, folder: Path, environ: dict[str, str]) -> str:
    """The same in a container's place, as its root."""
    words = ("sh", "-c", 'cd "$0" && exec "$@"', str(folder), *step.command)
    done = system.run(*words, environ=environ, limit=LIMIT)
    assert done.returncode == 0, f"{step.run}: exit code {done.returncode}\n{(done.stdout + done.stderr)[-SHOWN:]}"
    return done.stdout


def interpreter(version: str) -> str:
    """A Python of that version that is on this machine; empty where there is none."""
    places = [
        shutil.which(f"python{version}"),
        *map(str, Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python")),
    ]
    for place in filter(None, places):
        try:
            said = processes.run(
                [place, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"], limit=60
            ).stdout
        except OSError:
            continue
        if said.strip() == version:
            return place
    return ""


@pytest.mark.parametrize("version", steps.pythons())
def test_the_quick_tests_pass_and_the_app_freezes_on_each_python(version: str, tmp_path: Path) -> None:
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        pytest.skip(f"Python {version} is that of these tests: `make test` is run with it")
    python = interpreter(version)
    if not python:
        pytest.skip(f"there is no Python {version} on this machine")
    # What `actions/setup-python` brings: a Python in front of all others, and nothing in it.
    processes.run([python, "-m", "venv", str(tmp_path / "python")], check=True, limit=300)
    environ = os.environ | {"PATH": f"{tmp_path / 'python' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    environ |= {"PYTEST_ADDOPTS": "-n auto --dist loadfile -rs"}
    folder = clone(tmp_path / "clone")
    for step in wanted("test.yml", "quick"):
        said = here(step, folder, environ)
        if "-m pytest" in step.run:
            tally.count(f"Python {version}", f"quick tests: {tally.of_pytest(said)}")
    tally.count(f"Python {version}", "test.yml, job quick: every step")


@pytest.mark.clean_systems
def test_a_container_of_debian_13_is_made_ready_for_make_test_systems() -> None:
    with clean_system("trixie") as system:
        folder = system.shared / "checkout"  # it belongs to another user, as GitHub's does
        for step in wanted("test.yml", "systems"):
            folder.mkdir(exist_ok=True)
            inside(system, step, folder, {})
        clone(folder / "here")
        system.must("chown", "-R", "1000", str(folder))
        system.must("git", "clone", "--quiet", str(folder / "here"), str(folder / "again"))
        system.must("make", "-C", str(folder / "here"), "help")
    tally.count("Debian trixie", "test.yml, job systems: every step but `make test-systems`")


@pytest.mark.window
@pytest.mark.clean_systems
def test_a_release_is_built_in_the_container_and_its_draft_made_of_it(tmp_path: Path) -> None:
    with clean_system("bookworm") as system:
        folder = system.home / "checkout"
        environ, system.folders = surroundings(system)
        for step in wanted("release.yml", "linux"):
            if not folder.exists() and "apt-get" not in step.run:
                clone(folder)
                system.must("chown", "-R", "1000", str(folder))
            inside(system, step, folder if folder.exists() else system.home, environ)
        tally.count("Debian bookworm", "release.yml, job linux: every step")
        # What the artifacts of the jobs are, when they come back.
        shutil.copytree(folder / "dist", tmp_path / "from" / "linux")
    for name in ("windows", "macos-14", "macos-15-intel"):
        bring(tmp_path / "from" / name, f"chatkit-desktop-0.1.0-{name}.zip", f"chatkit-desktop-{name}-INSTALL.txt")
    called = a_gh(tmp_path / "bin")
    environ = os.environ | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "TAG": "v0.1.0"}
    for step in wanted("release.yml", "release"):
        here(step, tmp_path, environ)
    words = called.read_text(encoding="utf-8").splitlines()
    assert words[:6] == ["release", "create", "v0.1.0", "--draft", "--verify-tag", "--title"]
    assert [word for word in words if word.endswith(".deb")] != []
    assert words.count("files/SHA256SUMS") == 1
    check = processes.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path / "files", limit=120)
    assert check.returncode == 0, check.stdout
    tally.count("Debian bookworm", "release.yml, job release: every step, with a `gh` that publishes nothing")


# --- help -----------------------------------------------------------------------------------------


def surroundings(system: CleanSystem) -> tuple[dict[str, str], tuple[Path, ...]]:
    environ, folders = made_from_help.surroundings(system.shared)
    return environ | {"BRAND": "assets/brand.toml"}, (system.shared, *folders)


def bring(folder: Path, *names: str) -> None:
    """The artifact of a job that can't be run here: files, and their list as the packager writes it."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(f"{folder.name}: {name}".encode())
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def a_gh(folder: Path) -> Path:
    """A `gh` that writes down, one a line, the words it is called with. Where it does."""
    folder.mkdir()
    called = folder / "called"
    (folder / "gh").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >"{called}"\n', encoding="utf-8")
    (folder / "gh").chmod(0o755)
    return called
