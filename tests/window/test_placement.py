"""Where windows come back to: within reach of the pointer, on a screen that is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.window.placement import VISIBLE, Place, Rect, on_screen

LAPTOP = Rect(0, 0, 1280, 800)
BIG = Rect(1280, -200, 2560, 1440)
LEFT = Rect(-1920, 0, 1920, 1080)
LEAST = (320, 240)


def test_a_window_comes_back_exactly_where_it_was() -> None:
    for place in (Place(800, 600, 100, 50), Place(800, 600, 1500, -150, maximized=True), Place(500, 400, -1900, 10)):
        assert on_screen(place, [LAPTOP, BIG, LEFT]) == place


def test_a_window_that_was_never_placed_is_left_to_the_system() -> None:
    assert on_screen(Place(800, 600), [LAPTOP]) == Place(800, 600)
    assert on_screen(Place(5000, 5000), [LAPTOP]) == Place(1280, 800)


def test_without_a_screen_nothing_is_known_and_nothing_changed() -> None:
    assert on_screen(Place(800, 600, 9999, 9999), []) == Place(800, 600, 9999, 9999)


@pytest.mark.parametrize(
    "at", [(5000, 100), (-5000, 100), (100, 5000), (100, -5000), (1279, 100), (100, 799), (-790, 0)]
)
def test_checklist_27_a_window_off_all_screens_comes_to_the_middle_of_the_first(at: tuple[int, int]) -> None:
    assert on_screen(Place(800, 600, *at), [LAPTOP]) == Place(800, 600, 240, 100)


def test_checklist_27_the_screen_it_was_on_has_been_taken_away() -> None:
    there = Place(1000, 900, 2000, 100)
    assert on_screen(there, [LAPTOP, BIG]) == there
    assert on_screen(there, [LAPTOP]) == Place(1000, 800, 140, 0)


def test_checklist_27_a_title_bar_above_the_screen_could_not_be_grasped() -> None:
    assert on_screen(Place(800, 600, 100, -300), [LAPTOP]) == Place(800, 600, 240, 100)


def test_checklist_27_a_wide_window_made_smaller_is_still_within_reach() -> None:
    found = on_screen(Place(3000, 600, -2900, 0), [LAPTOP])
    assert found.width == 1280
    assert found.x is not None
    assert found.x + found.width >= VISIBLE


def test_a_window_across_two_screens_stays_there() -> None:
    assert on_screen(Place(800, 600, 900, 100), [LAPTOP, BIG]) == Place(800, 600, 900, 100)


def test_a_window_smaller_than_can_be_used_grows() -> None:
    assert on_screen(Place(1, 1, 100, 100), [LAPTOP], (360, 480)) == Place(360, 480, 460, 160)
    assert on_screen(Place(200, 200, 100, 100), [LAPTOP], (360, 480)) == Place(360, 480, 100, 100)


def test_a_screen_smaller_than_the_least_size_is_filled_and_no_more() -> None:
    assert on_screen(Place(800, 600, 0, 0), [Rect(0, 0, 300, 200)]) == Place(300, 200, 0, 0)


coordinates = st.integers(-20_000, 20_000)
sizes = st.integers(1, 10_000)
screens = st.lists(
    st.builds(Rect, coordinates, coordinates, st.integers(200, 8_000), st.integers(200, 5_000)), min_size=1, max_size=4
)
places = st.builds(Place, sizes, sizes, coordinates, coordinates, st.booleans())


@given(place=places, among=screens)
def test_checklist_27_every_place_becomes_one_within_reach(place: Place, among: list[Rect]) -> None:
    found = on_screen(place, among, LEAST)
    assert found.x is not None
    assert found.y is not None
    frame = Rect(found.x, found.y, found.width, found.height)
    home = [
        screen
        for screen in among
        if min(frame.overlap(screen)) >= VISIBLE  # enough of it to be seen
        and screen.y - 8 <= frame.y <= screen.y + screen.height - VISIBLE  # its title bar can be grasped
        and frame.width <= screen.width
        and frame.height <= screen.height
    ]
    assert home
    assert found.maximized == place.maximized


@given(place=places, among=screens.map(lambda found: found[:1]))
def test_a_place_within_reach_is_left_as_it_is(place: Place, among: list[Rect]) -> None:
    once = on_screen(place, among, LEAST)
    assert on_screen(once, among, LEAST) == once


@given(place=st.builds(Place, sizes, sizes), among=screens)
def test_a_size_alone_fits_the_first_screen(place: Place, among: list[Rect]) -> None:
    found = on_screen(place, among, LEAST)
    assert (found.x, found.y) == (None, None)
    assert found.width <= among[0].width
    assert found.height <= among[0].height
