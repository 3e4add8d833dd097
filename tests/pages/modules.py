"""Which files the scripts of our pages name, and the HTML of a page as it is served."""

from __future__ import annotations

import re
from posixpath import dirname, join, normpath

from desktop.common.locations import assets_dir
from desktop.window.page_parts import with_parts

IMPORT = re.compile(r'^(?:import|export)\b.*?\bfrom "(\.\.?/[\w./]+)";', re.MULTILINE | re.DOTALL)


def imports_of(asset: str) -> list[str]:
    """The scripts that the script `asset` imports, both relative to `assets`."""
    script = (assets_dir() / asset).read_text(encoding="utf-8")
    return [normpath(join(dirname(asset), one)) for one in IMPORT.findall(script)]


def all_imports(asset: str) -> set[str]:
    """Those that it needs, through others too."""
    found: set[str] = set()
    open_ones = [asset]
    while open_ones:
        for one in imports_of(open_ones.pop()):
            if one not in found:
                found.add(one)
                open_ones.append(one)
    return found


def missing(files: tuple[str, ...]) -> list[str]:
    """What scripts among `files` import and what is not among them."""
    scripts = [file for file in files if file.endswith(".js")]
    assert sum(len(imports_of(script)) for script in scripts) > len(scripts), "the walk sees imports"
    return [f"{script} imports {one}" for script in scripts for one in imports_of(script) if one not in files]


def part(name: str) -> str:
    """The HTML of a part that pages share."""
    return (assets_dir() / "pages" / "common" / "parts" / f"{name}.html").read_text(encoding="utf-8")


def html_of(page: str) -> str:
    """The HTML of a page with its parts in it."""
    return with_parts((assets_dir() / "pages" / page / f"{page}.html").read_text(encoding="utf-8"), part)


def pages() -> list[str]:
    """The names of all pages."""
    return sorted(path.parent.name for path in (assets_dir() / "pages").glob("*/*.html"))
