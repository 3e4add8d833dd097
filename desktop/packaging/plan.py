"""The plan of a build, made before anything else: brand, version, date, formats, folders."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from desktop import __version__
from desktop.common.errors import FileUnreadable, Phrase
from desktop.common.files import read_limited
from desktop.common.texts import Catalogue
from desktop.packaging import processes
from desktop.packaging.errors import BrandWrong, SecretFound
from desktop.settings.brand import SIZE_LIMIT, Brand, load_brand
from desktop.settings.errors import BrandInvalid
from desktop.settings.secret_shapes import SECRET_SHAPES

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""
PLATFORM = {"linux": "linux", "win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)


@dataclass(frozen=True)
class Plan:
    """One run of the packager. `say` takes a line of progress."""

    brand: Brand
    brand_file: Path
    version: str
    epoch: int
    """Seconds since 1970: the date of everything in the packages, so that they are the same on every build."""
    formats: tuple[str, ...]
    out: Path
    """Where finished files go."""
    work: Path
    """A folder for what is in the making; whoever made the plan deletes it."""
    say: Callable[[str], None] = lambda _line: None
    warnings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The package's and the command's name."""
        return self.brand.app.id

    @property
    def source(self) -> Path:
        """The folder beside whose brand file icon and agents are looked for."""
        return self.brand_file.parent

    @property
    def variant(self) -> str:
        """What tells packages with Qt from the thin ones in a file's name."""
        return "-qt" if PLATFORM == "linux" and self.brand.package.engine == "qt" else ""

    @property
    def summary(self) -> str:
        """One line, never empty, without a full stop."""
        return self.brand.app.summary.rstrip(". ") or "Chat in a window of its own"

    @property
    def homepage(self) -> str:
        """An https address or nothing: packages have no place for others."""
        return self.brand.app.homepage if self.brand.app.homepage.startswith("https://") else ""

    @property
    def publisher(self) -> str:
        return self.brand.app.publisher or self.brand.app.name

    def add_warning(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
            self.say(f"Note: {text}")


def read_brand(path: Path) -> Brand:
    """The brand, its words in English. Raises BrandWrong, SecretFound."""
    try:
        return load_brand(path)
    except BrandInvalid as error:
        message = error.describe(Catalogue("en"))["message"]
        kind = SecretFound if _is_secret(path) else BrandWrong
        raise kind(message, f"Correct it in {path}.{_why_no_toml(error, path)}") from None


def _why_no_toml(error: BrandInvalid, path: Path) -> str:
    """What Python's reader says of a file that is no TOML, and what is often behind it."""
    problem = error.values.get("problem")
    if not isinstance(problem, Phrase) or problem.key != "problems.toml":
        return ""
    try:
        text = read_limited(path, SIZE_LIMIT).decode("utf-8-sig")
        line = text.splitlines()[int(str(problem.values["line"])) - 1]
    except (FileUnreadable, ValueError, IndexError):
        line = ""
    told = f" Python's reader says: {error.detail}."
    if re.search("[“”„«»‘’]", line.partition("#")[0]):
        told += ' Quotation marks must be plain ones: "…".'
    elif "\\" in line:
        told += " A \\ has a meaning of its own in TOML: write / in paths."
    return told


def _is_secret(path: Path) -> bool:
    try:
        return SECRET_SHAPES.search(read_limited(path, SIZE_LIMIT).decode("utf-8-sig")) is not None
    except (FileUnreadable, ValueError):
        return False


def version_of(brand: Brand, folder: Path) -> str:
    """The version of the packages. Raises BrandWrong where it is to come from a tag and there is none."""
    wanted = brand.app.version
    if wanted != "git":
        return wanted or __version__
    tag = _git(folder, "describe", "--tags", "--abbrev=0")
    match = re.fullmatch(r"v?([0-9]+(\.[0-9]+){1,3})", tag)
    if match is None:
        raise BrandWrong(
            "app.version is “git”, and the newest tag of the brand file's repository is no version.",
            "Make a tag such as v1.2.0, or write the version into the brand file.",
        )
    return match[1]


def epoch_of(brand_file: Path) -> int:
    """SOURCE_DATE_EPOCH where it is set; else the date of the last commit; else when the brand file was written."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    committed = _git(ROOT, "log", "-1", "--format=%ct")
    for text in (given, committed):
        if text.isdigit():
            return int(text)
    return int(brand_file.stat().st_mtime)


def _git(folder: Path, *words: str) -> str:
    """What git says; nothing where there is none, or no repository."""
    try:
        done = processes.run(["git", "-C", str(folder), *words], timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
