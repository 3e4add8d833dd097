"""A maker for every test, with a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.makers import Maker


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "maker")
