"""Systems that are made for these tests, each once, and what was counted in them, told at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.packaging.clean_system import clean_system
from tests.rig.display import Display, virtual_display
from tests.systems import tally
from tests.systems.workplace import Workplace

SYSTEMS = ("trixie", pytest.param("testing", marks=pytest.mark.systems))
"""Debian's names. What is no part of `make test-systems` alone is done on the first, in some ten minutes."""


@pytest.fixture(scope="session")
def screen() -> Iterator[Display]:
    with virtual_display() as display:
        yield display


@pytest.fixture(scope="module", params=SYSTEMS)
def workplace(request: pytest.FixtureRequest) -> Iterator[Workplace]:
    """A contributor's machine: one at a time, as each takes three gigabytes."""
    with clean_system(request.param) as system:
        yield Workplace(request.param, system)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for system, lines in tally.counted.items():
        terminalreporter.section(system)
        for line in lines:
            terminalreporter.write_line(line)
