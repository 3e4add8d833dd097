"""Packages for Windows: an installer for one user (NSIS), and a zip. Run on Windows by the workflow.

makensis runs on Linux too, where tests compile the installer with a stand-in of the app and run it under wine.
Signing: PACKAGING_WINDOWS_CERTIFICATE is the SHA-1 thumbprint of a certificate in the user's store; a hardware token or
a cloud provider puts it there as well, so no password passes through here. Without it nothing is signed.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from desktop.common.locations import CONSOLE
from desktop.packaging import processes
from desktop.packaging.contents import project_licence
from desktop.packaging.errors import BuildFailed
from desktop.packaging.formats import Format, Job
from desktop.packaging.plan import ROOT, Plan
from desktop.packaging.tools import Tool
from desktop.settings.brand import Brand

SCRIPT = ROOT / "assets" / "installer" / "windows.nsi"
MANIFEST = ROOT / "assets" / "installer" / "windows.manifest"
CERTIFICATE = "PACKAGING_WINDOWS_CERTIFICATE"
TIMESTAMPS = "http://timestamp.digicert.com"
"""A signature with a time in it holds when the certificate has run out. (RFC 3161; the answer is signed.)"""
WEBVIEW2 = r"Microsoft\EdgeUpdate\Clients\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}"
GET_NSIS = "winget install NSIS.NSIS, and its folder on the PATH"
TARGET = "x86-unicode"
"""The installer's own kind: what every NSIS makes, and every Windows runs. The app in it is 64-bit."""


def make_installer(job: Job) -> Path:
    """`<id>-<version>-windows-<architecture>-setup.exe`. Raises BuildFailed, OSError."""
    plan = job.plan
    payload = plan.work / "nsis" / "payload"
    shutil.rmtree(payload.parent, ignore_errors=True)
    _lay_out(job, payload)
    for program in programs(payload, plan):
        _sign(program)
    target = job.folder / f"{_stem(plan)}-setup.exe"
    compile_installer(plan, payload, job.assets / "icons" / "app.ico", target)
    _sign(target)
    shutil.rmtree(payload.parent)
    return target


def compile_installer(plan: Plan, payload: Path, icon: Path, target: Path, *, kind: str = TARGET) -> None:
    """Runs makensis on the script with the brand's words. Raises BuildFailed, OSError."""
    folder = plan.work / "nsis"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(SCRIPT, folder / SCRIPT.name)
    # With a byte order mark: without one makensis reads it in the machine's own code page.
    (folder / "brand.nsh").write_text(defines(plan, payload, icon, target), encoding="utf-8-sig")
    command = ["makensis", "-V2", "-WX", "-INPUTCHARSET", "UTF8", f"-DTARGET={kind}", SCRIPT.name]
    done = processes.run(command, cwd=folder, encoding="utf-8", errors="replace")
    if done.returncode or not target.is_file():
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise BuildFailed(f"makensis failed: {' '.join(said[-3:])[:400] or done.returncode}", "\n".join(said[-15:]))


def defines(plan: Plan, payload: Path, icon: Path, target: Path) -> str:
    """`brand.nsh`: everything the script wants to know."""
    brand = plan.brand
    values = {
        "ID": plan.name,
        "CONSOLE": f"{plan.name}{CONSOLE}",
        "NAME": brand.app.name,
        "NAME_IN_DIALOGS": brand.app.name.replace("&", "&&"),
        "VERSION": plan.version,
        "VERSION4": ".".join(map(str, numbers(plan.version))),
        "PUBLISHER": plan.publisher,
        "COPYRIGHT": brand.app.copyright,
        "HOMEPAGE": plan.homepage,
        "SCHEME": brand.deep_link,
        "SHORTCUT": f"{file_name(brand.app.name)}.lnk",
        "OWN_KEY": f"Software\\{brand.identifier}",
        "UNINSTALL_KEY": f"Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\{plan.name}",
        "WEBVIEW2": WEBVIEW2,
        "KILOBYTES": str(sum(path.stat().st_size for path in payload.rglob("*") if path.is_file()) // 1024 + 1),
        "PAYLOAD": str(payload),
        "ICON": str(icon),
        "OUT": str(target),
    }
    lines = [f'!define {name} "{_quoted(value)}"' for name, value in values.items()]
    if os.environ.get(CERTIFICATE):
        lines.append(f"!define SIGN '{subprocess.list2cmdline(_sign_command(os.environ[CERTIFICATE]))}'")
    return "\n".join(lines) + "\n"


def make_zip(job: Job) -> Path:
    """`<id>-<version>-windows-<architecture>.zip`: one folder to put anywhere. Raises BuildFailed, OSError."""
    plan = job.plan
    tree = plan.work / "zip" / plan.name
    shutil.rmtree(tree.parent, ignore_errors=True)
    _lay_out(job, tree)
    for program in programs(tree, plan):
        _sign(program)
    target = job.folder / f"{_stem(plan)}.zip"
    date = datetime.fromtimestamp(plan.epoch, UTC).timetuple()[:6]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(tree.parent).as_posix(), date)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    shutil.rmtree(tree.parent)
    return target


FORMATS = {
    "nsis": Format("nsis", make_installer, (Tool("NSIS", program="makensis", how=GET_NSIS),)),
    "zip": Format("zip", make_zip),
}


def version_resource(brand: Brand) -> str:
    """What Explorer shows of the program, as PyInstaller reads it from a file (an expression in Python)."""
    app = brand.app
    told = {
        "CompanyName": app.publisher or app.name,
        "FileDescription": app.name,
        "FileVersion": brand.version,
        "InternalName": app.id,
        "LegalCopyright": app.copyright,
        "OriginalFilename": f"{app.id}.exe",
        "ProductName": app.name,
        "ProductVersion": brand.version,
    }
    four = numbers(brand.version)
    strings = ", ".join(f"StringStruct({name!r}, {value!r})" for name, value in told.items())
    return (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={four!r}, prodvers={four!r}, mask=0x3f, flags=0, OS=0x40004,"
        " fileType=1, subtype=0, date=(0, 0)),"
        f" kids=[StringFileInfo([StringTable('040904B0', [{strings}])]),"
        " VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n"
    )


def numbers(version: str) -> tuple[int, int, int, int]:
    """1.4.0 -> (1, 4, 0, 0): Windows wants four numbers below 65536."""
    found = [min(int(part), 65535) for part in re.findall(r"[0-9]+", version)][:4]
    one, two, three, four = [*found, 0, 0, 0, 0][:4]
    return one, two, three, four


def file_name(name: str) -> str:
    """The brand's name where Windows takes a file's: without `<>:"/\\|?*`, no dot or space at its end."""
    plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]', " ", name)
    return " ".join(plain.split()).rstrip(". ") or "App"


def architecture() -> str:
    return {"AMD64": "x64", "x86_64": "x64", "ARM64": "arm64"}.get(platform.machine(), platform.machine().lower())


def _stem(plan: Plan) -> str:
    return f"{plan.name}-{plan.version}-windows-{architecture()}"


def programs(folder: Path, plan: Plan) -> list[Path]:
    """The app, and its twin that has a console."""
    return [folder / f"{plan.name}.exe", folder / f"{plan.name}{CONSOLE}.exe"]


def _lay_out(job: Job, folder: Path) -> None:
    """The frozen app with its licences; names end as Windows opens them."""
    shutil.copytree(job.frozen.folder, folder)
    (folder / "LICENSE.txt").write_text(project_licence(), encoding="utf-8", newline="\r\n")
    (folder / "NOTICES.txt").write_text(job.contents.notices(), encoding="utf-8", newline="\r\n")


def _quoted(text: str) -> str:
    """A text inside double quotes of an NSIS script: nothing in it is a variable, a string's end or a line's."""
    plain = "".join(" " if ord(char) < 32 else char for char in text)
    return plain.replace("$", "$$").replace('"', '$\\"')


def _sign_command(thumbprint: str) -> list[str]:
    """signtool without the file, which comes last. Raises BuildFailed."""
    if not re.fullmatch(r"[0-9A-Fa-f]{40}", thumbprint):
        raise BuildFailed(f"{CERTIFICATE} is no thumbprint: 40 hexadecimal digits.")
    return ["signtool", "sign", "/sha1", thumbprint, "/fd", "sha256", "/tr", TIMESTAMPS, "/td", "sha256"]


def _sign(file: Path) -> None:
    """Signs where there is a certificate. Raises BuildFailed."""
    thumbprint = os.environ.get(CERTIFICATE, "")
    if not thumbprint:
        return
    done = processes.run([*_sign_command(thumbprint), str(file)])
    if done.returncode:
        raise BuildFailed(f"signtool failed: {(done.stderr or done.stdout).strip()[-300:]}")
