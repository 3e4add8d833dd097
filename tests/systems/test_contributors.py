"""The README's commands on clean Debians, as an ordinary user with sudo: all that a contributor types, on the Python
that is there. `make test-systems` runs it all; the first half also belongs to `make test-packaging`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.packaging.built import home_in, seen_window
from tests.packaging.clean_system import clean_system
from tests.rig.display import Display
from tests.systems import tally
from tests.systems.workplace import Workplace

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.window,
    pytest.mark.secret_service,
    pytest.mark.clean_systems,
]
PREPARED = 1800.0
"""Seconds for a target that downloads what is missing."""
NAME = "chatkit-desktop"


def test_make_demo_sets_up_everything_and_shows_an_answer(workplace: Workplace) -> None:
    said = workplace.make("demo", limit=PREPARED)
    assert "These system packages are missing and are now installed" in said
    picture = workplace.clone / "out" / "demo.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000, "a white window is smaller"


def test_make_dev_with_a_brand_beside_the_clone_opens_its_window(workplace: Workplace, screen: Display) -> None:
    workplace.make("install", limit=PREPARED)
    system, before = workplace.system, workplace.system.folders
    system.folders = (*before, Path("/tmp/.X11-unix"))
    try:
        with workplace.made("dev", "ARGS=--brand ../fern/brand.toml", environ={"DISPLAY": screen.name}):
            title = seen_window(screen, "ask-fern")[1]
        assert "Ask Fern" in title
    finally:
        system.folders = before
    tally.count(workplace.name, f"make dev: its window is called {title}")


@pytest.mark.systems
def test_the_quick_tests_pass_on_the_python_of_the_system(workplace: Workplace) -> None:
    said = workplace.make("test-quick", "ARGS=-rs", limit=2 * PREPARED)
    tally.count(workplace.name, f"make test-quick: {tally.of_pytest(said)}")


def test_what_make_package_makes_is_installed_used_and_purged_on_the_same_debian(
    workplace: Workplace, screen: Display
) -> None:
    workplace.make("package", limit=2 * PREPARED)
    (deb,) = (workplace.clone / "dist").glob("*.deb")
    with clean_system(workplace.release) as users:
        users.install(deb, "dbus-daemon", "gnome-keyring")
        files = [path for path in users.must("dpkg", "-L", NAME).splitlines() if NAME in path]
        home = home_in(users, screen, NAME)
        shown = home.fine("smoke", "--demo", "--say", "hello")
        assert shown["ok"]
        users.must("apt-get", "purge", "--yes", NAME)
        assert len(files) > 100
        assert [path for path in files if os.path.lexists(users.folder / path.lstrip("/"))] == []
    tally.count(workplace.name, f"{deb.name}: installed, used, purged")


@pytest.mark.systems
def test_make_check_finds_nothing(workplace: Workplace) -> None:
    workplace.make("check", limit=PREPARED)
