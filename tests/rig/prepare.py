"""Makes a checkout ready to run or to test: the distribution's packages, `.venv`, the locked Python packages.

Standard library only, and nothing newer than Python 3.8: it has to run on whatever python3 a machine has.
Names no registry: pip, npm and apt-get use what the machine is set to. Does nothing where all is there.

    prepare.py run       what the app needs (Linux: the distribution's GTK and WebKit)
    prepare.py standin   the same, and what `make run STANDIN=1` needs
    prepare.py quick     what the quick tests need: no system package, no Qt
    prepare.py test      what every test needs: both engines, a virtual screen, a Secret Service, node
    prepare.py test-peers  the same, and a compiler for the servers that are compiled here
    prepare.py package [WORDS]   what making packages needs: no node; Qt where the packager's words ask for it
    prepare.py test-packaging    the same with Qt, and what installs and checks them
    prepare.py test-dotnet  the same as quick, a virtual screen, and Mono for the Windows adapter
    prepare.py test-windows      what the quick tests need, and what makes a Debian with wine in a folder
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / "prepared.json"
OLDEST = (3, 11)
LIMIT = 3600
"""Longest time for one step, in seconds: an installation over a slow line, with somebody asked for a password."""
PACKAGING = ("package", "package-qt", "test-packaging")
WITH_QT = ("test", "package-qt", "test-packaging")
KINDS = ("run", "standin", "quick", "test", "test-peers", "package", "test-packaging", "test-windows", "test-dotnet")

# Debian packages. `a|b` names one package whose name differs between releases: the first there is.
ENGINE_GTK = (
    "python3-venv",
    "python3-gi",
    "python3-gi-cairo",
    "gir1.2-gtk-3.0",
    "gir1.2-webkit2-4.1",
    "ca-certificates",
)
SCREEN = ("xvfb",)
STANDIN = ("dbus", "gnome-keyring", "xdotool")
# A network that leads nowhere, to show that nothing is sent.
ALONE = ("iproute2",)
ENGINE_QT = (
    *("libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-shape0", "libxcb-xkb1", "libxkbcommon-x11-0"),
    *("libegl1", "libgl1", "libnss3", "libasound2t64|libasound2", "libdbus-1-3", "libfontconfig1", "libxcomposite1"),
    *("libxdamage1", "libxrandr2", "libxtst6", "libxkbfile1", "libgssapi-krb5-2", "libwayland-cursor0"),
)
# Its list of Qt WebEngine's and Chromium's licences goes into packages with Qt; nothing else of it is used.
NOTICES_QT = ("libqt6webengine6-data",)
NODE = ("nodejs", "npm")
# PyInstaller looks into libraries with objdump and ldd; the frozen app carries the interpreter as a library.
FREEZE = ("binutils", "libc-bin", "libpython{version}t64|libpython{version}")
# llama.cpp's server comes as source; its wheel fetches cmake and ninja by itself.
COMPILER = ("g++",)
# What makes packages (`desktop/packaging`) and looks at what is in them; what tries them out.
PACKAGE = ("dpkg-dev", "zstd", "desktop-file-utils", "appstream")
# nsis and wine: the Windows installer, compiled and run here with a stand-in of the app.
TRY_OUT = ("lintian", "x11-utils", "debootstrap", "nsis", "wine", "wine64")
# osslsigncode: whether CPython for Windows is what its makers signed. wine comes from a newer Debian, in a folder.
WINDOWS = ("debootstrap", "nsis", "osslsigncode")

# Mono's runtime and WinForms, without a compiler (tests/rig/dotnet.py).
MONO = (
    *("mono-runtime", "libmono-2.0-1", "libmono-system-windows-forms4.0-cil", "libmono-system-drawing4.0-cil"),
    *("libmono-microsoft-csharp4.0-cil", "libmono-system-runtime4.0-cil", "libgdiplus"),
)

# What belongs to the Qt engine in requirements-dev.txt.
DRAWS = ("resvg-py",)
QT_NAMES = re.compile(r"qtpy|shiboken6|pyside6(-.*)?")


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str) -> NoReturn:
    print(text, file=sys.stderr, flush=True)
    sys.exit(1)


def run(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a command; where it fails, name it and end."""
    code = subprocess.call(command, cwd=str(ROOT), env=environment, timeout=LIMIT)
    if code:
        fail("This failed (exit code {}): {}".format(code, " ".join(command)))


# --- the distribution's packages ---------------------------------------------------------------


def wanted_packages(kind: str, headless: bool) -> list[str]:
    """The Debian packages for one kind of preparation."""
    if kind == "quick":
        return []
    if kind == "test-peers":
        return [*wanted_packages("test", headless), *COMPILER]
    if kind == "test-dotnet":
        return ["python3-venv", *SCREEN, *MONO]
    if kind == "test-windows":
        return ["python3-venv", *WINDOWS]
    names = list(ENGINE_GTK)
    packages = kind in PACKAGING
    if headless or kind == "test" or packages:
        names += SCREEN
    if kind in ("standin", "test") or packages:
        names += STANDIN
    if kind == "test" or packages:
        version = "{}.{}".format(*(version_of("/usr/bin/python3") or OLDEST))
        names += [name.format(version=version) for name in FREEZE]
        names += [*ALONE, *PACKAGE, *(TRY_OUT if kind == "test-packaging" else ())]
    if kind in WITH_QT:
        names += ENGINE_QT
    if kind in ("package-qt", "test-packaging"):
        names += NOTICES_QT
    if kind == "test" and not (shutil.which("node") and shutil.which("npm")):
        names += NODE
    return names


def installed(names: list[str]) -> list[str]:
    """Those of the given package names that dpkg calls installed."""
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names]
    answer = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=LIMIT)
    return [line.split()[0] for line in answer.stdout.splitlines() if line.endswith(" installed")]


def missing_packages(wanted: list[str]) -> list[str]:
    """Those of `wanted` that are not installed, alternatives and all."""
    names = [name for entry in wanted for name in entry.split("|")]
    there = set(installed(names)) if names else set()
    return [entry for entry in wanted if not there.intersection(entry.split("|"))]


def pick(entry: str) -> str:
    """Of `a|b`, the first that this release has."""
    names = entry.split("|")
    for name in names[:-1]:
        answer = subprocess.run(
            ["apt-cache", "policy", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=LIMIT
        )
        if "Candidate:" in answer.stdout and "Candidate: (none)" not in answer.stdout:
            return name
    return names[-1]


def as_root() -> list[str]:
    """What to put before a command that needs root; ends with the reason where there is no way."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        return ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
    return ["su-is-needed"]


def install_packages(missing: list[str]) -> None:
    """List what is missing, then install it."""
    say("These system packages are missing and are now installed with apt-get:")
    for entry in missing:
        say("  " + entry.replace("|", " or "))
    root = as_root()
    by_hand = "As root:\n  apt-get install --no-install-recommends " + " ".join(map(pick, missing))
    if root == ["su-is-needed"]:
        fail("Root or sudo is needed for that. " + by_hand)
    # `env` inside the root shell: sudo drops the caller's environment.
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    for step in (["update"], ["install", "--yes", "--no-install-recommends", *map(pick, missing)]):
        code = subprocess.call([*apt, *step], cwd=str(ROOT), timeout=LIMIT)
        if code and root:
            fail(f"That failed (exit code {code}), or you may not do it with sudo. {by_hand}")
        if code:
            fail("This failed (exit code {}): {}".format(code, " ".join([*apt, *step])))


def prepare_system(kind: str) -> None:
    if not (sys.platform.startswith("linux") and shutil.which("apt-get") and shutil.which("dpkg-query")):
        return
    headless = not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    missing = missing_packages(wanted_packages(kind, headless))
    if missing:
        install_packages(missing)


# --- the interpreter and .venv -----------------------------------------------------------------


def version_of(python: str) -> tuple[int, ...]:
    """(3, 11, 2) of an interpreter; () where it does not run."""
    code = "import sys; print(*sys.version_info[:3])"
    try:
        answer = subprocess.run(
            [python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=30
        )
        return tuple(int(part) for part in answer.stdout.split())
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ()


def choose_python() -> str:
    """The interpreter for .venv: on Linux the distribution's own, as only that sees the distribution's gi."""
    first = ["/usr/bin/python3"] if sys.platform.startswith("linux") else []
    others = ["python3", *(f"python3.{minor}" for minor in (14, 13, 12, 11))]
    for name in [*first, *others, sys.executable]:
        path = shutil.which(name)
        if path and version_of(path) >= OLDEST:
            return path
    return fail("Python {}.{} or newer is needed and was not found.".format(*OLDEST))


def venv_python() -> str:
    folder = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    return str(VENV / folder)


def venv_is_sound() -> bool:
    """Whether .venv runs, is new enough, and its packages are those of the interpreter it now points to."""
    version = version_of(venv_python()) if VENV.is_dir() else ()
    if version < OLDEST:
        return False
    config = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    recorded = re.search(r"^version(?:_info)?\s*=\s*(\d+)\.(\d+)", config, re.MULTILINE)
    return recorded is None or (int(recorded[1]), int(recorded[2])) == version[:2]


def prepare_venv() -> None:
    if venv_is_sound():
        return
    python = choose_python()
    say("Making .venv with {} ({})".format(python, ".".join(map(str, version_of(python)))))
    command = [python, "-m", "venv", "--clear", str(VENV)]
    if python == "/usr/bin/python3":
        command.insert(3, "--system-site-packages")
    if subprocess.call(command, timeout=LIMIT):
        fail("Python could not make .venv. On Debian and Ubuntu the package python3-venv is needed for that.")


# --- Python packages ---------------------------------------------------------------------------


def blocks(lock: str) -> dict[str, str]:
    """A lock file as {package name: its lines with hashes}; a package may be there in several versions,
    one for each range of Pythons."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.splitlines():
        start = re.match(r"([A-Za-z0-9._-]+)==", line)
        if start:
            name = start[1].lower().replace("_", "-")
            found[name] = found[name] + "\n" + line if name in found else line
        elif name and line.startswith("    --hash="):
            found[name] += "\n" + line
    return found


def gi_is_there() -> bool:
    """Whether .venv sees the distribution's GTK and WebKit."""
    code = "import gi; gi.require_version('Gtk', '3.0'); gi.require_version('WebKit2', '4.1')"
    null = subprocess.DEVNULL
    return subprocess.call([venv_python(), "-c", code], stdout=null, stderr=null, timeout=LIMIT) == 0


def requirements(kind: str, with_qt: bool) -> str:
    """The text of the requirements to install: a selection from the two lock files."""
    app = blocks((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    everything = blocks((ROOT / "requirements-dev.txt").read_text(encoding="utf-8"))
    chosen = dict(app)
    # Draws the SVG of a maker's brand for a window from source (`make dev ARGS="--brand …"`).
    chosen.update((name, block) for name, block in everything.items() if name in DRAWS)
    if kind in ("quick", "test", *PACKAGING):
        chosen.update((name, block) for name, block in everything.items() if not QT_NAMES.fullmatch(name))
    if with_qt or kind in WITH_QT:
        chosen.update((name, block) for name, block in everything.items() if QT_NAMES.fullmatch(name))
    return "\n".join(chosen[name] for name in sorted(chosen)) + "\n"


def prepare_packages(kind: str) -> None:
    kind = {"standin": "run", "test-windows": "quick", "test-dotnet": "quick"}.get(kind, kind)
    with_qt = kind == "run" and sys.platform.startswith("linux") and not gi_is_there()
    text = requirements(kind, with_qt)
    digest = hashlib.sha256(text.encode()).hexdigest()
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stamp = {}
    if stamp.get(kind) == digest:
        return
    if with_qt:
        say(".venv does not see the distribution's GTK and WebKit: the Qt engine is installed into it.")
    say(f"Installing {len(blocks(text))} locked Python packages into .venv")
    chosen = VENV / f"prepared-{kind}.txt"
    chosen.write_text(text, encoding="utf-8")
    pip = [venv_python(), "-m", "pip", "install", "--quiet", "--quiet", "--no-input", "--disable-pip-version-check"]
    # --no-deps: the lock is complete; nothing is looked for beside it.
    run([*pip, "--no-deps", "--require-hashes", "--requirement", str(chosen)])
    stamp[kind] = digest
    STAMP.write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")


# --- the type checker of the page scripts ------------------------------------------------------


def prepare_node() -> None:
    """tests/js/node_modules, as its lock file says."""
    folder = ROOT / "tests" / "js"
    npm = shutil.which("npm")
    if not npm:
        fail("node and npm are needed to check the page scripts: install nodejs and npm.")
    digest = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".prepared"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return
    say("Installing the type checker of the page scripts into tests/js/node_modules")
    code = subprocess.call(
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], cwd=str(folder), timeout=LIMIT
    )
    if code:
        fail(f"npm ci failed in tests/js (exit code {code}).")
    stamp.write_text(digest, encoding="utf-8")


def asks_for_qt(words: list[str]) -> bool:
    """Whether what is said to the packager, or the brand file that it names, wants Qt in the packages."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--brand", default=str(ROOT / "assets" / "brand.toml"))
    parser.add_argument("--engine", default="")
    said = parser.parse_known_args(words)[0]
    if said.engine:
        return bool(said.engine == "qt")
    try:
        text = Path(said.brand).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # the packager says so
    return re.search(r"""(?m)^\s*engine\s*=\s*["']qt["']""", text) is not None


def main() -> int:
    parser = argparse.ArgumentParser(description="Make this checkout ready.")
    parser.add_argument("kind", choices=KINDS)
    said, words = parser.parse_known_args()
    kind = "package-qt" if said.kind == "package" and asks_for_qt(words) else said.kind
    prepare_system(kind)
    prepare_venv()
    kind = "test" if kind == "test-peers" else kind
    prepare_packages(kind)
    if kind == "test":
        prepare_node()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.TimeoutExpired as late:
        fail("This did not end within {} seconds: {}".format(late.timeout, " ".join(map(str, late.cmd))))
