"""The Windows forms, as far as they can be told without Windows: words, numbers, the zip, what would be signed.

The installer itself is compiled and run in test_windows_installer.py.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from desktop.packaging import formats, icons, tools, windows
from desktop.packaging.contents import Contents
from desktop.packaging.errors import BuildFailed, ToolMissing
from desktop.packaging.formats import Job
from desktop.packaging.freeze import Frozen
from tests.packaging.makers import Maker


class Nothing(Contents):
    parts = []  # type: ignore[assignment]  # noqa: RUF012


def job(maker: Maker, folder: Path) -> Job:
    plan = maker.plan(folder / "work")
    frozen = Frozen(folder / "ask-fern", folder / "ask-fern" / "ask-fern.exe", folder)
    (frozen.folder / "_internal").mkdir(parents=True)
    for program in windows.programs(frozen.folder, plan):
        program.write_bytes(b"MZ")
    (frozen.folder / "_internal" / "data.txt").write_text("data")
    icons.write(maker.folder / "fern.png", folder / "assets" / "icons")
    (folder / "out").mkdir()
    return Job(plan, frozen, folder / "assets", Nothing(plan, frozen), folder / "out")


def test_windows_has_an_installer_and_a_zip() -> None:
    assert list(formats.of_system("windows")) == ["nsis", "zip"]


@pytest.mark.parametrize(
    ("version", "four"),
    [("1.4.0", (1, 4, 0, 0)), ("2", (2, 0, 0, 0)), ("1.2.3.4", (1, 2, 3, 4)), ("2026.100000", (2026, 65535, 0, 0))],
)
def test_a_version_becomes_four_numbers(version: str, four: tuple[int, ...]) -> None:
    assert windows.numbers(version) == four


def test_explorer_is_told_what_the_brand_says(maker: Maker) -> None:
    maker.set("app", copyright="© Fern's “best”")
    text = windows.version_resource(maker.plan().brand)
    told: dict[str, Any] = {}

    def note(name: str, value: Any) -> None:
        told[name] = value

    def group(*_entries: Any, **values: Any) -> None:
        told.update(values)

    kinds = ("VSVersionInfo", "FixedFileInfo", "StringFileInfo", "StringTable", "VarFileInfo")
    eval(text, {"StringStruct": note, "VarStruct": note, **dict.fromkeys(kinds, group)})  # noqa: S307  # as PyInstaller
    assert (told["ProductName"], told["CompanyName"]) == ("Ask Fern", "Fern and Moss")
    assert told["LegalCopyright"] == "© Fern's “best”"
    assert told["filevers"] == (1, 4, 0, 0)
    assert told["OriginalFilename"] == "ask-fern.exe"


@pytest.mark.parametrize(
    ("name", "file"),
    [("Fern", "Fern"), ("Fern: a/b?", "Fern a b"), ("Fern.", "Fern"), ("???", "App"), ("Fougère", "Fougère")],
)
def test_a_name_becomes_a_file_name(name: str, file: str) -> None:
    assert windows.file_name(name) == file


def test_nothing_in_a_name_ends_a_text_of_the_script_or_is_a_variable(maker: Maker, tmp_path: Path) -> None:
    maker.set("app", name='A "b" $INSTDIR & c')
    told = windows.defines(maker.plan(), tmp_path, tmp_path / "i", tmp_path / "o").splitlines()
    assert '!define NAME "A $\\"b$\\" $$INSTDIR & c"' in told
    assert '!define NAME_IN_DIALOGS "A $\\"b$\\" $$INSTDIR && c"' in told


def test_the_zip_is_one_folder_and_the_same_each_time(maker: Maker, tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(windows.make_zip(job(maker, tmp_path / name)))
    assert made[0].read_bytes() == made[1].read_bytes()
    with zipfile.ZipFile(made[0]) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"ask-fern"}
    assert {
        "ask-fern/ask-fern.exe",
        "ask-fern/ask-fern-console.exe",
        "ask-fern/LICENSE.txt",
        "ask-fern/NOTICES.txt",
    } <= set(names)


def test_nothing_is_signed_without_a_certificate_and_a_wrong_one_is_named(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(windows.CERTIFICATE, raising=False)
    assert "SIGN" not in windows.defines(maker.plan(), tmp_path, tmp_path / "i", tmp_path / "o")
    monkeypatch.setenv(windows.CERTIFICATE, "a" * 40)
    told = windows.defines(maker.plan(), tmp_path, tmp_path / "i", tmp_path / "o")
    assert f"!define SIGN 'signtool sign /sha1 {'a' * 40} /fd sha256 /tr" in told
    monkeypatch.setenv(windows.CERTIFICATE, "my certificate' & calc")
    with pytest.raises(BuildFailed, match="thumbprint"):
        windows.defines(maker.plan(), tmp_path, tmp_path / "i", tmp_path / "o")


def test_what_is_missing_is_got_as_the_system_gets_it() -> None:
    with pytest.raises(ToolMissing) as caught:
        tools.verify((tools.Tool("NSIS", program="no-such-program", how=windows.GET_NSIS),), ())
    assert caught.value.hint.endswith("By hand: winget install NSIS.NSIS, and its folder on the PATH")
