"""The contents of a frozen app: distributions and licences, as notices for people and an SBOM for scanners.

Comes from PyInstaller's own list of what it packed, so that nothing is named that isn't there and nothing left out.
"""

from __future__ import annotations

import ast
import importlib.metadata
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from desktop.packaging import qt
from desktop.packaging.agents import PACKAGES
from desktop.packaging.errors import BuildFailed
from desktop.packaging.freeze import Frozen
from desktop.packaging.plan import ROOT, Plan

LICENCE_NAMES = ("licen", "copying", "notice", "authors")


@dataclass(frozen=True)
class Part:
    """One piece of software by somebody else."""

    name: str
    version: str
    licence: str
    homepage: str
    texts: tuple[tuple[str, str], ...]
    """(file name, content) of licences and notices."""
    pypi: bool = True

    @property
    def purl(self) -> tuple[str, str]:
        """Kind and name of its package URL."""
        return ("pypi" if self.pypi else "generic", self.name.lower().replace("_", "-"))


class Contents:
    """Read when first asked for. Raises BuildFailed where PyInstaller's notes are not as expected."""

    def __init__(self, plan: Plan, frozen: Frozen) -> None:
        self._plan = plan
        self._frozen = frozen

    @cached_property
    def parts(self) -> list[Part]:
        """In order of their names, Python itself among them."""
        found = {name.lower(): part_of(dist) for name, dist in self._distributions().items()}
        found["python"] = _python()
        found["pyinstaller"] = part_of(importlib.metadata.distribution("pyinstaller"))  # its bootloader starts the app
        return [found[name] for name in sorted(found)]

    def notices(self) -> str:
        """Names, licences and their texts, for people."""
        plan = self._plan
        lines = [f"{plan.brand.app.name} {plan.version} holds software by others, named here with its licences.", ""]
        lines += [f"{part.name} {part.version}: {part.licence}" for part in self.parts]
        if qt.wanted(plan):
            lines += ["", "=" * 100, "Where the source of Qt is, and how to replace it", "=" * 100, "", qt.offer(plan)]
        told: dict[str, str] = {}
        for part in self.parts:
            for name, text in part.texts:
                same = told.setdefault(text, part.name)
                body = text.strip() if same == part.name else f"The same as {same} has."
                lines += ["", "=" * 100, f"{part.name} {part.version} – {name}", "=" * 100, "", body]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def without_text(self) -> list[str]:
        """Names of those whose licence's text was not found; nothing of that kind may go out unnoticed."""
        return [part.name for part in self.parts if not part.texts]

    def sbom(self) -> str:
        """CycloneDX 1.6, JSON; the same on every build."""
        import uuid
        from datetime import UTC, datetime

        from cyclonedx.contrib.license.factories import LicenseFactory
        from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output.json import JsonV1Dot6
        from packageurl import PackageURL

        plan, licences = self._plan, LicenseFactory()
        app = Component(name=plan.name, version=plan.version, type=ComponentType.APPLICATION, bom_ref=plan.name)
        bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{plan.brand.identifier}/{plan.version}/{plan.epoch}"))
        bom.metadata.component = app
        bom.metadata.timestamp = datetime.fromtimestamp(plan.epoch, UTC)
        made = []
        for part in self.parts:
            kind, name = part.purl
            made.append(
                Component(
                    name=part.name,
                    version=part.version,
                    type=ComponentType.LIBRARY,
                    bom_ref=f"{name}@{part.version}",
                    purl=PackageURL(kind, name=name, version=part.version),
                    licenses=[licences.make_from_string(part.licence)],
                    external_references=[
                        ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(part.homepage))
                    ]
                    if part.homepage.startswith("https://")
                    else [],
                )
            )
        bom.components.update(made)
        bom.register_dependency(app, made)
        return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"

    # --- where it comes from -------------------------------------------------------------------

    def _sources(self) -> Iterable[Path]:
        """The files that PyInstaller took, as they lay on this machine."""
        for name in ("PYZ-00.toc", "COLLECT-00.toc"):
            path = self._frozen.build / "build" / name
            try:
                noted = ast.literal_eval(path.read_text(encoding="utf-8"))
                entries = next(part for part in noted if isinstance(part, list))
                yield from (Path(source) for _name, source, _kind in entries)
            except (OSError, ValueError, SyntaxError, StopIteration):
                raise BuildFailed(
                    f"PyInstaller's list {name} can't be read: it is another PyInstaller than was tested."
                ) from None

    def _distributions(self) -> dict[str, importlib.metadata.Distribution]:
        owners: dict[Path, importlib.metadata.Distribution] = {}
        folders: dict[str, importlib.metadata.Distribution] = {}
        # The packages that the brand's agents bring lie among its assets.
        brought = str(self._plan.work / "assets" / PACKAGES)
        for dist in (*importlib.metadata.distributions(), *importlib.metadata.distributions(path=[brought])):
            if dist.files is None:
                # The distribution's own packages (PyGObject, pycairo) keep no list; the name of the module has to do.
                for top in (dist.read_text("top_level.txt") or KNOWN_TOPS.get(dist.name, "")).split():
                    folders.setdefault(top, dist)
                continue
            for file in dist.files:
                owners.setdefault(Path(str(dist.locate_file(file))).absolute(), dist)
        found: dict[str, importlib.metadata.Distribution] = {}
        ours = {"chatkit-desktop"}
        for source in self._sources():
            owner = owners.get(source.absolute())
            if owner is None and "dist-packages" in source.parts:
                owner = folders.get(source.parts[source.parts.index("dist-packages") + 1])
            if owner is not None and owner.name not in ours:
                found.setdefault(owner.name, owner)
        return found


LICENCES = {"pyinstaller": "GPL-2.0-or-later WITH Bootloader-exception"}
"""Where the metadata has no words that a scanner understands."""
KNOWN_TOPS = {"PyGObject": "gi", "pycairo": "cairo"}
"""Top-level modules of distributions that do not say so themselves (Debian's)."""
CLASSIFIERS = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


def part_of(dist: importlib.metadata.Distribution) -> Part:
    """An installed distribution, with its licence and their texts."""
    told: Any = dist.metadata
    homepage = told.get("Home-page") or ""
    for line in told.get_all("Project-URL") or []:
        label, _, url = line.partition(",")
        if not homepage and label.strip().lower() in ("homepage", "home", "source", "repository", "source code"):
            homepage = url.strip()
    texts = tuple(_texts(dist)) or qt.texts(dist.name)
    licence = LICENCES.get(dist.name.lower()) or _licence(told)
    if not licence and any("Apache License" in text for _name, text in texts):
        licence = "Apache-2.0"
    if not texts and licence == "MIT":
        who = told.get("Author") or told.get("Author-email") or f"the authors of {dist.name}"
        texts = (("the MIT licence, which its files name without its text", f"Copyright (c) {who}\n\n{_mit()}"),)
    return Part(dist.name, dist.version, licence or "see its own text", homepage, texts)


def _licence(told: Any) -> str:
    """An SPDX expression where it can be had, else the words of whoever made it."""
    expression = told.get("License-Expression")
    if expression:
        return str(expression)
    named = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or [] if line.startswith("License ::")]
    known = [CLASSIFIERS[name] for name in named if name in CLASSIFIERS]
    words = str(told.get("License") or "").strip()
    if words and len(words) < 60 and "\n" not in words and words != "UNKNOWN":
        return {"MIT License": "MIT", "GNU LGPL": "LGPL-2.1-or-later", "BSD": "BSD-3-Clause"}.get(words, words)
    return known[0] if known else (named[0] if named else "")


def _texts(dist: importlib.metadata.Distribution) -> Iterable[tuple[str, str]]:
    files = dist.files or []
    chosen = [
        file
        for file in files
        if ".dist-info" in file.parts[0] and file.name.lower().removeprefix("third_party_").startswith(LICENCE_NAMES)
    ]
    for file in sorted(chosen, key=str):
        path = Path(str(dist.locate_file(file)))
        if path.is_file():
            yield file.name, path.read_text(encoding="utf-8", errors="replace")
    if not chosen:
        for package in (f"python3-{dist.name.lower()}", f"python3-{KNOWN_TOPS.get(dist.name, dist.name.lower())}"):
            path = Path("/usr/share/doc") / package / "copyright"
            if path.is_file():
                yield "copyright", path.read_text(encoding="utf-8", errors="replace")
                return


def _python() -> Part:
    version = platform.python_version()
    places = (
        Path(sys.base_prefix) / "LICENSE.txt",
        Path(f"/usr/share/doc/python{sys.version_info.major}.{sys.version_info.minor}-minimal/copyright"),
        Path(f"/usr/share/doc/libpython{sys.version_info.major}.{sys.version_info.minor}-minimal/copyright"),
        Path(sys.prefix) / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "LICENSE.txt",
    )
    text = next((path for path in places if path.is_file()), None)
    texts = ((text.name, text.read_text(encoding="utf-8", errors="replace")),) if text else ()
    return Part("Python", version, "PSF-2.0", "https://www.python.org/", texts, pypi=False)


def _mit() -> str:
    """The words of the MIT licence: the project's own, without whose they are."""
    text = project_licence()
    return text[text.index("Permission is hereby granted") :]


def project_licence() -> str:
    """The project's own licence, in full."""
    return (ROOT / "LICENSE").read_text(encoding="utf-8")
