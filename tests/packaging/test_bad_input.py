"""What a maker may get wrong, typed as a maker types it: the whole command in a process of its own, not a dry run.

Each ends with a code of its own and one sentence that names the field or the tool, and leaves no file behind.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop.packaging import formats
from tests.packaging.built import BUILD_LIMIT
from tests.packaging.makers import Maker, can_package
from tests.rig.processes import Child

ROOT = Path(__file__).resolve().parents[2]
pytestmark = can_package
COMMAND = [sys.executable, "-m", "desktop.packaging"]
MOUNTED = """
mount -t tmpfs -o "size=$1" none "$2" && shift
where="$1"; shift
code=0; "$@" --out "$where" || code=$?
ls -A "$where" >&2
exit $code
"""
"""Runs a command on a small disk of its own; the last lines on standard error are what is left there."""


def package(maker: Maker, **environ: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the one object, standard error; and that nothing is left."""
    before = sorted(maker.folder.rglob("*"))
    words = ["--brand", str(maker.file), "--out", str(maker.folder / "out"), "--json"]
    done = subprocess.run(
        [*COMMAND, *words], cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, timeout=600
    )
    assert done.stdout.count("\n") == 1, done.stdout + done.stderr
    assert sorted(path for path in maker.folder.rglob("*") if "__pycache__" not in path.parts) == before
    return done.returncode, json.loads(done.stdout), done.stderr


def refused(maker: Maker, code: int, kind: str, *words: str, **environ: str) -> None:
    ended, told, progress = package(maker, **environ)
    assert (ended, told["ok"], told["error"]["code"]) == (code, False, kind), told
    said = f"{told['error']['message']} {told['error']['hint']}"
    for word in words:
        assert word in said
    assert told["error"]["message"] in progress
    assert "Traceback" not in progress


def test_a_typo_in_the_brand_file_is_named_with_the_right_name(maker: Maker) -> None:
    maker.set("app", nmae="Fern")
    refused(maker, 3, "brand", "app.nmae", "“name”", str(maker.file))


def test_a_brand_file_that_is_no_toml_is_named(maker: Maker) -> None:
    maker.file.write_text("[app\n")
    refused(maker, 3, "brand", "brand.toml")


def test_a_brand_file_that_is_not_there_is_named(maker: Maker) -> None:
    maker.file.unlink()
    refused(maker, 3, "brand", "brand.toml")


def test_an_id_with_capitals_is_refused_with_what_an_id_may_be(maker: Maker) -> None:
    maker.set("app", id="Ask-Fern")
    refused(maker, 3, "brand", "app.id")


def test_an_icon_of_20_pixels_is_refused_with_the_size_that_is_wanted(maker: Maker) -> None:
    maker.picture(20)
    refused(maker, 5, "icon", "fern.png", "20 × 20", "512 × 512")


def test_an_icon_that_is_no_picture_is_refused(maker: Maker) -> None:
    (maker.folder / "fern.png").write_bytes(b"these are words")
    refused(maker, 5, "icon", "fern.png", "neither a PNG nor an SVG")


def test_an_agents_file_that_does_not_import_is_named_with_what_is_missing(maker: Maker) -> None:
    maker.agent("from agents import Agent\nimport nowhere_to_be_found\n")
    refused(maker, 6, "agent", "fern.py", "nowhere_to_be_found", "`packages` of the agent")


def test_checklist_32_a_key_in_an_agents_file_is_named_by_its_line_and_not_repeated(maker: Maker) -> None:
    maker.agent('KEY = "sk-proj-0123456789abcdefghijABCDEFGHIJ"\n')
    refused(maker, 4, "secret", "fern.py, line 1")
    assert "0123456789" not in package(maker)[2]


def test_a_missing_tool_is_named_with_how_to_get_it(maker: Maker, tmp_path: Path) -> None:
    """All of them are there but one."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in {tool for form in formats.chosen("") for tool in form.tools if tool.program}:
        found = shutil.which(tool.program)
        assert found is not None
        if tool.program != "zstd":
            (tools / tool.program).symlink_to(found)
    refused(
        maker, 7, "tool", "not installed here: zstd.", "apt-get install --no-install-recommends zstd", PATH=str(tools)
    )


def on_a_disk_of(size: str, maker: Maker, where: Path) -> list[str]:
    """The command on a small disk. Needs root."""
    where.mkdir()
    command = [*COMMAND, "--brand", str(maker.file), "--format", "deb", "--json"]
    return ["unshare", "--mount", "sh", "-c", MOUNTED, "small", size, str(where), *command]


def can_mount() -> bool:
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("unshare")):
        return False
    words = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.call(words, stderr=subprocess.DEVNULL, timeout=60) == 0


@pytest.mark.skipif(not can_mount(), reason="a small disk can be made by root alone")
def test_a_disk_that_is_too_small_is_told_before_anything_is_made(maker: Maker, tmp_path: Path) -> None:
    done = subprocess.run(
        on_a_disk_of("64m", maker, tmp_path / "small"), cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["error"]["code"]) == (10, "disk"), done.stderr
    assert "too little room" in told["error"]["message"]
    assert done.stderr.endswith("--out.\n"), "and nothing is left there"


@pytest.mark.packaging
@pytest.mark.timeout(BUILD_LIMIT)
@pytest.mark.skipif(not can_mount(), reason="a small disk can be made by root alone")
def test_a_disk_that_fills_up_in_the_middle_is_told_and_nothing_half_made_is_left(maker: Maker, tmp_path: Path) -> None:
    where = tmp_path / "filling"
    with Child(
        on_a_disk_of("1600m", maker, where), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while line := process.error_line():
            if line.startswith("Freezing"):
                break
        # The disk is seen by that process alone; somebody else's file takes what is left of it.
        seen = Path(f"/proc/{process.pid}/root{where}")
        filler = os.open(seen / "somebody's file", os.O_CREAT | os.O_WRONLY)
        room = os.fstatvfs(filler)
        os.posix_fallocate(filler, 0, room.f_bavail * room.f_frsize - 8 * 1024 * 1024)
        os.close(filler)
        said = process.error_rest(BUILD_LIMIT)
        told = json.loads(process.rest(BUILD_LIMIT))
    assert process.returncode == 10, said
    assert (told["error"]["code"], "disk is full" in told["error"]["message"]) == ("disk", True), told
    assert said.endswith("--out.\nsomebody's file\n"), said
