"""Packages for Linux: a `.deb`, and a `.tar.zst` for other distributions. Both are reproducible byte for byte."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import tarfile
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from desktop.packaging import desktop_files, processes, qt
from desktop.packaging.contents import Contents, project_licence
from desktop.packaging.errors import BuildFailed
from desktop.packaging.formats import Format, Job
from desktop.packaging.freeze import Frozen, elf_files
from desktop.packaging.plan import Plan
from desktop.packaging.tools import FREEZE_LINUX, PROOF_LINUX, Tool

ENGINE = ("gir1.2-gtk-3.0", "gir1.2-webkit2-4.1")
"""What the app finds through GObject introspection, which no list of libraries shows."""
CERTIFICATES = "ca-certificates"
RECOMMENDS = ("gnome-keyring | kwalletmanager | keepassxc", "xdg-utils")
TOOLS = (*FREEZE_LINUX, *PROOF_LINUX)
OVERRIDES = (
    "# The bootloader of PyInstaller carries the app's own modules at its end: it must not be stripped.",
    "unstripped-binary-or-object *usr/lib/{name}/{name}*",
    "# The interpreter comes with the app: the distribution's next version would not run its bytecode.",
    "embedded-library *usr/lib/{name}/_internal/*",
    "# Extension modules of Python, as its own packages have them.",
    "library-not-linked-against-libc *usr/lib/{name}/_internal/*",
    "shared-library-lacks-prerequisites *usr/lib/{name}/_internal/*",
)
OVERRIDES_QT = (
    "# Qt's libraries find each other beside themselves, as their makers built them.",
    "custom-library-search-path *usr/lib/{name}/_internal/*",
)
NO_CONTACT = (
    "# The brand file names no contact.",
    "bogus-mail-host *",
    "maintainer-address-malformed *",
)


def architecture() -> str:
    """Debian's name for this machine's kind. Raises BuildFailed."""
    return _run(["dpkg", "--print-architecture"]).strip()


def make_deb(job: Job) -> Path:
    """`<id>_<version>_<architecture>.deb`. Raises BuildFailed, OSError."""
    plan, frozen = job.plan, job.frozen
    tree = plan.work / "deb"
    shutil.rmtree(tree, ignore_errors=True)
    _lay_out(job, tree / "usr")
    doc = tree / "usr" / "share" / "doc" / plan.name
    _write(doc / "copyright", _copyright(plan, job.contents))
    _gzip(doc / "changelog.gz", _changelog(plan))
    _gzip(doc / "NOTICES.gz", job.contents.notices())
    _gzip(tree / "usr" / "share" / "man" / "man1" / f"{plan.name}.1.gz", desktop_files.manual(plan))
    if qt.wanted(plan):
        _write(doc / qt.OFFER, qt.offer(plan))
    overrides = [
        *OVERRIDES,
        *(OVERRIDES_QT if qt.wanted(plan) else ()),
        *(() if plan.brand.app.contact else NO_CONTACT),
    ]
    _write(
        tree / "usr" / "share" / "lintian" / "overrides" / plan.name,
        "\n".join(f"{plan.name}: {line}" if not line.startswith("#") else line for line in overrides).format(
            name=plan.name
        )
        + "\n",
    )
    kind = architecture()
    depends = _depends(plan, frozen, kind)
    _settle(tree, plan.epoch, _programs(tree / "usr", plan))
    size = sum((path.lstat().st_size + 1023) // 1024 for path in tree.rglob("*"))
    sums = "".join(
        f"{_sum(path, 'md5')}  {path.relative_to(tree)}\n"
        for path in sorted(tree.rglob("*"))
        if path.is_file() and not path.is_symlink()
    )
    _write(tree / "DEBIAN" / "control", _control(plan, kind, depends, size))
    _write(tree / "DEBIAN" / "md5sums", sums)
    _settle(tree / "DEBIAN", plan.epoch, set())
    target = job.folder / f"{plan.name}_{plan.version}_{kind}{plan.variant}.deb"
    # One thread: how xz cuts its blocks would otherwise depend on the number of processors.
    command = ["dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "-z6", "--build", str(tree), str(target)]
    _run(command, epoch=plan.epoch)
    shutil.rmtree(tree)
    return target


def make_tar(job: Job) -> Path:
    """`<id>-<version>-linux-<architecture>.tar.zst`: a folder to put anywhere. Raises BuildFailed, OSError."""
    plan = job.plan
    kind = architecture()
    name = f"{plan.name}-{plan.version}-linux-{kind}{plan.variant}"
    tree = plan.work / "tar" / name
    shutil.rmtree(tree.parent, ignore_errors=True)
    _lay_out(job, tree)
    _write(tree / "LICENSE", project_licence())
    _write(tree / "NOTICES", job.contents.notices())
    if qt.wanted(plan):
        _write(tree / qt.OFFER, qt.offer(plan))
    _write(tree / "NEEDS", _needs(plan, _depends(plan, job.frozen, kind)))
    _settle(tree, plan.epoch, _programs(tree, plan))
    plain = plan.work / "tar" / f"{name}.tar"

    def neutral(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        return entry

    with tarfile.open(plain, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in [tree, *sorted(tree.rglob("*"))]:
            archive.add(path, str(path.relative_to(tree.parent)), recursive=False, filter=neutral)
    target = job.folder / f"{name}.tar.zst"
    _run(["zstd", "--quiet", "-16", "--single-thread", "-o", str(target), str(plain)])
    shutil.rmtree(tree.parent)
    return target


FORMATS = {
    "deb": Format(
        "deb", make_deb, (*TOOLS, Tool("dpkg-dev", program="dpkg-shlibdeps"), Tool("dpkg", program="dpkg-deb"))
    ),
    "tar.zst": Format(
        "tar.zst",
        make_tar,
        (*TOOLS, Tool("dpkg-dev", program="dpkg-shlibdeps"), Tool("zstd", program="zstd")),
    ),
}


def _lay_out(job: Job, usr: Path) -> None:
    plan = job.plan
    shutil.copytree(job.frozen.folder, usr / "lib" / plan.name, symlinks=True)
    (usr / "bin").mkdir(parents=True)
    (usr / "bin" / plan.name).symlink_to(f"../lib/{plan.name}/{plan.name}")
    desktop_files.install(plan, job.assets, usr / "share")


def _programs(usr: Path, plan: Plan) -> set[Path]:
    """What is run, and not only read."""
    folder = usr / "lib" / plan.name
    return {folder / plan.name, *folder.glob(f"_internal/PySide6/Qt/libexec/{qt.PROCESS}")}


def _settle(tree: Path, epoch: int, programs: set[Path]) -> None:
    """Modes and dates that don't tell where and when it was built."""
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path in programs else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def _depends(plan: Plan, frozen: Frozen, kind: str) -> list[str]:
    """What the bundle's programs and libraries link to, by dpkg-shlibdeps, and the engine.

    A package that was renamed for 64-bit times (`…t64`) may be there under its old name as well.
    """
    folder = plan.work / "shlibdeps"
    _write(folder / "debian" / "control", f"Source: {plan.name}\n\nPackage: {plan.name}\nArchitecture: {kind}\n")
    internal = frozen.folder / "_internal"
    command = ["dpkg-shlibdeps", "-O", "--ignore-missing-info", f"-l{internal}", f"-S{frozen.folder}"]
    said = _run([*command, *(f"-e{path}" for path in elf_files(frozen.folder))], folder=folder)
    line = next((line for line in said.splitlines() if line.startswith("shlibs:Depends=")), None)
    if line is None:
        raise BuildFailed("dpkg-shlibdeps named no dependencies.")
    found = []
    for entry in line.partition("=")[2].split(", "):
        older = re.sub(r"t64\b", "", entry)
        found.append(entry if older == entry else f"{entry} | {older}")
    return sorted({*found, CERTIFICATES, *(() if qt.wanted(plan) else ENGINE)})


def _control(plan: Plan, kind: str, depends: list[str], size: int) -> str:
    told = "\n .\n".join(_wrapped(text) for text in desktop_files.paragraphs(plan))
    fields = [
        f"Package: {plan.name}",
        f"Version: {plan.version}",
        f"Architecture: {kind}",
        f"Maintainer: {_maintainer(plan)}",
        f"Installed-Size: {size}",
        f"Depends: {', '.join(depends)}",
        f"Recommends: {', '.join(RECOMMENDS)}",
        "Section: net",
        "Priority: optional",
        *([f"Homepage: {plan.homepage}"] if plan.homepage else []),
        f"Description: {_synopsis(plan.summary)}",
    ]
    if any(len(field.splitlines()) != 1 for field in fields):
        raise BuildFailed("A field of the package would be more than one line.")
    return "\n".join([*fields, told, ""])


def _synopsis(summary: str) -> str:
    """As Debian has it, without a capital at its beginning; but "GNOME" and "ChatKit" keep theirs."""
    first = summary.split()[0][1:]
    return summary if first != first.lower() else summary[0].lower() + summary[1:]


def _maintainer(plan: Plan) -> str:
    who = re.sub(r'[<>"(),\[\]:;@\\]', " ", plan.publisher)
    return f"{' '.join(who.split()) or plan.name} <{plan.brand.app.contact or f'noreply@{plan.name}.invalid'}>"


def _wrapped(text: str) -> str:
    import textwrap

    return textwrap.fill(text, 78, initial_indent=" ", subsequent_indent=" ", break_on_hyphens=False)


def _changelog(plan: Plan) -> str:
    date = format_datetime(datetime.fromtimestamp(plan.epoch, UTC))
    link = f"\n    {plan.brand.links.releases}" if plan.brand.links.releases else ""
    return (
        f"{plan.name} ({plan.version}) stable; urgency=medium\n\n"
        f"  * Version {plan.version}.{link}\n\n -- {_maintainer(plan)}  {date}\n"
    )


def _copyright(plan: Plan, contents: Contents) -> str:
    app = plan.brand.app
    lines = [
        f"{app.name} {plan.version}",
        *([f"Packaged by {app.publisher}."] if app.publisher else []),
        *([app.copyright] if app.copyright else []),
        "",
        "The program is ChatKit Desktop, an independent project, neither made nor endorsed by OpenAI:",
        "",
        project_licence().strip(),
        "",
        f"It holds software by others; their licences stand in full in /usr/share/doc/{plan.name}/NOTICES.gz:",
        "",
        *(f"  {part.name} {part.version}: {part.licence}" for part in contents.parts),
        "",
        "On Debian systems the Apache License 2.0, the LGPL 2.1 and the GPL 2 stand in /usr/share/common-licenses.",
        "",
    ]
    return "\n".join(lines)


def _needs(plan: Plan, depends: list[str]) -> str:
    told = "\n".join(f"  {entry}" for entry in depends)
    engine = (
        "Qt WebEngine is in it; what it links to is the system's."
        if qt.wanted(plan)
        else "The engine is the system's WebKitGTK 4.1 with GTK 3 and their introspection data."
    )
    return (
        "This folder can lie anywhere; bin/ has the program, share/ what a desktop's menus want.\n"
        f"{engine} As Debian names it all:\n\n{told}\n"
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _gzip(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _sum(path: Path, kind: str) -> str:
    import hashlib

    with path.open("rb") as stream:
        return hashlib.file_digest(stream, kind).hexdigest()


def _run(command: list[str], *, folder: Path | None = None, epoch: int | None = None) -> str:
    environ = dict(os.environ) | {"LC_ALL": "C.UTF-8"}
    if epoch is not None:
        environ["SOURCE_DATE_EPOCH"] = str(epoch)
    done = processes.run(command, cwd=folder, env=environ)
    if done.returncode:
        if "No space left on device" in done.stderr:
            raise OSError(28, "No space left on device")
        said = [line for line in done.stderr.splitlines() if "warning" not in line]
        raise BuildFailed(f"{command[0]} failed: {said[-1].strip()[:300] if said else done.returncode}")
    return done.stdout
