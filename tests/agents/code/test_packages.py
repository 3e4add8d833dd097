"""Packages for code agents: what is missing, what it is called, and a pip that is asked the right thing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from threading import Event

import pytest

from desktop.agents.code import packages
from desktop.agents.code.environment import clean
from desktop.errors import BadParams, PackagesNotInstalled
from desktop.texts import Catalogue


def pip(tmp_path: Path, body: str) -> list[str]:
    """A pip that does what the test says."""
    script = tmp_path / "pip.py"
    script.write_text(f"import sys, os\nwords = sys.argv[1:]\n{body}", encoding="utf-8")
    return [sys.executable, str(script)]


def test_what_is_imported_and_what_is_installed_may_be_called_differently() -> None:
    assert packages.package_of("guardrails.runtime") == "openai-guardrails"
    assert packages.package_of("yaml") == "PyYAML"
    assert packages.package_of("some_thing.inner") == "some-thing"


def test_what_the_app_has_or_the_folder_has_is_not_missing(tmp_path: Path) -> None:
    (tmp_path / "fetched_thing-1.0.dist-info").mkdir()
    (tmp_path / "fetched_thing-1.0.dist-info" / "METADATA").write_text("Name: fetched-thing\nVersion: 1.0\n")
    wanted = ["openai>=1", "fetched-thing", "not-there-at-all[x]==2"]
    assert packages.missing(wanted, tmp_path) == ["not-there-at-all[x]==2"]


def test_pip_puts_wheels_into_the_folder_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")
    words = pip(tmp_path, "import json\nprint(json.dumps(words))\nprint('KEY', os.environ.get('OPENAI_API_KEY'))")
    lines: list[str] = []
    place = tmp_path / "packages"
    packages.install(["one", "two>=2"], place, on_line=lines.append, pip=words)
    asked = json.loads(lines[0])
    assert asked[:3] == ["install", "--target", str(place)]
    assert "--only-binary=:all:" in asked
    assert asked[asked.index("--") + 1 :] == ["one", "two>=2"]
    assert lines[1] == "KEY None"


@pytest.mark.parametrize("name", ["--index-url=http://x", "http://x/y.whl", "../x", "a b", "x @ http://y", "-e ."])
def test_addresses_and_options_are_no_packages(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadParams):
        packages.install([name], tmp_path, pip=pip(tmp_path, "raise SystemExit('pip ran')"))


def test_what_pip_says_last_is_the_reason(tmp_path: Path) -> None:
    words = pip(tmp_path, "print('ERROR: No matching distribution')\nprint('[notice] x')\nsys.exit(1)")
    with pytest.raises(PackagesNotInstalled) as told:
        packages.install(["one"], tmp_path / "p", pip=words)
    assert told.value.values["problem"] == "ERROR: No matching distribution"
    with pytest.raises(PackagesNotInstalled):
        packages.install(["one"], tmp_path / "p", pip=[str(tmp_path / "no such program")])


def test_checklist_07_a_childs_environment_has_no_key_under_any_name() -> None:
    key = "sk-planted-0123456789"
    environ = {"OPENAI_API_KEY": "x", "OPENAI_ORG_ID": "x", "MINE": f"a{key}", "PATH": "/bin", "TAVILY_API_KEY": "t"}
    assert clean(environ, (key,)) == {"PATH": "/bin", "TAVILY_API_KEY": "t"}


def test_an_installation_that_nobody_wants_any_more_ends(tmp_path: Path) -> None:
    cancel = Event()
    words = pip(tmp_path, "import time\nprint('begun', flush=True)\ntime.sleep(600)")
    with pytest.raises(PackagesNotInstalled) as told:
        packages.install(["one"], tmp_path / "p", pip=words, cancel=cancel, on_line=lambda _line: cancel.set())
    assert told.value.describe(Catalogue("en"))["message"].endswith("it was stopped.")
