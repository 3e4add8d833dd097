"""What a person is told to type for a part that is missing: for the way the app was installed, tried in environments
that are really made."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pydantic
import pytest

from desktop.common import installed
from desktop.window.engines import has_gtk, system_has_gtk
from tests.rig.processes import run
from tests.rig.systems import words

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="environments of the distribution's Python")


class Environment:
    """A plain virtual environment with a copy of the app and what pip would note of it; the libraries by a path."""

    def __init__(self, folder: Path, *marks: str) -> None:
        self.folder = folder
        made = run([sys._base_executable, "-m", "venv", "--without-pip", str(folder)])  # type: ignore[attr-defined]
        assert made.returncode == 0, made.stderr
        self.python = str(folder / "bin" / "python")
        (self.site,) = folder.glob("lib/python3.*/site-packages")
        shutil.copytree(
            ROOT / "desktop", self.site / "desktop", ignore=shutil.ignore_patterns("__pycache__", "packaging")
        )
        shutil.copytree(
            ROOT / "assets", self.site / "desktop" / "_assets", ignore=shutil.ignore_patterns("screenshots")
        )
        about = self.site / "chatkit_desktop-0.1.dist-info"
        about.mkdir()
        required = [f"Requires-Dist: {one}" for one in PROJECT["dependencies"]]
        for extra, libraries in PROJECT["optional-dependencies"].items():
            for one in libraries:
                name, _, marker = one.partition(";")
                also = f"({marker.strip()}) and " if marker else ""
                required.append(f"Requires-Dist: {name}; {also}extra == '{extra}'")
        lines = ["Metadata-Version: 2.4", "Name: chatkit-desktop", "Version: 0.1", *required]
        (about / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        # The libraries, and none of the distribution's packages.
        libraries_of_ours = Path(pydantic.__file__).parents[1]
        (self.site / "libraries.pth").write_text(f"{libraries_of_ours}\n", encoding="utf-8")
        for mark in marks:
            (folder / mark).write_text("{}")

    def told(self, code: str) -> str:
        done = run([self.python, "-c", f"from desktop.common import installed\nprint({code})"], cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def engine(self, *words: str) -> dict[str, str]:
        """What `doctor` says of the engine."""
        environ = {**os.environ, "HOME": str(self.folder), "LANG": "C.UTF-8"}
        done = run([self.python, "-m", "desktop", "doctor", "--json", *words], cwd=self.folder, env=environ)
        return dict(json.loads(done.stdout)["checks"][0])


def libraries(line: str) -> set[str]:
    return {word.split("=")[0].split("<")[0].split(">")[0].lower() for word in shlex.split(line) if word[0] != "-"}


def test_no_line_and_no_sentence_names_this_project_to_an_index() -> None:
    """Somebody else could publish what nobody has: no `pip install chatkit-desktop`, in the code or in any text."""
    files = [
        *(ROOT / "desktop").rglob("*.py"),
        *(ROOT / "assets").rglob("*.json"),
        ROOT / "README.md",
        ROOT / "build.spec",
    ]
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            words = line.replace("'", " ").replace('"', " ").replace("`", " ").split()
            for at, word in enumerate(words[:-1]):
                if word in ("install", "inject") and "pip" in " ".join(words[max(0, at - 3) : at]):
                    assert not any(one.startswith("chatkit-desktop") for one in words[at + 1 :]), f"{file}: {line}"


def test_the_libraries_of_each_part_are_those_of_the_project() -> None:
    names = {
        line.split(";")[0].split("<")[0].split(">")[0].split("=")[0].strip().lower() for line in PROJECT["dependencies"]
    }
    assert set(installed.PARTS["agents"]) <= names, "an installation with pip alone has the demo and the built-in view"
    qt = {line.split(">")[0].split("=")[0].strip().lower() for line in PROJECT["optional-dependencies"]["qt"]}
    assert set(installed.PARTS["qt"]) == qt


def test_from_a_checkout_it_is_what_the_readme_says() -> None:
    line = installed.command_for("agents")
    assert words(line)[1:] == ["-m", "pip", "install", "--require-hashes", "-r", str(ROOT / "requirements.txt")]
    assert words(installed.command_for("qt"))[1:] == ["-m", "pip", "install", f"{ROOT}[qt]"]


@linux
def test_in_an_environment_it_is_that_environments_pip_with_the_libraries_own_names(tmp_path: Path) -> None:
    environment = Environment(tmp_path / "my venv")
    line = environment.told("installed.command_for('agents')")
    assert shlex.split(line)[:4] == [environment.python, "-m", "pip", "install"]
    assert libraries(line) >= set(installed.PARTS["agents"])
    qt = libraries(environment.told("installed.command_for('qt')"))
    engine = "pyside6-addons" if sys.version_info < (3, 12) else "pyside6-webengine"
    assert {"qtpy", engine} <= qt
    assert not ({"pyside6-addons", "pyside6-webengine"} - {engine}) & qt, "what is for another Python is not named"


@linux
@pytest.mark.parametrize(
    ("mark", "first"),
    [
        ("pipx_metadata.json", ["pipx", "inject", "chatkit-desktop"]),
        ("uv-receipt.toml", ["uv", "pip", "install", "--python"]),
    ],
)
def test_pipx_and_uv_have_lines_of_their_own(tmp_path: Path, mark: str, first: list[str]) -> None:
    environment = Environment(tmp_path / "chatkit-desktop", mark)
    line = environment.told("installed.command_for('agents')")
    assert shlex.split(line)[: len(first)] == first
    assert libraries(line) >= set(installed.PARTS["agents"])


def test_a_packaged_app_has_no_pip_and_says_who_has_it_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from desktop.common.texts import Catalogue

    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(ROOT), raising=False)
    assert installed.command_for("agents") == ""
    hint = installed.agents_missing("chatkit").describe(Catalogue("en"))["hint"]
    assert "pip" not in hint
    assert "Whoever made the app" in hint


@linux
@pytest.mark.skipif(
    not (has_gtk() and installed.is_of_the_system() and system_has_gtk()), reason="needs the distribution's WebKitGTK"
)
def test_an_environment_that_does_not_see_the_systems_gtk_is_told_how_it_does(tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv")
    said = environment.engine("--engine", "gtk")
    assert not said["ok"]
    assert "does not see it" in said["detail"]
    assert "apt-get" not in said["hint"], "what is installed is not to be installed"
    assert "qtpy" in said["hint"]
    line = said["hint"].split("packages: ", 1)[1].split(". Or give", 1)[0]
    assert "--system-site-packages" in line
    done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said = environment.engine("--engine", "gtk")
    assert said["ok"], said
    assert (environment.site / "libraries.pth").exists(), "what was in the environment is in it"


@linux
def test_where_the_systems_packages_are_not_there_nothing_else_is_said_to_be(tmp_path: Path) -> None:
    assert not system_has_gtk(tmp_path)
    bindings = tmp_path / "usr" / "lib" / "python3" / "dist-packages" / "gi"
    bindings.mkdir(parents=True)
    (bindings / "_gi.cpython-27-x86_64-linux-gnu.so").touch()
    types = tmp_path / "usr" / "lib" / "x86_64-linux-gnu" / "girepository-1.0"
    types.mkdir(parents=True)
    (types / "WebKit2-4.1.typelib").touch()
    assert not system_has_gtk(tmp_path), "it is for another Python"
    (bindings / f"_gi.cpython-3{sys.version_info.minor}-x86_64-linux-gnu.so").touch()
    assert system_has_gtk(tmp_path)
