"""An API over real HTTP with chats in it, a client for it, and an archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.chats.archive.copies import Copies
from desktop.openai_api.client import ApiClient, Endpoint
from tests.chats.things import Desk
from tests.standins.api import KEY, ApiStandIn


@pytest.fixture
def api() -> Iterator[ApiStandIn]:
    with ApiStandIn() as standin:
        yield standin


@pytest.fixture
def client(api: ApiStandIn) -> Iterator[ApiClient]:
    with ApiClient(Endpoint(api.base, timeout=10), KEY, sleep=lambda _: None) as made:
        yield made


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    made = Copies(tmp_path / "profile" / "archive.sqlite")
    yield made
    made.close()


@pytest.fixture
def desk(api: ApiStandIn, client: ApiClient, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(api, client, tmp_path / "profile")
    yield made
    made.close()
