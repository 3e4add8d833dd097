"""Which files a page may load: those of its own folder in `assets/pages`, and of the one that all pages share."""

from __future__ import annotations

from functools import cache

from desktop.common.locations import assets_dir

COMMON = "common"
KINDS = (".js", ".css")


@cache
def files_of(page: str) -> tuple[str, ...]:
    """The scripts and style sheets for the page in the folder `page`, as `Page.files` names them."""
    pages = assets_dir() / "pages"
    return tuple(
        f"pages/{folder}/{file.name}"
        for folder in (page, COMMON)
        for file in sorted((pages / folder).iterdir())
        if file.suffix in KINDS
    )
