"""A clean Debian in a folder, made by debootstrap from where this machine gets packages, and an ordinary user in it.

Needs root. Mounts live in a mount namespace of each command's own, so nothing is left mounted, however a test ends.
"""

from __future__ import annotations

import atexit
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.rig import processes

USER, UID = "fern", 1000
RELEASES = {"bookworm": "12", "trixie": "13"}
LIMIT = 1800
"""Seconds that fetching and installing packages may take."""
OF_THE_MACHINE = ("Acquire::Check-Valid-Until", "Acquire::http", "Acquire::https", "Acquire::Retries")
"""How this machine reaches its archive: a proxy, a snapshot whose date has passed. Holds for the systems made here."""
SESSION = """
set -e
export XDG_RUNTIME_DIR="$HOME/.run"
mkdir -p -m 700 "$XDG_RUNTIME_DIR"
if command -v gnome-keyring-daemon >/dev/null; then
    printf %s password | gnome-keyring-daemon --daemonize --unlock --components=secrets >/dev/null 2>&1
fi
exec "$@"
"""
"""A session of the ordinary user: a bus is there already, the keyring is opened where there is one."""


def why_not() -> str:
    """Why no clean system can be made here; empty where it can."""
    if sys.platform != "linux":
        return "clean systems are made on Linux"
    if os.geteuid() != 0:
        return "making a clean system needs root"
    missing = [name for name in ("debootstrap", "chroot", "unshare") if not shutil.which(name)]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return "" if mirror() else "this machine's apt names no Debian archive"


def mirror() -> str:
    """Where this machine gets Debian from. It is only ever used, never written down."""
    command = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Identifier: Packages"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    except OSError:
        return ""
    return next((line.split(" ", 1)[1] for line in said.splitlines() if line.startswith("Debian ")), "")


def settings_of_apt() -> str:
    """This machine's own settings of apt about the archive, as a file of apt's."""
    said = processes.run(["apt-config", "dump"], limit=60).stdout
    return "".join(line + "\n" for line in said.splitlines() if line.startswith(OF_THE_MACHINE))


class CleanSystem:
    """`folder` is its root. `shared` is a folder that it sees under the same path, the user's home among it."""

    def __init__(self, folder: Path, shared: Path) -> None:
        self.folder = folder
        self.shared = shared
        self.home = shared / "home"

        self.folders: tuple[Path, ...] = (shared, Path("/tmp/.X11-unix"))
        """Folders of this machine that it sees under the same path; screens among them."""
        self.disks: dict[Path, int] = {}
        """{folder below one of these: megabytes}: a small disk of the user's there, empty for each command."""

    def command(self, *words: str, user: str = "root") -> list[str]:
        """What runs `words` in it, from outside."""
        root = shlex.quote(str(self.folder))
        mounts = [f"mount -t proc proc {root}/proc", f"mount -t tmpfs shm {root}/dev/shm"]
        for path in map(shlex.quote, map(str, self.folders)):
            mounts += [f"mkdir -p {root}{path}", f"mount --bind {path} {root}{path}"]
        for disk, size in self.disks.items():
            mounts += [f"mount -t tmpfs -o size={size}m,uid={UID},mode=700 disk {root}{shlex.quote(str(disk))}"]
        inside = list(words)
        if user != "root":
            inside = [
                "/usr/sbin/runuser",
                "-u",
                user,
                "--",
                "dbus-run-session",
                "--",
                "sh",
                "-c",
                SESSION,
                "session",
                *words,
            ]
        # By their full names: the ordinary user's search path does not hold them.
        chroot, unshare = (str(shutil.which(name)) for name in ("chroot", "unshare"))
        script = " && ".join((*(f"/bin/{mount}" for mount in mounts), f'cd / && exec {chroot} {root} "$@"'))
        return [unshare, "--mount", "--propagation", "private", "sh", "-c", script, "inside", *inside]

    def run(
        self, *words: str, user: str = "root", environ: Mapping[str, str] = {}, limit: float = LIMIT
    ) -> subprocess.CompletedProcess[str]:
        base = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
        base |= {"DEBIAN_FRONTEND": "noninteractive", "HOME": str(self.home if user != "root" else "/root")}
        return processes.run(self.command(*words, user=user), env=base | dict(environ), limit=limit)

    def must(self, *words: str, user: str = "root", environ: Mapping[str, str] = {}) -> str:
        done = self.run(*words, user=user, environ=environ)
        assert done.returncode == 0, f"{' '.join(words)}: {(done.stdout + done.stderr)[-3000:]}"
        return done.stdout

    def install(self, *packages: str | Path) -> str:
        """By apt; files are handed in. What it recommends stays out: the app must run without."""
        names = []
        for package in packages:
            if isinstance(package, Path):
                shutil.copy(package, self.shared / package.name)
                names.append(str(self.shared / package.name))
            else:
                names.append(package)
        return self.must("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *names)


@cache
def bootstrapped(release: str) -> Path:
    """The root that every system of a release begins as, made once a run; nothing runs in it."""
    folder = Path(tempfile.mkdtemp(prefix=f"bootstrapped-{release}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    root = folder / "root"
    done = processes.run(["debootstrap", "--variant=minbase", release, str(root), mirror()], limit=LIMIT)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-500:]
    (root / "etc" / "apt" / "apt.conf.d" / "90machine").write_text(settings_of_apt(), encoding="utf-8")
    return root


@contextmanager
def clean_system(release: str) -> Iterator[CleanSystem]:
    """A fresh one, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"clean-{release}-"))
    folder.chmod(0o755)
    try:
        root, shared = folder / "root", folder / "shared"
        shared.mkdir()
        processes.run(["cp", "--archive", str(bootstrapped(release)), str(root)], check=True, limit=LIMIT)
        for name in ("hosts", "resolv.conf"):
            shutil.copyfile(f"/etc/{name}", root / "etc" / name)
        system = CleanSystem(root, shared)
        system.must("useradd", "--uid", str(UID), "--home-dir", str(system.home), "--shell", "/bin/sh", USER)
        for own in (system.home, shared):
            own.mkdir(exist_ok=True)
            os.chown(own, UID, UID)
        system.must("apt-get", "update", "--quiet")
        yield system
    finally:
        shutil.rmtree(folder, ignore_errors=True)
