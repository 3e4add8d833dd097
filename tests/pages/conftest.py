"""What the tests of setup and settings share: the API stand-in, and houses whose connections are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pages.app_parts import House
from tests.standins.api import ApiStandIn


@pytest.fixture
def api() -> Iterator[ApiStandIn]:
    with ApiStandIn() as standin:
        yield standin


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def make(**settings: Any) -> House:
        made.append(House(tmp_path / f"{len(made)}", **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def house(make_house: Callable[..., House], api: ApiStandIn) -> House:
    """One whose API is the stand-in."""
    return make_house(base=api.base)
