"""The repository itself: what lies at its top, locks that name no address, a README that keeps its word."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
import threading
import tomllib
import urllib.request
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import desktop

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.txt", "requirements-dev.txt", "tests/js/package-lock.json")
TOP = {
    *(".ci", ".editorconfig", ".github", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md"),
    *("assets", "build.spec", "desktop", "pyproject.toml", "requirements-dev.txt", "requirements.txt", "tests"),
}
MOST = 1_000_000
"""Largest file, in bytes."""


def tracked() -> list[Path]:
    """Every file that .gitignore does not leave out. Git itself is not asked: it may not be there."""
    patterns = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()] + [".git"]
    found: list[Path] = []
    folders = [ROOT]
    while folders:
        for path in folders.pop().iterdir():
            if not any(fnmatch(path.name, pattern) for pattern in patterns):
                (folders if path.is_dir() else found).append(path)
    return [path.relative_to(ROOT) for path in found]


def locked(name: str) -> dict[str, set[str]]:
    """{package: pinned versions} of a lock file."""
    pins: dict[str, set[str]] = {}
    for package, version in re.findall(r"(?m)^([a-z0-9-]+)==([^ ;\\]+)", (ROOT / name).read_text(encoding="utf-8")):
        pins.setdefault(package, set()).add(version)
    return pins


# --- files ------------------------------------------------------------------------------------


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    assert {path.parts[0] for path in tracked()} <= TOP


def test_no_file_is_larger_than_a_megabyte() -> None:
    assert [str(path) for path in tracked() if (ROOT / path).stat().st_size > MOST] == []


def test_the_ci_command_is_the_readmes_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert "\n    make test </dev/null 2>&1\n" in script.read_text(encoding="utf-8")
    assert re.search(r"(?m)^make test\b", README)


# --- versions and locks -----------------------------------------------------------------------


def test_there_is_one_version() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "desktop/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", desktop.__version__)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address(name: str) -> None:
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LOCKS[:2])
def test_every_locked_python_package_has_a_hash(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for block in re.split(r"(?m)^(?=[a-z0-9-]+==)", text)[1:]:
        assert "--hash=sha256:" in block, block.split("\n")[0]


def test_every_locked_node_package_has_a_hash() -> None:
    packages = json.loads((ROOT / LOCKS[2]).read_text(encoding="utf-8"))["packages"]
    assert all(entry.get("integrity") for name, entry in packages.items() if name)


def test_the_locks_are_in_step_with_the_project() -> None:
    project = PROJECT["project"]
    extras = [entry for group in project["optional-dependencies"].values() for entry in group]
    for name, wanted in (
        ("requirements.txt", project["dependencies"]),
        ("requirements-dev.txt", [*project["dependencies"], *extras]),
    ):
        pins = locked(name)
        for entry in map(Requirement, wanted):
            versions = pins.get(entry.name.lower().replace("_", "-"), set())
            specifier: SpecifierSet = entry.specifier
            assert any(specifier.contains(version) for version in versions), f"{entry} in {name}: make lock"


def test_both_locks_pin_the_same_versions() -> None:
    everything = locked("requirements-dev.txt")
    assert {name: pins for name, pins in locked("requirements.txt").items() if pins - everything.get(name, set())} == {}


# --- make -------------------------------------------------------------------------------------


def makefile_targets() -> set[str]:
    return set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    helped = set(re.findall(r'@echo "make ([a-z-]+)', text))
    assert makefile_targets() - helped <= {"help", "check-prepared"}
    assert helped <= makefile_targets()


def test_the_readme_names_only_targets_that_exist() -> None:
    named = set(re.findall(r"`make ([a-z-]+)", README)) | set(re.findall(r"(?m)^make ([a-z-]+)", README))
    assert {"run", "test"} <= named
    assert named <= makefile_targets()


# --- the README's promises --------------------------------------------------------------------


def test_the_readme_is_short_and_leads_to_pictures_and_pages_that_are_there() -> None:
    assert len(README.split()) <= 900
    led = re.findall(r"\]\(((?:assets|LICENSE|CHANGELOG)[^)]*)\)", README)
    assert [name for name in led if not (ROOT / name).exists()] == []
    assert {"assets/help/en/first-launch.md", "assets/help/en/troubleshooting.md", "LICENSE"} <= set(led)


def test_every_picture_that_lies_there_is_shown() -> None:
    shown = README + "".join(path.read_text(encoding="utf-8") for path in (ROOT / "assets" / "help").rglob("*.md"))
    pictures = [*(ROOT / "assets" / "screenshots").iterdir(), *(ROOT / "assets" / "help" / "pictures").iterdir()]
    assert [path.name for path in pictures if f"/{path.name})" not in shown] == []


@pytest.mark.parametrize("text", ["README.md", "assets/help/en/install.md"])
def test_the_readme_says_whose_app_this_is_not(text: str) -> None:
    assert "neither made nor endorsed by OpenAI" in (ROOT / text).read_text(encoding="utf-8")


def recipe_files() -> dict[str, str]:
    """{path: text} of the code blocks for contributors that name a file."""
    recipes = (ROOT / "assets" / "help" / "en" / "contributors-recipes.md").read_text(encoding="utf-8")
    return dict(re.findall(r"(?ms)^```[a-z]+ ([\w/.]+)\n(.*?)^```$", recipes))


class Words:
    """A catalogue that answers with the key."""

    def get(self, key: str, /, **values: object) -> str:
        return key


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The recipe's page, made as the help says; its assets beside copies of ours."""
    files = recipe_files()
    folder = "assets/pages/clock"
    assert set(files) == {f"{folder}/clock.html", f"{folder}/clock.js", "desktop/pages/clock/page.py"}
    shutil.copytree(ROOT / "assets" / "pages", tmp_path / "assets" / "pages")
    (tmp_path / folder).mkdir()
    for name in ("clock.html", "clock.js"):
        (tmp_path / folder / name).write_text(files[f"{folder}/{name}"], encoding="utf-8")
    # As in a packaged app: its assets are where PyInstaller says.
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    source = tmp_path / "recipe_clock.py"
    source.write_text(files["desktop/pages/clock/page.py"], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "recipe_clock", raising=False)
    module = importlib.import_module("recipe_clock")
    return module.ClockPage().page()


def test_the_recipe_for_a_page_gives_a_page_that_is_served(clock: Any, tmp_path: Path) -> None:
    from desktop.window.page_server import PageServer

    server = PageServer(tmp_path / "assets", "en")
    server.start()
    try:
        showing = server.show(clock)
        for name in [clock.html, *(file.removeprefix("pages/") for file in clock.files)]:
            address = server.url(showing).removesuffix(clock.html) + name
            with urllib.request.urlopen(address, timeout=10) as answer:
                body = answer.read().decode()
            assert answer.status == 200
            if name == clock.html:
                assert showing.key in body
                # The random key may hold two underscores itself.
                assert not re.search(r"__[A-Z_]+__", body.replace(showing.key, ""))
                assert "<title>Clock</title>" in body
    finally:
        server.close()


@pytest.mark.parametrize(
    ("params", "ok"), [({"digits": 8}, True), ({}, True), ({"digits": 9}, False), ({"zone": "UTC"}, False)]
)
def test_the_recipe_for_a_bridge_method_gives_a_method_that_answers(
    clock: Any, params: dict[str, Any], ok: bool
) -> None:
    from desktop.window.bridge import Bridge, Channel
    from desktop.window.showing import Showing

    answered = threading.Event()
    pushed: list[str] = []

    def push(script: str) -> None:
        pushed.append(script)
        answered.set()

    channel = Channel(schedule=lambda flush: flush(), push=push)
    showing = Showing(clock)
    channel.hold(showing)
    call = {"page_key": showing.key, "id": "1", "method": "clock.now", "params": params}
    Bridge(Words()).receive(channel, "call", call, "1")
    assert answered.wait(20)
    match = re.search(r"deliver\((.*)\);0$", pushed[0])
    assert match
    (answer,) = json.loads(match[1])
    assert answer["ok"] is ok
    if ok:
        assert re.fullmatch(r"\d\d:\d\d(:\d\d)?", answer["value"]["time"])
    else:
        assert answer["error"]["code"] == "bad_params"
