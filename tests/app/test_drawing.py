"""A window that stays blank: which way to draw comes next, what is remembered, and that a person's own word holds."""

from __future__ import annotations

import sys

import pytest

from desktop.app.drawing import MARK, MOST_ENDS, NONE, USUAL, WAYS, Drawing, way_of, with_prompt
from desktop.common.locations import Locations
from desktop.settings.state import Drawn, State

VERSION = "2.50.6"
DMABUF, COMPOSITING = "WEBKIT_DISABLE_DMABUF_RENDERER", "WEBKIT_DISABLE_COMPOSITING_MODE"


class Start:
    """One start of the app on `state`, with the environment `environ`."""

    def __init__(self, state: State, environ: dict[str, str] | None = None, version: str = VERSION) -> None:
        self.environ = {"HOME": "/home/ann"} if environ is None else environ
        self.ends = 0
        self.drawing = Drawing(state, version, self.environ)
        self.drawing.begin()
        self.drawing.watch(self._end)

    def _end(self) -> None:
        self.ends += 1

    def again(self, state: State) -> Start:
        """The one that follows a blank window."""
        self.drawing.first_frame(False)
        self.drawing.closed()
        assert self.ends == 1
        _, environ = self.drawing.words()
        return Start(State(state._path), environ)


@pytest.fixture
def state(profile: Locations) -> State:
    return State(profile.state)


def test_a_window_that_is_painted_sets_nothing_and_later_starts_write_nothing(state: State, profile: Locations) -> None:
    start = Start(state)
    start.drawing.first_frame(True)
    start.drawing.closed()
    assert (start.environ, start.ends, start.drawing.next) == ({"HOME": "/home/ann"}, 0, "")
    profile.state.unlink()
    later = Start(state)
    later.drawing.first_frame(True)
    later.drawing.closed()
    assert not profile.state.exists(), "an ordinary start writes nothing"


def test_a_blank_window_is_started_again_with_what_helps_and_the_next_start_has_it_at_once(state: State) -> None:
    second = Start(state).again(state)
    assert second.environ == {"HOME": "/home/ann", DMABUF: "1"}
    second.drawing.first_frame(True)
    second.drawing.closed()
    later = Start(State(state._path))
    assert later.environ[DMABUF] == "1"
    assert (later.drawing.way, later.ends) == ("no_dmabuf", 0)


def test_each_way_is_tried_once_then_it_is_said_what_was_tried_and_no_start_follows(state: State) -> None:
    start, seen = Start(state), []
    for way in list(WAYS)[1:]:
        start = start.again(state)
        seen.append(start.drawing.way)
        assert WAYS[way].items() <= start.environ.items()
        others = {name for other in WAYS.values() for name in other} - set(WAYS[way])
        assert not others & start.environ.keys(), "what did not help is not carried along"
    assert seen == ["no_dmabuf", "no_compositing", "software"]
    start.drawing.first_frame(False)
    assert start.drawing.next == ""
    assert {DMABUF, COMPOSITING} <= set(start.drawing.failed)
    # Another launch begins as usual, and does not go through all of them again.
    another = Start(State(state._path))
    assert another.drawing.way == USUAL
    another.drawing.first_frame(False)
    assert another.drawing.failed
    assert not another.drawing.next


def test_another_version_of_the_engine_begins_with_the_usual_way(state: State) -> None:
    state.set_drawn(Drawn(VERSION, "no_compositing", settled=True))
    assert Start(state).drawing.way == "no_compositing"
    assert Start(state, version="2.52.0").drawing.way == USUAL


@pytest.mark.parametrize("value", ["0", "1", ""])
def test_a_persons_own_variable_is_left_as_it_is_and_nothing_is_added(state: State, value: str) -> None:
    state.set_drawn(Drawn(VERSION, "no_compositing", settled=True))
    start = Start(state, {DMABUF: value})
    assert start.environ == {DMABUF: value}
    start.drawing.first_frame(False)
    assert (start.drawing.next, start.drawing.failed, start.ends) == ("", [DMABUF], 1)
    assert state.drawn() == Drawn(VERSION, "no_compositing", settled=True)


def test_a_start_with_a_persons_own_word_that_shows_the_window_forgets_what_was_remembered(state: State) -> None:
    state.set_drawn(Drawn(VERSION, "no_dmabuf", settled=True))
    Start(state, {DMABUF: "0"}).drawing.first_frame(True)
    assert State(state._path).drawn() is None
    assert Start(State(state._path)).drawing.way == USUAL


def test_a_page_process_that_ends_again_and_again_before_anything_was_seen_counts_as_blank(state: State) -> None:
    start = Start(state)
    ended = [start.drawing.page_ended() for _ in range(MOST_ENDS + 1)]
    assert ended == [False] * (MOST_ENDS - 1) + [True, True]
    assert (start.drawing.next, start.ends) == ("no_dmabuf", 1)


def test_once_something_was_seen_crashes_and_late_words_are_no_reason_for_a_new_start(state: State) -> None:
    start = Start(state)
    start.drawing.first_frame(True)
    start.drawing.first_frame(False)
    assert not any(start.drawing.page_ended() for _ in range(5))
    assert (start.ends, start.drawing.next, start.drawing.failed) == (0, "", [])


def test_a_way_that_takes_the_whole_app_with_it_is_not_taken_again(state: State) -> None:
    Start(state).again(state)  # ends without a word
    assert State(state._path).drawn() == Drawn(VERSION, "no_dmabuf", settled=False)
    assert Start(State(state._path)).drawing.way == "no_compositing"


def test_an_app_that_ends_without_a_word_twice_before_anything_was_seen_goes_on_to_the_next_way(state: State) -> None:
    """As it does where the engine's fault is the whole app's end. Once may have been a chance."""
    ways = [Start(State(state._path)).drawing.way for _ in range(6)]
    assert ways == [USUAL, USUAL, "no_dmabuf", "no_compositing", "software", USUAL]
    assert State(state._path).drawn() == Drawn(VERSION, USUAL, settled=False)


def test_an_app_that_was_seen_once_may_be_killed_as_often_as_it_likes(state: State) -> None:
    Start(state).drawing.first_frame(True)
    assert {Start(State(state._path)).drawing.way for _ in range(4)} == {USUAL}


def test_a_window_that_is_closed_before_anything_is_known_leaves_no_memory(state: State) -> None:
    Start(state).again(state).drawing.closed()
    assert State(state._path).drawn() is None


def test_what_a_state_file_holds_is_taken_only_where_it_is_known() -> None:
    assert way_of(Drawn(VERSION, "LD_PRELOAD", settled=True), VERSION) == USUAL
    assert way_of(Drawn(VERSION, NONE, settled=True), VERSION) == USUAL
    assert way_of(Drawn(VERSION, "software", settled=False), VERSION) == USUAL


def test_the_environment_says_no_way_that_is_not_known(state: State) -> None:
    start = Start(state, {MARK: "elsewhere"})
    assert (start.drawing.way, start.environ) == (USUAL, {})


def test_the_new_start_has_the_same_arguments(state: State) -> None:
    start = Start(state)
    start.drawing.first_frame(False)
    command, environ = start.drawing.words()
    assert command == [sys.executable, *sys.orig_argv[1:]]
    assert environ == {"HOME": "/home/ann", MARK: "no_dmabuf"}


def test_a_prompt_that_was_handed_over_meanwhile_comes_along() -> None:
    assert with_prompt(["--profile", "work"], "") == ["--profile", "work"]
    assert with_prompt(["--profile", "work"], "hello") == ["--profile", "work", "--prompt", "hello"]
    assert with_prompt(["chatkit-desktop://ask?prompt=a"], "hello") == ["--prompt", "hello"]
    assert with_prompt(["--demo"], "hello") == ["--demo", "--prompt", "hello"]
