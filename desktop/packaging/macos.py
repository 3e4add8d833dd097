"""What macOS is given: the bundle of build.spec in a disk image and in a zip. Written from Apple's and PyInstaller's
documentation; never run by this project, only its commands are tested.

Signing happens where there is an identity, and nothing is asked for: PACKAGING_MACOS_IDENTITY names a "Developer ID
Application" certificate of the keychain, PACKAGING_MACOS_NOTARY a profile that `notarytool store-credentials` has kept
there. Without them PyInstaller signs ad hoc, which Apple's processors want and Gatekeeper does not take.
"""

from __future__ import annotations

import os
import platform
import plistlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from desktop.packaging import processes
from desktop.packaging.contents import project_licence
from desktop.packaging.errors import BuildFailed
from desktop.packaging.formats import Format, Job
from desktop.packaging.plan import ROOT, Plan
from desktop.packaging.tools import Tool
from desktop.settings.brand import Brand

ENTITLEMENTS = ROOT / "assets" / "installer" / "macos.entitlements"
FOREIGN_LIBRARIES = "com.apple.security.cs.disable-library-validation"
"""Under the hardened runtime a process loads libraries of the same signer alone; a wheel's are signed by nobody."""
IDENTITY = "PACKAGING_MACOS_IDENTITY"
NOTARY = "PACKAGING_MACOS_NOTARY"
OLDEST = "11.0"
"""The oldest macOS: what PyInstaller's bootloader and the wheels of the lock file ask for."""

Commands = list[list[str]]


def info_plist(brand: Brand) -> dict[str, Any]:
    """What Info.plist says beside PyInstaller's own entries."""
    return {
        "CFBundleName": brand.app.name[:15],
        "CFBundleDisplayName": brand.app.name,
        "CFBundleShortVersionString": brand.version,
        "CFBundleVersion": brand.version,
        "CFBundleURLTypes": [{"CFBundleURLName": brand.identifier, "CFBundleURLSchemes": [brand.deep_link]}],
        "CFBundleLocalizations": ["en", "fr"],
        "LSApplicationCategoryType": "public.app-category.productivity",
        "LSMinimumSystemVersion": OLDEST,
        "NSHighResolutionCapable": True,
        "NSHumanReadableCopyright": brand.app.copyright,
        # The chat page is loaded from the app's own server on this machine, over http.
        "NSAppTransportSecurity": {"NSAllowsLocalNetworking": True},
    }


def entitlements(*, agents: bool) -> bytes:
    """What the signed app may do. With `agents`, code agents run in it, with packages that a person has installed."""
    allowed = plistlib.loads(ENTITLEMENTS.read_bytes())
    return plistlib.dumps(allowed | ({FOREIGN_LIBRARIES: True} if agents else {}))


def bundle_name(brand: Brand) -> str:
    """The bundle's name in Finder: the brand's, without the two characters that no file can have."""
    return brand.app.name.replace("/", " ").replace(":", " ").strip(". ") or brand.app.id


def bundle_identifier(brand: Brand) -> str:
    """The brand's identifier as Apple takes it (CFBundleIdentifier): letters, digits, hyphens and dots. The underscores
    are there for Linux, whose desktops take no hyphen."""
    return ".".join(part.strip("_").replace("_", "-") for part in brand.identifier.split("."))


def image_commands(folder: Path, target: Path, name: str, environ: Mapping[str, str]) -> Commands:
    """What makes a disk image of `folder`, signs it, has it notarised and puts Apple's ticket into it."""
    image = ["hdiutil", "create", "-volname", name, "-srcfolder", str(folder), "-format", "UDZO", "-ov", str(target)]
    return [image, *_signed(target, environ), *_notarised(target, target, environ)]


def zip_commands(app: Path, target: Path, environ: Mapping[str, str]) -> Commands:
    """What packs the bundle. Apple takes a zip and its ticket goes into the bundle, so that is packed once more."""
    pack = ["ditto", "-c", "-k", "--keepParent", str(app), str(target)]
    notarised = _notarised(target, app, environ)
    return [pack, *notarised, *([pack] if notarised else [])]


def _signed(file: Path, environ: Mapping[str, str]) -> Commands:
    identity = environ.get(IDENTITY)
    return [["codesign", "--force", "--timestamp", "--sign", identity, str(file)]] if identity else []


def _notarised(sent: Path, stapled: Path, environ: Mapping[str, str]) -> Commands:
    profile = environ.get(NOTARY)
    if not (profile and environ.get(IDENTITY)):
        return []
    return [
        ["xcrun", "notarytool", "submit", str(sent), "--keychain-profile", profile, "--wait"],
        ["xcrun", "stapler", "staple", str(stapled)],
    ]


def make_image(job: Job) -> Path:
    """`<id>-<version>-macos-<architecture>.dmg`. Raises BuildFailed, OSError."""
    plan = job.plan
    folder = plan.work / "dmg"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    app = _bundle(job)
    # ditto keeps what a signature covers and a copy by Python would lose.
    _run([["ditto", str(app), str(folder / app.name)]])
    (folder / "Applications").symlink_to("/Applications")
    (folder / "LICENSE.txt").write_text(project_licence(), encoding="utf-8")
    (folder / "NOTICES.txt").write_text(job.contents.notices(), encoding="utf-8")
    target = job.folder / f"{_stem(plan)}.dmg"
    _run(image_commands(folder, target, plan.brand.app.name, os.environ))
    return target


def make_zip(job: Job) -> Path:
    """`<id>-<version>-macos-<architecture>.zip`. Raises BuildFailed, OSError."""
    target = job.folder / f"{_stem(job.plan)}.zip"
    _run(zip_commands(_bundle(job), target, os.environ))
    return target


APPLE = (Tool("Apple's command line tools", program="codesign", how="xcode-select --install"),)
"""hdiutil, ditto and xcrun are part of macOS."""
FORMATS = {"dmg": Format("dmg", make_image, APPLE), "zip": Format("zip", make_zip, APPLE)}


def _bundle(job: Job) -> Path:
    app = job.frozen.folder.parent / f"{bundle_name(job.plan.brand)}.app"
    if not app.is_dir():
        raise BuildFailed(f"PyInstaller made no {app.name}.")
    return app


def _stem(plan: Plan) -> str:
    return f"{plan.name}-{plan.version}-macos-{platform.machine()}"


def _run(commands: Commands, call: Callable[..., Any] = processes.run) -> None:
    for command in commands:
        done = call(command)
        if done.returncode:
            raise BuildFailed(f"{' '.join(command[:2])} failed: {(done.stderr or done.stdout).strip()[-300:]}")
