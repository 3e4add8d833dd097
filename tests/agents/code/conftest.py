"""The bench of every test here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.code.bench import Bench, bench, forked


@pytest.fixture
def code(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path / "my_agent", start=forked()) as made:
        yield made
