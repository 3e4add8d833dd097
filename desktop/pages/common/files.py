"""The files a page may load: those in its own folder in `assets/pages`, and in `assets/pages/common`."""

from __future__ import annotations

from functools import cache

from desktop.common.locations import assets_dir

COMMON = "common"
KINDS = (".js", ".css")


@cache
def files_of(page: str) -> tuple[str, ...]:
    """The scripts and style sheets of the page in the folder `page`, for `Page.files`."""
    pages = assets_dir() / "pages"
    return tuple(
        f"pages/{folder}/{file.name}"
        for folder in (page, COMMON)
        for file in sorted((pages / folder).iterdir())
        if file.suffix in KINDS
    )
