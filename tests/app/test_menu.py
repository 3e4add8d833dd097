"""The menu of the chat's window: what a brand leaves out is not in it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from desktop.app.context import Context
from desktop.app.menu import menu, words
from desktop.common.texts import Catalogue
from tests.pages.app_parts import Application


def entries(tmp_path: Path, links: str) -> set[str]:
    """The ids of all entries, with the brand's `[links]`."""
    brand = tmp_path / "brand.toml"
    brand.write_text(f"[links]\n{links}\n", encoding="utf-8")
    context = Context(argparse.Namespace(brand=str(brand), data_dir=str(tmp_path / "data")))
    app: Any = Application()
    return {item.id for _title, items in menu(app, context, lambda: None) for item in items if item is not None}


@pytest.mark.parametrize(("name", "link"), [("help-page", "help"), ("status", "status")])
def test_a_link_that_the_brand_leaves_empty_has_no_entry(tmp_path: Path, name: str, link: str) -> None:
    assert name in entries(tmp_path, f'{link} = "https://fern.example/{link}"')
    assert name not in entries(tmp_path, f'{link} = ""')


def test_what_pywebview_says_of_itself_is_said_in_french_too(tmp_path: Path) -> None:
    from webview.localization import original_localization

    context = Context(argparse.Namespace(data_dir=str(tmp_path)))
    context.texts = Catalogue("fr")
    said = words(context)
    assert set(said) <= set(original_localization), "its names"
    left = {name for name in original_localization if name not in said}
    # Nobody is asked whether to quit, OK is OK, and the rest is of menus and dialogs that the app does not show.
    assert left == {
        *("global.quitConfirmation", "global.ok"),
        *("cocoa.menu.view", "cocoa.menu.fullscreen", "windows.fileFilter.otherFiles"),
    }
    assert (said["cocoa.menu.cut"], said["global.saveFile"]) == ("Couper", "Enregistrer le fichier")
