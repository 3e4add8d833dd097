"""A brand whose texts try to become something else: fields of a package, lines of a menu entry or a script."""

from __future__ import annotations

import configparser
import io
import plistlib
import subprocess
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from desktop.packaging import desktop_files, linux, macos, windows
from desktop.packaging.errors import BrandWrong
from tests.packaging.makers import Maker, can_package
from tests.packaging.test_linux import field, job

BREAKS = ["\n", "\r\n", "\r", "\u2028", "\u2029", "\x85", "\v", "\f", "\x1c", "\n\n"]
EVIL = "Ferns{}Pre-Depends: evil{}Essential: yes"
FIELDS = ("name", "summary", "publisher", "copyright")


def hostile(maker: Maker, line_break: str) -> Maker:
    text = EVIL.format(line_break, line_break)
    maker.set("app", **dict.fromkeys(FIELDS, text))
    maker.set(
        "app", description=f"All about ferns.{line_break}Exec=evil{line_break}{line_break}\x1b]0;evil\x07 And moss."
    )
    return maker


@can_package
@pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
def test_checklist_46_no_text_of_a_brand_becomes_a_field_of_a_real_package(
    maker: Maker, tmp_path: Path, line_break: str
) -> None:
    deb = linux.make_deb(job(hostile(maker, line_break), tmp_path))
    known = subprocess.run(["dpkg-deb", "-f", str(deb)], capture_output=True, text=True, check=True, timeout=60).stdout
    names = {line.partition(":")[0] for line in known.splitlines() if line[:1] != " "}
    assert {"Pre-Depends", "Essential"} & names == set()
    assert field(deb, "Package") == "ask-fern"
    assert field(deb, "Description").splitlines()[0] == "ferns Pre-Depends: evil Essential: yes"
    made = subprocess.run(["dpkg-deb", "--ctrl-tarfile", str(deb)], capture_output=True, check=True, timeout=60).stdout
    with tarfile.open(fileobj=io.BytesIO(made)) as control:
        assert sorted(Path(name).name for name in control.getnames() if name != ".") == ["control", "md5sums"]


@pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
def test_checklist_46_every_field_is_one_line_whatever_the_format(
    maker: Maker, tmp_path: Path, line_break: str
) -> None:
    plan = hostile(maker, line_break).plan()
    told = "Ferns Pre-Depends: evil Essential: yes"
    assert all(getattr(plan.brand.app, name) == told[:60] or getattr(plan.brand.app, name) == told for name in FIELDS)

    entry = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",), strict=True)
    entry.read_string(desktop_files.entry(plan))
    assert entry["Desktop Entry"]["Exec"] == "ask-fern %u"
    assert entry["Desktop Entry"]["Comment"] == told

    component = ET.fromstring(desktop_files.metainfo(plan))
    assert component.findtext("summary") == told
    assert "\x1b" not in desktop_files.metainfo(plan)

    manual = [line for line in desktop_files.manual(plan).splitlines() if line.startswith((".", "'"))]
    assert {line.split(" ")[0] for line in manual} <= {".TH", ".SH", ".PP", ".TP", ".B"}
    assert "\x1b" not in desktop_files.manual(plan)

    script = windows.defines(plan, tmp_path, tmp_path / "a.ico", tmp_path / "a.exe")
    assert all(line.startswith("!define ") for line in script.splitlines())
    assert "\n" not in windows.version_resource(plan.brand).rstrip("\n")

    info = plistlib.loads(plistlib.dumps(macos.info_plist(plan.brand)))
    assert info["CFBundleDisplayName"] == told
    assert info["NSHumanReadableCopyright"] == told


@pytest.mark.parametrize("contact", ["a@b.example\nEvil: yes", "a@b\x1b.example", "a\x00@b.example", "a@b.example>\n"])
def test_checklist_46_an_address_of_more_than_one_line_is_refused(maker: Maker, contact: str) -> None:
    maker.set("app", contact=contact)
    with pytest.raises(BrandWrong):
        maker.plan()


@pytest.mark.parametrize("field_name", ["homepage", "id", "version", "identifier", "deep_link", "keyring_service"])
def test_checklist_46_names_and_addresses_take_no_line_break(maker: Maker, field_name: str) -> None:
    good = {
        "homepage": "https://fern.example",
        "id": "fern",
        "version": "1.2.3",
        "identifier": "org.fern",
        "deep_link": "fern",
    }
    for tail in ("\n", "\nEvil: yes", "\r\nEvil: yes", "\u2028Evil"):
        maker.set("app", **{field_name: good.get(field_name, "fern") + tail})
        with pytest.raises(BrandWrong):
            maker.plan()


def test_a_name_of_nothing_that_can_be_seen_is_refused(maker: Maker) -> None:
    maker.set("app", name="\n\u2028\n")
    with pytest.raises(BrandWrong):
        maker.plan()
