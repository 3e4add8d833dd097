"""Days and seconds: when a secret is due, and when hosted workflows are over."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from desktop.openai_api.lifetime import WORKFLOWS_END, Life, workflows_over


def test_workflows_end_on_the_day_openai_named() -> None:
    assert date(2026, 11, 30) == WORKFLOWS_END
    assert not workflows_over(WORKFLOWS_END - timedelta(days=1))
    assert workflows_over(WORKFLOWS_END)
    assert workflows_over(WORKFLOWS_END + timedelta(days=1))


@given(started=st.floats(0, 1e6), seconds=st.integers(1, 600))
def test_a_secret_is_renewed_before_it_ends_and_not_at_once(started: float, seconds: int) -> None:
    life = Life(started, float(seconds))
    assert started < life.renew_at < life.ends
    assert life.left(life.renew_at) <= 60
    assert life.left(life.ends) == 0
