"""Checks that a brand's names are free: command and package, folder, link scheme, identifier.

What is known everywhere stands in `taken_names`; beside it this computer is asked, as far as it can tell: commands, the
distribution's packages, programs that open links. No network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from desktop.packaging import processes
from desktop.packaging.errors import BrandWrong
from desktop.packaging.plan import Plan
from desktop.packaging.taken_names import COMMANDS, DEVICES, FOLDERS, IDENTIFIERS, SCHEME_FAMILIES, SCHEMES
from desktop.settings.brand import Brand

OWN_NAME = "Choose a name that is yours alone, such as “ask-{id}”."
OF_THE_SYSTEM = ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/games")
"""Folders of commands that the distribution brings; what lies elsewhere may be the maker's own."""
LIMIT = 60
"""Seconds that apt may think."""


def check(plan: Plan) -> None:
    """Raises BrandWrong; adds notes for what is not certain."""
    _check_id(plan)
    _check_scheme(plan)
    _check_identifier(plan)


def _check_id(plan: Plan) -> None:
    name, hint = plan.name, OWN_NAME.format(id=plan.name)
    if name == Brand().app.id:
        if plan.brand.app.name != Brand().app.name:
            plan.add_warning(
                f"app.id is “{name}”, which is the project's own app: data, keys and links of the two are one. {hint}"
            )
        return
    if name in DEVICES:
        raise BrandWrong(f"app.id is “{name}”, which Windows takes for a device: no file or folder can have it.", hint)
    if name in FOLDERS:
        raise BrandWrong(f"app.id is “{name}”, a folder that other programs keep their things in.", hint)
    if name in COMMANDS:
        raise BrandWrong(f"app.id is “{name}”, the name of a well-known command or program.", hint)
    if _is_ours(name):
        return
    found = shutil.which(name)
    if found is not None and os.path.dirname(found) in OF_THE_SYSTEM:
        raise BrandWrong(f"app.id is “{name}”, a command of this system ({found}).", hint)
    if found is not None and not Path(found).is_relative_to(sys.prefix):
        plan.add_warning(f"“{name}” is a command on this computer already ({found}): is it another program's?")
    who = _maintainer(name)
    if who and (not plan.brand.app.contact or plan.brand.app.contact not in who):
        told = f"app.id is “{name}”, a package that this system's archive has ({who})."
        if not plan.brand.package.distribution:
            raise BrandWrong(told, hint)
        plan.add_warning(told)


def _is_ours(name: str) -> bool:
    """Whether what is installed here under this name was made by this packager."""
    found = shutil.which(name)
    places = [Path("/usr/lib", name), *([Path(found).resolve().parent] if found else [])]
    return any((place / "_internal" / "assets" / "brand.toml").is_file() for place in places)


def _maintainer(package: str) -> str:
    """Who looks after a package of the distribution's archive; empty where there is no such package, or no apt."""
    apt = shutil.which("apt-cache")
    return _told_by(apt, package) if apt else ""


@lru_cache(maxsize=8)
def _told_by(apt: str, package: str) -> str:
    command = [apt, "show", "--no-all-versions", "--", package]
    try:
        done = processes.run(command, env=os.environ | {"LC_ALL": "C.UTF-8"}, timeout=LIMIT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    fields = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line and line[:1] != " ")
    return fields.get("Maintainer", "") if fields.get("Package") == package else ""


def owner_of_scheme(scheme: str) -> str:
    """To whom links of a scheme belong; empty where it is known to be nobody's."""
    plain = scheme.lower()
    listed = next((who for who, names in SCHEMES.items() if plain in names), "")
    family = next((who for begin, who in SCHEME_FAMILIES.items() if plain.startswith(begin)), "")
    return listed or family


def _check_scheme(plan: Plan) -> None:
    scheme = plan.brand.deep_link
    who = owner_of_scheme(scheme)
    if who:
        said = (
            f"app.deep_link is “{scheme}”"
            if plan.brand.app.deep_link
            else f"app.deep_link is empty, and app.id “{scheme}”"
        )
        raise BrandWrong(
            f"{said}: links that begin with {scheme}: belong to {who}, and the app would open in their place.",
            f"Choose a scheme that is yours alone, such as “{plan.name if plan.name != scheme else f'ask-{scheme}'}”.",
        )
    for program in _opens(scheme):
        if program != f"{plan.name}.desktop":
            plan.add_warning(f"Links that begin with {scheme}: are opened by another program here ({program}).")


def _opens(scheme: str) -> Iterator[str]:
    """The menu entries on this computer that say they open such links (freedesktop's mimeinfo.cache)."""
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    for folder in (*shared.split(":"), str(Path.home() / ".local" / "share")):
        try:
            lines = (Path(folder) / "applications" / "mimeinfo.cache").read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            continue
        for line in lines:
            kind, _, programs = line.partition("=")
            if kind == f"x-scheme-handler/{scheme}":
                yield from filter(None, programs.split(";"))


def _check_identifier(plan: Plan) -> None:
    identifier = plan.brand.identifier
    for begin, who in IDENTIFIERS.items():
        if identifier.startswith(begin):
            raise BrandWrong(
                f"The app's identifier is {identifier}, which is a name in the domain of {who}.",
                "Set app.identifier, or app.homepage, to a domain of yours.",
            )
    if not plan.brand.app.identifier and not plan.homepage and plan.name != Brand().app.id:
        plan.add_warning(
            f"The app's identifier is made up: {identifier}. Set app.identifier or app.homepage before people use it."
        )
