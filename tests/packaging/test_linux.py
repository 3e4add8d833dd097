"""The forms of Linux, made from a stand-in of a frozen app: what stands in them, and that they are always the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from desktop.packaging import contents, icons, linux
from desktop.packaging.contents import Contents, Part
from desktop.packaging.formats import Job
from desktop.packaging.freeze import Frozen, elf_files
from tests.packaging.makers import EPOCH, Maker, can_package

pytestmark = can_package
PARTS = [
    Part("fernlib", "1.0", "MIT", "https://fern.example", (("LICENSE", "Permission is hereby granted"),)),
    Part("mosslib", "2.0", "see its own text", "", ()),
]


class Listed(Contents):
    parts = PARTS  # type: ignore[assignment]  # worked out from PyInstaller's notes elsewhere


def job(maker: Maker, folder: Path) -> Job:
    """A frozen app of one program and one file, made somewhere and somewhen."""
    plan = maker.plan(folder / "work")
    frozen = Frozen(folder / "ask-fern", folder / "ask-fern" / "ask-fern", folder)
    (frozen.folder / "_internal").mkdir(parents=True)
    shutil.copy("/bin/true", frozen.executable)
    (frozen.folder / "_internal" / "data.txt").write_text("data")
    (frozen.folder / "_internal" / "data.txt").chmod(0o600)
    icons.write(maker.folder / "fern.png", folder / "assets" / "icons")
    (folder / "out").mkdir()
    return Job(plan, frozen, folder / "assets", Listed(plan, frozen), folder / "out")


def field(deb: Path, name: str) -> str:
    return subprocess.run(["dpkg-deb", "-f", str(deb), name], capture_output=True, text=True, timeout=60).stdout.strip()


def test_the_control_file_says_what_the_brand_says(maker: Maker, tmp_path: Path) -> None:
    maker.set("app", description="All about ferns.\n\nAnd moss.")
    deb = linux.make_deb(job(maker, tmp_path))
    assert deb.name == f"ask-fern_1.4.0_{linux.architecture()}.deb"
    assert (field(deb, "Package"), field(deb, "Version")) == ("ask-fern", "1.4.0")
    assert field(deb, "Maintainer") == "Fern and Moss <hello@fern.example.com>"
    assert field(deb, "Homepage") == "https://fern.example.com"
    assert field(deb, "Description") == "ask about ferns\n All about ferns.\n .\n And moss."
    depends = field(deb, "Depends").split(", ")
    assert any(entry.startswith("libc6 (>=") for entry in depends), "worked out from what the program links to"
    assert {"gir1.2-gtk-3.0", "gir1.2-webkit2-4.1"} <= set(depends)


@pytest.mark.parametrize(
    ("summary", "told"),
    [
        ("Ask about ferns", "ask about ferns"),
        ("A fern's friend", "a fern's friend"),
        ("ChatKit for ferns", "ChatKit for ferns"),
        ("GNOME's ferns", "GNOME's ferns"),
        ("Élise asks", "élise asks"),
    ],
)
def test_a_summary_becomes_debians_kind_of_line(summary: str, told: str) -> None:
    assert linux._synopsis(summary) == told


def test_the_tree_has_every_file_in_its_place_with_plain_rights(maker: Maker, tmp_path: Path) -> None:
    deb = linux.make_deb(job(maker, tmp_path))
    listed = subprocess.run(
        ["dpkg-deb", "-c", str(deb)], capture_output=True, text=True, timeout=60
    ).stdout.splitlines()
    rights = {line.split()[5]: (line.split()[0], line.split()[1]) for line in listed}
    assert {owner for _mode, owner in rights.values()} == {"root/root"}
    assert rights["./usr/lib/ask-fern/ask-fern"][0] == "-rwxr-xr-x"
    assert rights["./usr/lib/ask-fern/_internal/data.txt"][0] == "-rw-r--r--"
    assert rights["./usr/bin/ask-fern"][0].startswith("l")
    for name in (
        "applications/ask-fern.desktop",
        "metainfo/com.example.fern.ask_fern.metainfo.xml",
        "icons/hicolor/512x512/apps/ask-fern.png",
        "doc/ask-fern/copyright",
        "doc/ask-fern/changelog.gz",
        "doc/ask-fern/NOTICES.gz",
        "man/man1/ask-fern.1.gz",
    ):
        assert f"./usr/share/{name}" in rights


def test_both_forms_are_the_same_wherever_and_whenever_they_are_made(maker: Maker, tmp_path: Path) -> None:
    made = []
    for name in ("one", "another/place"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        wanted = job(maker, folder)
        for path in wanted.frozen.files():
            os.utime(path, (EPOCH - len(made), EPOCH - len(made)))
        made.append([path.read_bytes() for path in (linux.make_deb(wanted), linux.make_tar(wanted))])
    assert made[0] == made[1]


def test_the_archive_is_one_folder_that_says_what_it_needs(maker: Maker, tmp_path: Path) -> None:
    archive = linux.make_tar(job(maker, tmp_path))
    plain = tmp_path / "plain.tar"
    subprocess.run(["zstd", "--quiet", "--decompress", "-o", str(plain), str(archive)], check=True, timeout=60)
    with tarfile.open(plain) as opened:
        names = opened.getnames()
        top = f"ask-fern-1.4.0-linux-{linux.architecture()}"
        assert {name.split("/")[0] for name in names} == {top}
        needs = opened.extractfile(f"{top}/NEEDS")
        assert needs is not None
        assert "gir1.2-webkit2-4.1" in needs.read().decode()
    assert {f"{top}/bin/ask-fern", f"{top}/LICENSE", f"{top}/NOTICES"} <= set(names)


def test_licences_stand_in_the_notices_and_a_missing_one_is_known(maker: Maker, tmp_path: Path) -> None:
    wanted = job(maker, tmp_path)
    assert "fernlib 1.0: MIT" in wanted.contents.notices()
    assert "Permission is hereby granted" in wanted.contents.notices()
    assert wanted.contents.without_text() == ["mosslib"]
    assert '"purl": "pkg:pypi/fernlib@1.0"' in wanted.contents.sbom()
    assert wanted.contents.sbom() == wanted.contents.sbom()


def test_packages_that_an_agent_brings_are_named_with_their_licences_and_what_stays_out_is_not(
    maker: Maker, tmp_path: Path
) -> None:
    plan = maker.plan(tmp_path / "work")
    packages = plan.work / "assets" / "agent-packages"
    for name in ("mosslib", "elsewhere"):
        info = packages / f"{name}-2.1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 2.1\nLicense-Expression: ISC\n")
        (info / "LICENSE").write_text("Whoever wants to may use it.")
        (packages / f"{name}.py").write_text("")
        (info / "RECORD").write_text(f"{name}.py,,\n{info.name}/LICENSE,,\n{info.name}/METADATA,,\n")
    build = tmp_path / "notes" / "build"
    build.mkdir(parents=True)
    collected = [("assets/agent-packages/mosslib.py", str(packages / "mosslib.py"), "DATA")]
    (build / "COLLECT-00.toc").write_text(repr(("dist", collected)))
    (build / "PYZ-00.toc").write_text(repr(("out", [])))
    found = Contents(plan, Frozen(tmp_path, tmp_path / "ask-fern", build.parent))
    assert [part.name for part in found.parts if part.name in ("mosslib", "elsewhere")] == ["mosslib"]
    assert "mosslib 2.1: ISC" in found.notices()
    assert "Whoever wants to may use it." in found.notices()
    assert '"purl": "pkg:pypi/mosslib@2.1"' in found.sbom()


def test_every_library_that_the_app_needs_comes_with_its_licence() -> None:
    """Those of the lock file, which is what a package can hold at most."""
    import importlib.metadata
    import re

    lock = (Path(__file__).resolve().parents[2] / "requirements.txt").read_text(encoding="utf-8")
    silent = []
    for name in re.findall(r"(?m)^([a-z0-9-]+)==", lock):
        try:
            part = contents.part_of(importlib.metadata.distribution(name))
        except importlib.metadata.PackageNotFoundError:
            continue  # of another system
        if not part.texts or part.licence == "see its own text":
            silent.append(part.name)
    assert silent == []


def test_packages_renamed_for_long_times_may_have_their_old_name(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = job(maker, tmp_path)
    monkeypatch.setattr(
        linux, "_run", lambda *_args, **_options: "shlibs:Depends=libc6 (>= 2.36), libssl3t64 (>= 3.0)\n"
    )
    found = linux._depends(wanted.plan, wanted.frozen, "amd64")
    assert "libssl3t64 (>= 3.0) | libssl3 (>= 3.0)" in found
    assert "libc6 (>= 2.36)" in found


def test_programs_and_libraries_are_told_from_data(tmp_path: Path) -> None:
    shutil.copy("/bin/true", tmp_path / "program")
    (tmp_path / "data").write_text("ELF")
    (tmp_path / "link").symlink_to("program")
    assert elf_files(tmp_path) == [tmp_path / "program"]
