"""What the tests of this folder share: the API stand-in, and clients that never really wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from desktop.openai_api.client import ApiClient, Endpoint
from tests.standins.api import KEY, ApiStandIn

PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def api() -> Iterator[ApiStandIn]:
    with ApiStandIn() as standin:
        yield standin


class Waits(list[float]):
    """A sleep that only writes down how long it was asked to."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def make_client(waits: Waits) -> Iterator[Callable[..., ApiClient]]:
    made: list[ApiClient] = []

    def make(base: str, key: str = KEY, *, timeout: float = 10, retries: int = 0, **rest: Any) -> ApiClient:
        places = {name: rest.pop(name) for name in ("proxy", "proxy_password", "ca_file") if name in rest}
        rest.setdefault("sleep", waits)
        rest.setdefault("random", lambda: 0.0)
        client = ApiClient(Endpoint(base, timeout=timeout, **places), key, retries=retries, **rest)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(api: ApiStandIn, make_client: Callable[..., ApiClient]) -> ApiClient:
    return make_client(api.base)
