"""Which engine is started, whether there is a screen, what a packaged app ignores."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.common import installed
from desktop.common.locations import assets_dir
from desktop.common.texts import Catalogue
from desktop.window.engines import (
    DEBUG_VARIABLES,
    GTK_PACKAGES,
    QT_PARTS,
    choose,
    display_answers,
    has_qt,
    icon_for,
    install_line,
    refuse_root,
    scrub,
)
from desktop.window.errors import DisplayMissing, EngineMissing, EngineNotHere, EngineRefusesRoot, WebViewMissing

pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is one engine, and always a screen")
OFFSCREEN = {"QT_QPA_PLATFORM": "offscreen"}


def yes() -> bool:
    return True


def no() -> bool:
    return False


@pytest.fixture
def wayland(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A compositor that accepts connections: its environment."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(str(tmp_path / "wayland-7"))
        sock.listen()
        yield {"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": str(tmp_path)}


def test_gtk_is_taken_first_and_qt_where_it_is_missing(wayland: dict[str, str]) -> None:
    assert choose(None, wayland, gtk=yes, qt=yes) == "gtk"
    assert choose(None, wayland, gtk=no, qt=yes) == "qt"
    assert choose(None, wayland, gtk=yes, qt=no) == "gtk"


def test_on_kde_qt_is_taken_first(wayland: dict[str, str]) -> None:
    kde = {**wayland, "KDE_FULL_SESSION": "true"}
    assert choose(None, kde, gtk=yes, qt=yes) == "qt"
    assert choose(None, kde, gtk=yes, qt=no) == "gtk"


def test_the_engine_that_is_asked_for_is_taken_and_no_other(wayland: dict[str, str]) -> None:
    assert choose("qt", wayland, gtk=yes, qt=yes) == "qt"
    assert choose("gtk", wayland, gtk=yes, qt=yes) == "gtk"
    for wanted, gtk, qt in (("gtk", no, yes), ("qt", yes, no)):
        with pytest.raises(EngineMissing):
            choose(wanted, wayland, gtk=gtk, qt=qt)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (None, f"sudo apt-get install {GTK_PACKAGES}"),
        ("gtk", f"sudo apt-get install {GTK_PACKAGES}"),
        ("qt", installed.command_for("qt")),
    ],
)
def test_without_an_engine_the_sentence_holds_the_exact_install_line(
    wayland: dict[str, str], wanted: str | None, line: str, language: str
) -> None:
    with pytest.raises(EngineMissing) as caught:
        choose(wanted, wayland, gtk=no, qt=no)
    described = caught.value.describe(Catalogue(language))
    assert line in described["message"] + described["hint"]
    assert install_line(wanted) == line
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("wanted", [None, "gtk", "qt"])
def test_without_a_screen_it_says_so_before_an_engine_is_asked(wanted: str | None) -> None:
    with pytest.raises(DisplayMissing) as caught:
        choose(wanted, {}, gtk=yes, qt=yes)
    assert caught.value.exit_code == 4


def test_qt_can_draw_without_a_screen_when_it_is_told_to() -> None:
    assert choose("qt", OFFSCREEN, gtk=yes, qt=yes) == "qt"
    for wanted in (None, "gtk"):
        with pytest.raises(DisplayMissing):
            choose(wanted, OFFSCREEN, gtk=yes, qt=yes)


# --- Windows and macOS ----------------------------------------------------------------------------


@pytest.mark.parametrize(("system", "name"), [("win32", "edgechromium"), ("darwin", "cocoa")])
def test_a_system_with_one_engine_takes_that_and_says_so_of_others(system: str, name: str) -> None:
    assert choose(None, {}, system=system, windows=lambda: "131", cocoa=yes) == name
    for wanted in ("gtk", "qt"):
        with pytest.raises(EngineNotHere) as caught:
            choose(wanted, {}, system=system, windows=lambda: "131")
        assert wanted in caught.value.describe(Catalogue("en"))["message"]
        assert caught.value.exit_code == 2


def test_on_windows_nothing_is_started_where_webview2_is_missing() -> None:
    def missing() -> object:
        raise WebViewMissing(link="x")

    with pytest.raises(WebViewMissing):
        choose(None, {}, system="win32", windows=missing)
    assert choose(None, {}, system="darwin", windows=missing, cocoa=yes) == "cocoa"


def test_on_macos_without_cocoas_bindings_the_line_that_installs_them_is_said() -> None:
    with pytest.raises(EngineMissing) as caught:
        choose(None, {}, system="darwin", cocoa=no)
    assert "pip install pyobjc-framework-WebKit" in caught.value.describe(Catalogue("en"))["hint"]


def test_winforms_is_given_an_ico_or_nothing_because_a_png_ends_the_process(tmp_path: Path) -> None:
    picture = assets_dir() / "icons" / "app-256.png"
    ico = icon_for("edgechromium", picture)
    assert ico is not None
    assert ico.read_bytes().startswith(b"\0\0\1\0"), "ICONDIR of Windows' icon format"
    assert icon_for("edgechromium", tmp_path / "maker.png") is None
    assert icon_for("edgechromium", None) is None
    for name in ("gtk", "qt", "cocoa"):
        assert icon_for(name, picture) == picture


# --- the screen -----------------------------------------------------------------------------------


def test_a_wayland_compositor_that_accepts_connections_is_a_screen(wayland: dict[str, str]) -> None:
    assert display_answers(wayland)
    absolute = str(Path(wayland["XDG_RUNTIME_DIR"], "wayland-7"))
    assert display_answers({"WAYLAND_DISPLAY": absolute})


def test_one_that_has_gone_is_none(tmp_path: Path) -> None:
    environ = {"WAYLAND_DISPLAY": "wayland-8", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert not display_answers(environ), "no socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(str(tmp_path / "wayland-8"))
        assert not display_answers(environ), "nobody listens"
    assert not display_answers(environ), "a socket that was left behind"


@pytest.fixture
def x11() -> Iterator[int]:
    """The number of an X server's (abstract) socket that accepts connections."""
    for number in range(30_000, 30_100):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            try:
                sock.bind(f"\0/tmp/.X11-unix/X{number}")
            except OSError:
                continue
            sock.listen()
            yield number
            return


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_x_server_is_a_screen_however_its_name_is_written(x11: int, tmp_path: Path) -> None:
    for name in (f":{x11}", f":{x11}.0", f"unix:{x11}", f"unix:{x11}.1"):
        assert display_answers({"DISPLAY": name})
    gone = {"WAYLAND_DISPLAY": "gone", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert display_answers({"DISPLAY": f":{x11}", **gone}), "a compositor that has gone leaves the X server"


def test_an_x_server_over_the_network_is_asked_at_its_port() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        number = sock.getsockname()[1] - 6000
        if number < 0:
            pytest.skip("the free port lies below 6000")
        assert not display_answers({"DISPLAY": f"127.0.0.1:{number}.0"}), "nobody listens"
        sock.listen()
        assert display_answers({"DISPLAY": f"127.0.0.1:{number}.0"})


@pytest.mark.parametrize(
    "name", ["", ":", "x", ":x", ":-1", ":²", ":99999999", ":" + "9" * 5000, "localhost:", "localhost:60000", ":1.x.y:"]
)
def test_a_name_that_is_no_display_is_none_and_breaks_nothing(name: str) -> None:
    assert not display_answers({"DISPLAY": name})


def test_looking_for_qt_imports_none_of_it() -> None:
    code = "import sys; from desktop.window.engines import has_qt; has_qt(); print('PySide6.QtCore' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "False"
    assert isinstance(has_qt(), bool)


def test_a_gi_that_belongs_to_another_python_is_no_engine(tmp_path: Path) -> None:
    (tmp_path / "gi").mkdir()
    (tmp_path / "gi" / "__init__.py").write_text("from gi import _gi_of_another_python\n")
    code = "from desktop.window.engines import has_gtk; print(has_gtk())"
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.getcwd()}"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, timeout=60)
    assert (found.stdout.strip(), found.stderr) == ("False", "")


# --- root -----------------------------------------------------------------------------------------


def test_qt_refuses_root_in_a_sentence_and_not_by_dying() -> None:
    with pytest.raises(EngineRefusesRoot) as caught:
        refuse_root("qt", {}, root=True)
    assert "ordinary user" in caught.value.describe(Catalogue("en"))["hint"]
    refuse_root("qt", {}, root=False)
    refuse_root("gtk", {}, root=True)
    refuse_root("qt", {"QTWEBENGINE_DISABLE_SANDBOX": "1"}, root=True)


# --- checklist 16 ---------------------------------------------------------------------------------


def test_checklist_16_a_packaged_app_ignores_what_would_open_it_to_a_debugger() -> None:
    environ = dict.fromkeys(DEBUG_VARIABLES, "9222") | {"HOME": "/home/x", "LANG": "fr_FR.UTF-8"}
    scrub(environ, frozen=True)
    assert environ == {"HOME": "/home/x", "LANG": "fr_FR.UTF-8"}
    scrub(environ, frozen=True)


def test_checklist_16_a_packaged_qt_takes_its_parts_from_nowhere_else() -> None:
    environ = dict.fromkeys(QT_PARTS, "/planted")
    scrub(environ, frozen=True, qt=lambda: False)
    assert set(environ) == set(QT_PARTS), "without Qt inside they are for the programs that the app starts"
    scrub(environ, frozen=True, qt=lambda: True)
    assert environ == {}
    assert {"QTWEBENGINEPROCESS_PATH", "QT_PLUGIN_PATH"} <= set(QT_PARTS)


def test_checklist_16_each_engine_s_own_door_is_among_them() -> None:
    assert {
        "QTWEBENGINE_REMOTE_DEBUGGING",
        "QTWEBENGINE_CHROMIUM_FLAGS",
        "WEBKIT_INSPECTOR_SERVER",
        "WEBKIT_INSPECTOR_HTTP_SERVER",
        "WEBVIEW2_ADDITIONAL_BROWSER_ARGUMENTS",
        "WEBVIEW2_PIPE_FOR_SCRIPT_DEBUGGER",
    } <= set(DEBUG_VARIABLES)


def test_from_source_a_developer_may_look_inside() -> None:
    environ = {"QTWEBENGINE_REMOTE_DEBUGGING": "9222"}
    scrub(environ, frozen=False)
    assert environ == {"QTWEBENGINE_REMOTE_DEBUGGING": "9222"}
