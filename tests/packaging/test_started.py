"""The short proof of Windows and macOS: a frozen app that starts and answers passes, any other is not packed.

The app is a script here; the release workflow shows a real one there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from desktop.packaging.errors import ProofFailed
from desktop.packaging.started import prove_started
from tests.packaging.makers import Maker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the app is a shell script here")
APP = """#!/bin/sh
test -z "$OPENAI_API_KEY" || exit 9
echo "$@" >>"$(dirname "$0")/words"
test "$1" = --version && echo "ask-fern 1.4.0"
"""


def app(folder: Path, *more: str) -> Path:
    file = folder / "app"
    file.write_text(APP.replace('test "$1"', "\n".join((*more, 'test "$1"'))) + "true\n")
    file.chmod(0o755)
    return file


def test_an_app_that_starts_and_answers_passes_with_a_folder_of_its_own_and_no_key_around(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "somebody's")
    report = prove_started(maker.plan(), app(tmp_path))
    assert [(step.name, step.ok) for step in report.steps] == [("version", True), ("demo", True)]
    version, demo = (tmp_path / "words").read_text().splitlines()
    assert version == "--version"
    assert demo.startswith("smoke --demo --say ")
    assert not Path(demo.rpartition(" --data-dir ")[2]).exists(), "its folder is gone"


def test_a_brand_without_the_agent_stack_has_to_open_its_first_page(maker: Maker, tmp_path: Path) -> None:
    maker.set("package", agents=False)
    assert [step.name for step in prove_started(maker.plan(), app(tmp_path)).steps] == ["version", "first launch"]
    assert "smoke --page any" in (tmp_path / "words").read_text()


def test_where_there_is_a_bundle_it_is_what_is_started(maker: Maker, tmp_path: Path) -> None:
    inside = tmp_path / "Ask Fern.app" / "Contents" / "MacOS"
    for folder in (inside, tmp_path / "folder"):
        folder.mkdir(parents=True)
        app(folder)
    prove_started(maker.plan(), tmp_path / "folder" / "app")
    assert (inside / "words").exists()
    assert not (tmp_path / "folder" / "words").exists()


@pytest.mark.parametrize(
    ("more", "limit", "said"),
    [
        ("echo 'no engine' >&2; exit 3", 60, "version.*ended with 3: no engine"),
        ('test "$1" = --version || exit 1', 60, "demo.*ended with 1"),
        ("exec >&-", 60, "does not print"),
        ("exec sleep 60", 0.5, "version.*had not ended"),
    ],
)
def test_an_app_that_does_not_is_not_packed(maker: Maker, tmp_path: Path, more: str, limit: float, said: str) -> None:
    with pytest.raises(ProofFailed, match=said):
        prove_started(maker.plan(), app(tmp_path, more), limit=limit)


def test_a_program_that_is_none_is_told(maker: Maker, tmp_path: Path) -> None:
    with pytest.raises(ProofFailed, match="does not start"):
        prove_started(maker.plan(), tmp_path / "nothing")
