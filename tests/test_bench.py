"""The figures of `make bench`: what is missed is said, and by how much.

Each way of measuring agents runs once in a tiny size; how long anything took is nobody's business here.
"""

from __future__ import annotations

import pytest

from desktop.window.engines import has_gtk, has_qt
from tests.bench import archiving, chats, code_agents, first_token, stack, talking
from tests.bench.__main__ import settled_scene
from tests.bench.figures import Figure, summary
from tests.rig.secret_service import available

pytestmark = pytest.mark.slow

ENGINES = [
    pytest.param("gtk", marks=pytest.mark.skipif(not has_gtk(), reason="the engine gtk is not installed")),
    pytest.param("qt", marks=pytest.mark.skipif(not has_qt(), reason="the engine qt is not installed")),
]


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


def test_a_figure_that_has_to_be_reached_is_missed_from_below() -> None:
    missed, met = (Figure("deltas a second", value, "a second", 100.0, least=True) for value in (80.0, 120.0))
    assert (missed.ok, missed.record()["by"], missed.record()["at least"]) == (False, 20.0, True)
    assert (met.ok, met.record()["by"]) == (True, 0.0)
    assert "missed by 20" in missed.line()


# --- the measuring of agents, once ---------------------------------------------------------------------------


def told(figures: list[Figure]) -> dict[str, float | None]:
    """The targets by name; every figure has a value and can be told."""
    for figure in figures:
        assert figure.name in figure.line()
    return {figure.name: figure.target for figure in figures}


def test_a_store_is_filled_listed_and_searched() -> None:
    found = chats.measure(threads=70, items=4, times=1)
    assert told(found) == {"list of chats": 20.0, "search in chats": 50.0}
    details = found[0].details or {}
    assert (details["chats"], details["items of each"]) == (70, 4)


def test_searches_of_the_bench_find_what_was_filled_in() -> None:
    found = chats.measure(threads=70, items=4, times=1)[1].details or {}
    hits = found["chats found"]
    assert hits["a rare word"] == 1
    assert hits["nothing"] == 0
    assert hits["a common word"] > 1


def test_the_agent_stack_is_weighed() -> None:
    assert told(stack.measure(runs=1)) == {"memory of the agent stack": None}


def test_first_words_of_the_app_and_the_bare_sdk_take_turns() -> None:
    found = first_token.measure(times=1)
    assert told(found) == {"first word over the bare SDK": 10.0}


def test_first_words_of_a_code_agent_and_the_bare_sdk_in_a_process_take_turns() -> None:
    found = code_agents.measure(times=1)
    assert told(found) == {"code agent's first word over the SDK": 15.0, "start of a code agent's process": None}


@pytest.mark.window
@pytest.mark.secret_service
@pytest.mark.timeout(1200)  # it starts the app a dozen times, beside other windows
@pytest.mark.skipif(not available(), reason="needs the packages dbus and gnome-keyring")
@pytest.mark.parametrize("engine", ENGINES)
def test_agents_are_measured_in_a_window(engine: str) -> None:
    with settled_scene(engine) as made:
        found = talking.starts(made, 1)
        assert told(found) == {
            "start to page ready, agent in the app": 1.05,
            "start to the list of chats": 300.0,
            "start to the demo's first words, warm": None,
            "start to the demo's first words, cold": None,
        }
        found = talking.deltas(made, words=5, pieces=300)
        assert told(found) == {"delta to its DOM change": 16.0, "deltas a second": 10_000.0}
        details = found[1].details or {}
        assert (details["pieces"], details["lost"], details["misplaced"]) == (300, 0, 0)
        found = archiving.measure(made, threads=12, items=5)
        assert told(found) == {"memory while archiving": 60.0, "bridge round trip while archiving": 10.0}
        found = code_agents.meanwhile(made, calls=20, deeds=("a busy loop",))
        assert told(found) == {"bridge round trip beside bad code": 16.0}
