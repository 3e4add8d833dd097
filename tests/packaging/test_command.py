"""What a maker types and is told: one JSON object, an exit code for each kind of trouble, nothing half made."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop.packaging import command, errors, formats, freeze, tools
from desktop.packaging.errors import ToolMissing, WrongUsage
from desktop.packaging.plan import epoch_of, read_brand, version_of
from desktop.packaging.tools import Tool
from tests.packaging import made_from_help
from tests.packaging.makers import Maker, can_package
from tests.rig.processes import Child

ROOT = Path(__file__).resolve().parents[2]


def test_exit_codes_are_distinct_and_stand_in_the_help() -> None:
    codes = [kind.exit_code for kind in errors.ALL]
    assert sorted(codes) == list(range(1, 11))
    told = re.search(r"Exit codes of the packager:([^\n]*)", made_from_help.section())
    assert told is not None
    assert re.findall(r"\b(\d+) ", told[1]) == [str(number) for number in range(11)]


@can_package
def test_a_dry_run_prints_one_object_and_makes_nothing(maker: Maker) -> None:
    before = sorted(maker.folder.rglob("*"))
    code, told, progress = maker.run("--check")
    assert (code, told["ok"], told["checked_only"], told["outputs"]) == (0, True, True, [])
    assert (told["id"], told["version"], told["warnings"]) == ("ask-fern", "1.4.0", [])
    assert "Ask Fern 1.4.0" in progress
    assert sorted(maker.folder.rglob("*")) == before


@can_package
def test_the_apps_own_brand_passes_the_dry_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "desktop.packaging", "--check", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (0, True), done.stderr


@can_package
@pytest.mark.parametrize(
    ("part", "values", "code", "said"),
    [
        ("app", {"nmae": "x"}, 3, "“name”"),
        ("app", {"id": "Ask-Fern"}, 3, "app.id"),
        ("app", {"version": "one"}, 3, "app.version"),
        ("app", {"icon": "none.png"}, 5, "none.png"),
        ("package", {"files": ["data/*"]}, 3, "data/*"),
        ("package", {"files": ["../other"]}, 3, "package.files"),
        ("settings", {"agents": [{"kind": "code", "id": "a", "file": "none.py"}]}, 6, "none.py"),
        ("settings", {"agents": [{"kind": "code", "id": "a", "file": "/etc/hostname"}]}, 3, "/etc/hostname"),
        ("settings", {"greeting": "x"}, 3, "settings.greeting"),
    ],
)
def test_a_mistake_in_the_brand_is_named(maker: Maker, part: str, values: dict[str, Any], code: int, said: str) -> None:
    maker.set(part, **values)
    ended, told, progress = maker.run("--check")
    assert (ended, told["ok"]) == (code, False)
    assert said in told["error"]["message"]
    assert told["error"]["message"] in progress


@can_package
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from agents import Agent\nimport nowhere_to_be_found\n", "nowhere_to_be_found"),
        ("raise ValueError('no ferns')\n", "no ferns"),
        ("x = 1\n", "fern.py"),
        ("def (:\n", "fern.py"),
    ],
)
def test_an_agents_file_that_does_not_import_stops_it(maker: Maker, text: str, said: str) -> None:
    maker.agent(text)
    ended, told, _progress = maker.run("--check")
    assert (ended, said in told["error"]["message"]) == (6, True), told


@can_package
def test_an_agent_that_imports_passes(maker: Maker) -> None:
    maker.agent()
    assert maker.run("--check")[0] == 0


@pytest.mark.parametrize("words", [["--fromat", "deb"], ["--format", "floppy"], ["extra"]])
def test_wrong_words_end_with_two(maker: Maker, words: list[str]) -> None:
    code, told, _progress = maker.run(*words)
    assert (code, told["error"]["code"]) == (2, "usage")


def test_no_format_names_another_systems() -> None:
    assert list(formats.of_system("linux")) == ["deb", "tar.zst"]
    for system in formats.SYSTEMS:
        formats.of_system(system)
    with pytest.raises(WrongUsage):
        formats.of_system("plan9")
    assert [form.name for form in formats.chosen("tar.zst, tar.zst", "linux")] == ["tar.zst"]


def test_every_missing_tool_is_named_at_once_with_the_way_to_get_it() -> None:
    with pytest.raises(ToolMissing) as caught:
        tools.verify(
            (Tool("fern-tools", program="no-such-program"), Tool("libc-bin", program=sys.executable)),
            (Tool("fernlib", module="no_such_module"),),
        )
    assert "fern-tools, fernlib" in caught.value.message
    assert "libc-bin" not in caught.value.message
    assert "apt-get install --no-install-recommends fern-tools ;" in caught.value.hint


@can_package
def test_a_missing_program_ends_with_seven(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    code, told, _progress = maker.run("--check")
    assert (code, "xvfb" in told["error"]["hint"]) == (7, True)


@can_package
def test_a_full_disk_ends_with_ten_and_leaves_nothing_behind(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> freeze.Frozen:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere")

    monkeypatch.setattr(freeze, "freeze", full)
    monkeypatch.setattr(command, "ROOM", 0)
    code, told, _progress = maker.run()
    assert (code, told["error"]["code"]) == (10, "disk")
    assert "full" in told["error"]["message"]
    assert not (maker.folder / "out").exists()


@can_package
def test_what_nobody_foresaw_ends_with_one_and_is_one_object_too(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> freeze.Frozen:
        raise ZeroDivisionError("by zero ferns")

    monkeypatch.setattr(freeze, "freeze", broken)
    monkeypatch.setattr(command, "ROOM", 0)
    code, told, progress = maker.run()
    assert (code, told["ok"], told["error"]["code"]) == (1, False, "failed")
    assert "by zero ferns" in told["error"]["message"]
    assert "Traceback" in progress, "who is to mend it needs to know where"
    assert not (maker.folder / "out").exists()


@can_package
def test_a_failed_build_ends_with_eight_and_leaves_nothing_behind(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    (maker.folder / "out").mkdir()
    earlier = maker.folder / "out" / "earlier.deb"
    earlier.write_text("an earlier one")
    monkeypatch.setattr(freeze, "LIMIT", 0.01)
    code, told, _progress = maker.run()
    assert (code, told["error"]["code"]) == (8, "build")
    assert list((maker.folder / "out").iterdir()) == [earlier]


@can_package
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_ends_with_ten(maker: Maker) -> None:
    (maker.folder / "out").mkdir(mode=0o500)
    assert maker.run()[0] == 10


def test_the_version_is_the_brands_the_projects_or_the_newest_tags(maker: Maker) -> None:
    from desktop import __version__

    assert version_of(read_brand(maker.file), maker.folder) == "1.4.0"
    maker.set("app", version="")
    assert version_of(read_brand(maker.file), maker.folder) == __version__
    maker.set("app", version="git")
    with pytest.raises(errors.BrandWrong):
        version_of(read_brand(maker.file), maker.folder)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(maker.folder)]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"], ["tag", "v2.0.1"]):
        subprocess.run([*git, *words], check=True, timeout=60)
    assert version_of(read_brand(maker.file), maker.folder) == "2.0.1"


def test_the_date_of_everything_can_be_given(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1234567890")
    assert epoch_of(maker.file) == 1234567890
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert epoch_of(maker.file) > 1_500_000_000


def test_checksums_of_other_packages_that_are_still_there_stay(tmp_path: Path) -> None:
    (tmp_path / "other.deb").write_text("x")
    (tmp_path / "SHA256SUMS").write_text("aa  other.deb\nbb  gone.deb\ncc  mine.deb\n")
    (tmp_path / "new").mkdir()
    command._write_sums(tmp_path / "new" / "SHA256SUMS", {"mine.deb": "dd"}, tmp_path)
    assert (tmp_path / "new" / "SHA256SUMS").read_text() == "dd  mine.deb\naa  other.deb\n"


@can_package
def test_being_ended_leaves_nothing_behind(maker: Maker) -> None:
    out = maker.folder / "out"
    words = ["--brand", str(maker.file), "--out", str(out), "--format", "deb", "--json"]
    process = Child(
        [sys.executable, "-m", "desktop.packaging", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    while line := process.error_line():
        if line.startswith("Freezing"):
            break
    assert list(out.iterdir()), "it is at work there"
    process.terminate()
    process.error_rest()
    process.stderr.close()
    told = json.loads(process.rest())
    process.stdout.close()
    assert process.wait(120) == 143
    assert told["error"]["code"] == "ended"
    assert not out.exists()
