"""The Windows adapter against what Windows has of types: pywebview's own form in Mono's WinForms, and the WebView2
assemblies that pywebview ships. `make test-dotnet` runs it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.rig import dotnet
from tests.rig.display import Display

pytestmark = pytest.mark.dotnet


def run(screen: Display, what: str) -> dict[str, Any]:
    if not dotnet.installed():
        pytest.fail("make test-dotnet installs what this needs")
    environ = {**os.environ, **dotnet.environment(), "DISPLAY": screen.name}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.standins.winforms_here", what],
        cwd=dotnet.ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-6000:]
    return dict(json.loads(ran.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def found(screen: Display) -> dict[str, Any]:
    return run(screen, "all")


def test_pywebview_takes_webview2_though_no_registry_says_that_it_is_there(found: dict[str, Any]) -> None:
    assert found["renderer"] == "edgechromium"


def test_the_form_is_as_large_as_it_was_where_it_was_on_a_screen_of_150_percent(found: dict[str, Any]) -> None:
    assert found["place"] == [500, 400, 30, 40, False]
    assert found["screens"]


def test_the_menu_lies_above_the_page_and_its_entries_have_their_keys(found: dict[str, Any]) -> None:
    assert found["menu_above_page"]
    keys = [[title, sorted(shown.split(", "))] for title, shown in found["entries"]]
    assert keys == [
        ["New && old", ["Control", "N"]],
        ["", [""]],
        ["Larger", ["Control", "Oemplus"]],
        ["Settings", ["Control", "Oemcomma"]],
    ]


def test_keys_that_the_control_hears_are_the_menus_and_altgr_is_none(found: dict[str, Any]) -> None:
    assert found["taken"] == [True] * 4
    assert found["not_taken"] == [False] * 3
    assert [one for one in found["told"] if one != "lost"] == ["new", "larger", "larger", "larger", "settings"]


def test_the_control_takes_zoom_and_colours(found: dict[str, Any]) -> None:
    assert found["zoom"] == 1.5
    assert found["dark"] == [True, 0x14]
    assert "DwmSetWindowAttribute" in found["win32"]


def test_a_permission_is_denied_by_a_member_and_not_by_its_number(found: dict[str, Any]) -> None:
    assert found["permission"] == ["Deny", 2]
    assert found["number_refused"]


def test_where_webview2_does_not_start_it_is_said_once(found: dict[str, Any]) -> None:
    assert found["told"].count("lost") == 1


def test_quit_ends_winforms_own_loop(found: dict[str, Any]) -> None:
    assert found["ended"]


def test_every_member_of_the_recorded_stand_ins_is_one_of_the_real_assemblies(found: dict[str, Any]) -> None:
    assert found["missing"] == []
    assert found["compared"] > 80


def test_winforms_takes_our_icon_and_throws_at_a_png(found: dict[str, Any]) -> None:
    assert found["icons"] == ["ArgumentException", ""]


def test_a_form_that_raises_is_told_and_ends_no_process(screen: Display) -> None:
    said = run(screen, "unmade")
    title, problem = said["unmade"]
    assert title == "Fern"
    assert problem
    assert "\n" not in problem
    assert said["came_back"]
