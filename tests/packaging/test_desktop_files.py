"""What a Linux desktop is told of the app: valid by the desktops' own validators, whatever stands in the brand."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from desktop.packaging import desktop_files, icons, stage
from tests.packaging.makers import Maker

BRANDS: tuple[dict[str, Any], ...] = (
    {},
    {
        "name": "Fern <&> “Moss”; 100 %",
        "summary": "Ask about ferns & <moss>.",
        "description": "One & one.\n\nTwo <two>.",
    },
    {"publisher": "", "contact": "", "homepage": "", "summary": ""},
    {"homepage": "https://www.1-fern.example.co.uk/a?b=c&d=e", "deep_link": "fern+moss"},
    {"identifier": "org.example.Fern", "id": "f1"},
)


def installed(maker: Maker, folder: Path, app: dict[str, Any]) -> Path:
    maker.set("app", **app)
    plan = maker.plan(folder / "work")
    icons.write(maker.folder / "fern.png", folder / "assets" / "icons")
    desktop_files.install(plan, folder / "assets", folder / "share")
    return folder / "share"


def says(*command: str) -> tuple[int, str]:
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, (done.stdout + done.stderr).strip()


def complaints(file: Path) -> set[str]:
    """The tags of the errors and warnings of AppStream's validator, which fails with each."""
    code, told = says("appstreamcli", "validate", "--no-net", "--pedantic", str(file))
    found = set(re.findall(r"(?m)^\s*[EW]: \S+ (\S+)", told))
    assert found or code == 0, told
    return found


def at_most(maker: Maker) -> set[str]:
    """Without a homepage there is none to name. AppStream 1.0 warns of that, 0.16 does not; the packager notes it."""
    return set() if maker.values["app"].get("homepage") else {"url-homepage-missing"}


@pytest.mark.parametrize("app", BRANDS)
def test_the_menu_entry_is_valid(maker: Maker, tmp_path: Path, app: dict[str, Any]) -> None:
    share = installed(maker, tmp_path, app)
    (entry,) = (share / "applications").iterdir()
    assert says("desktop-file-validate", str(entry)) == (0, "")
    assert entry.stem == maker.values["app"]["id"]


@pytest.mark.parametrize("app", BRANDS)
def test_the_component_for_software_centres_is_valid(maker: Maker, tmp_path: Path, app: dict[str, Any]) -> None:
    share = installed(maker, tmp_path, app)
    (file,) = (share / "metainfo").iterdir()
    ET.parse(file)
    assert complaints(file) <= at_most(maker)


def test_the_apps_own_brand_is_valid_too(maker: Maker, tmp_path: Path) -> None:
    maker.values = {"app": {"icon": "fern.png"}}
    share = installed(maker, tmp_path, {})
    assert says("desktop-file-validate", str(share / "applications" / "chatkit-desktop.desktop")) == (0, "")
    (file,) = (share / "metainfo").iterdir()
    assert complaints(file) <= at_most(maker)


def test_what_the_validator_says_is_read(tmp_path: Path) -> None:
    file = tmp_path / "org.example.fern.metainfo.xml"
    file.write_text('<?xml version="1.0"?><component type="desktop-application"><id>org.example.fern</id></component>')
    assert {"component-name-missing", "component-summary-missing"} <= complaints(file)


def test_links_of_the_brands_scheme_are_handed_over_as_one_word(maker: Maker, tmp_path: Path) -> None:
    share = installed(maker, tmp_path, {"deep_link": "moss"})
    lines = (share / "applications" / "ask-fern.desktop").read_text().splitlines()
    assert "Exec=ask-fern %u" in lines
    assert "MimeType=x-scheme-handler/moss;" in lines


def test_every_size_of_the_icon_is_there(maker: Maker, tmp_path: Path) -> None:
    share = installed(maker, tmp_path, {})
    found = {path.parents[1].name for path in (share / "icons" / "hicolor").rglob("ask-fern.png")}
    assert found == {f"{size}x{size}" for size in icons.HICOLOR}


def test_a_manual_page_names_every_command_and_reads_without_complaint(maker: Maker, tmp_path: Path) -> None:
    from desktop.cli import COMMANDS

    page = tmp_path / "ask-fern.1"
    page.write_text(desktop_files.manual(maker.plan(tmp_path)), encoding="utf-8")
    assert all(f".B {command}" in page.read_text() for command in COMMANDS)
    code, told = says("man", "--warnings", "-l", "-Tutf8", "-P", "cat", str(page))
    assert code == 0
    assert "warning" not in told


def test_the_packaged_brand_file_holds_the_packages_names_and_none_of_the_makers_notes(maker: Maker) -> None:
    from desktop.settings.brand import load_brand

    maker.agent()
    with maker.file.open("a") as stream:
        stream.write("# a note to myself\n")
    plan = maker.plan()
    stage.check(plan)
    assets = stage.stage(plan)
    text = (assets / "brand.toml").read_text()
    assert "note" not in text
    brand = load_brand(assets / "brand.toml")
    assert brand.app.icon == "icons/app-128.png"
    assert (assets / brand.app.icon).is_file()
    assert brand.settings["agents"][0]["file"] == str(assets / "agents" / "agents" / "fern.py")
    assert (assets / "agents" / "agents" / "words.py").is_file()
    assert (brand.app.name, brand.app.version, brand.app.contact) == ("Ask Fern", "1.4.0", "hello@fern.example.com")


def test_a_package_whose_updates_a_distribution_brings_looks_for_none_by_itself(maker: Maker, tmp_path: Path) -> None:
    from desktop.app import updates
    from desktop.settings.brand import load_brand
    from desktop.settings.model import Settings
    from desktop.settings.state import State

    maker.set("links", releases="https://fern.example.com/app/")
    for distribution in (False, True):
        maker.set("package", distribution=distribution)
        plan = maker.plan(tmp_path / f"work-{distribution}")
        brand = load_brand(stage.stage(plan) / "brand.toml")
        looks = updates.is_due(brand, Settings(), State(tmp_path / "state.json"), packaged=True)
        assert looks is not distribution
