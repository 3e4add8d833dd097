"""The macOS forms, as far as they can be told without macOS: Info.plist, entitlements, the commands that would run."""

from __future__ import annotations

import plistlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from desktop.packaging import formats, macos
from desktop.packaging.errors import BuildFailed
from desktop.settings.brand import parse_brand
from tests.packaging.makers import Maker

APP = Path("/made/Ask Fern.app")
DMG = Path("/out/fern.dmg")
BOTH = {macos.IDENTITY: "Developer ID Application: Fern (ABCDE12345)", macos.NOTARY: "fern"}


def test_macos_has_a_disk_image_and_a_zip() -> None:
    assert list(formats.of_system("macos")) == ["dmg", "zip"]


def test_the_bundle_says_what_the_brand_says(maker: Maker) -> None:
    maker.set("app", name="Ask Fern/Moss: now", deep_link="moss", copyright="© Fern")
    brand = maker.plan().brand
    told = macos.info_plist(brand)
    assert plistlib.loads(plistlib.dumps(told)) == told
    assert told["CFBundleDisplayName"] == "Ask Fern/Moss: now"
    assert told["CFBundleShortVersionString"] == "1.4.0"
    assert told["CFBundleURLTypes"][0]["CFBundleURLSchemes"] == ["moss"]
    assert macos.bundle_name(brand) == "Ask Fern Moss  now"


def test_the_hardened_runtime_keeps_its_protections_but_for_what_python_and_packages_of_code_agents_need() -> None:
    plain = {"com.apple.security.cs.allow-unsigned-executable-memory": True}
    assert plistlib.loads(macos.entitlements(agents=False)) == plain
    foreign = {"com.apple.security.cs.disable-library-validation": True}
    assert plistlib.loads(macos.entitlements(agents=True)) == plain | foreign


@pytest.mark.parametrize("environ", [{}, {macos.NOTARY: "fern"}])
def test_without_an_identity_nothing_is_signed_or_sent_to_apple(environ: dict[str, str]) -> None:
    assert [command[0] for command in macos.image_commands(APP.parent, DMG, "Ask Fern", environ)] == ["hdiutil"]
    assert [command[0] for command in macos.zip_commands(APP, DMG, environ)] == ["ditto"]


def test_with_an_identity_the_image_is_signed_notarised_and_stapled_in_this_order() -> None:
    commands = macos.image_commands(APP.parent, DMG, "Ask Fern", BOTH)
    assert [command[:3] for command in commands[1:]] == [
        ["codesign", "--force", "--timestamp"],
        ["xcrun", "notarytool", "submit"],
        ["xcrun", "stapler", "staple"],
    ]
    assert commands[1][-2:] == [BOTH[macos.IDENTITY], str(DMG)]
    assert "--wait" in commands[2]
    signed_only = macos.image_commands(APP.parent, DMG, "Ask Fern", {macos.IDENTITY: BOTH[macos.IDENTITY]})
    assert [command[0] for command in signed_only] == ["hdiutil", "codesign"]


def test_the_zip_is_packed_again_when_apples_ticket_is_in_the_bundle() -> None:
    commands = macos.zip_commands(APP, DMG, BOTH)
    assert [command[0] for command in commands] == ["ditto", "xcrun", "xcrun", "ditto"]
    assert commands[2][-1] == str(APP)


def test_a_command_that_fails_is_named_with_its_words() -> None:
    with pytest.raises(BuildFailed, match="codesign --force failed: no identity found"):
        macos._run(
            [["codesign", "--force"]], lambda *_a, **_o: SimpleNamespace(returncode=1, stderr="no identity found\n")
        )


@pytest.mark.parametrize(
    ("app", "told"),
    [
        ({"id": "ask-fern", "homepage": "https://www.2-fern.example"}, "example.2-fern.ask-fern"),
        ({"identifier": "org.example.my_fern.Fern"}, "org.example.my-fern.Fern"),
    ],
)
def test_the_bundles_identifier_has_what_apple_takes(app: dict[str, str], told: str) -> None:
    assert macos.bundle_identifier(parse_brand({"app": app})) == told
