"""What all tests against other people's servers need: that those are there, and which they are."""

from __future__ import annotations

import pytest

from tests.rig import peers


def pytest_report_header() -> list[str]:
    met = (
        ", ".join(f"{package} {version}" for package, version in peers.versions().items()) if peers.installed() else ""
    )
    return [f"peers: {met or 'not installed (make test-peers)'}"]


@pytest.fixture(autouse=True, scope="session")
def there() -> None:
    if not peers.installed():
        pytest.fail("The peers are not installed: `make test-peers` does it.")
