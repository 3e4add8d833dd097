"""A Debian 13 in a folder with wine in it, an ordinary user, and that user's Windows.

Debian 13, as wine 8 of Debian 12 lacks what pydantic's library needs. Every command is bounded, and lives in a process
namespace of its own: what it leaves running ends with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.packaging.clean_system import LIMIT, UID, USER, CleanSystem, mirror

PACKAGES = ("wine", "wine64", "ca-certificates", "python3")
BOOT = 300
"""Seconds that wine may take to make a Windows, and to end what is left of it."""


class WineSystem(CleanSystem):
    """`folder` holds all of it; made once, kept for the next run. `name` is what its user is called on Windows: each
    name has a Windows of its own."""

    def __init__(self, folder: Path, name: str = USER) -> None:
        super().__init__(folder / "root", folder / "shared")
        self.name = name
        self.prefix = self.shared / ("prefix" if name == USER else f"prefix-{name}")

    @property
    def drive(self) -> Path:
        """What Windows calls C:"""
        return self.prefix / "drive_c"

    def make(self) -> None:
        """The system, its packages, its user. Quick where they are there."""
        stamp, wanted = self.folder / "etc" / "made", " ".join(PACKAGES)
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
            return
        if not (self.folder / "etc" / "apt").is_dir() or (self.folder / "debootstrap").is_dir():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            command = ["debootstrap", "--variant=minbase", "trixie", str(self.folder), mirror()]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
        for name in ("hosts", "resolv.conf"):
            shutil.copyfile(f"/etc/{name}", self.folder / "etc" / name)
        self.home.mkdir(parents=True, exist_ok=True)
        self.must("apt-get", "update", "--quiet")
        self.install(*PACKAGES)
        if self.run("id", USER).returncode:
            self.must("useradd", "--uid", str(UID), "--home-dir", str(self.home), "--shell", "/bin/sh", USER)
        for own in (self.home, self.shared):
            os.chown(own, UID, UID)
        stamp.write_text(wanted, encoding="utf-8")

    def make_windows(self) -> None:
        if not (self.prefix / "system.reg").is_file():
            self.wine("wineboot", "--init", limit=BOOT)
            # What it says it is; the installers refuse an older one.
            self.wine("reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f", limit=BOOT)
        self.link(self.prefix / "dosdevices" / "d:", self.shared)

    def link(self, place: Path, target: Path) -> None:
        """A link of the user's; a drive, or a share of the network (`dosdevices/unc/SERVER/SHARE`), is one to wine."""
        if not place.is_symlink():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)
            os.chown(place, UID, UID, follow_symlinks=False)

    def command(self, *words: str, user: str = "root") -> list[str]:
        made = super().command(*words, user=user)
        return [made[0], "--pid", "--fork", "--kill-child", *made[1:]]

    def environ(self, more: Mapping[str, str] = {}) -> dict[str, str]:
        """Of a program on the user's Windows."""
        return {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home),
            "WINEPREFIX": str(self.prefix),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "winemenubuilder.exe=;mscoree,mshtml=",
            "LANG": "C.UTF-8",
            **more,
        }

    def wine(
        self,
        *words: str,
        limit: float,
        output: Path | None = None,
        stdin: bytes = b"",
        environ: Mapping[str, str] = {},
        folder: str = "/",
    ) -> int:
        """The exit code of a program on Windows, -1 where it was ended after `limit` seconds. What it prints goes to
        `output`. `folder` is where it starts, as Linux calls it."""
        # wineserver writes the registry when it ends: it is given the time.
        script = (
            'cd "$0" || exit 9; limit=$1; shift; timeout --kill-after=10 "$limit" "$@"; code=$?; '
            "timeout 60 wineserver --wait || { wineserver --kill; timeout 30 wineserver --wait; }; exit $code"
        )
        inside = [
            "/usr/sbin/runuser",
            "--user",
            USER,
            "--",
            "env",
            f"USER={self.name}",  # runuser has set it to the name on Debian
            "sh",
            "-c",
            script,
            folder,
            str(int(limit)),
            "wine",
            *words,
        ]
        base = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", **self.environ(environ)}
        with (output or Path(os.devnull)).open("wb") as where:
            try:
                # What has not ended by itself by then is killed, and all below it with it.
                code = subprocess.run(
                    self.command(*inside),
                    env=base,
                    input=stdin,
                    stdout=where,
                    stderr=subprocess.STDOUT,
                    timeout=limit + 150,
                ).returncode
            except subprocess.TimeoutExpired:
                code = 124
        return -1 if code in (124, 137) else code

    def path(self, path: Path) -> str:
        """As Windows calls it."""
        return str(path).replace(str(self.drive), "C:").replace(str(self.shared), "D:").replace("/", "\\")
