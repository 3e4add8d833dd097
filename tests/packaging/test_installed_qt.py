"""Packages with Qt, as people meet them: built, proved, installed where there is neither WebKitGTK nor Qt.

Takes a quarter of an hour, so `make test-packaging` runs it and `make test` does not.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.packaging import qt
from desktop.packaging.plan import Plan, read_brand
from desktop.packaging.proof import Proof
from tests.packaging.built import ROOT, Built, build, home_in
from tests.packaging.clean_system import RELEASES, UID, clean_system
from tests.packaging.makers import EPOCH
from tests.rig.display import Display, stop, virtual_display
from tests.rig.processes import Child

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.window,
    pytest.mark.secret_service,
    pytest.mark.clean_systems,
]


@pytest.fixture(scope="module")
def built(workshop: Path) -> Built:
    return build(ROOT / "assets" / "brand.toml", workshop / "qt", "deb", "tar.zst", engine="qt")


@pytest.fixture(scope="module")
def unpacked(built: Built, workshop: Path) -> Path:
    """The folder that the archive holds, where an ordinary user reaches it."""
    workshop.chmod(0o755)
    folder = workshop / "qt unpacked"
    folder.mkdir()
    subprocess.run(
        ["tar", "--extract", "--file", str(built.file(".tar.zst")), "-C", str(folder)], check=True, timeout=300
    )
    (top,) = folder.iterdir()
    return top


@pytest.fixture(scope="module")
def screen() -> Iterator[Display]:
    with virtual_display() as display:
        yield display


def test_checklist_05_16_30_32_it_was_proved_with_qt(built: Built) -> None:
    told = {step["name"]: step for step in built.told["proof"]["steps"]}
    assert told["first launch"]["detail"] == "opens setup with qt"
    assert all(step["ok"] for step in told.values())


def test_it_needs_no_webkit_no_gtk_and_no_qt(built: Built) -> None:
    depends = subprocess.run(
        ["dpkg-deb", "-f", str(built.file(".deb")), "Depends"], capture_output=True, text=True, timeout=60
    ).stdout
    for name in ("libnss3", "libegl1", "libxcb-cursor0", "libfontconfig1"):
        assert name in depends
    for name in ("webkit", "gtk", "gir1.2", "libqt", "cups"):
        assert name not in depends


def test_lintian_finds_no_error(built: Built) -> None:
    done = subprocess.run(
        ["lintian", "--fail-on", "error", str(built.file(".deb"))], capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_licences_and_the_offer_of_the_source_go_along(built: Built, unpacked: Path) -> None:
    parts = {part["name"].lower() for part in json.loads(built.file(".cdx.json").read_text())["components"]}
    assert {"pyside6_addons", "pyside6_essentials", "shiboken6", "qtpy", "pywebview"} <= parts
    assert "pygobject" not in parts
    notices = (unpacked / "NOTICES").read_text(encoding="utf-8")
    for words in ("GNU LESSER GENERAL PUBLIC LICENSE", "The Chromium Authors", "third_party/skia", "download.qt.io"):
        assert words in notices
    assert (unpacked / qt.OFFER).read_text(encoding="utf-8").startswith("ChatKit Desktop")
    assert not [warning for warning in built.told["warnings"] if "licence" in warning]


def test_no_link_in_it_leads_nowhere(unpacked: Path) -> None:
    assert [str(path) for path in unpacked.rglob("*") if path.is_symlink() and not path.exists()] == []


def test_qts_libraries_can_be_replaced(unpacked: Path) -> None:
    """What the LGPL asks: shared libraries, under their own names, in a folder."""
    library = unpacked / "lib" / "chatkit-desktop" / "_internal" / "PySide6" / "Qt" / "lib" / "libQt6Core.so.6"
    assert library.read_bytes()[:4] == b"\x7fELF"


def test_an_ordinary_users_pages_run_in_chromiums_sandbox(unpacked: Path, screen: Display, workshop: Path) -> None:
    home = workshop / "qt home"
    home.mkdir()
    os.chown(home, UID, UID)
    environ = screen.environment({"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"})
    environ.pop("QTWEBENGINE_DISABLE_SANDBOX", None)
    user = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
    process = Child([*user, str(unpacked / "bin" / "chatkit-desktop"), "--demo"], env=environ)
    try:
        end, found = time.monotonic() + 120, ""
        while not found and process.poll() is None and time.monotonic() < end:
            time.sleep(0.5)
            found = next(confined(unpacked), "")
        assert found, "no process of its pages has a filter of system calls and no view of other processes"
    finally:
        stop(process, 30)


def confined(unpacked: Path) -> Iterator[str]:
    """The kernel's notes on that app's processes with both layers of the sandbox: a filter of system calls, and
    numbers of processes of their own, which go with the namespaces."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
            own = str(folder.joinpath("exe").readlink()).startswith(str(unpacked))
        except OSError:
            continue  # gone meanwhile
        (numbers,) = [line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")] or [[]]
        if own and "Seccomp:\t2" in status and len(numbers) > 1:
            yield status


@pytest.mark.parametrize("release", list(RELEASES))
def test_checklist_05_16_30_32_it_serves_a_machine_with_neither_webkit_nor_qt(
    release: str, built: Built, screen: Display, workshop: Path
) -> None:
    brand = read_brand(built.brand)
    brand = brand.model_copy(update={"package": brand.package.model_copy(update={"engine": "qt"})})
    plan = Plan(brand, built.brand, built.told["version"], EPOCH, ("deb",), workshop, workshop)
    with clean_system(release) as system:
        system.install(built.file(".deb"))
        there = system.must("dpkg-query", "--show", "--showformat", "${Package}\\n").split()
        assert not [name for name in there if "webkit" in name or name.startswith(("libqt", "libgtk-3", "python3-gi"))]
        # The keyring is what it recommends, and asks with GTK; the bus is there on every desktop.
        system.install("dbus-daemon", "gnome-keyring", "libpam-gnome-keyring-")
        home = home_in(system, screen, "chatkit-desktop")
        # An ordinary user starts it: the tests' own root does not matter.
        home.environ.pop("QTWEBENGINE_DISABLE_SANDBOX", None)
        report = Proof(plan, home).run()
    assert all(step.ok for step in report.steps)
