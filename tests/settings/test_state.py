"""What the app remembers by itself, and that losing it costs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.common.locations import Locations
from desktop.settings.state import THREADS_KEPT, Place, State
from tests.rig.systems import private


def test_checklist_24_what_is_remembered_is_there_at_the_next_start_and_private(profile: Locations) -> None:
    state = State(profile.state)
    state.set_place("chat", Place(10, -20, 800, 600, maximized=True))
    state.set_last_thread("workflow", "cthr_1")
    state.set_key_known("https://api.openai.com", True)
    again = State(profile.state)
    assert again.place("chat") == Place(10, -20, 800, 600, maximized=True)
    assert again.last_thread("workflow") == "cthr_1"
    assert again.key_known("https://api.openai.com")
    assert private(profile.state)


def test_what_is_not_known_is_none(profile: Locations) -> None:
    state = State(profile.state)
    assert state.place("chat") is None
    assert state.last_thread("workflow") is None
    assert not state.key_known("https://api.openai.com")
    assert not profile.folder.exists()


def test_forgetting_forgets(profile: Locations) -> None:
    state = State(profile.state)
    state.set_last_thread("workflow", "cthr_1")
    state.set_last_thread("workflow", None)
    state.set_key_known("https://api.openai.com", True)
    state.set_key_known("https://api.openai.com", False)
    again = State(profile.state)
    assert again.last_thread("workflow") is None
    assert not again.key_known("https://api.openai.com")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"places": 5, "last_threads": []}',
        b'{"places": {"chat": {"x": "1", "y": 2, "width": 3, "height": 4}}}',
        b'{"places": {"chat": {"x": 1, "y": 2, "width": 0, "height": 4}}}',
        b'{"places": {"chat": {"x": 1e99, "y": 2, "width": 3, "height": 4}}}',
        b'{"last_threads": {"workflow": 7}}',
    ],
)
def test_damage_is_begun_anew(content: bytes, profile: Locations) -> None:
    profile.folder.mkdir(parents=True)
    profile.state.write_bytes(content)
    state = State(profile.state)
    assert state.place("chat") is None
    assert state.last_thread("workflow") is None
    state.set_place("chat", Place(1, 2, 3, 4))
    state.set_last_thread("workflow", "cthr_1")
    assert State(profile.state).place("chat") == Place(1, 2, 3, 4)


def test_only_so_many_threads_are_remembered(profile: Locations) -> None:
    state = State(profile.state)
    for number in range(THREADS_KEPT + 5):
        state.set_last_thread(f"agent{number}", "cthr_1")
    assert state.last_thread("agent0") is None
    assert state.last_thread(f"agent{THREADS_KEPT + 4}") == "cthr_1"


def test_where_nothing_can_be_written_it_is_remembered_until_the_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = State(tmp_path / "file" / "state.json")
    state.set_place("chat", Place(1, 2, 3, 4))
    assert state.place("chat") == Place(1, 2, 3, 4)
