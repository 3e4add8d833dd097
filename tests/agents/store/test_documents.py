"""Times on their way to the database and back, in zones that put the clock forward and back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.agents.store import columns


@pytest.fixture(params=["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 4_000_000_000_000_000))
def test_a_moment_is_the_same_after_a_round_trip_also_in_the_hour_that_comes_twice(zone: str, moment: int) -> None:
    local = columns.from_microseconds(moment)
    assert local.tzinfo is None
    assert columns.to_microseconds(local) == moment
    assert columns.to_microseconds(columns.utc(moment)) == moment


def test_the_hour_that_comes_twice_keeps_its_length(zone: str) -> None:
    start = int(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp()) * 1_000_000
    for hour in range(6):
        moment = start + hour * 3_600_000_000
        assert columns.utc(columns.to_microseconds(columns.from_microseconds(moment))) == columns.utc(moment)


@pytest.mark.parametrize("odd", [datetime.min, datetime.max, datetime.min.replace(tzinfo=UTC), datetime(1969, 7, 20)])  # noqa: DTZ001, DTZ901 - as a model may hold them
def test_a_time_that_no_calendar_can_place_does_not_stop_anything(odd: datetime) -> None:
    loaded = columns.from_microseconds(columns.to_microseconds(odd))
    assert abs(loaded - odd.replace(tzinfo=None)) < timedelta(days=2)
