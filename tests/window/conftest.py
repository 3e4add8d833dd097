"""What window tests share: one screen, a keyring for each file, both engines, and scenes to start the app in.

A test that takes `scene` gets stand-ins and an empty data folder of its own; `open_scene` makes further ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NoReturn

import pytest

from desktop.window.engines import has_gtk, has_qt
from tests.rig import secret_service
from tests.rig.display import Display, DisplayError, virtual_display
from tests.rig.scene import Scene
from tests.rig.scene import scene as made_scene

ENGINES = {"gtk": has_gtk, "qt": has_qt}


def missing(what: str) -> NoReturn:
    """Without it the test can't run: said on a developer's machine, a failure where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def screen() -> Iterator[Display]:
    """A virtual screen of our own, also where there is another one: its picture can be read, and no person's windows
    get the keys that are typed here."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(virtual_display())
        except DisplayError as error:
            missing(f"no virtual screen: {error}")


@pytest.fixture(scope="module", params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> str:
    """Every window test runs once with each."""
    name = str(request.param)
    if not ENGINES[name]():
        missing(f"the engine {name} is not installed")
    return name


@pytest.fixture(scope="module")
def keyring() -> Iterator[dict[str, str]]:
    """The environment with a real, open Secret Service that nobody else uses."""
    if not secret_service.available():
        missing("needs the packages dbus and gnome-keyring")
    with secret_service.secret_service() as environ:
        yield environ


@pytest.fixture
def scene(engine: str, screen: Display, keyring: dict[str, str]) -> Iterator[Scene]:
    """Stand-ins, an empty data folder and the file's keyring."""
    with made_scene(engine, screen, keyring) as made:
        yield made


@pytest.fixture
def open_scene(engine: str, screen: Display) -> Iterator[Callable[[dict[str, str]], Scene]]:
    """Scenes in environments of the test's own choice."""
    with ExitStack() as stack:
        yield lambda environ: stack.enter_context(made_scene(engine, screen, environ))
