"""A maker for every test, with a folder of their own; the app's own packages, built once for all who install them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.built import ROOT, Built, build
from tests.packaging.makers import Maker


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "maker")


@pytest.fixture(scope="session")
def workshop() -> Iterator[Path]:
    """A folder for everything here. Not below pytest's: an ordinary user has to reach it."""
    folder = Path(tempfile.mkdtemp(prefix="workshop-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def app(workshop: Path) -> Built:
    """The app's own brand."""
    return build(ROOT / "assets" / "brand.toml", workshop / "app", "deb", "tar.zst")
