"""The Windows installer, compiled by makensis and run silently under wine WITH A STAND-IN IN PLACE OF THE APP: files,
shortcut, registry, upgrade, refusals, uninstall. What only Windows can show (the app itself, dialogs, WebView2,
SmartScreen) is left to the release workflow.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from desktop.packaging import icons, windows
from tests.packaging.makers import Maker
from tests.packaging.test_windows import job

MISSING = [name for name in ("makensis", "wine", "wineserver") if not shutil.which(name)]
STUB = Path("/usr/share/nsis/Stubs/zlib-amd64-unicode")
"""A small Windows program that comes with NSIS; and the kind of installer that a 64-bit wine runs by itself."""
pytestmark = [
    pytest.mark.packaging,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(not STUB.is_file(), reason="this NSIS makes no 64-bit installers, and wine here runs no others"),
]
UNINSTALL = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\ask-fern"
OWN = r"HKCU\Software\com.example.fern.ask_fern"
LINKS = r"HKCU\Software\Classes\ask-fern\shell\open\command"


class Wine:
    """A Windows of its own below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(folder.parent),
            "WINEPREFIX": str(folder),
            "WINEDEBUG": "-all",
            # No menu entries of the host, no questions about .NET and web pages.
            "WINEDLLOVERRIDES": "winemenubuilder.exe,mscoree,mshtml=d",
        }
        self.run("wineboot", "--init")
        self.version("win10")

    def run(self, *words: str) -> int:
        code = subprocess.call(["wine", *words], env=self.environ, timeout=900, stderr=subprocess.DEVNULL)
        subprocess.call(["wineserver", "--wait"], env=self.environ, timeout=900)
        return code

    def version(self, name: str) -> None:
        """Which Windows it says it is."""
        assert self.run("reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", name, "/f") == 0

    def value(self, key: str, name: str = "") -> str | None:
        """What stands in the registry, None for nothing."""
        wanted = ["/v", name] if name else ["/ve"]
        done = subprocess.run(
            ["wine", "reg", "query", key, *wanted], env=self.environ, capture_output=True, timeout=900
        )
        match = re.search(rb"REG_(SZ|DWORD) +([^\r\n]*)", done.stdout)
        return match[2].decode("utf-8", "replace") if done.returncode == 0 and match else None

    @property
    def user(self) -> Path:
        (found,) = (path for path in (self.folder / "drive_c" / "users").iterdir() if path.name != "Public")
        return found

    @property
    def app(self) -> Path:
        return self.user / "AppData/Local/Programs/ask-fern"

    def menu(self) -> list[str]:
        return [path.name for path in (self.user / "AppData/Roaming/Microsoft/Windows/Start Menu").rglob("*.lnk")]


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Wine:
    return Wine(tmp_path_factory.mktemp("windows") / "prefix")


def setup(maker: Maker, version: str, *files: str) -> Path:
    """An installer of a stand-in app."""
    maker.set("app", version=version)
    plan = maker.plan()
    payload = maker.folder / f"payload-{version}"
    (payload / "_internal").mkdir(parents=True)
    for program in windows.programs(payload, plan):
        shutil.copy(STUB, program)
    for name in (*files, "_internal/library.txt", "LICENSE.txt", "NOTICES.txt"):
        (payload / name).write_text(version)
    icons.write(maker.folder / "fern.png", maker.folder / "icons")
    made = maker.folder / f"ask-fern-{version}-setup-x64.exe"
    windows.compile_installer(plan, payload, maker.folder / "icons" / "app.ico", made, kind="amd64-unicode")
    return made


def test_a_stand_in_app_is_installed_upgraded_and_removed_and_what_people_made_stays(maker: Maker, wine: Wine) -> None:
    maker.set("app", name='Fern & "Moss" $1 é')
    assert wine.run(str(setup(maker, "1.4.0", "_internal/old.txt")), "/S") == 0
    assert (wine.app / "ask-fern.exe").read_bytes() == STUB.read_bytes()
    assert (wine.app / "_internal/old.txt").read_text() == "1.4.0"
    assert wine.menu() == ["Fern & Moss $1 é.lnk"]
    place = "C:\\users\\" + wine.user.name + "\\AppData\\Local\\Programs\\ask-fern"
    assert wine.value(UNINSTALL, "DisplayVersion") == "1.4.0"
    assert wine.value(UNINSTALL, "Publisher") == "Fern and Moss"
    assert wine.value(UNINSTALL, "QuietUninstallString") == f'"{place}\\uninstall.exe" /S'
    assert wine.value(LINKS) == f'"{place}\\ask-fern.exe" "%1"'
    assert wine.value(OWN, "Folder") == place

    kept = wine.user / "AppData/Local/ask-fern/profiles/default/settings.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    beside = wine.app / "my own notes.txt"
    beside.write_text("notes")

    maker.set("app", name="Fern Two")
    assert wine.run(str(setup(maker, "1.5.0")), "/S") == 0
    assert (wine.app / "_internal/library.txt").read_text() == "1.5.0"
    assert not (wine.app / "_internal/old.txt").exists(), "what the new version does not have is gone"
    assert wine.menu() == ["Fern Two.lnk"], "the entry under the earlier name is gone"
    assert wine.value(UNINSTALL, "DisplayVersion") == "1.5.0"
    assert wine.value(UNINSTALL, "DisplayName") == "Fern Two"

    assert wine.run(str(wine.app / "uninstall.exe"), "/S") == 0
    assert [path.name for path in wine.app.iterdir()] == ["my own notes.txt"]
    assert wine.menu() == []
    assert [wine.value(key) for key in (UNINSTALL, LINKS, OWN)] == [None, None, None]
    assert kept.is_file()
    beside.unlink()
    wine.app.rmdir()


def test_the_installer_that_makers_get_is_made_from_the_frozen_app_and_signs_all_four_programs(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The 32-bit one, which the wine here does not run; signtool is a stand-in that writes down what it is given."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "signtool").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path / "signed"}\n')
    (tools / "signtool").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv(windows.CERTIFICATE, "a" * 40)
    made = windows.make_installer(job(maker, tmp_path))
    assert made.name == f"ask-fern-1.4.0-windows-{windows.architecture()}-setup.exe"
    assert made.read_bytes()[:2] == b"MZ"
    signed = (tmp_path / "signed").read_text().splitlines()
    assert all(line.startswith(f"sign /sha1 {'a' * 40} /fd sha256") for line in signed)
    app, twin, uninstaller, setup_exe = (line.rpartition(" ")[2] for line in signed)
    assert app.endswith("/ask-fern.exe")
    assert twin.endswith("/ask-fern-console.exe")
    assert setup_exe == str(made)
    assert uninstaller not in (app, twin, setup_exe)


def test_nothing_is_installed_into_a_folder_with_other_files(maker: Maker, wine: Wine) -> None:
    wine.app.mkdir(parents=True)
    (wine.app / "_internal").mkdir()
    (wine.app / "_internal" / "of somebody else.txt").write_text("mine")
    assert wine.run(str(setup(maker, "1.6.0")), "/S") == 2
    assert [path.name for path in wine.app.rglob("*")] == ["_internal", "of somebody else.txt"]
    assert wine.value(UNINSTALL, "DisplayVersion") is None
    shutil.rmtree(wine.app)


def test_links_that_another_program_has_taken_over_stay_with_it(maker: Maker, wine: Wine) -> None:
    assert wine.run(str(setup(maker, "1.6.1")), "/S") == 0
    assert wine.run("reg", "add", LINKS, "/ve", "/d", "other.exe", "/f") == 0
    assert wine.run(str(wine.app / "uninstall.exe"), "/S") == 0
    assert not wine.app.exists()
    assert wine.value(LINKS) == "other.exe"
    wine.run("reg", "delete", r"HKCU\Software\Classes\ask-fern", "/f")


def test_a_windows_that_is_too_old_is_refused(maker: Maker, wine: Wine) -> None:
    wine.version("win7")
    try:
        assert wine.run(str(setup(maker, "1.7.0")), "/S") == 2
    finally:
        wine.version("win10")
    assert not wine.app.exists()
    assert wine.value(UNINSTALL, "DisplayVersion") is None
