"""The figures of `make bench`: what is missed is said, and by how much. The measuring itself is not tested here."""

from __future__ import annotations

from tests.bench.figures import Figure, summary


def test_a_figure_that_is_met_is_over_by_nothing() -> None:
    record = Figure("a page served", 0.5, "ms", 5.0).record()
    assert (record["ok"], record["by"], record["value"], record["target"]) == (True, 0.0, 0.5, 5.0)


def test_a_figure_that_is_missed_says_by_how_much() -> None:
    figure = Figure("memory over the hello", 28.94, "MiB", 15.0)
    assert (figure.record()["ok"], figure.record()["by"]) == (False, 13.9)
    assert "missed by 13.9" in figure.line()


def test_a_figure_without_a_target_is_only_told() -> None:
    figure = Figure("processor over the hello", 0.1, "%")
    assert figure.ok
    assert "missed" not in figure.line()


def test_a_summary_tells_how_far_apart_the_runs_were() -> None:
    assert summary([0.3, 0.1, 0.2], 1000) == {"median": 200.0, "least": 100.0, "greatest": 300.0}
