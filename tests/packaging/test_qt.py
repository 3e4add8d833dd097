"""Packages with Qt: what of PySide6 goes along, what its licences ask, what the package depends on, what is missing."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest

from desktop.packaging import contents, linux, qt, tools
from desktop.packaging.plan import Plan
from tests.packaging.makers import Maker, can_package
from tests.packaging.test_linux import field, job

TWO = [contents.Part(name, "1", "LGPL-3.0-only", "", (("LGPL-3", "the long text"),)) for name in ("one", "two")]
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Qt goes into packages for Linux alone")


def with_qt(maker: Maker) -> Maker:
    maker.set("package", engine="qt")
    return maker


def wheel_files() -> list[str]:
    """Names, as in a bundle, of all that PySide6's wheels hold here."""
    found: list[str] = []
    for name in ("PySide6_Essentials", "PySide6_Addons", "PySide6_WebEngine"):  # the last one from 6.12 on
        with suppress(importlib.metadata.PackageNotFoundError):
            found += [str(file) for file in importlib.metadata.files(name) or () if file.parts[0] == "PySide6"]
    if not any("WebEngine" in name for name in found):
        pytest.skip("PySide6 with Qt WebEngine is not installed here")
    return found


def where(name: str) -> Path:
    return Path(str(importlib.metadata.distribution("PySide6_Essentials").locate_file(name)))


def size(name: str) -> int:
    return where(name).stat().st_size


# --- what goes along ------------------------------------------------------------------------------


def test_of_chromiums_words_those_of_the_apps_languages_go_along() -> None:
    folder = f"PySide6/{qt.LOCALES}"
    names = ("en-US", "en-GB", "fr", "de", "fil", "pt-BR")
    assert [name for name in names if qt.keeps(f"{folder}{name}.pak", {"en", "fr"})] == ["en-US", "fr"]
    assert [name for name in names if qt.keeps(f"{folder}{name}.pak", {"pt"})] == ["en-US", "pt-BR"]


@pytest.mark.parametrize(
    "name",
    [
        "PySide6/Qt/resources/qtwebengine_devtools_resources.pak",
        "PySide6/Qt/translations/qtbase_fr.qm",
        "PySide6/Qt/qml/QtQuick/qmldir",
        "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
        "PySide6/Qt/plugins/imageformats/libqpdf.so",
        "PySide6/Qt/lib/libQt6Pdf.so.6",
        "PySide6/QtQml.abi3.so",
        "libQt6Pdf.so.6",
        "libpyside6qml.abi3.so.6.11",
        "libsoftokn3.chk",
    ],
)
def test_what_the_app_does_not_use_stays_out(name: str) -> None:
    assert not qt.keeps(name, {"en", "fr"})


@pytest.mark.parametrize(
    "name",
    [
        "PySide6/Qt/libexec/QtWebEngineProcess",
        "PySide6/Qt/lib/libQt6WebEngineCore.so.6",
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/QtWebEngineWidgets.abi3.so",
        "libQt6Core.so.6",
        "libpyside6.abi3.so.6.11",
        "libpython3.11.so.1.0",
        "shiboken6/Shiboken.abi3.so",
        "assets/pages/chat/chat.html",
        "cryptography/hazmat/bindings/_rust.abi3.so",
    ],
)
def test_what_it_uses_and_all_that_is_not_qts_goes_along(name: str) -> None:
    assert qt.keeps(name, {"en", "fr"})


@ON_LINUX
def test_every_name_of_what_is_kept_is_there_in_pyside6_as_it_is_locked() -> None:
    from fnmatch import fnmatch

    names = [name.removeprefix("PySide6/") for name in wheel_files()]
    missing = [pattern for pattern in qt.KEPT if not any(fnmatch(name, pattern) for name in names)]
    # qt.conf is written while the app is frozen.
    assert missing == ["Qt/libexec/qt.conf"]


@ON_LINUX
def test_trimming_leaves_less_than_two_thirds_of_what_is_installed() -> None:
    names = wheel_files()
    kept = sum(size(name) for name in names if qt.keeps(name, {"en", "fr"}))
    assert kept < sum(map(size, names)) * 2 / 3


@ON_LINUX
@pytest.mark.skipif(not shutil.which("objdump"), reason="needs objdump, of the package binutils")
def test_what_is_kept_links_to_nothing_of_qt_that_is_not() -> None:
    names = wheel_files()
    lost = set()
    for name in names:
        path = where(name)
        if ".so" in path.name and qt.keeps(name, {"en", "fr"}):
            said = subprocess.run(["objdump", "-p", str(path)], capture_output=True, text=True, timeout=60).stdout
            needed = [line.split()[1] for line in said.splitlines() if line.split()[:1] == ["NEEDED"]]
            lost |= {f"{path.name}: {link}" for link in needed if "Qt6" in link and not qt.keeps(link, ())}
    assert lost == set()


# --- what a maker asks for ------------------------------------------------------------------------


@ON_LINUX
def test_the_brand_or_the_command_chooses_the_engine(maker: Maker, tmp_path: Path) -> None:
    from desktop.packaging import command

    assert not qt.wanted(maker.plan(tmp_path))
    plan = with_qt(maker).plan(tmp_path)
    assert qt.wanted(plan)
    assert plan.variant == "-qt"
    assert command._with_engine(plan.brand, "system").package.engine == "system"
    assert command._with_engine(plan.brand, None) == plan.brand


def test_an_engine_that_there_is_not_is_refused(maker: Maker) -> None:
    assert maker.run("--engine", "gecko", "--check")[0] == 2
    maker.set("package", engine="gecko")
    code, told, _progress = maker.run("--check")
    assert (code, "package.engine" in told["error"]["message"]) == (3, True)


@can_package
def test_without_pyside6_it_is_named_with_the_way_to_get_it(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tools, "QT", (tools.Tool("PySide6 (with Qt WebEngine)", module="no_pyside6.QtWebEngineWidgets"),)
    )
    code, told, _progress = maker.run("--check", "--engine", "qt")
    assert (code, told["error"]["code"]) == (7, "tool")
    assert "PySide6" in told["error"]["message"]
    assert "requirements-dev.txt" in told["error"]["hint"]
    assert 'make package ARGS="--engine qt"' in told["error"]["hint"]
    assert maker.run("--check")[0] == 0, "the thin packages need none"


# --- what is in the packages ----------------------------------------------------------------------


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qt, "version", lambda: "6.11.3")


@can_package
def test_the_package_depends_on_what_it_links_to_and_on_no_webkit(maker: Maker, tmp_path: Path, offered: None) -> None:
    wanted = job(with_qt(maker), tmp_path)
    helper = wanted.frozen.folder / "_internal" / "PySide6" / "Qt" / "libexec" / qt.PROCESS
    helper.parent.mkdir(parents=True)
    helper.write_bytes(Path("/bin/true").read_bytes())
    deb = linux.make_deb(wanted)
    assert deb.name.endswith("-qt.deb")
    depends = field(deb, "Depends")
    assert "libc6" in depends
    assert "ca-certificates" in depends
    assert "webkit" not in depends
    assert "gtk" not in depends
    listed = subprocess.run(["dpkg-deb", "-c", str(deb)], capture_output=True, text=True, timeout=60).stdout
    assert "./usr/share/doc/ask-fern/SOURCE-OFFER\n" in listed
    (line,) = [line for line in listed.splitlines() if line.endswith(f"/{qt.PROCESS}")]
    assert line.startswith("-rwxr-xr-x"), "pages run in it"


@can_package
def test_the_archive_offers_the_source_and_names_no_webkit(maker: Maker, tmp_path: Path, offered: None) -> None:
    archive = linux.make_tar(job(with_qt(maker), tmp_path))
    plain = tmp_path / "plain.tar"
    subprocess.run(["zstd", "--quiet", "--decompress", "-o", str(plain), str(archive)], check=True, timeout=60)
    top = f"ask-fern-1.4.0-linux-{linux.architecture()}-qt"
    with tarfile.open(plain) as opened:
        texts = {}
        for name in ("NEEDS", "NOTICES", "SOURCE-OFFER"):
            file = opened.extractfile(f"{top}/{name}")
            assert file is not None
            texts[name] = file.read().decode()
    assert "WebKit" not in texts["NEEDS"]
    assert texts["SOURCE-OFFER"] in texts["NOTICES"] + "\n"
    assert "https://download.qt.io/official_releases/qt/6.11/6.11.3/submodules/" in texts["SOURCE-OFFER"]


def test_the_offer_is_in_writing_where_somebody_can_be_written_to(maker: Maker, tmp_path: Path, offered: None) -> None:
    plan: Plan = with_qt(maker).plan(tmp_path)
    assert "three years" in qt.offer(plan)
    assert "Fern and Moss <hello@fern.example.com>" in qt.offer(plan)
    maker.set("app", contact="")
    assert "three years" not in qt.offer(maker.plan(tmp_path))
    assert "download.qt.io" in qt.offer(maker.plan(tmp_path))


@pytest.mark.skipif(not qt.LGPL.is_file(), reason="Debian's common licences are not here")
def test_pyside6_which_brings_no_licence_has_its_texts_in_the_notices() -> None:
    texts = dict(qt.texts("PySide6_Essentials"))
    assert any("GNU LESSER GENERAL PUBLIC LICENSE" in text for text in texts.values())
    assert any("TERMS AND CONDITIONS" in text for text in texts.values()), "the GPL, which the LGPL refers to"
    assert qt.texts("httpx") == ()


def test_chromiums_licences_go_along_with_qt_webengine() -> None:
    if not qt.COPYRIGHT.is_file():
        pytest.skip("libqt6webengine6-data is not installed here; the packager asks for it")
    told = "\n".join(text for _title, text in qt.texts("PySide6_Addons"))
    for words in ("Chromium", "third_party/skia", "third_party/icu", "third_party/boringssl", "Redistribution and use"):
        assert words in told


def test_the_same_licence_stands_once_in_the_notices(maker: Maker, tmp_path: Path) -> None:
    class Twice(contents.Contents):
        parts = TWO  # type: ignore[assignment]  # worked out from PyInstaller's notes elsewhere

    wanted = job(maker, tmp_path)
    told = Twice(wanted.plan, wanted.frozen).notices()
    assert told.count("the long text") == 1
    assert "The same as one has." in told
