"""The first steps of an opening: what comes before what, and what is undone where one fails."""

from __future__ import annotations

import argparse
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import pytest

from desktop.app.context import Context
from desktop.app.instance import Instance
from desktop.app.opening import MODULES, Opening
from desktop.settings.errors import BrandInvalid
from desktop.window.engine import Engine
from desktop.window.engines import has_qt
from desktop.window.errors import EngineMissing
from tests.rig.driver import ROOT
from tests.test_cli import HEAVY

LIMIT = 20.0
"""Patience of the tests themselves, in seconds."""


class Recorded:
    """An engine that only notes what it is asked for, and whether the profile was free then."""

    name = "qt"

    def __init__(self, taken: Callable[[], bool]) -> None:
        self._taken = taken
        self.steps: list[tuple[str, bool]] = []
        self.left: tuple[list[str], list[str]] = ([], [])
        """Threads that imported, and modules that were still to be imported, when it was bound."""

    def load(self) -> None:
        self.steps.append(("load", self._taken()))

    def launch(self, storage: Path) -> None:
        self.steps.append((f"launch {storage.name}", self._taken()))

    def bind(self) -> None:
        self.steps.append(("bind", self._taken()))
        importing = [thread.name for thread in threading.enumerate() if thread.name == "imports"]
        self.left = (importing, [name for name in MODULES if name not in sys.modules])


def missing(_context: Context) -> Engine:
    raise EngineMissing(command="apt-get")


@pytest.fixture
def context() -> Iterator[Context]:
    """Of a folder with a short name, for the socket's path in it."""
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        yield Context(argparse.Namespace(data_dir=folder, prompt="hello"), environ={})


@pytest.fixture
def other(context: Context) -> Iterator[Instance]:
    """Another launch of the same profile."""
    instance = Instance(context.locations.instance, context.profile, limit=LIMIT)
    yield instance
    instance.release()


def taken(other: Instance) -> bool:
    """Whether the profile is somebody's."""
    if not other.acquire():
        return True
    other.release()
    return False


def fresh(context: Context) -> Instance:
    return Instance(context.locations.instance, context.profile, limit=LIMIT)


def test_the_engine_loads_at_once_and_starts_its_processes_when_the_profile_is_taken(context: Context) -> None:
    engine = Recorded(lambda: taken(fresh(context)))
    opening = Opening(context, lambda _: cast(Engine, engine))
    assert opening.begin()
    assert engine.steps == [("load", False), ("launch web", True), ("bind", True)]
    opening.close()
    assert not taken(fresh(context))


def test_the_toolkit_s_python_is_imported_when_nothing_else_is(context: Context) -> None:
    """Qt's goes through `sys.modules`, and an import beside it would end the process."""
    engine = Recorded(lambda: True)
    opening = Opening(context, lambda _: cast(Engine, engine))
    assert opening.begin()
    assert engine.left == ([], [])
    opening.close()


@pytest.mark.skipif(not has_qt(), reason="Qt is not installed")
def test_qt_s_python_is_there_before_anything_else_of_the_app_begins() -> None:
    code = (
        "import sys; from desktop.window.qt import QtEngine; engine = QtEngine(); engine.load()\n"
        "before = 'shiboken6' in sys.modules; engine.bind()\n"
        "from shiboken6 import Shiboken; print(before, 'shibokensupport.signature' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
    if "cannot open shared object file" in done.stderr:
        pytest.skip(f"Qt lacks a library of the system: {done.stderr.splitlines()[-1]}")
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_a_second_opening_hands_over_and_starts_nothing(context: Context, other: Instance) -> None:
    calls: queue.Queue[str | None] = queue.Queue()
    assert other.acquire()
    other.serve(calls.put)
    engine = Recorded(lambda: True)
    assert not Opening(context, lambda _: cast(Engine, engine)).begin()
    assert calls.get(timeout=LIMIT) == "hello"
    assert engine.steps == [("load", True)]


def test_where_there_is_no_engine_the_profile_is_free_again(context: Context) -> None:
    with pytest.raises(EngineMissing):
        Opening(context, missing).begin()
    assert not taken(fresh(context))


def test_who_only_hands_over_needs_no_engine(context: Context, other: Instance) -> None:
    calls: queue.Queue[str | None] = queue.Queue()
    assert other.acquire()
    other.serve(calls.put)
    assert not Opening(context, missing).begin()
    assert calls.get(timeout=LIMIT) == "hello"


def test_a_brand_that_is_wrong_is_said_and_nothing_waits_for_it(tmp_path: Path) -> None:
    brand = tmp_path / "brand.toml"
    brand.write_text("[app]\nnmae = 'Fern'\n", encoding="utf-8")
    context = Context(argparse.Namespace(data_dir=str(tmp_path), brand=str(brand)), environ={})
    with pytest.raises(BrandInvalid):
        Opening(context, lambda _: cast(Engine, Recorded(lambda: False))).begin()
    assert list(tmp_path.iterdir()) == [brand]


@pytest.mark.parametrize("module", [*MODULES, "desktop.pages.chat.page", "desktop.pages.setup.page"])
def test_what_is_imported_ahead_is_there(module: str) -> None:
    """Else it would be imported later without a word."""
    assert find_spec(module) is not None


def test_the_first_steps_load_nothing_heavy_themselves() -> None:
    code = "import sys, desktop.app.opening; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert "desktop.app.opening" in done.stdout.split()
    assert not set(done.stdout.split()) & set(HEAVY)
