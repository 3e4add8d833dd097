"""`doctor` says how WebKitGTK draws, and why so."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.commands.doctor import Doctor
from desktop.settings.state import Drawn
from desktop.window.engines import has_gtk
from tests.commands.test_ask import Terminal

pytestmark = pytest.mark.skipif(not has_gtk(), reason="WebKitGTK is not installed")


def engine_line(folder: Path, drawn: Drawn | None = None, **environ: str) -> str:
    context = Terminal(data_dir=str(folder)).context
    context.environ = {**context.environ, **environ}
    if drawn is not None:
        context.state.set_drawn(drawn)
    return Doctor(context)._engine()


@pytest.fixture(scope="module")
def version() -> str:
    from desktop.window.gtk import webkit_version  # not to be imported on Windows

    return webkit_version()


def test_the_usual_way_is_said_to_be_that(tmp_path: Path, version: str) -> None:
    assert "gtk (draws in the usual way)" in engine_line(tmp_path)
    assert "usual way" in engine_line(tmp_path, Drawn(version, "usual", settled=True))


def test_another_way_is_named_with_its_reason_as_long_as_it_is_the_one_that_is_taken(
    tmp_path: Path, version: str
) -> None:
    line = engine_line(tmp_path, Drawn(version, "no_compositing", settled=True))
    assert "WEBKIT_DISABLE_COMPOSITING_MODE=1" in line
    assert f"WebKitGTK {version} stayed blank" in line
    assert "usual way" in engine_line(tmp_path, Drawn("2.1.0", "no_compositing", settled=True))


def test_where_every_way_failed_the_other_engine_is_named(tmp_path: Path, version: str) -> None:
    assert "--engine qt" in engine_line(tmp_path, Drawn(version, "none", settled=True))


def test_a_persons_own_variables_are_said_before_what_is_remembered(tmp_path: Path, version: str) -> None:
    drawn = Drawn(version, "no_dmabuf", settled=True)
    line = engine_line(tmp_path, drawn, WEBKIT_DISABLE_DMABUF_RENDERER="0")
    assert "as the environment asks: WEBKIT_DISABLE_DMABUF_RENDERER=0" in line
    assert "stayed blank" not in line
